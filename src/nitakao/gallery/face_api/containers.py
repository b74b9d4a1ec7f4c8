"""Face lists and person groups."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from nitakao.errors import FaceApiError
from nitakao.gallery import schema
from nitakao.gallery.face_api.kinds import Kind, quota_exceeded
from nitakao.gallery.store import GalleryStore


@dataclass(frozen=True)
class Container:
    """A face list or person group.

    Attributes:
        container_id: Its id in URLs, chosen by the client.
        data: The client's user data.
        recognition: Recognition model of its faces, as in 'recognition_04'; empty for a dynamic group.
        created: Seconds since 1970.
        trained: Seconds since 1970; None if it was never trained.
        trained_to: Row id of the last searchable face.
    """

    row_id: int
    kind: Kind
    container_id: str
    name: str
    data: str | None
    recognition: str
    created: float
    trained: float | None
    trained_to: int

    @property
    def last_searchable(self) -> int | None:
        """Row id of the last searchable face; None if all are."""
        return self.trained_to if self.kind.trained else None


def create(
    gallery: GalleryStore, kind: Kind, container_id: str, name: str, data: str | None, recognition: str | None
) -> None:
    """Create an empty container. Raises FaceApiError if the id is taken or the limit is reached."""
    with gallery.write("face api") as connection:
        add(connection, kind, container_id, name, data, recognition)


def add(
    connection: Connection, kind: Kind, container_id: str, name: str, data: str | None, recognition: str | None
) -> int:
    """Like `create`, within a transaction; returns the row id."""
    table = schema.containers
    of_kind = select(func.count()).select_from(table).where(table.c.kind == kind.path)
    if connection.execute(of_kind.where(table.c.word == container_id)).scalar_one():
        raise FaceApiError(409, f"{kind.title}Exists", f"{kind.title} '{container_id}' already exists.")
    if connection.execute(of_kind).scalar_one() >= kind.limit:
        raise quota_exceeded("The subscription", kind.limit)
    values = {"kind": kind.path, "word": container_id, "name": name, "data": data, "recognition": recognition}
    row_id = connection.execute(insert(table).values(**values, created=time.time()).returning(table.c.id))
    return int(row_id.scalar_one())


def get(gallery: GalleryStore, kind: Kind, container_id: str) -> Container:
    """The container with this id. Raises FaceApiError if there is none."""
    with gallery.read() as connection:
        return find(connection, kind, container_id)


def find(connection: Connection, kind: Kind, container_id: str) -> Container:
    """Like `get`, within a transaction."""
    table = schema.containers
    row = connection.execute(select(table).where(table.c.kind == kind.path, table.c.word == container_id)).first()
    if row is None:
        raise kind.missing(container_id)
    return _container(row, kind)


def listed(gallery: GalleryStore, kind: Kind, start: str, top: int) -> list[Container]:
    """Up to `top` containers after `start`, ordered by id."""
    table = schema.containers
    query = select(table).where(table.c.kind == kind.path, table.c.word > start).order_by(table.c.word).limit(top)
    with gallery.read() as connection:
        return [_container(row, kind) for row in connection.execute(query)]


def change(gallery: GalleryStore, kind: Kind, container_id: str, name: str | None, data: str | None) -> None:
    """Change the name or the user data; None leaves them unchanged."""
    with gallery.write("face api") as connection:
        rename(connection, find(connection, kind, container_id).row_id, name, data)


def rename(connection: Connection, row_id: int, name: str | None, data: str | None) -> None:
    """Like `change`, within a transaction."""
    values = {key: value for key, value in (("name", name), ("data", data)) if value is not None}
    if values:
        connection.execute(update(schema.containers).where(schema.containers.c.id == row_id).values(**values))


def remove(gallery: GalleryStore, kind: Kind, container_id: str) -> None:
    """Delete a container with its people and faces; a dynamic group loses only its members."""
    with gallery.write("face api") as connection:
        discard(connection, kind, container_id)


def discard(connection: Connection, kind: Kind, container_id: str) -> None:
    """Like `remove`, within a transaction."""
    connection.execute(
        delete(schema.containers).where(schema.containers.c.id == find(connection, kind, container_id).row_id)
    )


def train(gallery: GalleryStore, kind: Kind, container_id: str) -> None:
    """Make all its faces searchable. Nothing is learned, so this takes effect at once."""
    table, faces = schema.containers, schema.container_faces
    with gallery.write("face api") as connection:
        found = find(connection, kind, container_id)
        last = connection.execute(select(func.max(faces.c.id)).where(faces.c.container == found.row_id)).scalar()
        values = {"trained": time.time(), "trained_to": int(last or 0)}
        connection.execute(update(table).where(table.c.id == found.row_id).values(**values))


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
