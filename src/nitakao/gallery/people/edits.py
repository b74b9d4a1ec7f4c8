"""The steps that change persons and their names, each journalled so that it can be taken back."""

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

NOTES = 5000  # changes that are held before they are written

Belongs: TypeAlias = "tuple[int | None, str | None]"  # a person, and how it was found
Pair: TypeAlias = "tuple[int, int]"  # a face and a person


class Edit:
    """Changes to persons that belong together: one entry of the journal, taken back as one.

    connection: for reading within the same transaction.  entry: its number in the journal.
    """

    def __init__(self, connection: Connection, entry: int) -> None:
        self.connection = connection
        self.entry = entry
        self.count = 0  # changes so far
        self._notes: list[dict[str, Any]] = []

    def create(self, name: str | None = None) -> int:
        """The number of a new person. Raises MisuseError for a name that cannot be one, GalleryError if it is taken."""
        named = self._free(name)
        (made,) = self.create_groups(1)
        self.rename(made, named)
        return made

    def create_groups(self, count: int) -> list[int]:
        """The numbers of `count` new persons without names."""
        table, now = schema.people, time.time()
        if not count:
            return []
        rows = [{"name": None, "hidden": False, "created": now}] * count
        made = sorted(int(n) for n in self.connection.execute(insert(table).returning(table.c.id), rows).scalars())
        for number in made:
            self.note("exists", person=number, after=repr(now))
        return made

    def recreate(self, created: Mapping[int, float]) -> None:
        """Bring back persons under the numbers that they had, without names; created: when each was made."""
        if not created:
            return
        rows = [{"id": n, "name": None, "hidden": False, "created": at} for n, at in created.items()]
        self.connection.execute(insert(schema.people), rows)
        for number, at in created.items():
            self.note("exists", person=number, after=repr(at))

    def assign(self, faces: Sequence[int], person: int | None, how: str | None) -> None:
        """Give faces to a person, or with None to nobody.  how: 'hand', 'label', 'group'; None with nobody.

        What a hand does settles doubts: suggestions for these faces go, and an earlier 'never this person' too.
        """
        self.assign_each(dict.fromkeys(faces, (person, how)))
        if person is not None and how == "hand":
            self.put("review", dict.fromkeys(self.pairs("review", faces=faces)))
            self.put("never", dict.fromkeys((int(face), person) for face in faces))

    def assign_each(self, given: Mapping[int, Belongs]) -> None:
        """Give each face to its own person, and nothing else; quick also for a hundred thousand."""
        table = schema.faces
        change = update(table).where(table.c.id == bindparam("face"))
        change = change.values(person=bindparam("to"), assigned=bindparam("how"))
        for piece in chunks(given):
            asked = select(table.c.id, table.c.person, table.c.assigned).where(table.c.id.in_(piece))
            moved = [row for row in self.connection.execute(asked).all() if (row[1], row[2]) != given[row[0]]]
            for face, *before in moved:
                self.note("person", face=face, before=told(*before), after=told(*given[face]))
            if moved:
                rows = [{"face": row[0], "to": given[row[0]][0], "how": given[row[0]][1]} for row in moved]
                self.connection.execute(change, rows)

    def rename(self, person: int, name: str | None) -> None:
        table = schema.people
        before = self.connection.execute(select(table.c.name).where(table.c.id == person)).scalar_one()
        name = self._free(name, but=person)
        if before != name:
            self.connection.execute(update(table).where(table.c.id == person).values(name=name))
            self.note("name", person=person, before=before, after=name)

    def hide(self, person: int, hidden: bool) -> None:
        table = schema.people
        before = self.connection.execute(select(table.c.hidden).where(table.c.id == person)).scalar_one()
        if before != hidden:
            self.connection.execute(update(table).where(table.c.id == person).values(hidden=hidden))
            self.note("hidden", person=person, before=_word(before), after=_word(hidden))

    def drop(self, *persons: int) -> None:
        """Remove persons; faces that they still have belong to nobody then."""
        table, faces = schema.people, schema.faces
        for piece in chunks(persons):
            left = self.connection.execute(select(faces.c.id).where(faces.c.person.in_(piece))).scalars().all()
            self.assign_each(dict.fromkeys(left, (None, None)))
            for field in ("review", "never"):
                self.put(field, dict.fromkeys(self.pairs(field, persons=piece)))
            for row in self.connection.execute(select(table).where(table.c.id.in_(piece))).all():
                if row.name is not None:
                    self.note("name", person=row.id, before=row.name)
                if row.hidden:
                    self.note("hidden", person=row.id, before=_word(True), after=_word(False))
                self.note("exists", person=row.id, before=repr(row.created))
            self.connection.execute(delete(table).where(table.c.id.in_(piece)))

    def sweep(self, persons: Iterable[int]) -> list[int]:
        """Drops those of these persons who have neither a name nor a face left, and gives their numbers."""
        table, faces = schema.people, schema.faces
        empty: list[int] = []
        for piece in chunks(set(persons)):
            asked = select(table.c.id).where(table.c.id.in_(piece), table.c.name.is_(None))
            asked = asked.where(~select(faces.c.id).where(faces.c.person == table.c.id).exists())
            empty.extend(self.connection.execute(asked).scalars())
        self.drop(*empty)
        return empty

    def pairs(
        self, field: str, *, faces: Iterable[int] | None = None, persons: Iterable[int] | None = None
    ) -> dict[Pair, str]:
        """The marks on these faces or persons.  field: 'review', with the distance as text, or 'never'."""
        table = _MARKS[field]
        column, numbers = (table.c.face, faces) if persons is None else (table.c.person, persons)
        found = {}
        for piece in chunks(numbers or ()):
            for row in self.connection.execute(select(table).where(column.in_(piece))):
                found[int(row.face), int(row.person)] = repr(row.distance) if field == "review" else "yes"
        return found

    def put(self, field: str, wanted: Mapping[Pair, str | None]) -> None:
        """Set marks to what is wanted, None for none.  field, text: as `pairs` gives them."""
        table = _MARKS[field]
        before = self.pairs(field, faces={face for face, _ in wanted})
        for (face, person), text in wanted.items():
            was = before.get((face, person))
            if was == text:
                continue
            if was is not None:
                self.connection.execute(delete(table).where(table.c.face == face, table.c.person == person))
            if text is not None:
                more = {"distance": float(text)} if field == "review" else {}
                self.connection.execute(insert(table).values(face=face, person=person, **more))
            self.note(field, face=face, person=person, before=was, after=text)

    def note(
        self,
        field: str,
        *,
        face: int | None = None,
        person: int | None = None,
        before: str | None = None,
        after: str | None = None,
    ) -> None:
        """Keep in the journal what changed; see `schema.changes`."""
        self.count += 1
        self._notes.append(
            {"entry": self.entry, "field": field, "face": face, "person": person, "before": before, "after": after}
        )
        if len(self._notes) >= NOTES:
            self.flush()

    def flush(self) -> None:
        """Write the changes that are held."""
        if self._notes:
            self.connection.execute(insert(schema.changes), self._notes)
            self._notes = []

    def _free(self, name: str | None, but: int | None = None) -> str | None:
        if name is None:
            return None
        name = clean_name(name)
        taken = self.connection.execute(select(schema.people.c.id).where(schema.people.c.name == name)).scalar()
        if taken is not None and taken != but:
            raise GalleryError(
                f"there is a person '{name}' already, #{taken}: make the two one with 'nitakao people merge', "
                "or choose another name",
                code="name-taken",
                name=name,
                person=int(taken),
            )
        return name


_MARKS = {"review": schema.reviews, "never": schema.never}


def told(person: int | None, how: str | None) -> str | None:
    """A face's person as the journal keeps it: '12 hand', None for nobody."""
    return None if person is None else f"{person} {how}"


def untold(text: str | None) -> Belongs:
    """The person and how it was found, of what `told` gave."""
    if text is None:
        return None, None
    person, _, how = text.partition(" ")
    return int(person), how


def _word(flag: bool) -> str:
    return "yes" if flag else "no"


@contextmanager
def edit(gallery: GalleryStore, verb: str, connection: Connection | None = None) -> Iterator[Edit]:
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
    made = Edit(connection, int(entry))
    yield made
    made.flush()
    if not made.count:
        connection.execute(delete(schema.journal).where(schema.journal.c.id == entry))


ACTING: ContextVar[str] = ContextVar("acting", default="")  # in whose name a server works just now


def who() -> str:
    """Who works here, for the journal: whoever asked a server, NITAKAO_USER, or the system's name for the user."""
    if acting := ACTING.get():
        return acting
    try:
        return os.environ.get("NITAKAO_USER") or getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container may have users without names
        return "unknown"
