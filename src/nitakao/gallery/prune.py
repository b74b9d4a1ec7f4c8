"""Files that are not there any more taken out of a gallery, and photographs that then lie nowhere."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select

from nitakao.errors import GalleryError
from nitakao.gallery import schema
from nitakao.gallery.columns import path_bytes
from nitakao.gallery.enrol import Indexed
from nitakao.gallery.store import GalleryStore

READ = 1000  # rows looked through together
TOGETHER = 200  # files that go in one transaction, so that others need not wait for long


def prune(gallery: GalleryStore, places: Iterable[str]) -> Iterator[Indexed]:
    """The files at or below these absolute paths that were taken out since they are gone, told once that is kept.

    Raises GalleryError, and takes nothing out, where every file is gone that the gallery knows in one of the folders:
    such a folder is more likely not mounted than emptied.
    """
    named = list(places)
    for folder in named:
        _refuse_if_all_gone(gallery, folder)
    for folder in named:
        for gone in _vanished(gallery, folder):
            for start in range(0, len(gone), TOGETHER):
                yield from _take_out(gallery, gone[start : start + TOGETHER])


def _refuse_if_all_gone(gallery: GalleryStore, folder: str) -> None:
    files = schema.files
    with gallery.read() as connection:
        below = select(func.count()).where(_at_or_below(folder), files.c.path != folder)
        count = connection.execute(below).scalar_one()
    if not count or any(len(gone) < len(rows) for gone, rows in _looked_over(gallery, folder)):
        return
    raise GalleryError(
        f"none of the {count} files that gallery '{gallery.where}' knows in '{folder}' are there: is it mounted? "
        "Nothing was pruned; if they are gone for good, prune the folder above it"
    )


def _vanished(gallery: GalleryStore, folder: str) -> Iterator[list[tuple[int, str]]]:
    for gone, _ in _looked_over(gallery, folder):
        yield gone


def _looked_over(gallery: GalleryStore, folder: str) -> Iterator[tuple[list[tuple[int, str]], list[tuple[int, str]]]]:
    """Piece by piece the files (number, path) that are gone, and all that were looked over."""
    files, last = schema.files, 0
    while True:
        asked = select(files.c.id, files.c.path).where(_at_or_below(folder), files.c.id > last)
        with gallery.read() as connection:
            rows = [(int(n), str(p)) for n, p in connection.execute(asked.order_by(files.c.id).limit(READ))]
        if not rows:
            return
        yield [row for row in rows if not os.path.lexists(row[1])], rows
        last = rows[-1][0]


def _at_or_below(place: str) -> ColumnElement[bool]:
    """The path is `place` or lies below it."""
    column = schema.files.c.path
    first = place.rstrip(os.sep) + os.sep
    past = path_bytes(first)[:-1] + bytes([path_bytes(first)[-1] + 1])
    below = and_(column >= first, column < past.decode("utf-8", "surrogateescape"))
    return or_(column == place, below)


def _take_out(gallery: GalleryStore, gone: list[tuple[int, str]]) -> list[Indexed]:
    files = schema.files
    with gallery.write("prune") as connection:
        numbers = [number for number, _ in gone]
        rows = connection.execute(select(files.c.photo).where(files.c.id.in_(numbers))).scalars()
        photos = sorted({int(photo) for photo in rows if photo is not None})
        connection.execute(delete(files).where(files.c.id.in_(numbers)))
        _drop_without_files(connection, photos)
    return [Indexed(path, "pruned") for _, path in gone]


def _drop_without_files(connection: Connection, photos: list[int]) -> None:
    table, files = schema.photos, schema.files
    held = select(files.c.id).where(files.c.photo == table.c.id).exists()
    connection.execute(delete(table).where(table.c.id.in_(photos), ~held))
