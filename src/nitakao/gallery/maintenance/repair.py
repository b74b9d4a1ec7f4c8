"""Recovers a damaged gallery into a new file that replaces it; the damaged file is kept."""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, event, func, select, text, update
from sqlalchemy.exc import DBAPIError

from nitakao.errors import GalleryDamagedError, GalleryError
from nitakao.gallery import schema
from nitakao.gallery.backends.open import Location, open_backend
from nitakao.gallery.backends.sqlite import SqliteBackend, tolerate_damage
from nitakao.gallery.faces import chunks
from nitakao.gallery.maintenance.backup import (
    AUTOINCREMENT_TABLES,
    continue_ids_after,
    insert_rows,
    last_id,
    new_gallery_file,
    sync_to_disk,
)
from nitakao.gallery.maintenance.check import RowCheck, foreign_keys, row_checks
from nitakao.gallery.maintenance.salvage import read_rows
from nitakao.gallery.search.open import searcher
from nitakao.gallery.store import GalleryStore, valid_settings

WAIT = 10.0  # seconds for another process that writes
LOST = "faces of it were lost to damage"  # a problem, so that `index --rescan problems` processes it


@dataclass(frozen=True)
class Repaired:
    """The result of a repair.

    Attributes:
        damaged: The path of the damaged file, None if it was not replaced.
        lost: Lost rows by table.
        again: Photographs to index again.
    """

    place: str
    damaged: Path | None
    faces: int
    lost: dict[str, int]
    again: int


def repair(place: Location = None) -> Repaired:
    """Recover what is readable. Raises GalleryError if nothing is."""
    backend = open_backend(place, WAIT)
    if not isinstance(backend, SqliteBackend):
        backend.close()
        return _reindexed(place)
    try:
        return _saved(backend)
    finally:
        backend.close()


def _reindexed(place: Location) -> Repaired:
    """Rebuild all indexes of a PostgreSQL gallery."""
    with GalleryStore(place, wait=WAIT) as gallery:
        with gallery.translate_errors(), gallery.backend.engine.connect() as connection:
            outside = connection.execution_options(isolation_level="AUTOCOMMIT")
            for table in schema.metadata.sorted_tables:
                outside.execute(text(f"REINDEX TABLE {table.name}"))
        searcher(gallery).rebuild()
        with gallery.read() as connection:
            faces = connection.execute(select(func.count()).select_from(schema.faces)).scalar_one()
        return Repaired(gallery.location, None, int(faces), {}, 0)


def _saved(backend: SqliteBackend) -> Repaired:
    path = backend.path
    new = path.with_name(path.name + ".unfinished")
    new.unlink(missing_ok=True)
    lost: Counter[str] = Counter()
    try:
        with _held(backend) as source, new_gallery_file(new) as target:
            settings = _settings(source, path)
            hurt = _copied(source, target, lost, int(settings["dimension"]))
            _dropped(target, lost)
            again = _marked(target, lost, hurt)
            faces = int(target.execute(select(func.count()).select_from(schema.faces)).scalar_one())
        sync_to_disk(new)
        damaged = _swapped(backend, new)
    finally:
        new.unlink(missing_ok=True)
    with GalleryStore(path) as gallery:
        searcher(gallery).rebuild()
    return Repaired(str(path), damaged, faces, {name: count for name, count in lost.items() if count}, again)


@contextmanager
def _held(backend: SqliteBackend) -> Iterator[Connection]:
    """The damaged file, locked for writing."""
    gone = (
        f"of gallery '{backend.path}' nothing can be saved: restore a backup, or index your photos into a new gallery"
    )
    try:
        event.listen(backend.engine, "connect", tolerate_damage, insert=True)
        if not backend.path.exists():
            raise GalleryError(f"there is no gallery '{backend.path}' to repair")
        with backend.engine.connect() as connection:
            connection = connection.execution_options(nitakao_begin="BEGIN IMMEDIATE")
            with connection.begin() as held:
                yield connection
                held.rollback()  # there is nothing to commit, and a damaged file may not allow it
    except (DBAPIError, GalleryDamagedError) as error:
        cause = getattr(error, "orig", None) or error
        if backend.is_busy(cause):
            raise GalleryError(
                f"gallery '{backend.path}' is in use: repair it when no other process uses it"
            ) from error
        raise GalleryError(f"{gone} ({cause})") from error


def _settings(source: Connection, path: Path) -> dict[str, str]:
    found = {}
    for rows in read_rows(source, schema.settings, lambda lost: None):
        found.update({row["key"]: row["value"] for row in rows})
    if not valid_settings(found):
        raise GalleryDamagedError(
            f"gallery '{path}' has lost the name of its model, so nothing in it can be saved: restore a backup, "
            "or index your photos into a new gallery"
        )
    return found


def _copied(source: Connection, target: Connection, lost: Counter[str], dimension: int) -> set[int]:
    """Copy readable rows to the target; the photographs that lost a face."""
    complaining = row_checks(dimension)
    hurt: set[int] = set()
    for table in schema.metadata.sorted_tables:
        complaint: RowCheck = complaining.get(table.name, lambda row: "")
        written = 0
        for rows in read_rows(source, table, partial(_note, lost, table.name)):
            kept = [row for row in rows if not complaint(row)]
            wrong = [row for row in rows if complaint(row)]
            if table is schema.photos:  # their faces are as they were
                kept += map(_mended, wrong)
            else:
                lost[table.name] += len(wrong)
            hurt.update(row["photo"] for row in wrong if table is schema.faces)
            insert_rows(target, table, kept)
            written += len(kept)
        lost[table.name] += written - _count(target, table)  # a number or a name that damage made another's
    for table in AUTOINCREMENT_TABLES:
        with suppress(DBAPIError):
            continue_ids_after(target, table, last_id(source, table))
    return hurt


def _note(lost: Counter[str], name: str, count: int) -> None:
    lost[name] += count


def _mended(photo: dict[str, Any]) -> dict[str, Any]:
    """A photograph's row with a sha256 that no content has, so that it is indexed again."""
    unlike = hashlib.sha256(repr(photo).encode("utf-8", "surrogatepass")).hexdigest()
    size = {"width": max(0, photo["width"]), "height": max(0, photo["height"])}
    return {**photo, **size, "sha256": unlike, "problem": LOST}


def _dropped(target: Connection, lost: Counter[str]) -> None:
    """Delete references to missing rows, referenced tables first."""
    order = [table.name for table in schema.metadata.sorted_tables]
    for key in sorted(foreign_keys(), key=lambda key: order.index(key.parent.table.name)):
        parent = key.column.table.alias()
        gone = key.parent.is_not(None) & ~select(parent.c.id).where(parent.c.id == key.parent).exists()
        table = key.parent.table
        if key.ondelete == "SET NULL":
            target.execute(update(table).where(gone).values({key.parent.name: None}))
        else:
            lost[table.name] += target.execute(delete(table).where(gone)).rowcount


def _marked(target: Connection, lost: Counter[str], hurt: set[int]) -> int:
    """Delete faces without a vector, and mark photographs that lost faces for indexing; how many."""
    faces, photos = schema.faces, schema.photos
    bare = ~select(schema.vectors.c.face).where(schema.vectors.c.face == faces.c.id).exists()
    hurt = hurt | set(target.execute(select(faces.c.photo).where(bare)).scalars())
    for piece in chunks(hurt):
        target.execute(update(photos).where(photos.c.id.in_(piece)).values(problem=LOST))
    for table in (schema.chips, schema.reviews, schema.never, schema.remade):
        target.execute(delete(table).where(table.c.face.in_(select(faces.c.id).where(bare))))
    lost["faces"] += target.execute(delete(faces).where(bare)).rowcount
    return int(target.execute(select(func.count()).select_from(photos).where(photos.c.problem == LOST)).scalar_one())


def _swapped(backend: SqliteBackend, new: Path) -> Path:
    """Replace the damaged file with the new one; the damaged one's new path."""
    backend.close()
    path = backend.path
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
    for ending in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            os.rename(path.with_name(path.name + ending), aside.with_name(aside.name + ending))
    os.rename(new, path)
    return aside


def _count(connection: Connection, table: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())
