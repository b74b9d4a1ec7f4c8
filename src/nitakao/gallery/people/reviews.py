"""Doubtful faces: who they may be, and the answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sqlalchemy import Connection, delete, exists, insert, select

from nitakao.errors import MisuseError
from nitakao.gallery import schema
from nitakao.gallery.faces import records_in
from nitakao.gallery.people import edit, person_number
from nitakao.gallery.store import GalleryStore
from nitakao.values import FaceRecord

Answer: TypeAlias = Literal["yes", "no", "skip"]


@dataclass(frozen=True)
class Doubt:
    """A face that may belong to a person.  name: '' where the person has none.  distance: to the person's faces."""

    kept: FaceRecord
    person: int
    name: str
    distance: float


def suggest(connection: Connection, rows: Iterable[tuple[int, int, float]]) -> int:
    """How many doubts wait now, instead of all that waited before.

    rows: face, person, distance.  What was answered with no, or is settled by now, is left out.
    """
    table, faces, never = schema.reviews, schema.faces, schema.never
    connection.execute(delete(table))
    new = [{"face": int(face), "person": int(person), "distance": float(far)} for face, person, far in rows]
    if new:
        connection.execute(insert(table), new)
    refused = exists().where(never.c.face == table.c.face, never.c.person == table.c.person)
    settled = exists().where(faces.c.id == table.c.face, faces.c.person == table.c.person)
    gone = connection.execute(delete(table).where(refused | settled)).rowcount
    return len(new) - gone


def waiting(gallery: GalleryStore, person: int | None = None) -> list[Doubt]:
    """The faces that wait for an answer, the likeliest first; of one person, or all."""
    table, people = schema.reviews, schema.people
    asked = select(table, people.c.name).join(people, people.c.id == table.c.person)
    asked = asked.order_by(table.c.distance, table.c.face, table.c.person)
    if person is not None:
        asked = asked.where(table.c.person == person)
    with gallery.read() as connection:
        rows = connection.execute(asked).all()
        kept = records_in(connection, {row.face for row in rows})
    return [Doubt(kept[row.face], int(row.person), row.name or "", float(row.distance)) for row in rows]


def answer(gallery: GalleryStore, face: int, person: str | int | None, said: Answer) -> int:
    """The number of the person whom the answer is about, as one entry of the journal.

    yes: the face is theirs.  no: it is not, and is never suggested for them again.  skip: leave it out for now.
    person: None where the face waits for one person only.  Raises MisuseError where it does not wait.
    """
    with edit(gallery, said) as made:
        waits = made.pairs("review", faces=[face])
        pair = face, _meant(gallery, made.connection, face, person, [number for _, number in waits])
        if said == "yes":
            before = made.connection.execute(select(schema.faces.c.person).where(schema.faces.c.id == face)).scalar()
            made.assign([face], pair[1], "hand")
            made.sweep([] if before is None else [before])
        else:
            made.put("review", {pair: None})
        if said == "no":
            made.put("never", {pair: "yes"})
        return pair[1]


def _meant(gallery: GalleryStore, connection: Connection, face: int, person: str | int | None, waits: list[int]) -> int:
    if person is not None:
        number = person_number(gallery, person, connection)
        if number not in waits:
            raise MisuseError(
                f"face {face} is not in doubt for '{person}': 'nitakao people review' lists those that are",
                code="review-closed",
                face=face,
            )
        return number
    if len(waits) != 1:
        listed = ", ".join(f"#{number}" for number in sorted(waits))
        raise MisuseError(
            f"face {face} may be one of several persons ({listed}): say which"
            if waits
            else f"face {face} is not in doubt: 'nitakao people review' lists those that are"
        )
    return waits[0]
