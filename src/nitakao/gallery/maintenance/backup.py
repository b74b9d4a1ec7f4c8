"""Copies a gallery to a new SQLite gallery while others write to it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from nitakao.errors import GalleryError
from nitakao.gallery import migrate, schema
from nitakao.gallery.backends.sqlite import SqliteBackend
from nitakao.gallery.maintenance.salvage import read_rows
from nitakao.gallery.store import GalleryStore

PAGES = 4096  # copied at a time: 16 MB
AUTOINCREMENT_TABLES = [
    table for table in schema.metadata.sorted_tables if table.dialect_options["sqlite"]["autoincrement"]
]

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Backup:
    """A verified copy.  bytes: its size.  faces: how many it holds."""

    path: Path
    bytes: int
    faces: int


def backup(gallery: GalleryStore, path: Path, progress: Progress | None = None) -> Backup:
    """Copy the gallery, as of now, to a new SQLite file.

    Args:
        gallery: The gallery.
        path: The new file.
        progress: Called with how much is done, and the total.

    Raises:
        GalleryError: If the file exists, or the copy fails.
    """
    if path.exists():
        raise GalleryError(f"'{path}' is there already, and a backup replaces nothing: choose another name")
    if not path.parent.is_dir():
        raise GalleryError(f"backup '{path}' cannot be made: there is no folder '{path.parent}'")
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    try:
        _copy(gallery, unfinished, progress or (lambda done, total: None))
        faces = _checked(unfinished)
        sync_to_disk(unfinished)
        os.rename(unfinished, path)
    finally:
        for ending in ("", "-wal", "-shm", "-journal"):
            unfinished.with_name(unfinished.name + ending).unlink(missing_ok=True)
    return Backup(path, path.stat().st_size, faces)


def _copy(gallery: GalleryStore, path: Path, progress: Progress) -> None:
    if isinstance(gallery.backend, SqliteBackend):
        with gallery.read() as connection:
            _pages(connection, path, progress)
        return
    with gallery.read() as connection, new_gallery_file(path) as target:
        total = sum(_count(connection, table) for table in schema.metadata.sorted_tables)
        done = 0
        for table in schema.metadata.sorted_tables:
            for part in read_rows(connection, table, lambda lost: None):
                insert_rows(target, table, part)
                done += len(part)
                progress(done, total)
        for table in AUTOINCREMENT_TABLES:
            continue_ids_after(target, table, last_id(connection, table))


def _pages(connection: Connection, path: Path, progress: Progress) -> None:
    """Copy page by page in one transaction; otherwise each write of another process restarts the copy."""
    source = connection.connection.driver_connection
    assert isinstance(source, sqlite3.Connection)
    connection.execute(select(func.count()).select_from(schema.settings))
    try:
        with closing(sqlite3.connect(path)) as target:
            source.backup(target, pages=PAGES, progress=lambda _, left, total: progress(total - left, total), sleep=0)
    except sqlite3.Error as error:
        raise GalleryError(f"backup '{path}' could not be made: {error}") from error


@contextmanager
def new_gallery_file(path: Path) -> Iterator[Connection]:
    """A transaction in a new gallery file without settings and without foreign key checks."""
    backend = SqliteBackend(path, wait=0)
    try:
        with backend.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            for pragma in (
                "foreign_keys = OFF",
                "journal_mode = OFF",
                "synchronous = OFF",
            ):  # `sync_to_disk` makes it last
                driver.execute(f"PRAGMA {pragma}")
            with connection.begin():
                migrate.upgrade(connection)
                backend.created(connection)
                yield connection
    except DBAPIError as error:
        raise GalleryError(f"'{path}' could not be written: {error.orig}") from error
    finally:
        backend.close()


def insert_rows(target: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows of another gallery's table."""
    values = [{column.name: row[column.name] for column in table.columns} for row in rows]
    if values:
        target.execute(insert(table).prefix_with("OR IGNORE"), values)


def last_id(connection: Connection, table: Table) -> int:
    """The largest id ever given to a row, deleted or not; 0 if there was none."""
    if connection.dialect.name == "postgresql":
        asked = text("SELECT pg_sequence_last_value(pg_get_serial_sequence(:name, 'id'))")
    else:
        asked = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
    return int(connection.execute(asked, {"name": table.name}).scalar() or 0)


def continue_ids_after(target: Connection, table: Table, last: int) -> None:
    """Make new rows start above `last`, since ids are never reused."""
    last = max(last, last_id(target, table))
    target.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table.name})
    target.execute(text("INSERT INTO sqlite_sequence VALUES (:name, :last)"), {"name": table.name, "last": last})


def sync_to_disk(path: Path) -> None:
    """Write the file durably to disk."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _checked(path: Path) -> int:
    """The number of faces in the copy. Raises GalleryError if it is damaged."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            said = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            faces = connection.execute("SELECT count(*) FROM faces").fetchone()[0]
    except sqlite3.Error as error:
        said, faces = str(error), 0
    if said != "ok":
        raise GalleryError(f"the copy is damaged ({said}), and so is the gallery: 'nitakao gallery check' says more")
    return int(faces)


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())
