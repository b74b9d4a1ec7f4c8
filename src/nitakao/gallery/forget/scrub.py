"""Removes deleted rows from the disk, not only from the answers.

SQLite: `secure_delete` overwrites deleted content, but not the copies that page splits left in unused parts of pages.
VACUUM rewrites every page; a truncating checkpoint then replaces the old pages and empties the write-ahead log.
PostgreSQL: VACUUM FULL rewrites tables, indexes and TOAST; ANALYZE rewrites the statistics, which hold sample values.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Boolean, Connection, Double, Integer, Table, select, text
from sqlalchemy.exc import DBAPIError

from nitakao.gallery import schema
from nitakao.gallery.backends.sqlite import APPLICATION_ID, SqliteBackend
from nitakao.gallery.store import GalleryStore
from nitakao.system.locked_files import is_locked

TABLES = ("chips", "vectors", "remade", "faces", "files", "photos", "people", "changes", "journal", "reviews", "never")
MAGIC = b"SQLite format 3\x00"
RETRY = "run 'nitakao gallery compact' once that is over"


def scrub(gallery: GalleryStore) -> list[str]:
    """Rewrite the gallery's files without deleted rows; returns a phrase for each place that may still hold traces."""
    if isinstance(gallery.backend, SqliteBackend):
        return _sqlite(gallery.backend)
    try:
        with gallery.backend.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            return _postgres(connection, gallery.backend.wait)
    except DBAPIError as error:
        return [f"the tables' files ({gallery.backend.explain(error.orig or error)}): {RETRY}"]


def external_copies(gallery: GalleryStore) -> list[str]:
    """Places outside the gallery that may hold copies: files beside it, or the server's logs."""
    if not isinstance(gallery.backend, SqliteBackend):
        with gallery.read() as connection:
            return _logs(connection)
    own = gallery.backend.path
    files = [path for path in sorted(own.absolute().parent.iterdir()) if path.is_file() and path.name != own.name]
    found = [f"'{path}', a classifier: train it again" for path in files if path.suffix == ".skops"]
    return [*found, *(f"'{path}', another gallery or a backup" for path in files if _is_gallery(path))]


def _is_gallery(path: Path) -> bool:
    if is_locked(path):  # the log of this one, or another that is open here
        return not path.name.endswith(("-wal", "-shm"))
    try:
        with open(path, "rb") as file:
            header = file.read(72)
    except OSError:
        return False
    return header.startswith(MAGIC) and header[68:72] == APPLICATION_ID.to_bytes(4, "big")


def _sqlite(backend: SqliteBackend) -> list[str]:
    with _raw(backend) as connection:
        left = []
        try:
            connection.execute("VACUUM")
        except sqlite3.Error as error:
            left.append(
                f"unused parts of '{backend.path}', which could not be rewritten ({backend.explain(error)}): {RETRY}"
            )
        try:
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.Error:
            busy = 1
        if busy:
            left.append(f"'{backend.path}' and its -wal, since another process still reads an older state: {RETRY}")
        return left


@contextmanager
def _raw(backend: SqliteBackend) -> Iterator[sqlite3.Connection]:
    """A connection outside any transaction, as VACUUM needs it."""
    pooled = backend.engine.raw_connection()
    try:
        assert isinstance(pooled.driver_connection, sqlite3.Connection)
        yield pooled.driver_connection
    finally:
        pooled.close()


def _postgres(connection: Connection, wait: float) -> list[str]:
    left = []
    try:
        connection.execute(text(f"SET lock_timeout = {max(1, round(wait * 1000))}"))
        for name in TABLES:
            connection.execute(text(f"VACUUM (FULL, ANALYZE) {name}"))
            _drop_statistics(connection, schema.metadata.tables[name])
    except DBAPIError as error:
        said = " ".join(str(error.orig).split())
        left.append(f"the tables' files, which could not be rewritten ({said}): {RETRY}")
    finally:
        connection.execute(text("RESET lock_timeout"))
    if connection.execute(_READERS).scalar_one():
        left.append(f"the tables' files, since another session still reads an older state of them: {RETRY}")
    if connection.execute(_OWNER).scalar_one():
        connection.execute(text("VACUUM (FULL) pg_catalog.pg_statistic"))
    else:
        left.append("pg_statistic, which holds sample values, until the database's owner vacuums it")
    return left


def _drop_statistics(connection: Connection, table: Table) -> None:
    """Drop the sample values that ANALYZE keeps of an empty table, by setting each column's type again."""
    if connection.execute(select(table).limit(1)).first() is None:
        for column in table.c:
            if not isinstance(column.type, (Boolean, Double, Integer)):
                kind = column.type.compile(connection.dialect)
                connection.execute(text(f"ALTER TABLE {table.name} ALTER COLUMN {column.name} TYPE {kind}"))


_READERS = text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_xmin IS NOT NULL"
)
_OWNER = text("SELECT pg_has_role(datdba, 'MEMBER') FROM pg_database WHERE datname = current_database()")


def _logs(connection: Connection) -> list[str]:
    """The server's own files that a gallery cannot change."""
    left = ["the server's write-ahead log (pg_wal) until it is recycled, base backups, dumps, and the server's own log"]
    if connection.execute(text("SHOW archive_mode")).scalar_one() != "off":
        left.append("the archive of write-ahead logs: archive_mode is on")
    slots = connection.execute(text("SELECT count(*) FROM pg_replication_slots")).scalar_one()
    if slots:
        left.append(f"replicas and other readers of {slots} replication slots")
    return left
