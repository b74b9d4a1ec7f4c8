"""People of groups and of the directory."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from nitakao.errors import FaceApiError
from nitakao.gallery import schema
from nitakao.gallery.face_api import containers
from nitakao.gallery.face_api.kinds import DIRECTORY, Kind, quota_exceeded
from nitakao.gallery.faces import CHUNK
from nitakao.gallery.store import GalleryStore

ContainerRef: TypeAlias = "tuple[Kind, str] | None"  # the person's group; None for the directory


@dataclass(frozen=True)
class PersonRecord:
    """A person. `faces`: ids of their faces in the order added; empty in the directory."""

    uuid: str
    name: str
    data: str | None
    faces: tuple[str, ...] = ()


def create(gallery: GalleryStore, group: ContainerRef, name: str, data: str | None) -> str:
    """Create a person; returns the id. Raises FaceApiError if the group is unknown or full."""
    with gallery.write("face api") as connection:
        return add(connection, group, name, data)


def add(connection: Connection, group: ContainerRef, name: str, data: str | None) -> str:
    """Like `create`, within a transaction."""
    table = schema.container_people
    container, limit = container_row_id(connection, group), DIRECTORY if group is None else group[0].people
    count = select(func.count()).select_from(table).where(table.c.container == container)
    if connection.execute(count).scalar_one() >= limit:
        raise quota_exceeded("The directory" if group is None else f"{group[0].title} '{group[1]}'", limit)
    person_id = str(uuid.uuid4())
    connection.execute(insert(table).values(uuid=person_id, container=container, name=name, data=data))
    return person_id


def container_row_id(connection: Connection, group: ContainerRef) -> int | None:
    """Row id of the group; None for the directory."""
    return None if group is None else containers.find(connection, *group).row_id


def find(connection: Connection, group: ContainerRef, person: str) -> int:
    """Row id of a person. Raises FaceApiError if the group or the person is unknown."""
    table = schema.container_people
    within = table.c.container == container_row_id(connection, group)
    found = connection.execute(select(table.c.id).where(table.c.uuid == person, within)).scalar()
    if found is None:
        raise missing(person)
    return int(found)


def missing(person: str) -> FaceApiError:
    """The error for an unknown person."""
    return FaceApiError(404, "PersonNotFound", f"Person '{person}' is not found.")


def get(gallery: GalleryStore, group: ContainerRef, person: str) -> PersonRecord:
    """The person with this id."""
    with gallery.read() as connection:
        return _read(connection, group, schema.container_people.c.id == find(connection, group, person))[0]


def listed(gallery: GalleryStore, group: ContainerRef, start: str, top: int) -> list[PersonRecord]:
    """Up to `top` people after `start`, ordered by id."""
    table = schema.container_people
    with gallery.read() as connection:
        within = table.c.container == container_row_id(connection, group)
        return _read(connection, group, within & (table.c.uuid > start), top)


def _read(
    connection: Connection, group: ContainerRef, condition: ColumnElement[bool], top: int = 1
) -> list[PersonRecord]:
    table = schema.container_people
    rows = connection.execute(select(table).where(condition).order_by(table.c.uuid).limit(top)).all()
    faces = {} if group is None else _faces(connection, [row.id for row in rows])
    return [PersonRecord(row.uuid, row.name, row.data, tuple(faces.get(row.id, ()))) for row in rows]


def _faces(connection: Connection, people: Sequence[int]) -> dict[int, list[str]]:
    table = schema.container_faces
    found: dict[int, list[str]] = {}
    for start in range(0, len(people), CHUNK):
        query = select(table.c.person, table.c.uuid).where(table.c.person.in_(people[start : start + CHUNK]))
        for person, face in connection.execute(query.order_by(table.c.id)):
            found.setdefault(person, []).append(face)
    return found


def change(gallery: GalleryStore, group: ContainerRef, person: str, name: str | None, data: str | None) -> None:
    """Change the name or the user data; None leaves them unchanged."""
    values: dict[str, Any] = {key: value for key, value in (("name", name), ("data", data)) if value is not None}
    with gallery.write("face api") as connection:
        row_id = find(connection, group, person)
        if values:
            table = schema.container_people
            connection.execute(update(table).where(table.c.id == row_id).values(**values))


def remove(gallery: GalleryStore, group: ContainerRef, person: str) -> None:
    """Delete a person with all their faces."""
    with gallery.write("face api") as connection:
        discard(connection, group, person)


def discard(connection: Connection, group: ContainerRef, person: str) -> None:
    """Like `remove`, within a transaction."""
    table = schema.container_people
    connection.execute(delete(table).where(table.c.id == find(connection, group, person)))


def row_ids(connection: Connection, people: Sequence[str]) -> list[int]:
    """Row ids of people of the directory, in order. Raises FaceApiError if one is unknown."""
    table = schema.container_people
    found: dict[str, int] = {}
    for start in range(0, len(people), CHUNK):
        query = select(table.c.uuid, table.c.id).where(table.c.uuid.in_(people[start : start + CHUNK]))
        found.update({row.uuid: int(row.id) for row in connection.execute(query.where(table.c.container.is_(None)))})
    for person in people:
        if person not in found:
            raise missing(person)
    return [found[person] for person in people]
