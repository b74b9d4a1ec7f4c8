"""Assigns names imported from side-car files or vectors files to faces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

from sqlalchemy import Connection, Row, select

from nitakao.gallery import schema
from nitakao.gallery.faces import CHUNK, chunks
from nitakao.gallery.people import Edit, begin_edit
from nitakao.gallery.store import GalleryStore

NamingStatus: TypeAlias = Literal["named", "already", "other"]


def assign_names(gallery: GalleryStore, names: Mapping[int, str], *, dry_run: bool = False) -> dict[int, NamingStatus]:
    """Assign faces to the persons of these names, as one entry of the journal; creates persons as needed.

    Only faces that are unassigned, or assigned by clustering, are assigned. Rejected persons stay rejected.

    Args:
        gallery: The gallery.
        names: Names by face id, cleaned by `people.clean_name`.
        dry_run: Only report what would be done.

    Returns:
        By face id: 'named', 'already' if the face has this name, 'other' if it stays with another person. Faces that
        do not exist are left out.
    """
    if dry_run:
        with gallery.read() as connection:
            return _statuses(connection, names)
    with begin_edit(gallery, "import") as edit:
        statuses = _statuses(edit.connection, names)
        _assign(edit, {face: names[face] for face, status in statuses.items() if status == "named"})
        return statuses


def _statuses(connection: Connection, names: Mapping[int, str]) -> dict[int, NamingStatus]:
    persons = _persons(connection, names.values())
    statuses: dict[int, NamingStatus] = {}
    for chunk in chunks(names):
        rejected = _rejected(connection, chunk)
        for row in _assignments(connection, chunk):
            name = names[row.id]
            free = row.person is None or row.assigned == "group"
            if row.name == name:
                statuses[row.id] = "already"
            else:
                statuses[row.id] = "named" if free and (row.id, persons.get(name)) not in rejected else "other"
    return statuses


def _assign(edit: Edit, names: Mapping[int, str]) -> None:
    persons = _persons(edit.connection, names.values())
    for name in sorted(set(names.values()) - persons.keys()):
        persons[name] = edit.create(name)
    edit.assign_each({face: (persons[name], "label") for face, name in names.items()})


def _assignments(connection: Connection, faces: list[int]) -> list[Row[Any]]:
    table, people = schema.faces, schema.people
    query = select(table.c.id, table.c.person, table.c.assigned, people.c.name)
    return list(connection.execute(query.outerjoin(people, people.c.id == table.c.person).where(table.c.id.in_(faces))))


def _rejected(connection: Connection, faces: list[int]) -> set[tuple[int, int | None]]:
    table = schema.never
    return {(row.face, row.person) for row in connection.execute(select(table).where(table.c.face.in_(faces)))}


def _persons(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """The ids of the persons with these names, by name."""
    table, ordered = schema.people, sorted(set(names))
    persons: dict[str, int] = {}
    for start in range(0, len(ordered), CHUNK):
        query = select(table.c.name, table.c.id).where(table.c.name.in_(ordered[start : start + CHUNK]))
        persons.update({row.name: row.id for row in connection.execute(query)})
    return persons
