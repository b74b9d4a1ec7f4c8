"""A shared gallery in a PostgreSQL database with pgvector."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.exc import ArgumentError, DBAPIError

from nitakao.errors import GalleryError, MissingExtraError, MisuseError
from nitakao.gallery import schema
from nitakao.gallery.columns import PgVector

KEY = 0x6E69746B  # 'nitk': the first half of the writers' advisory lock; the second is a hash of the schema's name
MAX_OVERFLOW = 40  # connections of one process beyond the pool of five; a server accepts 100 by default
CONNECT_TIMEOUT = 10  # seconds
MAX_NAME_BYTES = 63  # of an application_name; PostgreSQL truncates longer ones
OLDEST_PGVECTOR = (0, 8)  # the first with iterative index scans, for filters that leave too few rows
CORE_TABLES = {
    "alembic_version",
    "settings",
    "photos",
    "files",
    "people",
    "faces",
    "vectors",
    "journal",
}  # of every version
SECRET_PARAMETERS = ("password", "sslpassword", "passfile", "sslkey")

# SQLSTATE codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
LOCKED = "55P03"
FULL = ("53100", "53200")
DAMAGED = ("XX001", "XX002")
READ_ONLY = "25006"
FORBIDDEN = "42501"
GONE = ("57P01", "57P02", "57P03", "08000", "08003", "08006")

ischema_names["vector"] = PgVector  # so that SQLAlchemy can reflect the column


class PostgresBackend:
    """A gallery in the first schema of the address's search path; one database can hold several, one per schema."""

    kind: Literal["sqlite", "postgresql"] = "postgresql"

    def __init__(self, address: str, wait: float) -> None:
        _check_installed()
        url = _parse_url(address)
        self.location = _public_url(url)
        self.wait = wait
        self.engine = _create_engine(url)

    def close(self) -> None:
        self.engine.dispose()

    def version(self) -> object:
        """A value that changes with every write: the current transaction snapshot."""
        with self.engine.connect() as connection:
            return str(connection.execute(text("SELECT pg_current_snapshot()::text")).scalar_one())

    def exists(self) -> bool:
        """Whether there is a gallery here. Raises GalleryError if another program uses the tables' names."""
        with self.engine.connect() as connection:
            query = text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
            tables = set(connection.execute(query).scalars())
        if tables >= CORE_TABLES:
            return True
        if taken := tables & {*CORE_TABLES, *schema.metadata.tables}:
            raise GalleryError(
                f"database '{self.location}' holds another program's tables ({', '.join(sorted(taken))}): "
                "give the gallery a database of its own"
            )
        return False

    def prepare(self) -> None:
        """Install pgvector in the database, before the tables are created."""
        with self.engine.connect() as connection, self.write_transaction(connection, "make"):
            if not _pgvector_version(connection):
                self._install_pgvector(connection)
            version = _pgvector_version(connection)
        if tuple(int(n) for n in re.findall(r"\d+", version)[:2]) < OLDEST_PGVECTOR:
            raise GalleryError(
                f"the server of '{self.location}' has pgvector {version}; 0.8 or newer is required: update it there, "
                "then run ALTER EXTENSION vector UPDATE"
            )
        self.engine.dispose()  # open connections have no vector adapter

    def _install_pgvector(self, connection: Connection) -> None:
        try:
            connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
        except DBAPIError as error:
            if _sqlstate(error.orig) == FORBIDDEN:
                raise GalleryError(
                    f"the user of '{self.location}' may not add pgvector to the database: have its owner run "
                    "CREATE EXTENSION vector"
                ) from error
            if "vector" in str(error.orig):
                raise GalleryError(
                    f"the server of '{self.location}' has no pgvector: install it there "
                    "(https://github.com/pgvector/pgvector), then try again"
                ) from error
            raise

    def created(self, connection: Connection) -> None:
        """Called in the transaction that created the tables."""
        # By default vectors of 512 numbers go to TOAST, and a full scan fetches them one by one.
        connection.execute(text("ALTER TABLE vectors ALTER COLUMN vector SET STORAGE MAIN"))

    @contextmanager
    def write_transaction(self, connection: Connection, verb: str) -> Iterator[None]:
        """A transaction with exclusive write access; `verb` is shown to writers that wait."""
        connection.execution_options(isolation_level="READ COMMITTED")  # to see what was written while it waited
        with connection.begin():
            connection.execute(
                text("SELECT set_config('application_name', :name, true), set_config('lock_timeout', :wait, true)"),
                {"name": _application_name(verb), "wait": f"{max(1, round(self.wait * 1000))}ms"},
            )
            connection.execute(text("SELECT pg_advisory_xact_lock(:key, hashtext(current_schema()))"), {"key": KEY})
            yield

    def holder(self) -> str:
        """A description of the current writer; empty if unknown."""
        try:
            with self.engine.connect() as connection:
                row = connection.execute(_HOLDER, {"key": KEY}).first()
        except DBAPIError:
            return ""
        if row is None:
            return ""
        match = re.fullmatch(r"nitakao (.*) (\d+)@(.*)", row.application_name or "")
        who = f"process {match[2]} on {match[3]} ({match[1]}" if match else f"'{row.application_name}' ({row.usename}"
        since = "" if row.since is None else time.strftime(", since %H:%M:%S", time.localtime(row.since))
        return f"{who}{since})"

    def description(self, connection: Connection) -> str:
        """The database and its version, for people."""
        version = str(connection.execute(text("SHOW server_version")).scalar_one()).split()[0]
        return f"PostgreSQL {version}, pgvector {_pgvector_version(connection)}"

    def sizes(self, connection: Connection) -> tuple[int, int]:
        """Bytes of the tables and their indexes, and 0, since the write-ahead log is the server's."""
        query = text(
            "SELECT sum(pg_total_relation_size(to_regclass(name))) FROM unnest(CAST(:names AS text[])) AS name"
        )
        return int(connection.execute(query, {"names": list(schema.metadata.tables)}).scalar_one()), 0

    def damage(self, connection: Connection) -> str:
        """Always empty; raises DBAPIError if the extension amcheck is installed and finds damage."""
        if connection.execute(text("SELECT 1 FROM pg_extension WHERE extname = 'amcheck'")).scalar():
            connection.execute(_AMCHECK, {"names": list(schema.metadata.tables)}).all()
        return ""

    def damage_detection(self, connection: Connection) -> str:
        """How damage would be detected, for people."""
        checksums = connection.execute(text("SHOW data_checksums")).scalar_one() == "on"
        amcheck = connection.execute(text("SELECT 1 FROM pg_extension WHERE extname = 'amcheck'")).scalar()
        pages = "page checksums on" if checksums else "page checksums off (the server's data_checksums)"
        return f"{pages}, {'indexes checked' if amcheck else 'indexes not checked (CREATE EXTENSION amcheck)'}"

    def is_busy(self, error: BaseException) -> bool:
        """Whether the error means that another writer holds the lock."""
        return _sqlstate(error) == LOCKED

    def explain(self, error: BaseException) -> str:
        """The error as a sentence that says what to do."""
        message = " ".join(str(error).split())
        state = _sqlstate(error)
        if state in FULL:
            return f"no room left for gallery '{self.location}': committed data is safe; free some space"
        if state in DAMAGED:
            return f"gallery '{self.location}' is damaged ({message}): restore the database from a backup"
        if state == READ_ONLY:
            return f"gallery '{self.location}' is read-only here: {message}"
        if state == FORBIDDEN:
            return f"the user of gallery '{self.location}' may not do that: {message}"
        if state in GONE or (state is None and _is_disconnect(message)):
            return (
                f"the connection to gallery '{self.location}' was lost ({message}): committed data is safe; try again"
            )
        if state is None:
            return f"gallery '{self.location}' cannot be reached: {message}"
        return f"gallery '{self.location}': {message}"


_AMCHECK = text(
    """
    SELECT bt_index_check(i.indexrelid) FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam AND a.amname = 'btree'
    WHERE i.indisvalid AND i.indrelid IN (SELECT to_regclass(name) FROM unnest(CAST(:names AS text[])) AS name)
    """
)
_HOLDER = text(
    """
    SELECT a.application_name, a.usename, extract(epoch FROM a.xact_start)::float8 AS since
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = CAST(:key AS oid)
      AND l.objid = (hashtext(current_schema())::bigint & 4294967295)::oid
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    """
)


def _check_installed() -> None:
    try:
        import pgvector.psycopg  # noqa: F401
        import psycopg  # noqa: F401  # imported again where they are used
    except ImportError:
        raise MissingExtraError("a gallery on PostgreSQL", "postgres") from None


def _parse_url(address: str) -> URL:
    try:
        url = make_url(re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+psycopg://", address))
    except (ArgumentError, ValueError):  # its message repeats the address, password included
        raise MisuseError(
            "invalid gallery address: give postgresql://user@host:port/database, and percent-encode special characters "
            "in the password (@ is %40)"
        ) from None
    return url.update_query_dict({"connect_timeout": url.query.get("connect_timeout", str(CONNECT_TIMEOUT))})


def _public_url(url: URL) -> str:
    """The address without secrets and without our own timeout."""
    query = {key: value for key, value in url.query.items() if key not in (*SECRET_PARAMETERS, "connect_timeout")}
    return URL.create("postgresql", url.username, None, url.host, url.port, url.database, query).render_as_string()


def _create_engine(url: URL) -> Engine:
    engine = create_engine(
        url,
        isolation_level="REPEATABLE READ",  # all reads of a transaction see one snapshot
        pool_pre_ping=True,  # reconnects after a server restart
        hide_parameters=True,
        max_overflow=MAX_OVERFLOW,
    )
    event.listen(engine, "connect", _on_connect)
    return engine


def _on_connect(connection: Any, _: Any) -> None:
    from pgvector.psycopg import register_vector
    from psycopg import ProgrammingError

    connection.autocommit = True
    with suppress(ProgrammingError):  # no pgvector in the database yet; see `prepare`
        register_vector(connection)
    connection.autocommit = False


def _application_name(verb: str) -> str:
    return f"nitakao {verb} {os.getpid()}@{socket.gethostname()}"[:MAX_NAME_BYTES]


def _pgvector_version(connection: Connection) -> str:
    """The version of pgvector in the database; empty if it is not installed."""
    return str(connection.execute(text("SELECT extversion FROM pg_extension WHERE extname = 'vector'")).scalar() or "")


def _sqlstate(error: BaseException | None) -> str | None:
    return getattr(error, "sqlstate", None)


def _is_disconnect(message: str) -> bool:
    return any(word in message for word in ("closed the connection", "connection is lost", "connection is closed"))
