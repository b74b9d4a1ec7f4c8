"""A gallery's vectors made anew by another model: beside the old ones, which answer until all are there, then in place.

What was made is kept as it goes, so that a run that was broken off goes on where it was.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, Table, column, delete, func, insert, select, table

from nitakao.errors import GalleryError
from nitakao.gallery import schema
from nitakao.gallery.faces import chips_in, kept_in
from nitakao.gallery.search.open import searcher
from nitakao.gallery.store import GalleryStore, identity
from nitakao.values import Chip, FaceRecord, Floats, Ids, ModelCard

TARGET = "remaking"  # the setting that says for which card the table `remade` is filled
OF_THE_MODEL = ("calibration", "classifier")  # settings that mean nothing with other vectors


@dataclass(frozen=True, eq=False)
class Waiting:
    """Faces that have no vector of the new model yet.

    chips: None where there is none.  sha256: of each face's photograph.
    """

    faces: Sequence[FaceRecord]
    chips: Sequence[Chip | None]
    sha256: Sequence[str]

    @property
    def numbers(self) -> list[int]:
        return [one.id for one in self.faces]


def begin(gallery: GalleryStore, card: ModelCard, *, flip: bool) -> tuple[int, int]:
    """How many faces have been made anew before, and how many there are. What was begun for another card is dropped.

    Raises GalleryError where the Face API's lists and groups have faces: there are no pictures to make those from.
    """
    target = json.dumps([card.name, card.fingerprint, flip])
    with gallery.write("reindex") as connection:
        _check_face_api(gallery, connection)
        settings = schema.settings
        before = connection.execute(select(settings.c.value).where(settings.c.key == TARGET)).scalar()
        if before != target:
            connection.execute(delete(schema.remade))
            connection.execute(delete(settings).where(settings.c.key == TARGET))
            connection.execute(insert(settings).values(key=TARGET, value=target))
        return _count(connection, schema.remade), _count(connection, schema.faces)


def waiting(gallery: GalleryStore, size: int, after: int = 0) -> Iterator[Waiting]:
    """The faces that are left to do with a number above `after`, by number, `size` at a time."""
    faces, remade = schema.faces, schema.remade
    while True:
        with gallery.read() as connection:
            done = select(remade.c.face).where(remade.c.face == faces.c.id).exists()
            asked = select(faces.c.id).where(faces.c.id > after, ~done).order_by(faces.c.id).limit(size)
            numbers = [int(n) for n in connection.execute(asked).scalars()]
            kept, chips = kept_in(connection, numbers), chips_in(connection, numbers)
            photos = schema.photos
            digests = select(photos.c.id, photos.c.sha256).where(
                photos.c.id.in_({one.photo_id for one in kept.values()})
            )
            sha256 = {int(row.id): str(row.sha256) for row in connection.execute(digests)}
        if not numbers:
            return
        faces_here = [kept[n] for n in numbers]
        yield Waiting(faces_here, [chips.get(n) for n in numbers], [sha256[one.photo_id] for one in faces_here])
        after = numbers[-1]


def keep(gallery: GalleryStore, numbers: Sequence[int] | Ids, vectors: Floats) -> None:
    """Put aside what was made; faces that are gone by now are left out."""
    with gallery.write("reindex") as connection:
        there = set(kept_numbers(connection, numbers))
        rows = [
            {"face": int(n), "vector": vector} for n, vector in zip(numbers, vectors, strict=True) if int(n) in there
        ]
        if rows:
            connection.execute(insert(schema.remade), rows)


def kept_numbers(connection: Connection, numbers: Sequence[int] | Ids) -> list[int]:
    """Those of the numbers that are faces' still, and not made anew yet."""
    faces, remade = schema.faces, schema.remade
    asked = select(faces.c.id).where(
        faces.c.id.in_([int(n) for n in numbers]),
        ~select(remade.c.face).where(remade.c.face == faces.c.id).exists(),
    )
    return [int(n) for n in connection.execute(asked).scalars()]


def swap(gallery: GalleryStore, card: ModelCard, *, flip: bool, last: int) -> bool:
    """Whether the new vectors are the gallery's now; not while there are faces above `last` that have come meanwhile.

    Faces up to `last` without a new vector stay, named as they are, but are not found any more.
    """
    faces, remade, vectors = schema.faces, schema.remade, schema.vectors
    with gallery.write("reindex") as connection:
        done = select(remade.c.face).where(remade.c.face == faces.c.id).exists()
        if connection.execute(select(faces.c.id).where(faces.c.id > last, ~done).limit(1)).first() is not None:
            return False
        _check_face_api(gallery, connection)
        connection.execute(delete(schema.face_ids))
        connection.execute(delete(vectors))
        connection.execute(insert(vectors).from_select(["face", "vector"], _stored()))
        connection.execute(delete(remade))
        _become(connection, card, flip)
    gallery.reread()
    searcher(gallery).forget()
    return True


def _check_face_api(gallery: GalleryStore, connection: Connection) -> None:
    if count := _count(connection, schema.container_faces):
        raise GalleryError(
            f"gallery '{gallery.where}' holds {count} faces in lists and groups of the Face API, of which no pictures "
            "are kept, so that no other model can look at them: delete those first, or keep this model"
        )


def _stored() -> Select[Any]:
    """The rows of `remade` as the database holds them: they do not pass through Python."""
    plain = table("remade", column("face"), column("vector"))
    return select(plain.c.face, plain.c.vector)


def _become(connection: Connection, card: ModelCard, flip: bool) -> None:
    """The gallery is of this card from here on, and another one to whoever has it open."""
    settings = schema.settings
    known = {**identity(card, flip), "id": str(uuid.uuid4())}
    del known["key"], known["created"]  # tombstones are hashed under the one; it is the same gallery still
    gone = [*known, TARGET, *OF_THE_MODEL]
    connection.execute(delete(settings).where(settings.c.key.in_(gone)))
    connection.execute(insert(settings), [{"key": key, "value": value} for key, value in known.items()])


def _count(connection: Connection, rows: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(rows)).scalar_one())


def refuse_same(gallery: GalleryStore, card: ModelCard, *, flip: bool) -> None:
    """Raises GalleryError where the gallery's vectors are this card's already."""
    try:
        gallery.check(card)
    except GalleryError:
        return
    if gallery.flip == flip:
        raise GalleryError(f"gallery '{gallery.where}' holds {card.name} vectors already: there is nothing to change")
