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
from nitakao.gallery.face_api.kinds import DIRECTORY, Kind, full
from nitakao.gallery.faces import CHUNK
from nitakao.gallery.store import GalleryStore

Home: TypeAlias = "tuple[Kind, str] | None"  # the person's group; None for the directory


@dataclass(frozen=True)
class Known:
    """Somebody.  faces: the ids of the faces, in the order in which they came; in the directory none are listed."""

    uuid: str
    name: str
    data: str | None
    faces: tuple[str, ...] = ()


def create(gallery: GalleryStore, home: Home, name: str, data: str | None) -> str:
    """Create a person; returns the id. Raises FaceApiError if the group is unknown or full."""
    with gallery.write("face api") as connection:
        return add(connection, home, name, data)


def add(connection: Connection, home: Home, name: str, data: str | None) -> str:
    """Like `create`, within a transaction."""
    table = schema.container_people
    where, most = lodging(connection, home), DIRECTORY if home is None else home[0].people
    count = select(func.count()).select_from(table).where(table.c.container == where)
    if connection.execute(count).scalar_one() >= most:
        raise full("The directory" if home is None else f"{home[0].title} '{home[1]}'", most)
    made = str(uuid.uuid4())
    connection.execute(insert(table).values(uuid=made, container=where, name=name, data=data))
    return made


def lodging(connection: Connection, home: Home) -> int | None:
    """Row id of the group; None for the directory."""
    return None if home is None else containers.find(connection, *home).id


def find(connection: Connection, home: Home, person: str) -> int:
    """Row id of a person. Raises FaceApiError if the group or the person is unknown."""
    table = schema.container_people
    within = table.c.container == lodging(connection, home)
    found = connection.execute(select(table.c.id).where(table.c.uuid == person, within)).scalar()
    if found is None:
        raise missing(person)
    return int(found)


def missing(person: str) -> FaceApiError:
    """The error for an unknown person."""
    return FaceApiError(404, "PersonNotFound", f"Person '{person}' is not found.")


def get(gallery: GalleryStore, home: Home, person: str) -> Known:
    """The person with this id."""
    with gallery.read() as connection:
        return _known(connection, home, schema.container_people.c.id == find(connection, home, person))[0]


def listed(gallery: GalleryStore, home: Home, start: str, top: int) -> list[Known]:
    """Up to `top` people after `start`, ordered by id."""
    table = schema.container_people
    with gallery.read() as connection:
        within = table.c.container == lodging(connection, home)
        return _known(connection, home, within & (table.c.uuid > start), top)


def _known(connection: Connection, home: Home, which: ColumnElement[bool], top: int = 1) -> list[Known]:
    table = schema.container_people
    rows = connection.execute(select(table).where(which).order_by(table.c.uuid).limit(top)).all()
    faces = {} if home is None else _faces(connection, [row.id for row in rows])
    return [Known(row.uuid, row.name, row.data, tuple(faces.get(row.id, ()))) for row in rows]


def _faces(connection: Connection, people: Sequence[int]) -> dict[int, list[str]]:
    table = schema.container_faces
    found: dict[int, list[str]] = {}
    for start in range(0, len(people), CHUNK):
        asked = select(table.c.person, table.c.uuid).where(table.c.person.in_(people[start : start + CHUNK]))
        for person, face in connection.execute(asked.order_by(table.c.id)):
            found.setdefault(person, []).append(face)
    return found


def change(gallery: GalleryStore, home: Home, person: str, name: str | None, data: str | None) -> None:
    """Change the name or the user data; None leaves them unchanged."""
    values: dict[str, Any] = {key: value for key, value in (("name", name), ("data", data)) if value is not None}
    with gallery.write("face api") as connection:
        number = find(connection, home, person)
        if values:
            table = schema.container_people
            connection.execute(update(table).where(table.c.id == number).values(**values))


def remove(gallery: GalleryStore, home: Home, person: str) -> None:
    """Delete a person with all their faces."""
    with gallery.write("face api") as connection:
        discard(connection, home, person)


def discard(connection: Connection, home: Home, person: str) -> None:
    """Like `remove`, within a transaction."""
    table = schema.container_people
    connection.execute(delete(table).where(table.c.id == find(connection, home, person)))


def numbers(connection: Connection, people: Sequence[str]) -> list[int]:
    """Row ids of people of the directory, in order. Raises FaceApiError if one is unknown."""
    table = schema.container_people
    found: dict[str, int] = {}
    for start in range(0, len(people), CHUNK):
        asked = select(table.c.uuid, table.c.id).where(table.c.uuid.in_(people[start : start + CHUNK]))
        found.update({row.uuid: int(row.id) for row in connection.execute(asked.where(table.c.container.is_(None)))})
    for person in people:
        if person not in found:
            raise missing(person)
    return [found[person] for person in people]
