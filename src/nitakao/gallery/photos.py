"""Reads photographs and their faces from a gallery."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from nitakao.gallery import schema
from nitakao.gallery.faces import CHUNK, chunks, conditions, records_in
from nitakao.gallery.store import GalleryStore
from nitakao.values import FaceFilter, FaceRecord


@dataclass(frozen=True, eq=False)
class PhotoRecord:
    """A photograph or video in a gallery, with its faces.

    Attributes:
        photo: Its id.
        sha256: Of its content.
        size: (width, height) in pixels.
        video: Whether it is a video.
        paths: The files that hold it, sorted; empty if there are none.
        faces: The faces requested, in their order in the photograph.
        taken: Seconds since 1970; None if unknown.
        indexed: Seconds since 1970.
        problem: Why it has no faces; empty if it has any.
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


def stream_photos(gallery: GalleryStore, face_filter: FaceFilter | None = None) -> Iterator[PhotoRecord]:
    """The photographs with a face that passes the filter, by id, with those faces.

    Reads them in several transactions, so that others can write in between.
    """
    faces, last = schema.faces, 0
    while True:
        query = select(faces.c.photo).where(faces.c.photo > last, *conditions(face_filter or FaceFilter()))
        with gallery.read() as connection:
            ids = connection.execute(query.distinct().order_by(faces.c.photo).limit(CHUNK)).scalars().all()
            chunk = _load(connection, ids, face_filter or FaceFilter())
        yield from chunk
        if not ids:
            return
        last = ids[-1]


def photo_records(gallery: GalleryStore, ids: Iterable[int]) -> dict[int, PhotoRecord]:
    """The photographs with these ids, by id, with all their faces; ids that do not exist are left out."""
    with gallery.read() as connection:
        return {photo.photo: photo for photo in photo_records_in(connection, ids)}


def photo_records_in(connection: Connection, ids: Iterable[int]) -> list[PhotoRecord]:
    """Like `photo_records`, within a transaction."""
    return [photo for chunk in chunks(ids) for photo in _load(connection, chunk, FaceFilter(hidden=True))]


def _load(connection: Connection, ids: Sequence[int], face_filter: FaceFilter) -> list[PhotoRecord]:
    """At most CHUNK photographs, by id."""
    table, files, faces = schema.photos, schema.files, schema.faces
    paths, face_ids = defaultdict(list), defaultdict(list)
    for photo, path in connection.execute(select(files.c.photo, files.c.path).where(files.c.photo.in_(ids))):
        paths[photo].append(path)
    query = select(faces.c.photo, faces.c.id).where(faces.c.photo.in_(ids), *conditions(face_filter))
    for photo, face in connection.execute(query.order_by(faces.c.number)):
        face_ids[photo].append(face)
    records = records_in(connection, [face for own in face_ids.values() for face in own])
    rows = connection.execute(select(table).where(table.c.id.in_(ids)).order_by(table.c.id))
    return [
        PhotoRecord(
            photo=row.id,
            sha256=row.sha256,
            size=(row.width, row.height),
            video=row.video,
            paths=tuple(sorted(paths[row.id])),
            faces=tuple(records[face] for face in face_ids[row.id]),
            taken=row.taken,
            indexed=row.indexed,
            problem=row.problem,
        )
        for row in rows
    ]
