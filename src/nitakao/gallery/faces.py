"""Faces read back: by number, by where they are, their vectors and chips."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, or_, select

from nitakao.errors import MisuseError
from nitakao.gallery import schema
from nitakao.gallery.columns import path_bytes, unpacked
from nitakao.gallery.store import GalleryStore
from nitakao.values import Chip, Face, FaceFilter, FaceRecord, Floats, Ids, Quality

PIECE = 500  # numbers in one question: SQLite once took 999 at most
STREAM = 4096  # rows that are held at a time


def in_pieces(numbers: Iterable[int], size: int = PIECE) -> Iterator[list[int]]:
    """Lists of at most `size`, plain integers, for `in_`."""
    listed = [int(n) for n in numbers]
    for start in range(0, len(listed), size):
        yield listed[start : start + size]


def count(gallery: GalleryStore, where: FaceFilter | None = None) -> int:
    """How many faces are meant."""
    meant = where or FaceFilter()

    def counted() -> int:
        with gallery.read() as connection:
            asked = select(func.count()).select_from(schema.faces).where(*conditions(meant))
            return int(connection.execute(asked).scalar_one())

    return gallery.remember(("faces", meant), counted)


def kept(gallery: GalleryStore, numbers: Iterable[int]) -> dict[int, FaceRecord]:
    """The faces of these numbers; those that are not there are left out."""
    with gallery.read() as connection:
        return kept_in(connection, numbers)


def kept_in(connection: Connection, numbers: Iterable[int]) -> dict[int, FaceRecord]:
    """As `kept`, within a transaction."""
    found = {}
    for piece in in_pieces(numbers):
        for row in connection.execute(_rows().where(schema.faces.c.id.in_(piece))):
            found[int(row.id)] = _kept(row)
    return found


def stream(gallery: GalleryStore, where: FaceFilter | None = None) -> Iterator[FaceRecord]:
    """Every face that is meant, by number, read as it is asked for."""
    with gallery.read() as connection:
        asked = _rows().where(*conditions(where or FaceFilter())).order_by(schema.faces.c.id)
        for row in connection.execution_options(yield_per=STREAM).execute(asked):
            yield _kept(row)


def ids(gallery: GalleryStore, where: FaceFilter | None = None) -> Ids:
    """(n,) int64, ascending: the numbers of the faces that are meant."""
    with gallery.read() as connection:
        asked = select(schema.faces.c.id).where(*conditions(where or FaceFilter())).order_by(schema.faces.c.id)
        found = np.fromiter(connection.execute(asked).scalars(), np.int64)
    found.setflags(write=False)  # it may be given to several who ask
    return found


def vectors(gallery: GalleryStore, numbers: Sequence[int] | Ids) -> Floats:
    """(n, D) float32, in the order of `numbers`. Raises MisuseError where one is not there."""
    with gallery.read() as connection:
        return vectors_in(connection, numbers, gallery.dimension)


def vectors_in(connection: Connection, numbers: Sequence[int] | Ids, dimension: int) -> Floats:
    """As `vectors`, within a transaction."""
    table = schema.vectors
    found: dict[int, Any] = {}
    for piece in in_pieces(numbers):
        found.update((r.face, r.vector) for r in connection.execute(select(table).where(table.c.face.in_(piece))))
    try:
        listed = [found[int(n)] for n in numbers]
    except KeyError as error:
        raise MisuseError(f"there is no face {error.args[0]} in the gallery") from None
    return np.asarray(listed, np.float32).reshape(len(listed), dimension)


def after(connection: Connection, number: int, dimension: int, most: int = 1 << 14) -> Iterator[tuple[Ids, Floats]]:
    """Numbers (n,) and vectors (n, D) of all faces with a number above `number`, ascending, in blocks."""
    table = schema.vectors
    while True:
        asked = select(table).where(table.c.face > number).order_by(table.c.face).limit(most)
        rows = connection.execute(asked).all()
        if not rows:
            return
        found = np.fromiter((row.face for row in rows), np.int64, len(rows))
        yield found, np.asarray([row.vector for row in rows], np.float32).reshape(len(rows), dimension)
        number = int(found[-1])


def chips(gallery: GalleryStore, numbers: Iterable[int]) -> dict[int, Chip]:
    """The chips of these faces; those without one are left out."""
    with gallery.read() as connection:
        return chips_in(connection, numbers)


def chips_in(connection: Connection, numbers: Iterable[int]) -> dict[int, Chip]:
    """As `chips`, within a transaction."""
    table = schema.chips
    found = {}
    for piece in in_pieces(numbers):
        for row in connection.execute(select(table).where(table.c.face.in_(piece))):
            found[int(row.face)] = Chip(bytes(row.jpeg), (row.x1, row.y1, row.x2, row.y2))
    return found


def conditions(where: FaceFilter) -> list[ColumnElement[bool]]:
    """What a face has to fulfil, as SQL."""
    faces = schema.faces
    found: list[ColumnElement[bool]] = []
    if where.people:
        found.append(faces.c.person.in_(where.people))
    if where.exclude:
        found.append(or_(faces.c.person.is_(None), faces.c.person.not_in(where.exclude)))
    if where.min_quality > 0:
        found.append(faces.c.quality >= where.min_quality)
    if where.folder:
        found.append(_below(where.folder))
    if where.since is not None or where.until is not None:
        found.append(_taken(where.since, where.until))
    if where.named:
        named = schema.people.alias()
        found.append(exists().where(named.c.id == faces.c.person, named.c.name.is_not(None)))
    if not where.hidden:
        unwanted = schema.people.alias()
        found.append(~exists().where(unwanted.c.id == faces.c.person, unwanted.c.hidden))
    return found


def _below(folder: str) -> ColumnElement[bool]:
    """The photograph lies in the folder or below it: its path begins with the folder's."""
    files = schema.files.alias()
    first = folder.rstrip("/\\") + "/"
    past = path_bytes(first)[:-1] + bytes([path_bytes(first)[-1] + 1])
    within = and_(files.c.path >= first, files.c.path < past.decode("utf-8", "surrogateescape"))
    return exists().where(files.c.photo == schema.faces.c.photo, within)


def _taken(since: float | None, until: float | None) -> ColumnElement[bool]:
    photos = schema.photos.alias()  # the question around it may speak of photographs, too
    within = [photos.c.id == schema.faces.c.photo, photos.c.taken.is_not(None)]
    if since is not None:
        within.append(photos.c.taken >= since)
    if until is not None:
        within.append(photos.c.taken < until)
    return exists().where(*within)


@cache
def _rows() -> Select[Any]:
    faces, photos, people, files = schema.faces, schema.photos, schema.people, schema.files
    path = select(func.min(files.c.path)).where(files.c.photo == faces.c.photo).scalar_subquery().label("path")
    return (
        select(faces, photos.c.width, photos.c.height, photos.c.taken, people.c.name, path)
        .join(photos, photos.c.id == faces.c.photo)
        .outerjoin(people, people.c.id == faces.c.person)
    )


def _kept(row: Row[Any]) -> FaceRecord:
    marks = None if row.landmarks is None else unpacked(row.landmarks).reshape(5, 2)
    return FaceRecord(
        id=int(row.id),
        photo_id=int(row.photo),
        path=row.path or "",
        size=(row.width, row.height),
        number=row.number,
        face=Face((row.x1, row.y1, row.x2, row.y2), row.score, marks, row.turn),
        quality=Quality(*(_number(v) for v in (row.sharpness, row.yaw, row.pitch, row.roll, row.quality))),
        time=row.time,
        taken=row.taken,
        person_id=row.person,
        name=row.name or "",
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
