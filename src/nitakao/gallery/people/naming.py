"""Names that come from outside given to faces: from side-cars and from files of vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

from sqlalchemy import Connection, Row, select

from nitakao.gallery import schema
from nitakao.gallery.faces import chunks
from nitakao.gallery.people import Edit, edit
from nitakao.gallery.store import GalleryStore

Given: TypeAlias = Literal["named", "already", "other"]


def give_names(gallery: GalleryStore, wanted: Mapping[int, str], *, dry_run: bool = False) -> dict[int, Given]:
    """What became of each face: named now, so already, or somebody else's and left so.  wanted: names by face.

    A face is free where it is nobody's, or where only grouping said whose; what a hand or a label has said stays, and
    so does a hand's 'never this person'.  Persons are made as needed; it is one entry of the journal.  Faces that are
    not there are left out.  wanted: as `people.clean_name` gives them.
    """
    if dry_run:
        with gallery.read() as connection:
            return _sorted(connection, wanted)
    with edit(gallery, "import") as made:
        given = _sorted(made.connection, wanted)
        _give(made, {face: wanted[face] for face, what in given.items() if what == "named"})
        return given


def _sorted(connection: Connection, wanted: Mapping[int, str]) -> dict[int, Given]:
    numbers = _numbers(connection, wanted.values())
    given: dict[int, Given] = {}
    for piece in chunks(wanted):
        never = _never(connection, piece)
        for row in _owners(connection, piece):
            name = wanted[row.id]
            free = row.person is None or row.assigned == "group"
            if row.name == name:
                given[row.id] = "already"
            else:
                given[row.id] = "named" if free and (row.id, numbers.get(name)) not in never else "other"
    return given


def _give(made: Edit, names: Mapping[int, str]) -> None:
    numbers = _numbers(made.connection, names.values())
    for name in sorted(set(names.values()) - numbers.keys()):
        numbers[name] = made.create(name)
    made.assign_each({face: (numbers[name], "label") for face, name in names.items()})


def _owners(connection: Connection, faces: list[int]) -> list[Row[Any]]:
    table, people = schema.faces, schema.people
    asked = select(table.c.id, table.c.person, table.c.assigned, people.c.name)
    return list(connection.execute(asked.outerjoin(people, people.c.id == table.c.person).where(table.c.id.in_(faces))))


def _never(connection: Connection, faces: list[int]) -> set[tuple[int, int | None]]:
    table = schema.never
    return {(row.face, row.person) for row in connection.execute(select(table).where(table.c.face.in_(faces)))}


def _numbers(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """The persons of these names, as far as there are any."""
    table, listed = schema.people, sorted(set(names))
    found: dict[str, int] = {}
    for start in range(0, len(listed), 500):
        asked = select(table.c.name, table.c.id).where(table.c.name.in_(listed[start : start + 500]))
        found.update({row.name: row.id for row in connection.execute(asked)})
    return found
