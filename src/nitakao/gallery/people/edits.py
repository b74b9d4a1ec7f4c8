"""The primitive changes to persons and their faces, each recorded in the journal so that it can be undone."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from nitakao.errors import GalleryError
from nitakao.gallery import schema
from nitakao.gallery.faces import chunks
from nitakao.gallery.people.persons import clean_name
from nitakao.gallery.store import GalleryStore

BUFFER = 5000  # changes in memory before they are written

Assignment: TypeAlias = "tuple[int | None, str | None]"  # a face's person, and how it was assigned
Mark: TypeAlias = "tuple[int, int]"  # a face and a person


class Edit:
    """Changes that form one entry of the journal and are undone together.

    Attributes:
        connection: The write transaction, for reading.
        entry: The entry's id.
        count: Changes so far.
    """

    def __init__(self, connection: Connection, entry: int) -> None:
        self.connection = connection
        self.entry = entry
        self.count = 0
        self._changes: list[dict[str, Any]] = []

    def create(self, name: str | None = None) -> int:
        """Create a person.

        Returns:
            The person's id.

        Raises:
            MisuseError: If the name is invalid.
            GalleryError: If another person has this name.
        """
        name = self._available(name)
        (person,) = self.create_unnamed(1)
        self.rename(person, name)
        return person

    def create_unnamed(self, count: int) -> list[int]:
        """Create `count` persons without names; their ids."""
        table, now = schema.people, time.time()
        if not count:
            return []
        rows = [{"name": None, "hidden": False, "created": now}] * count
        ids = sorted(int(n) for n in self.connection.execute(insert(table).returning(table.c.id), rows).scalars())
        for number in ids:
            self.record("exists", person=number, after=repr(now))
        return ids

    def recreate(self, created: Mapping[int, float]) -> None:
        """Create persons again with their former ids and times of creation, without names."""
        if not created:
            return
        rows = [{"id": n, "name": None, "hidden": False, "created": at} for n, at in created.items()]
        self.connection.execute(insert(schema.people), rows)
        for number, at in created.items():
            self.record("exists", person=number, after=repr(at))

    def assign(self, faces: Sequence[int], person: int | None, how: str | None) -> None:
        """Assign faces to a person, or unassign them with None.

        An assignment by hand removes the faces from review, and an earlier "not this person".

        Args:
            faces: Their ids.
            person: The person's id.
            how: 'hand', 'label' or 'group'; None with None.
        """
        self.assign_each(dict.fromkeys(faces, (person, how)))
        if person is not None and how == "hand":
            self.set_marks("review", dict.fromkeys(self.marks("review", faces=faces)))
            self.set_marks("never", dict.fromkeys((int(face), person) for face in faces))

    def assign_each(self, assignments: Mapping[int, Assignment]) -> None:
        """Assign each face to its person, and change no marks; fast for a hundred thousand faces too."""
        table = schema.faces
        change = update(table).where(table.c.id == bindparam("face"))
        change = change.values(person=bindparam("to"), assigned=bindparam("how"))
        for chunk in chunks(assignments):
            query = select(table.c.id, table.c.person, table.c.assigned).where(table.c.id.in_(chunk))
            moved = [row for row in self.connection.execute(query).all() if (row[1], row[2]) != assignments[row[0]]]
            for face, *before in moved:
                self.record(
                    "person", face=face, before=encode_assignment(*before), after=encode_assignment(*assignments[face])
                )
            if moved:
                rows = [{"face": row[0], "to": assignments[row[0]][0], "how": assignments[row[0]][1]} for row in moved]
                self.connection.execute(change, rows)

    def rename(self, person: int, name: str | None) -> None:
        """Set or remove a person's name. Raises GalleryError if another person has it."""
        table = schema.people
        before = self.connection.execute(select(table.c.name).where(table.c.id == person)).scalar_one()
        name = self._available(name, person)
        if before != name:
            self.connection.execute(update(table).where(table.c.id == person).values(name=name))
            self.record("name", person=person, before=before, after=name)

    def hide(self, person: int, hidden: bool) -> None:
        """Hide or unhide a person."""
        table = schema.people
        before = self.connection.execute(select(table.c.hidden).where(table.c.id == person)).scalar_one()
        if before != hidden:
            self.connection.execute(update(table).where(table.c.id == person).values(hidden=hidden))
            self.record("hidden", person=person, before=_yes_no(before), after=_yes_no(hidden))

    def drop(self, *persons: int) -> None:
        """Delete persons; their faces become unassigned."""
        table, faces = schema.people, schema.faces
        for chunk in chunks(persons):
            left = self.connection.execute(select(faces.c.id).where(faces.c.person.in_(chunk))).scalars().all()
            self.assign_each(dict.fromkeys(left, (None, None)))
            for field in ("review", "never"):
                self.set_marks(field, dict.fromkeys(self.marks(field, persons=chunk)))
            for row in self.connection.execute(select(table).where(table.c.id.in_(chunk))).all():
                if row.name is not None:
                    self.record("name", person=row.id, before=row.name)
                if row.hidden:
                    self.record("hidden", person=row.id, before=_yes_no(True), after=_yes_no(False))
                self.record("exists", person=row.id, before=repr(row.created))
            self.connection.execute(delete(table).where(table.c.id.in_(chunk)))

    def drop_empty(self, persons: Iterable[int]) -> list[int]:
        """Delete those of these persons who have neither a name nor a face; their ids."""
        table, faces = schema.people, schema.faces
        empty: list[int] = []
        for chunk in chunks(set(persons)):
            query = select(table.c.id).where(table.c.id.in_(chunk), table.c.name.is_(None))
            query = query.where(~select(faces.c.id).where(faces.c.person == table.c.id).exists())
            empty.extend(self.connection.execute(query).scalars())
        self.drop(*empty)
        return empty

    def marks(
        self, field: str, *, faces: Iterable[int] | None = None, persons: Iterable[int] | None = None
    ) -> dict[Mark, str]:
        """The marks of these faces or persons: 'review' with the distance as text, or 'never' with 'yes'."""
        table = _MARKS[field]
        column, numbers = (table.c.face, faces) if persons is None else (table.c.person, persons)
        marks = {}
        for chunk in chunks(numbers or ()):
            for row in self.connection.execute(select(table).where(column.in_(chunk))):
                marks[int(row.face), int(row.person)] = repr(row.distance) if field == "review" else "yes"
        return marks

    def set_marks(self, field: str, marks: Mapping[Mark, str | None]) -> None:
        """Set marks, or remove them with None; see `marks`."""
        table = _MARKS[field]
        before = self.marks(field, faces={face for face, _ in marks})
        for (face, person), text in marks.items():
            old = before.get((face, person))
            if old == text:
                continue
            if old is not None:
                self.connection.execute(delete(table).where(table.c.face == face, table.c.person == person))
            if text is not None:
                values = {"distance": float(text)} if field == "review" else {}
                self.connection.execute(insert(table).values(face=face, person=person, **values))
            self.record(field, face=face, person=person, before=old, after=text)

    def record(
        self,
        field: str,
        *,
        face: int | None = None,
        person: int | None = None,
        before: str | None = None,
        after: str | None = None,
    ) -> None:
        """Add a change to the journal; see `schema.changes`."""
        self.count += 1
        self._changes.append(
            {"entry": self.entry, "field": field, "face": face, "person": person, "before": before, "after": after}
        )
        if len(self._changes) >= BUFFER:
            self.flush()

    def flush(self) -> None:
        """Write the buffered changes."""
        if self._changes:
            self.connection.execute(insert(schema.changes), self._changes)
            self._changes = []

    def _available(self, name: str | None, person: int | None = None) -> str | None:
        """The cleaned name, unless a person other than `person` has it."""
        if name is None:
            return None
        name = clean_name(name)
        owner = self.connection.execute(select(schema.people.c.id).where(schema.people.c.name == name)).scalar()
        if owner is not None and owner != person:
            raise GalleryError(
                f"person #{owner} is already called '{name}': merge the two with 'nitakao people merge', "
                "or choose another name",
                code="name-taken",
                name=name,
                person=int(owner),
            )
        return name


_MARKS = {"review": schema.reviews, "never": schema.never}


def encode_assignment(person: int | None, how: str | None) -> str | None:
    """An assignment as the journal stores it: '12 hand'; None for unassigned."""
    return None if person is None else f"{person} {how}"


def decode_assignment(text: str | None) -> Assignment:
    """The inverse of `encode_assignment`."""
    if text is None:
        return None, None
    person, _, how = text.partition(" ")
    return int(person), how


def _yes_no(flag: bool) -> str:
    return "yes" if flag else "no"


@contextmanager
def begin_edit(gallery: GalleryStore, verb: str, connection: Connection | None = None) -> Iterator[Edit]:
    """An Edit that is committed as one entry of the journal when the block ends, and rolled back if it raises.

    Args:
        gallery: The gallery.
        verb: What the entry is called in the journal.
        connection: A write transaction to join; None: a new one.
    """
    if connection is None:
        with gallery.write(verb) as own, begin_edit(gallery, verb, own) as edit:
            yield edit
        return
    entry = connection.execute(
        insert(schema.journal).values(at=time.time(), who=current_user(), verb=verb).returning(schema.journal.c.id)
    ).scalar_one()
    edit = Edit(connection, int(entry))
    yield edit
    edit.flush()
    if not edit.count:
        connection.execute(delete(schema.journal).where(schema.journal.c.id == entry))


ACTING_USER: ContextVar[str] = ContextVar("acting", default="")  # whose request a server is handling


def current_user() -> str:
    """The user for the journal: the server's client, else NITAKAO_USER, else the system's user name."""
    if user := ACTING_USER.get():
        return user
    try:
        return os.environ.get("NITAKAO_USER") or getpass.getuser()
    except (KeyError, OSError, ImportError):  # users in containers may have no name
        return "unknown"
