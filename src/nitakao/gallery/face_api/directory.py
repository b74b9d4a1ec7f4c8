"""The person directory: people, dynamic groups, and records of finished operations."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from nitakao.errors import FaceApiError
from nitakao.gallery import schema
from nitakao.gallery.face_api import containers, faces, people
from nitakao.gallery.face_api.faces import Spot
from nitakao.gallery.face_api.kinds import DYNAMIC
from nitakao.gallery.faces import chunks
from nitakao.gallery.store import GalleryStore
from nitakao.values import Floats

TOLD = 48 * 3600.0  # seconds that an operation can be asked about; the Face API's


def create_person(gallery: GalleryStore, name: str, data: str | None) -> tuple[str, str]:
    """Create a person; returns the ids of person and operation."""
    with gallery.write("face api") as connection:
        return people.add(connection, None, name, data), _done(connection)


def remove_person(gallery: GalleryStore, person: str) -> str:
    """Delete a person with all their faces; returns the id of the operation."""
    with gallery.write("face api") as connection:
        people.discard(connection, None, person)
        return _done(connection)


def add_face(gallery: GalleryStore, spot: Spot, vector: Floats, data: str | None) -> tuple[str, str]:
    """Add a face; returns the ids of face and operation."""
    with gallery.write("face api") as connection:
        return faces.insert_in(connection, spot, vector, data), _done(connection)


def remove_face(gallery: GalleryStore, spot: Spot, face: str) -> str:
    """Delete a face; returns the id of the operation."""
    with gallery.write("face api") as connection:
        faces.discard(connection, spot, face)
        return _done(connection)


def create_group(gallery: GalleryStore, word: str, name: str, data: str | None, join: Sequence[str]) -> str | None:
    """Create a dynamic group; returns the id of the operation that adds people, None without people."""
    with gallery.write("face api") as connection:
        _bring(connection, containers.add(connection, DYNAMIC, word, name, data, None), join)
        return _done(connection) if join else None


def change_group(
    gallery: GalleryStore, word: str, name: str | None, data: str | None, join: Sequence[str], leave: Sequence[str]
) -> str | None:
    """Change a dynamic group; returns the id of the operation, None if its members stay the same."""
    with gallery.write("face api") as connection:
        group = containers.find(connection, DYNAMIC, word).id
        containers.rename(connection, group, name, data)
        _bring(connection, group, join)
        table = schema.group_members
        for piece in chunks(people.numbers(connection, leave)):
            connection.execute(delete(table).where(table.c.container == group, table.c.person.in_(piece)))
        return _done(connection) if join or leave else None


def remove_group(gallery: GalleryStore, word: str) -> str:
    """Delete a dynamic group, but not its people; returns the id of the operation."""
    with gallery.write("face api") as connection:
        containers.discard(connection, DYNAMIC, word)
        return _done(connection)


def _bring(connection: Connection, group: int, join: Sequence[str]) -> None:
    table = schema.group_members
    wanted = set(people.numbers(connection, join))
    there = set(connection.execute(select(table.c.person).where(table.c.container == group)).scalars())
    rows = [{"container": group, "person": person} for person in sorted(wanted - there)]
    if rows:
        connection.execute(insert(table), rows)


def members(gallery: GalleryStore, word: str, start: str, top: int) -> list[str]:
    """The ids of up to `top` persons of a dynamic group, those after `start`."""
    table, known = schema.group_members, schema.container_people
    with gallery.read() as connection:
        group = containers.find(connection, DYNAMIC, word).id
        asked = select(known.c.uuid).join(table, table.c.person == known.c.id)
        asked = asked.where(table.c.container == group, known.c.uuid > start).order_by(known.c.uuid).limit(top)
        return list(connection.execute(asked).scalars())


def groups_of(gallery: GalleryStore, person: str, start: str, top: int) -> list[str]:
    """The names of up to `top` dynamic groups that a person belongs to, those after `start`."""
    table, groups = schema.group_members, schema.containers
    with gallery.read() as connection:
        number = people.find(connection, None, person)
        asked = select(groups.c.word).join(table, table.c.container == groups.c.id)
        asked = asked.where(table.c.person == number, groups.c.word > start).order_by(groups.c.word).limit(top)
        return list(connection.execute(asked).scalars())


def operation(gallery: GalleryStore, asked: str) -> float:
    """When an operation was done, seconds since 1970. Raises FaceApiError where none is known of this id."""
    table = schema.operations
    fresh = table.c.created > time.time() - TOLD
    with gallery.read() as connection:
        found = connection.execute(select(table.c.created).where(table.c.uuid == asked, fresh)).scalar()
    if found is None:
        raise FaceApiError(404, "OperationNotFound", f"Operation '{asked}' is not found.")
    return float(found)


def _done(connection: Connection) -> str:
    table, now = schema.operations, time.time()
    made = str(uuid.uuid4())
    connection.execute(delete(table).where(table.c.created <= now - TOLD))
    connection.execute(insert(table).values(uuid=made, created=now))
    return made
