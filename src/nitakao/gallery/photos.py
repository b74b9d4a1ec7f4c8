"""Photographs read back with their faces, for whatever takes them out of a gallery again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from nitakao.gallery import schema
from nitakao.gallery.faces import PIECE, conditions, in_pieces, kept_in
from nitakao.gallery.store import GalleryStore
from nitakao.values import FaceFilter, FaceRecord


@dataclass(frozen=True, eq=False)
class Pictured:
    """A photograph, or a video, with those of its faces that are meant, by their place in it.

    photo: its number.  size: (width, height).  paths: where it lies, sorted; none where it lies nowhere.
    taken, indexed: seconds since 1970; taken: None where it does not say.  problem: why it has no faces, or ''.
    """

    photo: int
    sha256: str
    size: tuple[int, int]
    video: bool
    paths: tuple[str, ...]
    faces: tuple[FaceRecord, ...]
    taken: float | None = None
    indexed: float = 0.0
    problem: str = ""


def pictured(gallery: GalleryStore, where: FaceFilter | None = None) -> Iterator[Pictured]:
    """Every photograph with a face that is meant, by number, some at a time, so that others may write in between."""
    faces, last = schema.faces, 0
    while True:
        asked = select(faces.c.photo).where(faces.c.photo > last, *conditions(where or FaceFilter()))
        with gallery.read() as connection:
            numbers = connection.execute(asked.distinct().order_by(faces.c.photo).limit(PIECE)).scalars().all()
            found = _of(connection, numbers, where or FaceFilter())
        yield from found
        if not numbers:
            return
        last = numbers[-1]


def pictured_of(gallery: GalleryStore, photos: Iterable[int]) -> dict[int, Pictured]:
    """The photographs of these numbers with all their faces; those that are not there are left out."""
    with gallery.read() as connection:
        return {one.photo: one for one in pictured_in(connection, photos)}


def pictured_in(connection: Connection, photos: Iterable[int]) -> list[Pictured]:
    """As `pictured_of`, within a transaction."""
    return [one for piece in in_pieces(photos) for one in _of(connection, piece, FaceFilter(hidden=True))]


def _of(connection: Connection, numbers: Sequence[int], where: FaceFilter) -> list[Pictured]:
    """At most PIECE photographs, in the order of their numbers."""
    table, files, faces = schema.photos, schema.files, schema.faces
    paths, places = defaultdict(list), defaultdict(list)
    for photo, path in connection.execute(select(files.c.photo, files.c.path).where(files.c.photo.in_(numbers))):
        paths[photo].append(path)
    asked = select(faces.c.photo, faces.c.id).where(faces.c.photo.in_(numbers), *conditions(where))
    for photo, face in connection.execute(asked.order_by(faces.c.number)):
        places[photo].append(face)
    kept = kept_in(connection, [face for found in places.values() for face in found])
    rows = connection.execute(select(table).where(table.c.id.in_(numbers)).order_by(table.c.id))
    return [
        Pictured(
            photo=row.id,
            sha256=row.sha256,
            size=(row.width, row.height),
            video=row.video,
            paths=tuple(sorted(paths[row.id])),
            faces=tuple(kept[face] for face in places[row.id]),
            taken=row.taken,
            indexed=row.indexed,
            problem=row.problem,
        )
        for row in rows
    ]
