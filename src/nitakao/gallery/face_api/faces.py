"""Persisted faces: of face lists, and of people in groups or the directory."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update

from nitakao.errors import FaceApiError
from nitakao.gallery import schema
from nitakao.gallery.face_api import containers, people
from nitakao.gallery.face_api.kinds import MAX_FACES_PER_PERSON, Kind, quota_exceeded
from nitakao.gallery.face_api.people import ContainerRef
from nitakao.gallery.store import GalleryStore
from nitakao.values import Floats


@dataclass(frozen=True)
class FaceLocation:
    """Where faces are stored.

    Attributes:
        container: The face list or group; None for the directory.
        person: Id of the person; empty for a face list.
        recognition: Recognition model in the directory; empty for a container, which has its own.
    """

    container: ContainerRef
    person: str = ""
    recognition: str = ""


@dataclass(frozen=True)
class PersistedFace:
    """A stored face. `data`: the client's user data."""

    uuid: str
    data: str | None


ResolvedLocation: TypeAlias = "tuple[int | None, int | None, str]"  # row ids of container and person; recognition model


def check(gallery: GalleryStore, location: FaceLocation) -> None:
    """Raise FaceApiError if the owner does not exist or is full."""
    with gallery.read() as connection:
        _check_quota(connection, location, _resolve(connection, location))


def add(gallery: GalleryStore, location: FaceLocation, vector: Floats, data: str | None) -> str:
    """Add a face; returns its id."""
    with gallery.write("face api") as connection:
        return insert_in(connection, location, vector, data)


def insert_in(connection: Connection, location: FaceLocation, vector: Floats, data: str | None) -> str:
    """Like `add`, within a transaction."""
    resolved = container, person, recognition = _resolve(connection, location)
    _check_quota(connection, location, resolved)
    face_id = str(uuid.uuid4())
    values = {"uuid": face_id, "container": container, "person": person, "recognition": recognition}
    connection.execute(insert(schema.container_faces).values(**values, data=data, vector=vector))
    return face_id


def get(gallery: GalleryStore, location: FaceLocation, face: str) -> PersistedFace:
    """The face with this id."""
    with gallery.read() as connection:
        return _read_face(connection, _condition(connection, location, face), face)


def listed(
    gallery: GalleryStore, location: FaceLocation, start: str = "", top: int | None = None
) -> list[PersistedFace]:
    """Up to `top` faces after `start`, ordered by id; None for all."""
    table = schema.container_faces
    with gallery.read() as connection:
        query = select(table.c.uuid, table.c.data).where(_within(_resolve(connection, location)), table.c.uuid > start)
        rows = connection.execute(query.order_by(table.c.uuid).limit(top)).all()
    return [PersistedFace(row.uuid, row.data) for row in rows]


def change(gallery: GalleryStore, location: FaceLocation, face: str, data: str | None) -> None:
    """Change the face's user data; None leaves it unchanged."""
    table = schema.container_faces
    with gallery.write("face api") as connection:
        condition = _condition(connection, location, face)
        _read_face(connection, condition, face)
        if data is not None:
            connection.execute(update(table).where(condition).values(data=data))


def remove(gallery: GalleryStore, location: FaceLocation, face: str) -> None:
    """Delete a face; it is no longer searchable."""
    with gallery.write("face api") as connection:
        discard(connection, location, face)


def discard(connection: Connection, location: FaceLocation, face: str) -> None:
    """Like `remove`, within a transaction."""
    condition = _condition(connection, location, face)
    _read_face(connection, condition, face)
    connection.execute(delete(schema.container_faces).where(condition))


def _resolve(connection: Connection, location: FaceLocation) -> ResolvedLocation:
    if location.container is None:
        return None, people.find(connection, None, location.person), location.recognition
    container = containers.find(connection, *location.container)
    person = people.find(connection, location.container, location.person) if location.person else None
    return container.row_id, person, container.recognition


def _within(resolved: ResolvedLocation) -> ColumnElement[bool]:
    container, person, recognition = resolved
    table = schema.container_faces
    if person is None:
        return table.c.container == container
    return and_(table.c.person == person, table.c.recognition == recognition)


def _condition(connection: Connection, location: FaceLocation, face: str) -> ColumnElement[bool]:
    return and_(_within(_resolve(connection, location)), schema.container_faces.c.uuid == face)


def _read_face(connection: Connection, condition: ColumnElement[bool], face: str) -> PersistedFace:
    table = schema.container_faces
    row = connection.execute(select(table.c.uuid, table.c.data).where(condition)).first()
    if row is None:
        raise FaceApiError(404, "PersistedFaceNotFound", f"Persisted face '{face}' is not found.")
    return PersistedFace(row.uuid, row.data)


def _check_quota(connection: Connection, location: FaceLocation, resolved: ResolvedLocation) -> None:
    owner, limit = _quota(location)
    count = select(func.count()).select_from(schema.container_faces).where(_within(resolved))
    if connection.execute(count).scalar_one() >= limit:
        raise quota_exceeded(owner, limit)


def _quota(location: FaceLocation) -> tuple[str, int]:
    if location.person:
        return f"Person '{location.person}'", MAX_FACES_PER_PERSON
    assert location.container is not None
    kind: Kind = location.container[0]
    return f"{kind.title} '{location.container[1]}'", kind.faces
