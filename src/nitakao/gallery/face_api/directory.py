"""The person directory: people, dynamic groups, and records of finished operations."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from nitakao.errors import FaceApiError
from nitakao.gallery import schema
from nitakao.gallery.face_api import containers, faces, people
from nitakao.gallery.face_api.faces import FaceLocation
from nitakao.gallery.face_api.kinds import DYNAMIC
from nitakao.gallery.faces import chunks
from nitakao.gallery.store import GalleryStore
from nitakao.values import Floats

OPERATION_SECONDS = 48 * 3600.0  # seconds that an operation is stored, as in the Face API


def create_person(gallery: GalleryStore, name: str, data: str | None) -> tuple[str, str]:
    """Create a person; returns the ids of person and operation."""
    with gallery.write("face api") as connection:
        return people.add(connection, None, name, data), _record_operation(connection)


def remove_person(gallery: GalleryStore, person: str) -> str:
    """Delete a person with all their faces; returns the id of the operation."""
    with gallery.write("face api") as connection:
        people.discard(connection, None, person)
        return _record_operation(connection)


def add_face(gallery: GalleryStore, location: FaceLocation, vector: Floats, data: str | None) -> tuple[str, str]:
    """Add a face; returns the ids of face and operation."""
    with gallery.write("face api") as connection:
        return faces.insert_in(connection, location, vector, data), _record_operation(connection)


def remove_face(gallery: GalleryStore, location: FaceLocation, face: str) -> str:
    """Delete a face; returns the id of the operation."""
    with gallery.write("face api") as connection:
        faces.discard(connection, location, face)
        return _record_operation(connection)


def create_group(
    gallery: GalleryStore, container_id: str, name: str, data: str | None, join: Sequence[str]
) -> str | None:
    """Create a dynamic group; returns the id of the operation that adds people, None without people."""
    with gallery.write("face api") as connection:
        _add_members(connection, containers.add(connection, DYNAMIC, container_id, name, data, None), join)
        return _record_operation(connection) if join else None


def change_group(
    gallery: GalleryStore,
    container_id: str,
    name: str | None,
    data: str | None,
    join: Sequence[str],
    leave: Sequence[str],
) -> str | None:
    """Change a dynamic group; returns the id of the operation, None if its members stay the same."""
    with gallery.write("face api") as connection:
        group = containers.find(connection, DYNAMIC, container_id).row_id
        containers.rename(connection, group, name, data)
        _add_members(connection, group, join)
        table = schema.group_members
        for piece in chunks(people.row_ids(connection, leave)):
            connection.execute(delete(table).where(table.c.container == group, table.c.person.in_(piece)))
        return _record_operation(connection) if join or leave else None


def remove_group(gallery: GalleryStore, container_id: str) -> str:
    """Delete a dynamic group, but not its people; returns the id of the operation."""
    with gallery.write("face api") as connection:
        containers.discard(connection, DYNAMIC, container_id)
        return _record_operation(connection)


def _add_members(connection: Connection, group: int, join: Sequence[str]) -> None:
    table = schema.group_members
    new = set(people.row_ids(connection, join))
    present = set(connection.execute(select(table.c.person).where(table.c.container == group)).scalars())
    rows = [{"container": group, "person": person} for person in sorted(new - present)]
    if rows:
        connection.execute(insert(table), rows)


def members(gallery: GalleryStore, container_id: str, start: str, top: int) -> list[str]:
    """Ids of up to `top` people of a dynamic group after `start`, ordered."""
    table, people_table = schema.group_members, schema.container_people
    with gallery.read() as connection:
        group = containers.find(connection, DYNAMIC, container_id).row_id
        query = select(people_table.c.uuid).join(table, table.c.person == people_table.c.id)
        query = (
            query.where(table.c.container == group, people_table.c.uuid > start)
            .order_by(people_table.c.uuid)
            .limit(top)
        )
        return list(connection.execute(query).scalars())


def groups_of(gallery: GalleryStore, person: str, start: str, top: int) -> list[str]:
    """Ids of up to `top` dynamic groups of a person after `start`, ordered."""
    table, groups = schema.group_members, schema.containers
    with gallery.read() as connection:
        row_id = people.find(connection, None, person)
        query = select(groups.c.word).join(table, table.c.container == groups.c.id)
        query = query.where(table.c.person == row_id, groups.c.word > start).order_by(groups.c.word).limit(top)
        return list(connection.execute(query).scalars())


def operation(gallery: GalleryStore, operation_id: str) -> float:
    """When an operation finished, in seconds since 1970. Raises FaceApiError if the id is unknown."""
    table = schema.operations
    fresh = table.c.created > time.time() - OPERATION_SECONDS
    with gallery.read() as connection:
        created = connection.execute(select(table.c.created).where(table.c.uuid == operation_id, fresh)).scalar()
    if created is None:
        raise FaceApiError(404, "OperationNotFound", f"Operation '{operation_id}' is not found.")
    return float(created)


def _record_operation(connection: Connection) -> str:
    table, now = schema.operations, time.time()
    operation_id = str(uuid.uuid4())
    connection.execute(delete(table).where(table.c.created <= now - OPERATION_SECONDS))
    connection.execute(insert(table).values(uuid=operation_id, created=now))
    return operation_id
