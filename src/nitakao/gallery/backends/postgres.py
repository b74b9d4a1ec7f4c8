"""A gallery in a PostgreSQL database with pgvector, for those who share one."""

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

KEY = 0x6E69746B  # 'nitk': the first half of the advisory lock that writers take; the second is the schema's name
MOST_OPEN = 40  # connections of one process beyond the five that are kept; a server takes 100, if not told otherwise
CONNECT = 10  # seconds until a server that does not answer is given up
LONGEST_NAME = 63  # bytes that PostgreSQL keeps of a program's name
OLDEST_PGVECTOR = (0, 8)  # from here on an index goes on looking where a filter leaves too few rows
ALWAYS = {"alembic_version", "settings", "photos", "files", "people", "faces", "vectors", "journal"}  # of any version
SECRET = ("password", "sslpassword", "passfile", "sslkey")

# What PostgreSQL's five letters mean: https://www.postgresql.org/docs/current/errcodes-appendix.html
LOCKED = "55P03"
FULL = ("53100", "53200")
DAMAGED = ("XX001", "XX002")
READ_ONLY = "25006"
FORBIDDEN = "42501"
GONE = ("57P01", "57P02", "57P03", "08000", "08003", "08006")

ischema_names["vector"] = PgVector  # so that SQLAlchemy knows the column when it reads a table's definition


class PostgresBackend:
    """The tables in the first schema of the address's search path; several galleries are several schemas."""

    kind: Literal["sqlite", "postgresql"] = "postgresql"

    def __init__(self, named: str, wait: float) -> None:
        _needed()
        address = _address(named)
        self.where = _shown(address)
        self.wait = wait
        self.engine = _engine(address)

    def close(self) -> None:
        self.engine.dispose()

    def version(self) -> object:
        """Another value whenever something was written: which transactions those who ask now would see."""
        with self.engine.connect() as connection:
            return str(connection.execute(text("SELECT pg_current_snapshot()::text")).scalar_one())

    def exists(self) -> bool:
        """Whether there is a gallery here. Raises GalleryError where something else has the tables' names."""
        with self.engine.connect() as connection:
            asked = text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
            tables = set(connection.execute(asked).scalars())
        if tables >= ALWAYS:
            return True
        if taken := tables & {*ALWAYS, *schema.metadata.tables}:
            raise GalleryError(
                f"database '{self.where}' holds another program's tables ({', '.join(sorted(taken))}): "
                "give the gallery a database of its own"
            )
        return False

    def prepare(self) -> None:
        """Before the tables are made: pgvector, in the database."""
        with self.engine.connect() as connection, self.writing(connection, "make"):
            if not _extension(connection):
                self._extend(connection)
            version = _extension(connection)
        if tuple(int(n) for n in re.findall(r"\d+", version)[:2]) < OLDEST_PGVECTOR:
            raise GalleryError(
                f"the server of '{self.where}' has pgvector {version}, and 0.8 or newer is needed: update it there, "
                "then run ALTER EXTENSION vector UPDATE"
            )
        self.engine.dispose()  # connections that were opened before know nothing of vectors

    def _extend(self, connection: Connection) -> None:
        try:
            connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
        except DBAPIError as error:
            if _state(error.orig) == FORBIDDEN:
                raise GalleryError(
                    f"the user of '{self.where}' may not add pgvector to the database: have its owner run "
                    "CREATE EXTENSION vector"
                ) from error
            if "vector" in str(error.orig):
                raise GalleryError(
                    f"the server of '{self.where}' has no pgvector: install it there "
                    "(https://github.com/pgvector/pgvector), then try again"
                ) from error
            raise

    def made(self, connection: Connection) -> None:
        """Within the transaction that made the tables."""
        # Vectors of 512 numbers would be moved out of their rows, and fetched one by one by whoever looks at all.
        connection.execute(text("ALTER TABLE vectors ALTER COLUMN vector SET STORAGE MAIN"))

    @contextmanager
    def writing(self, connection: Connection, verb: str) -> Iterator[None]:
        """Alone among writers from here on, and named to those who wait."""
        connection.execution_options(isolation_level="READ COMMITTED")  # sees what was written while it waited
        with connection.begin():
            connection.execute(
                text("SELECT set_config('application_name', :name, true), set_config('lock_timeout', :wait, true)"),
                {"name": _name(verb), "wait": f"{max(1, round(self.wait * 1000))}ms"},
            )
            connection.execute(text("SELECT pg_advisory_xact_lock(:key, hashtext(current_schema()))"), {"key": KEY})
            yield

    def holder(self) -> str:
        """Who is writing, in words; empty where nobody says so."""
        try:
            with self.engine.connect() as connection:
                row = connection.execute(_HOLDER, {"key": KEY}).first()
        except DBAPIError:
            return ""
        if row is None:
            return ""
        named = re.fullmatch(r"nitakao (.*) (\d+)@(.*)", row.application_name or "")
        who = f"process {named[2]} on {named[3]} ({named[1]}" if named else f"'{row.application_name}' ({row.usename}"
        since = "" if row.since is None else time.strftime(", since %H:%M:%S", time.localtime(row.since))
        return f"{who}{since})"

    def description(self, connection: Connection) -> str:
        """Which database, in words."""
        version = str(connection.execute(text("SHOW server_version")).scalar_one()).split()[0]
        return f"PostgreSQL {version}, pgvector {_extension(connection)}"

    def sizes(self, connection: Connection) -> tuple[int, int]:
        """Bytes of the tables and their indexes, and 0: the log is the server's."""
        asked = text(
            "SELECT sum(pg_total_relation_size(to_regclass(name))) FROM unnest(CAST(:names AS text[])) AS name"
        )
        return int(connection.execute(asked, {"names": list(schema.metadata.tables)}).scalar_one()), 0

    def damage(self, connection: Connection) -> str:
        """Nothing: raises DBAPIError where the extension amcheck is in the database and finds something."""
        if connection.execute(text("SELECT 1 FROM pg_extension WHERE extname = 'amcheck'")).scalar():
            connection.execute(_AMCHECK, {"names": list(schema.metadata.tables)}).all()
        return ""

    def guarded(self, connection: Connection) -> str:
        """How damage would be noticed."""
        summed = connection.execute(text("SHOW data_checksums")).scalar_one() == "on"
        looked = connection.execute(text("SELECT 1 FROM pg_extension WHERE extname = 'amcheck'")).scalar()
        pages = "pages carry checksums" if summed else "pages carry no checksums (the server's data_checksums is off)"
        return f"{pages}, {'indexes looked over' if looked else 'indexes not looked over (CREATE EXTENSION amcheck)'}"

    def busy(self, error: BaseException) -> bool:
        """Whether it complains of another writer."""
        return _state(error) == LOCKED

    def plain(self, error: BaseException) -> str:
        """What PostgreSQL's complaint means, and what to do."""
        said = " ".join(str(error).split())
        state = _state(error)
        if state in FULL:
            return f"no room left for gallery '{self.where}': nothing that was acknowledged is lost; make room"
        if state in DAMAGED:
            return f"gallery '{self.where}' is damaged ({said}): restore the database from a backup"
        if state == READ_ONLY:
            return f"gallery '{self.where}' may only be read here: {said}"
        if state == FORBIDDEN:
            return f"the user of gallery '{self.where}' may not do that: {said}"
        if state in GONE or (state is None and _is_lost(said)):
            return (
                f"the connection to gallery '{self.where}' was lost ({said}): "
                "nothing that was acknowledged is lost; try again"
            )
        if state is None:
            return f"gallery '{self.where}' cannot be reached: {said}"
        return f"gallery '{self.where}': {said}"


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


def _needed() -> None:
    try:
        import pgvector.psycopg  # noqa: F401
        import psycopg  # noqa: F401  # both are asked for again where they are used
    except ImportError:
        raise MissingExtraError("a gallery on PostgreSQL", "postgres") from None


def _address(named: str) -> URL:
    try:
        address = make_url(re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+psycopg://", named))
    except (ArgumentError, ValueError):  # whose words repeat the address, and with it a password
        raise MisuseError(
            "that address of a gallery cannot be read: give postgresql://user@host:port/database, with what is not "
            "a letter or a digit in the password written as %40 and the like"
        ) from None
    return address.update_query_dict({"connect_timeout": address.query.get("connect_timeout", str(CONNECT))})


def _shown(address: URL) -> str:
    """The address without what is secret or of no interest."""
    kept = {key: value for key, value in address.query.items() if key not in (*SECRET, "connect_timeout")}
    return URL.create(
        "postgresql", address.username, None, address.host, address.port, address.database, kept
    ).render_as_string()


def _engine(address: URL) -> Engine:
    engine = create_engine(
        address,
        isolation_level="REPEATABLE READ",  # what is read in one transaction is of one moment
        pool_pre_ping=True,  # a server that was started anew meanwhile is no error
        hide_parameters=True,
        max_overflow=MOST_OPEN,
    )
    event.listen(engine, "connect", _connected)
    return engine


def _connected(connection: Any, _: Any) -> None:
    from pgvector.psycopg import register_vector
    from psycopg import ProgrammingError

    connection.autocommit = True
    with suppress(ProgrammingError):  # no pgvector in the database yet; see `prepare`
        register_vector(connection)
    connection.autocommit = False


def _name(verb: str) -> str:
    return f"nitakao {verb} {os.getpid()}@{socket.gethostname()}"[:LONGEST_NAME]


def _extension(connection: Connection) -> str:
    """The version of pgvector in the database; empty where it is not there."""
    return str(connection.execute(text("SELECT extversion FROM pg_extension WHERE extname = 'vector'")).scalar() or "")


def _state(error: BaseException | None) -> str | None:
    return getattr(error, "sqlstate", None)


def _is_lost(said: str) -> bool:
    return any(word in said for word in ("closed the connection", "connection is lost", "connection is closed"))
