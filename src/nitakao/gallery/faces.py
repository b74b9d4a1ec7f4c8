"""Reads faces from a gallery: records, vectors and chips."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, or_, select

from nitakao.errors import MisuseError
from nitakao.gallery import schema
from nitakao.gallery.columns import path_bytes, unpack
from nitakao.gallery.store import GalleryStore
from nitakao.values import Chip, Face, FaceFilter, FaceRecord, Floats, Ids, Quality

CHUNK = 500  # ids in one query: SQLite once accepted at most 999 parameters
STREAM = 4096  # rows in memory at a time


def chunks(numbers: Iterable[int], size: int = CHUNK) -> Iterator[list[int]]:
    """Lists of at most `size` plain integers, for `in_`."""
    values = [int(n) for n in numbers]
    for start in range(0, len(values), size):
        yield values[start : start + size]


def count(gallery: GalleryStore, face_filter: FaceFilter | None = None) -> int:
    """The number of faces that pass the filter."""
    face_filter = face_filter or FaceFilter()

    def query() -> int:
        with gallery.read() as connection:
            counted = select(func.count()).select_from(schema.faces).where(*conditions(face_filter))
            return int(connection.execute(counted).scalar_one())

    return gallery.cached(("faces", face_filter), query)


def records(gallery: GalleryStore, ids: Iterable[int]) -> dict[int, FaceRecord]:
    """The faces with these ids, by id; ids that do not exist are left out."""
    with gallery.read() as connection:
        return records_in(connection, ids)


def records_in(connection: Connection, ids: Iterable[int]) -> dict[int, FaceRecord]:
    """Like `records`, within a transaction."""
    faces = {}
    for chunk in chunks(ids):
        for row in connection.execute(_query().where(schema.faces.c.id.in_(chunk))):
            faces[int(row.id)] = _record(row)
    return faces


def stream(gallery: GalleryStore, face_filter: FaceFilter | None = None) -> Iterator[FaceRecord]:
    """The faces that pass the filter, by id, read as they are consumed."""
    with gallery.read() as connection:
        query = _query().where(*conditions(face_filter or FaceFilter())).order_by(schema.faces.c.id)
        for row in connection.execution_options(yield_per=STREAM).execute(query):
            yield _record(row)


def ids(gallery: GalleryStore, face_filter: FaceFilter | None = None) -> Ids:
    """The ids of the faces that pass the filter: (n,) int64, ascending, read-only."""
    with gallery.read() as connection:
        query = select(schema.faces.c.id).where(*conditions(face_filter or FaceFilter())).order_by(schema.faces.c.id)
        numbers = np.fromiter(connection.execute(query).scalars(), np.int64)
    numbers.setflags(write=False)  # callers may share it through the cache
    return numbers


def vectors(gallery: GalleryStore, ids: Sequence[int] | Ids) -> Floats:
    """The vectors of these faces: (n, D) float32, in the order of `ids`.

    Raises:
        MisuseError: If a face does not exist.
    """
    with gallery.read() as connection:
        return vectors_in(connection, ids, gallery.dimension)


def vectors_in(connection: Connection, ids: Sequence[int] | Ids, dimension: int) -> Floats:
    """Like `vectors`, within a transaction."""
    table = schema.vectors
    by_id: dict[int, Any] = {}
    for chunk in chunks(ids):
        by_id.update((r.face, r.vector) for r in connection.execute(select(table).where(table.c.face.in_(chunk))))
    try:
        rows = [by_id[int(n)] for n in ids]
    except KeyError as error:
        raise MisuseError(
            f"there is no face {error.args[0]} in the gallery", code="unknown-face", face=error.args[0]
        ) from None
    return np.asarray(rows, np.float32).reshape(len(rows), dimension)


def vectors_after(
    connection: Connection, last: int, dimension: int, limit: int = 1 << 14
) -> Iterator[tuple[Ids, Floats]]:
    """Ids (n,) and vectors (n, D) of all faces with an id above `last`, ascending, at most `limit` at a time."""
    table = schema.vectors
    while True:
        query = select(table).where(table.c.face > last).order_by(table.c.face).limit(limit)
        rows = connection.execute(query).all()
        if not rows:
            return
        numbers = np.fromiter((row.face for row in rows), np.int64, len(rows))
        yield numbers, np.asarray([row.vector for row in rows], np.float32).reshape(len(rows), dimension)
        last = int(numbers[-1])


def chips(gallery: GalleryStore, ids: Iterable[int]) -> dict[int, Chip]:
    """The chips of these faces, by id; faces without one are left out."""
    with gallery.read() as connection:
        return chips_in(connection, ids)


def chips_in(connection: Connection, ids: Iterable[int]) -> dict[int, Chip]:
    """Like `chips`, within a transaction."""
    table = schema.chips
    by_id = {}
    for chunk in chunks(ids):
        for row in connection.execute(select(table).where(table.c.face.in_(chunk))):
            by_id[int(row.face)] = Chip(bytes(row.jpeg), (row.x1, row.y1, row.x2, row.y2))
    return by_id


def conditions(face_filter: FaceFilter) -> list[ColumnElement[bool]]:
    """The filter as SQL conditions on `schema.faces`."""
    faces = schema.faces
    result: list[ColumnElement[bool]] = []
    if face_filter.people:
        result.append(faces.c.person.in_(face_filter.people))
    if face_filter.exclude:
        result.append(or_(faces.c.person.is_(None), faces.c.person.not_in(face_filter.exclude)))
    if face_filter.min_quality > 0:
        result.append(faces.c.quality >= face_filter.min_quality)
    if face_filter.folder:
        result.append(_in_folder(face_filter.folder))
    if face_filter.since is not None or face_filter.until is not None:
        result.append(_taken_between(face_filter.since, face_filter.until))
    if face_filter.named:
        named = schema.people.alias()
        result.append(exists().where(named.c.id == faces.c.person, named.c.name.is_not(None)))
    if not face_filter.hidden:
        people = schema.people.alias()
        result.append(~exists().where(people.c.id == faces.c.person, people.c.hidden))
    return result


def _in_folder(folder: str) -> ColumnElement[bool]:
    """The photograph's path starts with the folder's."""
    files = schema.files.alias()
    first = folder.rstrip("/\\") + "/"
    past = path_bytes(first)[:-1] + bytes([path_bytes(first)[-1] + 1])
    inside = and_(files.c.path >= first, files.c.path < past.decode("utf-8", "surrogateescape"))
    return exists().where(files.c.photo == schema.faces.c.photo, inside)


def _taken_between(since: float | None, until: float | None) -> ColumnElement[bool]:
    photos = schema.photos.alias()  # the outer query may join photos too
    parts = [photos.c.id == schema.faces.c.photo, photos.c.taken.is_not(None)]
    if since is not None:
        parts.append(photos.c.taken >= since)
    if until is not None:
        parts.append(photos.c.taken < until)
    return exists().where(*parts)


@cache
def _query() -> Select[Any]:
    faces, photos, people, files = schema.faces, schema.photos, schema.people, schema.files
    path = select(func.min(files.c.path)).where(files.c.photo == faces.c.photo).scalar_subquery().label("path")
    return (
        select(faces, photos.c.width, photos.c.height, photos.c.taken, people.c.name, path)
        .join(photos, photos.c.id == faces.c.photo)
        .outerjoin(people, people.c.id == faces.c.person)
    )


def _record(row: Row[Any]) -> FaceRecord:
    landmarks = None if row.landmarks is None else unpack(row.landmarks).reshape(5, 2)
    return FaceRecord(
        id=int(row.id),
        photo_id=int(row.photo),
        path=row.path or "",
        size=(row.width, row.height),
        number=row.number,
        face=Face((row.x1, row.y1, row.x2, row.y2), row.score, landmarks, row.turn),
        quality=Quality(*(_or_nan(v) for v in (row.sharpness, row.yaw, row.pitch, row.roll, row.quality))),
        time=row.time,
        taken=row.taken,
        person_id=row.person,
        name=row.name or "",
    )


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)
