"""Permanently deletes faces, persons and names from the journal."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import ColumnElement, Connection, delete, or_, select

from nitakao.gallery import schema
from nitakao.gallery.faces import chunks


def merged_persons(connection: Connection, person: int) -> set[int]:
    """The deleted persons who were merged into this person, directly or through others."""
    table, people = schema.changes, schema.people
    found: set[int] = set()
    new = {person}
    while new:
        asked = select(table.c.person).where(table.c.field == "merged", table.c.after.in_(map(str, new)))
        asked = asked.where(~select(people.c.id).where(people.c.id == table.c.person).exists())
        new = set(connection.execute(asked).scalars()) - found - {person}
        found |= new
    return found


def all_names(connection: Connection, persons: Collection[int]) -> set[str]:
    """All current and former names of these persons in the journal."""
    people, changes = schema.people, schema.changes
    found: set[str | None] = set()
    for piece in chunks(persons):
        found.update(connection.execute(select(people.c.name).where(people.c.id.in_(piece))).scalars())
        asked = select(changes.c.before, changes.c.after).where(changes.c.field == "name", changes.c.person.in_(piece))
        for row in connection.execute(asked):
            found.update(row)
    return {name for name in found if name is not None}


def delete_changes(connection: Connection, faces: Iterable[int], persons: Iterable[int], called: Iterable[str]) -> int:
    """Delete changes that refer to these faces, persons or names; how many there were."""
    table = schema.changes
    persons = sorted(persons)
    gone = 0
    for column, numbers in ((table.c.face, faces), (table.c.person, persons)):
        gone += sum(_delete(connection, column.in_(piece)) for piece in chunks(numbers))
    for person in persons:  # a face of another's that was once theirs, or a merge
        told = or_(table.c.before.like(f"{person} %"), table.c.after.like(f"{person} %"))
        gone += _delete(connection, (table.c.field == "person") & told)
        merged = or_(table.c.before == str(person), table.c.after == str(person))
        gone += _delete(connection, (table.c.field == "merged") & merged)
    for name in called:
        gone += _delete(connection, (table.c.field == "name") & or_(table.c.before == name, table.c.after == name))
    _close(connection)
    return gone


def _delete(connection: Connection, condition: ColumnElement[bool]) -> int:
    return connection.execute(delete(schema.changes).where(condition)).rowcount


def _close(connection: Connection) -> None:
    """Delete entries without changes, and undo changes of deleted entries."""
    journal, changes = schema.journal, schema.changes
    empty = ~select(changes.c.id).where(changes.c.entry == journal.c.id).exists()
    connection.execute(delete(journal).where(empty))
    undone = connection.execute(
        select(changes.c.id, changes.c.before, changes.c.after).where(changes.c.field == "undone")
    ).all()
    left = set(connection.execute(select(journal.c.id)).scalars())
    lost = [row.id for row in undone if int(row.before or row.after) not in left]
    for piece in chunks(lost):
        connection.execute(delete(changes).where(changes.c.id.in_(piece)))
    connection.execute(delete(journal).where(empty))
