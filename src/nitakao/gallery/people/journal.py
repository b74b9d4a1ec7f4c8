"""The journal: who changed what and when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from nitakao.gallery import schema
from nitakao.gallery.faces import chunks
from nitakao.gallery.people import decode_assignment
from nitakao.gallery.store import GalleryStore

MAX_CHANGES = 6  # listed for one entry; a clustering changes thousands of people

# The kinds of changes, in English; {faces} becomes '1 face' or '3 faces'.
TEXTS = {
    "assigned": "{faces} assigned to {person}",
    "unassigned": "{faces} unassigned from {person}",
    "moved": "{faces} moved from {source} to {person}",
    "assigned-many": "{faces} assigned to {people} people",
    "confirmed": "{faces} confirmed",
    "created": "{person} created",
    "created-many": "{people} people created",
    "removed": "{person} removed",
    "hidden": "{person} hidden",
    "unhidden": "{person} unhidden",
    "named": "{person} named '{name}'",
    "renamed": "'{source}' renamed to '{name}'",
    "unnamed": "name '{name}' removed from {person}",
    "rejected": "{faces} marked as not {person}",
    "allowed": "{faces} no longer marked as not {person}",
    "merged": "{person} merged into {target}",
    "split": "{person} split from {target}",
    "undone": "entry {entry} undone",
    "redone": "entry {entry} redone",
    "more": "and {changes} more",
}


@dataclass(frozen=True)
class Change:
    """What an entry changed.

    Attributes:
        kind: A key of `TEXTS`.
        values: What its text names. People are names, or '#12' without a name.
    """

    kind: str
    values: dict[str, str | int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The change in English."""
        values = dict(self.values)
        if "faces" in values:
            values["faces"] = "1 face" if values["faces"] == 1 else f"{values['faces']} faces"
        return TEXTS[self.kind].format(**values)


@dataclass(frozen=True)
class Entry:
    """One entry of the journal.

    Attributes:
        at: Seconds since 1970.
        who: Who made the change.
        verb: The kind of change.
        undone: When it was undone; None if it was not.
        changes: What changed.
    """

    id: int
    at: float
    who: str
    verb: str
    undone: float | None
    changes: tuple[Change, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The changes in English."""
        return tuple(change.text for change in self.changes)


@dataclass(frozen=True)
class _Row:
    """`count` equal rows of `schema.changes` in one entry."""

    field: str
    person: int | None
    before: str | None
    after: str | None
    count: int


def entries(gallery: GalleryStore, limit: int | None = None, before: int | None = None) -> list[Entry]:
    """Entries, newest first.

    Args:
        gallery: The gallery.
        limit: At most so many; None: all.
        before: Only entries with a smaller id.
    """
    table = schema.journal
    query = select(table) if before is None else select(table).where(table.c.id < before)
    with gallery.read() as connection:
        rows = connection.execute(query.order_by(table.c.id.desc()).limit(limit)).all()
        return [
            Entry(int(row.id), float(row.at), row.who, row.verb, row.undone, _changes(connection, int(row.id)))
            for row in rows
        ]


def _rows(connection: Connection, entry: int) -> list[_Row]:
    table = schema.changes
    kind = (table.c.field, table.c.person, table.c.before, table.c.after)
    query = select(*kind, func.count()).where(table.c.entry == entry, table.c.field != "review")
    query = query.group_by(*kind).order_by(func.min(table.c.id))
    return [_Row(*row) for row in connection.execute(query)]


def _changes(connection: Connection, entry: int) -> tuple[Change, ...]:
    rows = _rows(connection, entry)
    names = _names(connection, rows)
    others = [row for row in rows if row.field != "person"]
    changes = list(_moves([row for row in rows if row.field == "person"], names))
    if (created := sum(row.field == "exists" and row.before is None for row in others)) > MAX_CHANGES:
        changes.append(Change("created-many", {"people": created}))
        others = [row for row in others if row.field != "exists" or row.before is not None]
    changes += [_change(row, names) for row in others[:MAX_CHANGES]]
    if (more := len(others) - MAX_CHANGES) > 0:
        changes.append(Change("more", {"changes": more}))
    return tuple(changes)


def _moves(rows: Sequence[_Row], names: dict[int, str]) -> Iterator[Change]:
    """Faces that got, lost or changed their person; many persons are counted."""
    counts: Counter[tuple[int | None, int | None]] = Counter()
    for row in rows:
        counts[decode_assignment(row.before)[0], decode_assignment(row.after)[0]] += row.count
    moves = [_move(*pair, count, names) for pair, count in counts.items() if pair[0] != pair[1]]
    if len(moves) > MAX_CHANGES:
        people = len({person for _, person in counts if person is not None})
        moves = [Change("assigned-many", {"faces": sum(counts.values()), "people": people})]
    yield from moves
    if confirmed := sum(count for pair, count in counts.items() if pair[0] == pair[1]):
        yield Change("confirmed", {"faces": confirmed})


def _move(before: int | None, after: int | None, count: int, names: dict[int, str]) -> Change:
    if before is None:
        return Change("assigned", {"faces": count, "person": _name(after, names)})
    if after is None:
        return Change("unassigned", {"faces": count, "person": _name(before, names)})
    return Change("moved", {"faces": count, "source": _name(before, names), "person": _name(after, names)})


def _change(row: _Row, names: dict[int, str]) -> Change:
    person, number = _name(row.person, names), f"#{row.person}"
    if row.field == "exists":
        return Change("created" if row.before is None else "removed", {"person": number})
    if row.field == "hidden":
        return Change("hidden" if row.after == "yes" else "unhidden", {"person": person})
    if row.field == "name":
        if row.after is None:
            return Change("unnamed", {"person": number, "name": row.before or ""})
        if row.before is None:
            return Change("named", {"person": number, "name": row.after})
        return Change("renamed", {"source": row.before, "name": row.after})
    if row.field == "never":
        return Change("rejected" if row.after else "allowed", {"faces": row.count, "person": person})
    if row.field == "merged":
        target = _name(int(row.after or row.before or 0), names)
        return Change("merged" if row.after else "split", {"person": number, "target": target})
    return Change("undone" if row.before else "redone", {"entry": int(row.before or row.after or 0)})


def _name(person: int | None, names: dict[int, str]) -> str:
    return names.get(person or 0, f"#{person}")


def _names(connection: Connection, rows: Iterable[_Row]) -> dict[int, str]:
    """Names of the people in the rows: the current one, or the one within these changes."""
    rows = list(rows)
    people = {row.person for row in rows if row.person is not None}
    people |= {int(row.after or row.before or 0) for row in rows if row.field == "merged"}
    moved = [text for row in rows if row.field == "person" for text in (row.before, row.after)]
    people |= {person for person, _ in map(decode_assignment, moved) if person}
    names = {
        row.person: row.before or row.after or "" for row in rows if row.field == "name" and row.person is not None
    }
    table = schema.people
    for chunk in chunks(people):
        query = select(table.c.id, table.c.name).where(table.c.id.in_(chunk), table.c.name.is_not(None))
        names.update((int(number), name) for number, name in connection.execute(query))
    return names
