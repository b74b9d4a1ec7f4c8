"""Who is who: persons made, named, hidden, and faces given to them, each step journalled so that it can be undone."""

from __future__ import annotations

import getpass
import os
import time
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, distinct, func, insert, select, update

from nitakao.errors import GalleryError, MisuseError
from nitakao.gallery import schema
from nitakao.gallery.faces import in_pieces
from nitakao.gallery.gallery import Gallery
from nitakao.values import Person

LONGEST_NAME = 500  # characters


class Edit:
    """Changes to persons that belong together: one entry of the journal, taken back as one.

    connection: for reading within the same transaction.
    """

    def __init__(self, connection: Connection, entry: int) -> None:
        self.connection = connection
        self.entry = entry

    def create(self, name: str | None = None, *, number: int | None = None) -> int:
        """The number of a new person. Raises MisuseError for a name that cannot be one, GalleryError if it is taken."""
        values: dict[str, Any] = {"name": self._free(name), "hidden": False, "created": time.time()}
        if number is not None:
            values["id"] = number
        made = self.connection.execute(insert(schema.people).values(values).returning(schema.people.c.id)).scalar_one()
        self._note(person=made, field="exists", before=None, after="yes")
        if values["name"]:
            self._note(person=made, field="name", before=None, after=values["name"])
        return int(made)

    def assign(self, faces: Sequence[int], person: int | None, how: str | None) -> None:
        """Give faces to a person, or with None to nobody.  how: 'hand', 'label', 'group'; None with nobody."""
        table = schema.faces
        for piece in in_pieces(faces):
            before = self.connection.execute(
                select(table.c.id, table.c.person, table.c.assigned).where(table.c.id.in_(piece))
            ).all()
            moved = [row for row in before if (row.person, row.assigned) != (person, how)]
            for row in moved:
                self._note(
                    face=row.id, field="person", before=_told(row.person, row.assigned), after=_told(person, how)
                )
            self.connection.execute(
                update(table).where(table.c.id.in_([row.id for row in moved])).values(person=person, assigned=how)
            )

    def rename(self, person: int, name: str | None) -> None:
        before = self.connection.execute(select(schema.people.c.name).where(schema.people.c.id == person)).scalar()
        name = self._free(name, but=person)
        if before != name:
            self._set(person, "name", name)
            self._note(person=person, field="name", before=before, after=name)

    def hide(self, person: int, hidden: bool) -> None:
        table = schema.people
        before = self.connection.execute(select(table.c.hidden).where(table.c.id == person)).scalar_one()
        if before != hidden:
            self._set(person, "hidden", hidden)
            self._note(person=person, field="hidden", before=_word(before), after=_word(hidden))

    def drop(self, person: int) -> None:
        """Remove a person who has no faces any more."""
        self.rename(person, None)
        self.hide(person, False)
        self.connection.execute(schema.people.delete().where(schema.people.c.id == person))
        self._note(person=person, field="exists", before="yes", after=None)

    def _set(self, person: int, field: str, value: Any) -> None:
        self.connection.execute(update(schema.people).where(schema.people.c.id == person).values({field: value}))

    def _free(self, name: str | None, but: int | None = None) -> str | None:
        if name is None:
            return None
        name = clean_name(name)
        taken = self.connection.execute(select(schema.people.c.id).where(schema.people.c.name == name)).scalar()
        if taken is not None and taken != but:
            raise GalleryError(f"there is a person '{name}' already: merge the two, or choose another name")
        return name

    def _note(self, **change: Any) -> None:
        self.connection.execute(insert(schema.changes).values(entry=self.entry, **change))


def _told(person: int | None, how: str | None) -> str | None:
    return None if person is None else f"{person} {how}"


def _word(flag: bool) -> str:
    return "yes" if flag else "no"


@contextmanager
def edit(gallery: Gallery, verb: str, connection: Connection | None = None) -> Iterator[Edit]:
    """An Edit whose changes are kept when the block ends, as one entry of the journal, or none where it raises.

    connection: a write transaction that it shall be part of; else it is one of its own.
    """
    if connection is None:
        with gallery.write(verb) as own, edit(gallery, verb, own) as made:
            yield made
        return
    entry = connection.execute(
        insert(schema.journal).values(at=time.time(), who=who(), verb=verb).returning(schema.journal.c.id)
    ).scalar_one()
    yield Edit(connection, int(entry))
    count = connection.execute(select(func.count()).where(schema.changes.c.entry == entry)).scalar_one()
    if not count:
        connection.execute(schema.journal.delete().where(schema.journal.c.id == entry))


def who() -> str:
    """Who works here, for the journal: NITAKAO_USER, or the system's name for the user."""
    try:
        return os.environ.get("NITAKAO_USER") or getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container may have users without names
        return "unknown"


def clean_name(name: str) -> str:
    """A person's name as it is kept: composed (NFC), no blanks around it. Raises MisuseError where it cannot be one."""
    cleaned = unicodedata.normalize("NFC", name).strip()
    if not cleaned:
        raise MisuseError("a person's name has at least one letter")
    if len(cleaned) > LONGEST_NAME:
        raise MisuseError(f"a person's name has up to {LONGEST_NAME} characters, not {len(cleaned)}")
    if cleaned.startswith("#") and cleaned[1:].isdecimal():
        raise MisuseError(f"'{cleaned}' means a person's number: choose another name")
    if "\x00" in cleaned or any("\ud800" <= c <= "\udfff" for c in cleaned):
        raise MisuseError("a person's name is text, without NUL or half characters")
    return cleaned


def people(gallery: Gallery, *, hidden: bool = True) -> list[Person]:
    """Everybody in the gallery, those with most faces first."""
    with gallery.read() as connection:
        return list(_people(connection, hidden))


def _people(connection: Connection, hidden: bool) -> Iterable[Person]:
    table, faces = schema.people, schema.faces
    counted = (
        select(table.c.id, table.c.name, table.c.hidden, func.count(faces.c.id), func.count(distinct(faces.c.photo)))
        .outerjoin(faces, faces.c.person == table.c.id)
        .group_by(table.c.id, table.c.name, table.c.hidden)
        .order_by(func.count(faces.c.id).desc(), table.c.id)
    )
    best = _covers(connection)
    for id_, name, is_hidden, count, photos in connection.execute(counted):
        if hidden or not is_hidden:
            yield Person(int(id_), name or "", int(count), int(photos), bool(is_hidden), best.get(id_))


def _covers(connection: Connection) -> dict[int, int]:
    """For each person the face with the best quality."""
    faces = schema.faces
    ranked = select(
        faces.c.person,
        faces.c.id,
        func.row_number()
        .over(partition_by=faces.c.person, order_by=(func.coalesce(faces.c.quality, 0).desc(), faces.c.id))
        .label("place"),
    ).where(faces.c.person.is_not(None))
    inner = ranked.subquery()
    found = connection.execute(select(inner.c.person, inner.c.id).where(inner.c.place == 1))
    return {int(person): int(face) for person, face in found}


def person_number(gallery: Gallery, named: str | int, connection: Connection | None = None) -> int:
    """The number of the person who is meant: '#12', 12, or a name. Raises MisuseError where there is none such."""
    if connection is None:
        with gallery.read() as own:
            return person_number(gallery, named, own)
    table = schema.people
    if isinstance(named, int) or (named.startswith("#") and named[1:].isdecimal()):
        number = int(str(named).lstrip("#"))
        found = connection.execute(select(table.c.id).where(table.c.id == number)).scalar()
    else:
        found = connection.execute(select(table.c.id).where(table.c.name == clean_name(named))).scalar()
    if found is None:
        raise MisuseError(
            f"nobody is called '{named}' in gallery '{gallery.where}': 'nitakao people' lists who is there"
        )
    return int(found)
