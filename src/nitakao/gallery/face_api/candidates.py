"""Faces to compare with, as arrays; those of lists and groups are cached in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Select, func, select

from nitakao.gallery import schema
from nitakao.gallery.face_api import containers, people
from nitakao.gallery.face_api.containers import Container
from nitakao.gallery.face_api.kinds import DYNAMIC, Kind
from nitakao.gallery.store import GalleryStore
from nitakao.values import Floats

Stamp: TypeAlias = tuple[int, int]  # count and largest id: ids only grow, so any change shows
MEMORY = 256 * 1024 * 1024  # bytes of cached vectors


@dataclass(frozen=True, eq=False)
class Faces:
    """Faces, ordered by person.

    Attributes:
        uuids: Ids of the faces.
        vectors: (n, D) float32.
        people: Ids of the p people with faces; empty for a face list.
        first: Row of each person's first face, (p,).
    """

    uuids: tuple[str, ...]
    vectors: Floats
    people: tuple[str, ...]
    first: NDArray[np.int64]


class FaceCache:
    """LRU cache of the faces of lists and groups. Thread-safe."""

    def __init__(self, memory: int = MEMORY) -> None:
        self.memory = memory
        self._entries: OrderedDict[tuple[int, int | None], tuple[Stamp, Faces]] = OrderedDict()
        self._lock = threading.Lock()
        self._cleared = 0  # number of calls of `clear`

    def of(self, gallery: GalleryStore, container: Container) -> Faces:
        """The searchable faces of a list or group."""
        cleared = self._cleared
        with gallery.read() as connection:
            last = container.last_searchable
            stamp = _stamp(connection, container.row_id, last)
            key = container.row_id, last
            with self._lock:
                entry = self._entries.get(key)
                if entry is not None and entry[0] == stamp:
                    self._entries.move_to_end(key)
                    return entry[1]
            found = _read(connection, _of_container(container.row_id, last), gallery.dimension)
        self._store(key, stamp, found, cleared)
        return found

    def __len__(self) -> int:
        """Number of cached lists and groups."""
        return len(self._entries)

    def clear(self) -> None:
        """Empty the cache, because something was deleted."""
        with self._lock:
            self._entries.clear()
            self._cleared += 1

    def _store(self, key: tuple[int, int | None], stamp: Stamp, found: Faces, cleared: int) -> None:
        with self._lock:
            if cleared != self._cleared:
                return  # something of it may have been deleted since it was read
            for other in [other for other in self._entries if other[0] == key[0]]:  # as it was before
                del self._entries[other]
            self._entries[key] = stamp, found
            while sum(faces.vectors.nbytes for _, faces in self._entries.values()) > self.memory:
                self._entries.popitem(last=False)


def _stamp(connection: Connection, container: int, last: int | None) -> Stamp:
    table = schema.container_faces
    query = select(func.count(), func.max(table.c.id)).where(_is_searchable(container, last))
    count, newest = connection.execute(query).one()
    return int(count), int(newest or 0)


def _is_searchable(container: int, last: int | None) -> ColumnElement[bool]:
    table = schema.container_faces
    within = table.c.container == container
    return within if last is None else within & (table.c.id <= last)


def _of_container(container: int, last: int | None) -> Select[Any]:
    return _faces().where(_is_searchable(container, last))


def of_person(gallery: GalleryStore, kind: Kind, container_id: str, person: str) -> Container:
    """The group of a person. Raises FaceApiError if the person is not in it."""
    with gallery.read() as connection:
        found = containers.find(connection, kind, container_id)
        people.find(connection, (kind, container_id), person)
    return found


def of_directory(gallery: GalleryStore, persons: Sequence[str] | None, recognition: str) -> Faces:
    """Faces of people of the directory (None for all) with one recognition model."""
    table, people_table = schema.container_faces, schema.container_people
    query = _faces().where(table.c.container.is_(None), table.c.recognition == recognition)
    with gallery.read() as connection:
        if persons is not None:
            query = query.where(people_table.c.id.in_(people.row_ids(connection, persons)))
        return _read(connection, query, gallery.dimension)


def of_dynamic(gallery: GalleryStore, container_id: str, recognition: str) -> Faces:
    """Faces of all people in a dynamic group with one recognition model."""
    table, members = schema.container_faces, schema.group_members
    with gallery.read() as connection:
        group = containers.find(connection, DYNAMIC, container_id).row_id
        query = _faces().join(members, members.c.person == table.c.person)
        query = query.where(members.c.container == group, table.c.recognition == recognition)
        return _read(connection, query, gallery.dimension)


def _faces() -> Select[Any]:
    """Query for id, person id and vector of each face, ordered by person."""
    table, people_table = schema.container_faces, schema.container_people
    query = select(table.c.uuid, people_table.c.uuid.label("person"), table.c.vector)
    return query.select_from(table.outerjoin(people_table, people_table.c.id == table.c.person)).order_by(
        table.c.person, table.c.id
    )


def _read(connection: Connection, query: Select[Any], dimension: int) -> Faces:
    rows = connection.execute(query).all()
    vectors = np.asarray([row.vector for row in rows], np.float32).reshape(len(rows), dimension)
    persons = [row.person for row in rows]
    first = [n for n, person in enumerate(persons) if person is not None and (n == 0 or persons[n - 1] != person)]
    uuids = tuple(row.uuid for row in rows)
    return Faces(uuids, vectors, tuple(persons[n] for n in first), np.array(first, np.int64))
