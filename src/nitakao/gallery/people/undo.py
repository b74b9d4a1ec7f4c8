"""Undoes entries of the journal.

Undoing is an entry too, and can be undone. An entry cannot be undone while a later one has changed the same faces or
persons: undo the later one first.
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
from nitakao.gallery.people import Assignment, Edit, Mark, begin_edit, decode_assignment
from nitakao.gallery.store import GalleryStore

UNDO = "undo"  # the verb in the journal


@dataclass(frozen=True)
class Undone:
    """An undone entry.

    Attributes:
        entry: Its id.
        verb: Its verb.
        by: The id of the entry that undid it.
    """

    entry: int
    verb: str
    by: int


def undo(gallery: GalleryStore, entry: int | None = None) -> Undone:
    """Undo an entry of the journal.

    Args:
        gallery: The gallery.
        entry: Its id; None: the last entry that is not undone. The entry of an undo redoes what it undid.

    Raises:
        MisuseError: If there is no such entry, or it is undone already.
        GalleryError: If later entries depend on it.
    """
    with begin_edit(gallery, UNDO) as edit:
        row = _entry(edit.connection, entry)
        later = _later(edit.connection, row.id)
        if later:
            order = ", then ".join(f"{number} ({verb})" for number, verb in sorted(later.items(), reverse=True)[:5])
            raise GalleryError(
                f"later entries depend on entry {row.id} ({row.verb}): first undo {order}",
                code="undo-blocked",
                entry=int(row.id),
                first=max(later),
            )
        _reverse(edit, row)
        return Undone(int(row.id), str(row.verb), edit.entry)


def _entry(connection: Connection, entry: int | None) -> Row[Any]:
    table = schema.journal
    if entry is None:
        query = select(table).where(_active()).order_by(table.c.id.desc()).limit(1)
        if (row := connection.execute(query).first()) is None:
            raise MisuseError("there is nothing to undo", code="nothing-to-undo")
        return row
    row = connection.execute(select(table).where(table.c.id == entry)).first()
    if row is None:
        raise MisuseError(
            f"there is no entry {entry}: 'nitakao people journal' lists all", code="unknown-entry", entry=entry
        )
    if row.undone is not None:
        raise MisuseError(
            f"entry {entry} is already undone: 'nitakao people journal' shows the entry that undid it",
            code="already-undone",
            entry=entry,
        )
    return row


def _active() -> ColumnElement[bool]:
    """Entries that are neither undone nor an undo: those two cancel each other."""
    return and_(schema.journal.c.undone.is_(None), schema.journal.c.verb != UNDO)


def _later(connection: Connection, entry: int) -> dict[int, str]:
    """Later entries that changed the same things: their verbs by id."""
    journal, now, then = schema.journal, schema.changes.alias("now"), schema.changes.alias("then")
    same_target = (
        and_(now.c.field == "person", then.c.face == now.c.face),
        and_(now.c.face.is_(None), then.c.person == now.c.person),
        and_(now.c.face.is_not(None), then.c.face == now.c.face, then.c.person == now.c.person),
    )
    later: dict[int, str] = {}
    for condition in same_target:
        query = select(journal.c.id, journal.c.verb).distinct().select_from(now)
        query = query.join(then, and_(condition, then.c.field == now.c.field, then.c.entry > entry))
        query = query.join(journal, journal.c.id == then.c.entry).where(now.c.entry == entry, _active())
        later.update((int(number), verb) for number, verb in connection.execute(query))
    return later | _dependent(connection, entry)


def _dependent(connection: Connection, entry: int) -> dict[int, str]:
    """Later entries that use a person it created, deleted one it uses, or use a name it set or removed."""
    journal, changes = schema.journal, schema.changes
    kind = (changes.c.entry, changes.c.field, changes.c.person, changes.c.before, changes.c.after, journal.c.verb)
    query = select(*kind).distinct().join(journal, journal.c.id == changes.c.entry)
    own = connection.execute(query.where(changes.c.entry == entry)).all()
    created = {row.person for row in own if row.field == "exists"}
    used = {person for row in own for person in _persons(row)}
    names = {name for row in own for name in _names(row)}
    dependent = {}
    for row in connection.execute(query.where(changes.c.entry > entry, _active())):
        deleted = row.field == "exists" and row.person in used
        if deleted or _persons(row) & created or _names(row) & names:
            dependent[int(row.entry)] = str(row.verb)
    return dependent


def _persons(change: Any) -> set[int]:
    """The persons in a change."""
    if change.field == "person":
        return {
            person
            for person, _ in (decode_assignment(change.before), decode_assignment(change.after))
            if person is not None
        }
    return {change.person} - {None}


def _names(change: Any) -> set[str]:
    """The names that a change set or removed."""
    return {change.before, change.after} - {None} if change.field == "name" else set()


def _reverse(edit: Edit, entry: Row[Any]) -> None:
    """Reverse the entry's changes, last first."""
    table = schema.changes
    changes = edit.connection.execute(select(table).where(table.c.entry == entry.id).order_by(table.c.id.desc())).all()
    faces = _assignments(edit.connection, {c.face for c in changes if c.face is not None})
    changes = [c for c in changes if c.face is None or c.face in faces]  # skip deleted faces
    _check(edit, entry, changes, faces)
    for field, run in groupby(changes, lambda change: change.field):
        rows = list(run)
        if field == "person":
            edit.assign_each({row.face: decode_assignment(row.before) for row in rows})
        elif field == "exists":
            edit.recreate({row.person: float(row.before) for row in rows if row.before is not None})
            edit.drop(*(row.person for row in rows if row.before is None))
        elif field in ("review", "never"):
            edit.set_marks(field, {(row.face, row.person): row.before for row in rows})
        else:
            for row in rows:
                _reverse_change(edit, row)
    _set_undone(edit, int(entry.id), undone=True)


def _reverse_change(edit: Edit, change: Row[Any]) -> None:
    if change.field == "name":
        edit.rename(change.person, change.before)
    elif change.field == "hidden":
        edit.hide(change.person, change.before == "yes")
    elif change.field == "merged":
        edit.record("merged", person=change.person, before=change.after, after=change.before)
    else:
        _set_undone(edit, int(change.before or change.after), undone=change.before is None)


def _check(edit: Edit, entry: Row[Any], changes: Sequence[Row[Any]], faces: dict[int, Assignment]) -> None:
    """Raises GalleryError unless everything is as the entry left it."""
    table = schema.people
    persons: dict[int, Any] = {}
    for chunk in chunks({c.person for c in changes if c.person is not None}):
        persons |= {row.id: row for row in edit.connection.execute(select(table).where(table.c.id.in_(chunk)))}
    never = edit.marks("never", faces={c.face for c in changes if c.field == "never"})
    checked: set[tuple[str, int | None, int | None]] = set()
    for change in changes:
        key = (change.field, change.face, change.person)
        if key not in checked and not _is_after(change, faces, persons, never):
            raise GalleryError(
                f"entry {entry.id} ({entry.verb}) does not match the current state, since other entries were undone or "
                "redone in another order: see 'nitakao people journal'",
                code="undo-conflict",
                entry=int(entry.id),
            )
        checked.add(key)


def _is_after(change: Any, faces: dict[int, Assignment], persons: dict[int, Any], never: dict[Mark, str]) -> bool:
    person, after = persons.get(change.person), change.after
    if change.field == "person":
        return faces[change.face] == decode_assignment(after)
    if change.field == "exists":
        return (person is None) is (after is None)
    if change.field == "name":
        name: str | None = person.name if person else None
        return bool(name == after)
    if change.field == "hidden":
        return bool(person and person.hidden) is bool(after == "yes")
    if change.field == "never":
        return never.get((change.face, change.person), "") == (after or "")
    return True  # each clustering replaces reviews; 'merged' and 'undone' refer to other changes


def _assignments(connection: Connection, faces: Iterable[int]) -> dict[int, Assignment]:
    table = schema.faces
    assignments: dict[int, Assignment] = {}
    for chunk in chunks(faces):
        query = select(table.c.id, table.c.person, table.c.assigned).where(table.c.id.in_(chunk))
        assignments.update((face, (person, how)) for face, person, how in connection.execute(query))
    return assignments


def _set_undone(edit: Edit, entry: int, *, undone: bool) -> None:
    """Mark an entry as undone or redone; this is a change too, which can be undone."""
    table = schema.journal
    at = time.time() if undone else None
    edit.connection.execute(update(table).where(table.c.id == entry).values(undone=at))
    text = str(entry)
    edit.record("undone", before=text if undone else None, after=None if undone else text)
