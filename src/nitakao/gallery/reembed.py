"""Replaces all vectors of a gallery with another model's.

New vectors are stored beside the old ones, which stay in use until all are there. An interrupted run continues where it
stopped.
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
from nitakao.gallery.faces import chips_in, records_in
from nitakao.gallery.search.open import searcher
from nitakao.gallery.store import GalleryStore, identity_settings
from nitakao.values import Chip, FaceRecord, Floats, Ids, ModelCard

TARGET = "remaking"  # the setting that names the card whose vectors are in the table `remade`
MODEL_SETTINGS = ("calibration", "classifier")  # settings that are valid for one model only


@dataclass(frozen=True, eq=False)
class PendingFaces:
    """Faces without a vector of the new model.

    Attributes:
        faces: The faces.
        chips: The chip of each face, if it has one.
        sha256: Of each face's photograph.
    """

    faces: Sequence[FaceRecord]
    chips: Sequence[Chip | None]
    sha256: Sequence[str]

    @property
    def ids(self) -> list[int]:
        """The faces' ids."""
        return [face.id for face in self.faces]


def begin(gallery: GalleryStore, card: ModelCard, *, flip: bool) -> tuple[int, int]:
    """Start or continue replacing the vectors; drops what was computed for another card.

    Args:
        gallery: The gallery.
        card: The new model.
        flip: Whether the new vectors are averages with the mirrored face.

    Returns:
        How many faces already have a new vector, and how many faces there are.

    Raises:
        GalleryError: If Face API lists and groups hold faces: they have no pictures to embed again.
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


def pending(gallery: GalleryStore, size: int, after: int = 0) -> Iterator[PendingFaces]:
    """Faces without a new vector and with an id above `after`, by id, `size` at a time."""
    faces, remade = schema.faces, schema.remade
    while True:
        with gallery.read() as connection:
            done = select(remade.c.face).where(remade.c.face == faces.c.id).exists()
            query = select(faces.c.id).where(faces.c.id > after, ~done).order_by(faces.c.id).limit(size)
            ids = [int(n) for n in connection.execute(query).scalars()]
            records, chips = records_in(connection, ids), chips_in(connection, ids)
            photos = schema.photos
            photo_ids = {record.photo_id for record in records.values()}
            digests = select(photos.c.id, photos.c.sha256).where(photos.c.id.in_(photo_ids))
            sha256 = {int(row.id): str(row.sha256) for row in connection.execute(digests)}
        if not ids:
            return
        block = [records[n] for n in ids]
        yield PendingFaces(block, [chips.get(n) for n in ids], [sha256[record.photo_id] for record in block])
        after = ids[-1]


def store_vectors(gallery: GalleryStore, ids: Sequence[int] | Ids, vectors: Floats) -> None:
    """Store new vectors (n, D) of faces; skips faces that have been deleted meanwhile."""
    with gallery.write("reindex") as connection:
        valid = set(pending_ids(connection, ids))
        rows = [{"face": int(n), "vector": vector} for n, vector in zip(ids, vectors, strict=True) if int(n) in valid]
        if rows:
            connection.execute(insert(schema.remade), rows)


def pending_ids(connection: Connection, ids: Sequence[int] | Ids) -> list[int]:
    """Those of the ids that are faces without a new vector."""
    faces, remade = schema.faces, schema.remade
    query = select(faces.c.id).where(
        faces.c.id.in_([int(n) for n in ids]),
        ~select(remade.c.face).where(remade.c.face == faces.c.id).exists(),
    )
    return [int(n) for n in connection.execute(query).scalars()]


def swap(gallery: GalleryStore, card: ModelCard, *, flip: bool, last: int) -> bool:
    """Replace the old vectors with the new ones.

    Faces with an id up to `last` but no new vector stay in the gallery with their persons, but no search finds them.

    Args:
        gallery: The gallery.
        card: The new model.
        flip: Whether the new vectors are averages with the mirrored face.
        last: The largest face id that was processed.

    Returns:
        Whether they were replaced: not if faces with an id above `last` have no new vector yet.
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
        _set_model(connection, card, flip)
    gallery.reload()
    searcher(gallery).forget()
    return True


def _check_face_api(gallery: GalleryStore, connection: Connection) -> None:
    if count := _count(connection, schema.container_faces):
        raise GalleryError(
            f"gallery '{gallery.location}' holds {count} faces in Face API lists and groups, which have no stored "
            "pictures to embed with another model: delete those lists and groups first, or keep this model",
            code="face-api-in-use",
            faces=count,
        )


def _stored() -> Select[Any]:
    """The rows of `remade` in stored form, so that they are copied without passing through Python."""
    plain = table("remade", column("face"), column("vector"))
    return select(plain.c.face, plain.c.vector)


def _set_model(connection: Connection, card: ModelCard, flip: bool) -> None:
    """Write the settings of the new model, with a new id so that open copies notice."""
    settings = schema.settings
    values = {**identity_settings(card, flip), "id": str(uuid.uuid4())}
    del values["key"], values["created"]  # the tombstones' key and the date of creation stay
    removed = [*values, TARGET, *MODEL_SETTINGS]
    connection.execute(delete(settings).where(settings.c.key.in_(removed)))
    connection.execute(insert(settings), [{"key": key, "value": value} for key, value in values.items()])


def _count(connection: Connection, rows: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(rows)).scalar_one())


def check_differs(gallery: GalleryStore, card: ModelCard, *, flip: bool) -> None:
    """Check that the gallery does not already hold this card's vectors.

    Raises:
        GalleryError: If it does.
    """
    try:
        gallery.check(card)
    except GalleryError:
        return
    if gallery.flip == flip:
        raise GalleryError(
            f"gallery '{gallery.location}' already holds {card.name} vectors: nothing to change",
            code="same-model",
            model=card.name,
        )
