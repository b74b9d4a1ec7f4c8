"""What can be saved of a damaged gallery, in a new one that takes its place; the damaged one is kept."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, func, select, text, update
from sqlalchemy.exc import DBAPIError

from nitakao.errors import GalleryDamagedError, GalleryError
from nitakao.gallery import schema
from nitakao.gallery.backup import NUMBERED, last_number, made, number_from, settled, write
from nitakao.gallery.checkup import foreign_keys
from nitakao.gallery.gallery import Gallery, Place, backend_of, hold_together
from nitakao.gallery.postgres import PostgresBackend
from nitakao.gallery.salvage import blocks
from nitakao.gallery.sqlite import SqliteBackend
from nitakao.values import Floats

WAIT = 10.0  # seconds for another process that writes
LOST = "faces of it were lost to damage"  # a problem, so that `index --again problems` looks at it anew


@dataclass(frozen=True)
class Repaired:
    """What came of it.

    damaged: where the damaged file is now, None where nothing was put in its place.  lost: how many rows of which table
    could not be read, or spoke of what could not.  again: how many photographs are to be indexed anew.
    """

    place: str
    damaged: Path | None
    faces: int
    lost: dict[str, int]
    again: int


def repair(place: Place = None) -> Repaired:
    """Save what can be saved. Raises GalleryError where that is nothing."""
    backend = backend_of(place, WAIT)
    if isinstance(backend, PostgresBackend):
        backend.engine.dispose()
        return _reindexed(place)
    try:
        return _saved(backend)
    finally:
        backend.engine.dispose()


def _reindexed(place: Place) -> Repaired:
    """PostgreSQL: its indexes, which are made of what the tables hold, are made anew."""
    with Gallery(place, wait=WAIT) as gallery:
        with gallery.plainly(), gallery.backend.engine.connect() as connection:
            outside = connection.execution_options(isolation_level="AUTOCOMMIT")
            for table in schema.metadata.sorted_tables:
                outside.execute(text(f"REINDEX TABLE {table.name}"))
        gallery.searcher.rebuild()
        with gallery.read() as connection:
            faces = connection.execute(select(func.count()).select_from(schema.faces)).scalar_one()
        return Repaired(gallery.where, None, int(faces), {}, 0)


def _saved(backend: SqliteBackend) -> Repaired:
    path = backend.path
    new = path.with_name(path.name + ".unfinished")
    new.unlink(missing_ok=True)
    lost: Counter[str] = Counter()
    try:
        with _held(backend) as source, made(new) as target:
            settings = _settings(source, path)
            _copied(source, target, lost, int(settings["dimension"]))
            _dropped(target, lost)
            again = _marked(target, lost)
            faces = int(target.execute(select(func.count()).select_from(schema.faces)).scalar_one())
        settled(new)
        damaged = _swapped(backend, new)
    finally:
        new.unlink(missing_ok=True)
    with Gallery(path) as gallery:
        gallery.searcher.rebuild()
    return Repaired(str(path), damaged, faces, {name: count for name, count in lost.items() if count}, again)


@contextmanager
def _held(backend: SqliteBackend) -> Iterator[Connection]:
    """The damaged file, nobody else writing to it."""
    gone = f"of gallery '{backend.path}' nothing can be saved: restore a backup, or index your photographs anew"
    try:
        if not backend.exists():
            raise GalleryError(f"there is no gallery '{backend.path}' to be repaired")
        with backend.engine.connect() as connection:
            connection = connection.execution_options(nitakao_begin="BEGIN IMMEDIATE")
            with connection.begin():
                yield connection
    except DBAPIError as error:
        if backend.busy(error.orig or error):
            raise GalleryError(
                f"gallery '{backend.path}' is in use: repair it when nobody else works with it"
            ) from error
        raise GalleryError(f"{gone} ({error.orig})") from error


def _settings(source: Connection, path: Path) -> dict[str, str]:
    found = {}
    for rows in blocks(source, schema.settings, lambda lost: None):
        found.update({row["key"]: row["value"] for row in rows})
    if not hold_together(found):
        raise GalleryDamagedError(
            f"gallery '{path}' no longer says of which model it is, so nothing in it can be saved: restore a backup, "
            "or index your photographs anew"
        )
    return found


def _copied(source: Connection, target: Connection, lost: Counter[str], dimension: int) -> None:
    for table in schema.metadata.sorted_tables:
        note = partial(_note, lost, table.name)
        before = 0
        for rows in blocks(source, table, note):
            kept = [row for row in rows if table is not schema.vectors or _whole(row["vector"], dimension)]
            lost[table.name] += len(rows) - len(kept)
            write(target, table, kept)
            before += len(kept)
        lost[table.name] += before - _count(target, table)  # a number or a name that damage made another's
    for table in NUMBERED:
        with suppress(DBAPIError):
            number_from(target, table, last_number(source, table))


def _note(lost: Counter[str], name: str, count: int) -> None:
    lost[name] += count


def _whole(vector: Floats, dimension: int) -> bool:
    return vector.shape == (dimension,) and bool(np.isfinite(vector).all())


def _dropped(target: Connection, lost: Counter[str]) -> None:
    """Take out what speaks of rows that are gone, tables that are spoken of first."""
    order = [table.name for table in schema.metadata.sorted_tables]
    for key in sorted(foreign_keys(), key=lambda key: order.index(key.parent.table.name)):
        parent = key.column.table.alias()
        gone = key.parent.is_not(None) & ~select(parent.c.id).where(parent.c.id == key.parent).exists()
        table = key.parent.table
        if key.ondelete == "SET NULL":
            target.execute(update(table).where(gone).values({key.parent.name: None}))
        else:
            lost[table.name] += target.execute(delete(table).where(gone)).rowcount


def _marked(target: Connection, lost: Counter[str]) -> int:
    """How many photographs are to be indexed anew, as a face of theirs has lost its vector. Such faces go."""
    faces, photos = schema.faces, schema.photos
    bare = ~select(schema.vectors.c.face).where(schema.vectors.c.face == faces.c.id).exists()
    marked = update(photos).where(photos.c.id.in_(select(faces.c.photo).where(bare))).values(problem=LOST)
    again = target.execute(marked).rowcount
    for table in (schema.chips, schema.reviews, schema.never):
        target.execute(delete(table).where(table.c.face.in_(select(faces.c.id).where(bare))))
    lost["faces"] += target.execute(delete(faces).where(bare)).rowcount
    return again


def _swapped(backend: SqliteBackend, new: Path) -> Path:
    """Put the new file in the damaged one's place; where that one is now."""
    backend.engine.dispose()
    path = backend.path
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
    for ending in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            os.rename(path.with_name(path.name + ending), aside.with_name(aside.name + ending))
    os.rename(new, path)
    return aside


def _count(connection: Connection, table: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())
