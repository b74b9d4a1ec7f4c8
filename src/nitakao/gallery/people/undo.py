"""Taking back what was done, exactly.

Undoing is journalled like anything else, so it can be undone in its turn. It refuses where a later entry changed the
same faces or persons, as then there is no state to go back to: the later one is undone first.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, select, update

from nitakao.errors import GalleryError, MisuseError
from nitakao.gallery import schema
from nitakao.gallery.faces import chunks
from nitakao.gallery.people import Belongs, Edit, Pair, edit, untold
from nitakao.gallery.store import GalleryStore

UNDO = "undo"  # the verb under which the journal has it


@dataclass(frozen=True)
class Undone:
    """What was taken back.  entry, verb: as the journal has it.  by: the entry that undoing made, itself undoable."""

    entry: int
    verb: str
    by: int


def undo(gallery: GalleryStore, entry: int | None = None) -> Undone:
    """Take back one entry of the journal: the one given, else the last that stands.

    An entry that undid another may be given, too: the other then stands again.
    Raises MisuseError for an entry that is not there, GalleryError where it cannot be taken back.
    """
    with edit(gallery, UNDO) as made:
        row = _meant(made.connection, entry)
        later = _later(made.connection, row.id)
        if later:
            listed = ", then ".join(f"{number} ({verb})" for number, verb in sorted(later.items(), reverse=True)[:5])
            raise GalleryError(
                f"entry {row.id} ({row.verb}) was built upon since: first undo {listed}",
                code="undo-blocked",
                entry=int(row.id),
                first=max(later),
            )
        _reverse(made, row)
        return Undone(int(row.id), str(row.verb), made.entry)


def _meant(connection: Connection, entry: int | None) -> Row[Any]:
    table = schema.journal
    if entry is None:
        asked = select(table).where(_stands()).order_by(table.c.id.desc()).limit(1)
        if (found := connection.execute(asked).first()) is None:
            raise MisuseError("there is nothing to undo", code="nothing-to-undo")
        return found
    found = connection.execute(select(table).where(table.c.id == entry)).first()
    if found is None:
        raise MisuseError(
            f"there is no entry {entry}: 'nitakao people journal' lists what was done",
            code="unknown-entry",
            entry=entry,
        )
    if found.undone is not None:
        raise MisuseError(
            f"entry {entry} is undone already: 'nitakao people journal' names the entry that undid it",
            code="already-undone",
            entry=entry,
        )
    return found


def _stands() -> ColumnElement[bool]:
    """An entry that was not taken back, and is not itself a taking back: those two leave nothing between them."""
    return and_(schema.journal.c.undone.is_(None), schema.journal.c.verb != UNDO)


def _later(connection: Connection, entry: int) -> dict[int, str]:
    """The entries after this one, and their verbs, that changed what it changed."""
    journal, now, then = schema.journal, schema.changes.alias("now"), schema.changes.alias("then")
    same = (
        and_(now.c.field == "person", then.c.face == now.c.face),
        and_(now.c.face.is_(None), then.c.person == now.c.person),
        and_(now.c.face.is_not(None), then.c.face == now.c.face, then.c.person == now.c.person),
    )
    found: dict[int, str] = {}
    for condition in same:
        asked = select(journal.c.id, journal.c.verb).distinct().select_from(now)
        asked = asked.join(then, and_(condition, then.c.field == now.c.field, then.c.entry > entry))
        asked = asked.join(journal, journal.c.id == then.c.entry).where(now.c.entry == entry, _stands())
        found.update((int(number), verb) for number, verb in connection.execute(asked))
    return found | _later_with(connection, entry)


def _later_with(connection: Connection, entry: int) -> dict[int, str]:
    """The entries after this one that need a person whom it made, removed one whom it needs, or used a name of its."""
    journal, changes = schema.journal, schema.changes
    kind = (changes.c.entry, changes.c.field, changes.c.person, changes.c.before, changes.c.after, journal.c.verb)
    asked = select(*kind).distinct().join(journal, journal.c.id == changes.c.entry)
    own = connection.execute(asked.where(changes.c.entry == entry)).all()
    ends = {row.person for row in own if row.field == "exists"}
    needs = {person for row in own for person in _persons(row)}
    names = {name for row in own for name in _names(row)}
    found = {}
    for row in connection.execute(asked.where(changes.c.entry > entry, _stands())):
        gone = row.field == "exists" and row.person in needs
        if gone or _persons(row) & ends or _names(row) & names:
            found[int(row.entry)] = str(row.verb)
    return found


def _persons(change: Any) -> set[int]:
    """Whom a change speaks of."""
    if change.field == "person":
        return {person for person, _ in (untold(change.before), untold(change.after)) if person is not None}
    return {change.person} - {None}


def _names(change: Any) -> set[str]:
    """The names that a change gave or took: nobody else may have them meanwhile."""
    return {change.before, change.after} - {None} if change.field == "name" else set()


def _reverse(made: Edit, entry: Row[Any]) -> None:
    """Go back over the entry's changes, last first."""
    table = schema.changes
    changes = made.connection.execute(select(table).where(table.c.entry == entry.id).order_by(table.c.id.desc())).all()
    faces = _belonging(made.connection, {c.face for c in changes if c.face is not None})
    changes = [c for c in changes if c.face is None or c.face in faces]  # what left the gallery is passed over
    _check(made, entry, changes, faces)
    for field, run in groupby(changes, lambda change: change.field):
        rows = list(run)
        if field == "person":
            made.assign_each({row.face: untold(row.before) for row in rows})
        elif field == "exists":
            made.recreate({row.person: float(row.before) for row in rows if row.before is not None})
            made.drop(*(row.person for row in rows if row.before is None))
        elif field in ("review", "never"):
            made.put(field, {(row.face, row.person): row.before for row in rows})
        else:
            for row in rows:
                _one_back(made, row)
    _mark(made, int(entry.id), stands=False)


def _one_back(made: Edit, change: Row[Any]) -> None:
    if change.field == "name":
        made.rename(change.person, change.before)
    elif change.field == "hidden":
        made.hide(change.person, change.before == "yes")
    elif change.field == "merged":
        made.note("merged", person=change.person, before=change.after, after=change.before)
    else:
        _mark(made, int(change.before or change.after), stands=change.before is not None)


def _check(made: Edit, entry: Row[Any], changes: Sequence[Row[Any]], faces: dict[int, Belongs]) -> None:
    """Raises GalleryError unless everything is as the entry left it: others may have come and gone in another order."""
    table = schema.people
    persons: dict[int, Any] = {}
    for piece in chunks({c.person for c in changes if c.person is not None}):
        persons |= {row.id: row for row in made.connection.execute(select(table).where(table.c.id.in_(piece)))}
    never = made.pairs("never", faces={c.face for c in changes if c.field == "never"})
    seen: set[tuple[str, int | None, int | None]] = set()
    for change in changes:
        key = (change.field, change.face, change.person)
        if key not in seen and not _is_after(change, faces, persons, never):
            raise GalleryError(
                f"entry {entry.id} ({entry.verb}) no longer fits what is there: others were undone, or done again, "
                "in another order since; 'nitakao people journal' shows which",
                code="undo-conflict",
                entry=int(entry.id),
            )
        seen.add(key)


def _is_after(change: Any, faces: dict[int, Belongs], persons: dict[int, Any], never: dict[Pair, str]) -> bool:
    person, after = persons.get(change.person), change.after
    if change.field == "person":
        return faces[change.face] == untold(after)
    if change.field == "exists":
        return (person is None) is (after is None)
    if change.field == "name":
        name: str | None = person.name if person else None
        return bool(name == after)
    if change.field == "hidden":
        return bool(person and person.hidden) is bool(after == "yes")
    if change.field == "never":
        return never.get((change.face, change.person), "") == (after or "")
    return True  # doubts come and go with each grouping; 'merged' and 'undone' tell of other changes


def _belonging(connection: Connection, faces: Iterable[int]) -> dict[int, Belongs]:
    table = schema.faces
    found: dict[int, Belongs] = {}
    for piece in chunks(faces):
        asked = select(table.c.id, table.c.person, table.c.assigned).where(table.c.id.in_(piece))
        found.update((face, (person, how)) for face, person, how in connection.execute(asked))
    return found


def _mark(made: Edit, entry: int, *, stands: bool) -> None:
    """Whether an entry stands, or is taken back, is itself a change that can be undone."""
    table = schema.journal
    undone = None if stands else time.time()
    made.connection.execute(update(table).where(table.c.id == entry).values(undone=undone))
    text = str(entry)
    made.note("undone", before=None if stands else text, after=text if stands else None)
