"""Removes files that no longer exist, and photographs left without a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select

from nitakao.errors import GalleryError
from nitakao.gallery import schema
from nitakao.gallery.columns import path_bytes
from nitakao.gallery.enrol import Indexed
from nitakao.gallery.store import GalleryStore

READ = 1000  # rows checked together
BATCH = 200  # files deleted in one transaction, so that other writers do not wait long


def prune(gallery: GalleryStore, paths: Iterable[str]) -> Iterator[Indexed]:
    """Remove the missing files at or below these absolute paths.

    Args:
        gallery: The gallery.
        paths: Absolute paths of files and folders.

    Yields:
        The removed files, once their removal is committed.

    Raises:
        GalleryError: If all files that the gallery has in a folder are missing, since the folder is more likely
            unmounted than emptied. Then nothing is removed.
    """
    places = list(paths)
    for folder in places:
        _refuse_if_all_missing(gallery, folder)
    for folder in places:
        for missing, _ in _check_files(gallery, folder):
            for start in range(0, len(missing), BATCH):
                yield from _remove(gallery, missing[start : start + BATCH])


def _refuse_if_all_missing(gallery: GalleryStore, folder: str) -> None:
    files = schema.files
    with gallery.read() as connection:
        below = select(func.count()).where(_at_or_below(folder), files.c.path != folder)
        count = connection.execute(below).scalar_one()
    if not count or any(len(missing) < len(rows) for missing, rows in _check_files(gallery, folder)):
        return
    raise GalleryError(
        f"all {count} files of gallery '{gallery.location}' in '{folder}' are missing: is it mounted? "
        "Nothing was pruned; if they are really deleted, prune the parent folder"
    )


def _check_files(gallery: GalleryStore, folder: str) -> Iterator[tuple[list[tuple[int, str]], list[tuple[int, str]]]]:
    """The missing files (id, path) and all files in the folder, READ files at a time."""
    files, last = schema.files, 0
    while True:
        query = select(files.c.id, files.c.path).where(_at_or_below(folder), files.c.id > last)
        with gallery.read() as connection:
            rows = [(int(n), str(p)) for n, p in connection.execute(query.order_by(files.c.id).limit(READ))]
        if not rows:
            return
        yield [row for row in rows if not os.path.lexists(row[1])], rows
        last = rows[-1][0]


def _at_or_below(place: str) -> ColumnElement[bool]:
    """The path is `place` or below it."""
    column = schema.files.c.path
    first = place.rstrip(os.sep) + os.sep
    past = path_bytes(first)[:-1] + bytes([path_bytes(first)[-1] + 1])
    below = and_(column >= first, column < past.decode("utf-8", "surrogateescape"))
    return or_(column == place, below)


def _remove(gallery: GalleryStore, missing: list[tuple[int, str]]) -> list[Indexed]:
    files = schema.files
    with gallery.write("prune") as connection:
        ids = [number for number, _ in missing]
        rows = connection.execute(select(files.c.photo).where(files.c.id.in_(ids))).scalars()
        photos = sorted({int(photo) for photo in rows if photo is not None})
        connection.execute(delete(files).where(files.c.id.in_(ids)))
        _delete_without_files(connection, photos)
    return [Indexed(path, "pruned") for _, path in missing]


def _delete_without_files(connection: Connection, photos: list[int]) -> None:
    table, files = schema.photos, schema.files
    has_file = select(files.c.id).where(files.c.photo == table.c.id).exists()
    connection.execute(delete(table).where(table.c.id.in_(photos), ~has_file))
