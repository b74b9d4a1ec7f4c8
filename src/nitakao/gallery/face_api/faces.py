"""Faces that stay: in lists, of persons in groups, of persons in the directory."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update

from nitakao.errors import FaceApiError
from nitakao.gallery import schema
from nitakao.gallery.face_api import containers, people
from nitakao.gallery.face_api.kinds import FACES_EACH, Kind, full
from nitakao.gallery.face_api.people import Home
from nitakao.gallery.store import GalleryStore
from nitakao.values import Floats


@dataclass(frozen=True)
class Spot:
    """Where faces are put.

    home: a list, a group, or None for the directory.  person: whose they are; '' in a list.  recognition: which of the
    directory's faces are meant; '': as the list or group has it.
    """

    home: Home
    person: str = ""
    recognition: str = ""


@dataclass(frozen=True)
class Persisted:
    """A stored face. `data`: the client's user data."""

    uuid: str
    data: str | None


Placed: TypeAlias = "tuple[int | None, int | None, str]"  # row ids of container and person; recognition model


def check(gallery: GalleryStore, spot: Spot) -> None:
    """Raise FaceApiError if the owner does not exist or is full."""
    with gallery.read() as connection:
        _check_room(connection, spot, _placed(connection, spot))


def add(gallery: GalleryStore, spot: Spot, vector: Floats, data: str | None) -> str:
    """Add a face; returns its id."""
    with gallery.write("face api") as connection:
        return insert_in(connection, spot, vector, data)


def insert_in(connection: Connection, spot: Spot, vector: Floats, data: str | None) -> str:
    """Like `add`, within a transaction."""
    placed = container, person, recognition = _placed(connection, spot)
    _check_room(connection, spot, placed)
    made = str(uuid.uuid4())
    values = {"uuid": made, "container": container, "person": person, "recognition": recognition}
    connection.execute(insert(schema.container_faces).values(**values, data=data, vector=vector))
    return made


def get(gallery: GalleryStore, spot: Spot, face: str) -> Persisted:
    """The face with this id."""
    with gallery.read() as connection:
        return _persisted(connection, _which(connection, spot, face), face)


def listed(gallery: GalleryStore, spot: Spot, start: str = "", top: int | None = None) -> list[Persisted]:
    """Up to `top` faces after `start`, ordered by id; None for all."""
    table = schema.container_faces
    with gallery.read() as connection:
        asked = select(table.c.uuid, table.c.data).where(_within(_placed(connection, spot)), table.c.uuid > start)
        rows = connection.execute(asked.order_by(table.c.uuid).limit(top)).all()
    return [Persisted(row.uuid, row.data) for row in rows]


def change(gallery: GalleryStore, spot: Spot, face: str, data: str | None) -> None:
    """Change the face's user data; None leaves it unchanged."""
    table = schema.container_faces
    with gallery.write("face api") as connection:
        which = _which(connection, spot, face)
        _persisted(connection, which, face)
        if data is not None:
            connection.execute(update(table).where(which).values(data=data))


def remove(gallery: GalleryStore, spot: Spot, face: str) -> None:
    """Delete a face; it is no longer searchable."""
    with gallery.write("face api") as connection:
        discard(connection, spot, face)


def discard(connection: Connection, spot: Spot, face: str) -> None:
    """Like `remove`, within a transaction."""
    which = _which(connection, spot, face)
    _persisted(connection, which, face)
    connection.execute(delete(schema.container_faces).where(which))


def _placed(connection: Connection, spot: Spot) -> Placed:
    if spot.home is None:
        return None, people.find(connection, None, spot.person), spot.recognition
    container = containers.find(connection, *spot.home)
    person = people.find(connection, spot.home, spot.person) if spot.person else None
    return container.id, person, container.recognition


def _within(placed: Placed) -> ColumnElement[bool]:
    container, person, recognition = placed
    table = schema.container_faces
    if person is None:
        return table.c.container == container
    return and_(table.c.person == person, table.c.recognition == recognition)


def _which(connection: Connection, spot: Spot, face: str) -> ColumnElement[bool]:
    return and_(_within(_placed(connection, spot)), schema.container_faces.c.uuid == face)


def _persisted(connection: Connection, which: ColumnElement[bool], face: str) -> Persisted:
    table = schema.container_faces
    row = connection.execute(select(table.c.uuid, table.c.data).where(which)).first()
    if row is None:
        raise FaceApiError(404, "PersistedFaceNotFound", f"Persisted face '{face}' is not found.")
    return Persisted(row.uuid, row.data)


def _check_room(connection: Connection, spot: Spot, placed: Placed) -> None:
    what, most = _room(spot)
    count = select(func.count()).select_from(schema.container_faces).where(_within(placed))
    if connection.execute(count).scalar_one() >= most:
        raise full(what, most)


def _room(spot: Spot) -> tuple[str, int]:
    if spot.person:
        return f"Person '{spot.person}'", FACES_EACH
    assert spot.home is not None
    kind: Kind = spot.home[0]
    return f"{kind.title} '{spot.home[1]}'", kind.faces
