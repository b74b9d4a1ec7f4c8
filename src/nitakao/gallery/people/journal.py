"""The journal: who did what when, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from nitakao.gallery import schema
from nitakao.gallery.faces import chunks
from nitakao.gallery.people import untold
from nitakao.gallery.store import GalleryStore

MOST_SAID = 6  # phrases about one entry; a grouping touches thousands of persons


@dataclass(frozen=True)
class Entry:
    """One entry of the journal.

    at: seconds since 1970.  undone: when it was taken back, None where it stands.  said: what changed, in phrases.
    """

    id: int
    at: float
    who: str
    verb: str
    undone: float | None
    said: tuple[str, ...]


@dataclass(frozen=True)
class _Change:
    """`count` changes of one kind in an entry."""

    field: str
    person: int | None
    before: str | None
    after: str | None
    count: int


def entries(gallery: GalleryStore, most: int | None = None, before: int | None = None) -> list[Entry]:
    """What was done, the latest first; at most so many, and only what was done before the entry of this number."""
    table = schema.journal
    asked = select(table) if before is None else select(table).where(table.c.id < before)
    with gallery.read() as connection:
        rows = connection.execute(asked.order_by(table.c.id.desc()).limit(most)).all()
        found = []
        for row in rows:
            said = _said(connection, _changes(connection, int(row.id)))
            found.append(Entry(int(row.id), float(row.at), row.who, row.verb, row.undone, said))
        return found


def _changes(connection: Connection, entry: int) -> list[_Change]:
    table = schema.changes
    kind = (table.c.field, table.c.person, table.c.before, table.c.after)
    asked = select(*kind, func.count()).where(table.c.entry == entry, table.c.field != "review")
    asked = asked.group_by(*kind).order_by(func.min(table.c.id))
    return [_Change(*row) for row in connection.execute(asked)]


def _said(connection: Connection, changes: Sequence[_Change]) -> tuple[str, ...]:
    called = _called(connection, changes)
    moves: Counter[tuple[int | None, int | None]] = Counter()
    for change in changes:
        if change.field == "person":
            moves[untold(change.before)[0], untold(change.after)[0]] += change.count
    said = [_moved(*pair, count, called) for pair, count in moves.items() if pair[0] != pair[1]]
    if len(said) > MOST_SAID:
        targets = {to for _, to in moves if to is not None}
        said = [f"{sum(moves.values())} faces to {len(targets)} persons"]
    if kept := sum(count for pair, count in moves.items() if pair[0] == pair[1]):
        said.append(f"{_faces(kept)} confirmed")
    others = [change for change in changes if change.field != "person"]
    if (made := sum(c.field == "exists" and c.before is None for c in others)) > MOST_SAID:
        said.append(f"{made} persons made")
        others = [c for c in others if c.field != "exists" or c.before is not None]
    phrases = [_one(change, called) for change in others]
    if len(phrases) > MOST_SAID:
        phrases = [*phrases[:MOST_SAID], f"and {len(phrases) - MOST_SAID} more"]
    return (*said, *phrases)


def _one(change: _Change, called: dict[int, str]) -> str:
    """What one change was, in words."""
    person = called.get(change.person or 0, f"#{change.person}")
    if change.field == "exists":
        return f"#{change.person} made" if change.before is None else f"#{change.person} removed"
    if change.field == "hidden":
        return f"{person} hidden" if change.after == "yes" else f"{person} shown"
    if change.field == "name":
        if change.after is None:
            return f"#{change.person} no longer called '{change.before}'"
        before = f"'{change.before}'" if change.before is not None else f"#{change.person}"
        return f"{before} called '{change.after}'"
    if change.field == "never":
        kind = "is not" if change.after else "may again be"
        return f"{_faces(change.count)} that {kind} {person}"
    if change.field == "merged":
        into = int(change.after or change.before or 0)
        return f"#{change.person} {'merged into' if change.after else 'parted from'} {called.get(into, f'#{into}')}"
    return f"entry {change.before} taken back" if change.before else f"entry {change.after} done again"


def _moved(was: int | None, to: int | None, count: int, called: dict[int, str]) -> str:
    def name(person: int | None) -> str:
        return "nobody" if person is None else called.get(person, f"#{person}")

    return f"{_faces(count)} from {name(was)} to {name(to)}"


def _faces(count: int) -> str:
    return "1 face" if count == 1 else f"{count} faces"


def _called(connection: Connection, changes: Iterable[_Change]) -> dict[int, str]:
    """What those are called whom the changes speak of: as they are now, or within these changes were."""
    changes = list(changes)
    spoken = {c.person for c in changes if c.person is not None}
    spoken |= {int(c.after or c.before or 0) for c in changes if c.field == "merged"}
    spoken |= {p for c in changes if c.field == "person" for p in (untold(c.before)[0], untold(c.after)[0]) if p}
    found = {c.person: c.before or c.after or "" for c in changes if c.field == "name" and c.person is not None}
    table = schema.people
    for piece in chunks(spoken):
        asked = select(table.c.id, table.c.name).where(table.c.id.in_(piece), table.c.name.is_not(None))
        found.update((int(number), name) for number, name in connection.execute(asked))
    return found
