"""Lists and groups: made, named, listed, trained, taken away with all that is in them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from nitakao.errors import FaceApiError
from nitakao.gallery import schema
from nitakao.gallery.face_api.kinds import Kind, full
from nitakao.gallery.store import GalleryStore


@dataclass(frozen=True)
class Container:
    """A list or a group.

    word: its name in the address.  data: its maker's own.  recognition: the model that its faces belong to, as the Face
    API counts them; '' for a dynamic group.  created, trained: seconds since 1970; trained: None where it never was.
    trained_to: the number of the last face that answers.
    """

    id: int
    kind: Kind
    word: str
    name: str
    data: str | None
    recognition: str
    created: float
    trained: float | None
    trained_to: int

    @property
    def last_answering(self) -> int | None:
        """The number of the last face that answers; None: all do."""
        return self.trained_to if self.kind.trained else None


def create(gallery: GalleryStore, kind: Kind, word: str, name: str, data: str | None, recognition: str | None) -> None:
    """Make an empty one. Raises FaceApiError where there is one of this name, or no room."""
    with gallery.write("face api") as connection:
        add(connection, kind, word, name, data, recognition)


def add(connection: Connection, kind: Kind, word: str, name: str, data: str | None, recognition: str | None) -> int:
    """As `create`, within a transaction; its number."""
    table = schema.containers
    of_kind = select(func.count()).select_from(table).where(table.c.kind == kind.path)
    if connection.execute(of_kind.where(table.c.word == word)).scalar_one():
        raise FaceApiError(409, f"{kind.title}Exists", f"{kind.title} '{word}' already exists.")
    if connection.execute(of_kind).scalar_one() >= kind.most:
        raise full("The subscription", kind.most)
    values = {"kind": kind.path, "word": word, "name": name, "data": data, "recognition": recognition}
    made = connection.execute(insert(table).values(**values, created=time.time()).returning(table.c.id))
    return int(made.scalar_one())


def get(gallery: GalleryStore, kind: Kind, word: str) -> Container:
    """The one of this name. Raises FaceApiError where there is none."""
    with gallery.read() as connection:
        return find(connection, kind, word)


def find(connection: Connection, kind: Kind, word: str) -> Container:
    """As `get`, within a transaction."""
    table = schema.containers
    row = connection.execute(select(table).where(table.c.kind == kind.path, table.c.word == word)).first()
    if row is None:
        raise kind.missing(word)
    return _container(row, kind)


def listed(gallery: GalleryStore, kind: Kind, start: str, top: int) -> list[Container]:
    """Up to `top` of them by name, those after `start`."""
    table = schema.containers
    asked = select(table).where(table.c.kind == kind.path, table.c.word > start).order_by(table.c.word).limit(top)
    with gallery.read() as connection:
        return [_container(row, kind) for row in connection.execute(asked)]


def change(gallery: GalleryStore, kind: Kind, word: str, name: str | None, data: str | None) -> None:
    """Give it another name, other data, or both; None: as it was."""
    with gallery.write("face api") as connection:
        rename(connection, find(connection, kind, word).id, name, data)


def rename(connection: Connection, number: int, name: str | None, data: str | None) -> None:
    """As `change`, within a transaction."""
    values = {key: value for key, value in (("name", name), ("data", data)) if value is not None}
    if values:
        connection.execute(update(schema.containers).where(schema.containers.c.id == number).values(**values))


def remove(gallery: GalleryStore, kind: Kind, word: str) -> None:
    """Take it away with its people and faces; of a dynamic group only who belonged to it."""
    with gallery.write("face api") as connection:
        discard(connection, kind, word)


def discard(connection: Connection, kind: Kind, word: str) -> None:
    """As `remove`, within a transaction."""
    connection.execute(delete(schema.containers).where(schema.containers.c.id == find(connection, kind, word).id))


def train(gallery: GalleryStore, kind: Kind, word: str) -> None:
    """From now on every face that is in it answers. There is nothing to learn, so it is done at once."""
    table, faces = schema.containers, schema.container_faces
    with gallery.write("face api") as connection:
        found = find(connection, kind, word)
        last = connection.execute(select(func.max(faces.c.id)).where(faces.c.container == found.id)).scalar()
        values = {"trained": time.time(), "trained_to": int(last or 0)}
        connection.execute(update(table).where(table.c.id == found.id).values(**values))


def _container(row: Row[Any], kind: Kind) -> Container:
    return Container(
        int(row.id),
        kind,
        row.word,
        row.name,
        row.data,
        row.recognition or "",
        row.created,
        row.trained,
        int(row.trained_to or 0),
    )
