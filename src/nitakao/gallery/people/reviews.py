"""Faces to review: suggested persons, and the user's answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sqlalchemy import Connection, delete, exists, insert, select

from nitakao.errors import MisuseError
from nitakao.gallery import schema
from nitakao.gallery.faces import records_in
from nitakao.gallery.people import begin_edit, find_person
from nitakao.gallery.store import GalleryStore
from nitakao.values import FaceRecord

Answer: TypeAlias = Literal["yes", "no", "skip"]


@dataclass(frozen=True)
class Review:
    """A face that may belong to a person.

    Attributes:
        face: The face.
        person: The person's id.
        name: Their name, or ''.
        distance: To the person's faces.
    """

    face: FaceRecord
    person: int
    name: str
    distance: float


def replace_suggestions(connection: Connection, rows: Iterable[tuple[int, int, float]]) -> int:
    """Replace all faces to review.

    Args:
        connection: A write transaction.
        rows: Face id, person id and distance. Rejected pairs, and faces that have this person, are left out.

    Returns:
        How many pairs there are to review.
    """
    table, faces, never = schema.reviews, schema.faces, schema.never
    connection.execute(delete(table))
    new = [{"face": int(face), "person": int(person), "distance": float(far)} for face, person, far in rows]
    if new:
        connection.execute(insert(table), new)
    rejected = exists().where(never.c.face == table.c.face, never.c.person == table.c.person)
    assigned = exists().where(faces.c.id == table.c.face, faces.c.person == table.c.person)
    removed = connection.execute(delete(table).where(rejected | assigned)).rowcount
    return len(new) - removed


def pending(gallery: GalleryStore, person: int | None = None) -> list[Review]:
    """The faces to review for one person, or for all, nearest first."""
    table, people = schema.reviews, schema.people
    query = select(table, people.c.name).join(people, people.c.id == table.c.person)
    query = query.order_by(table.c.distance, table.c.face, table.c.person)
    if person is not None:
        query = query.where(table.c.person == person)
    with gallery.read() as connection:
        rows = connection.execute(query).all()
        faces = records_in(connection, {row.face for row in rows})
    return [Review(faces[row.face], int(row.person), row.name or "", float(row.distance)) for row in rows]


def answer(gallery: GalleryStore, face: int, person: str | int | None, answer: Answer) -> int:
    """Answer whether a face belongs to a person, as one entry of the journal.

    Args:
        gallery: The gallery.
        face: Its id.
        person: The suggested person; None if there is only one.
        answer: 'yes' assigns the face; 'no' rejects the pair for good; 'skip' removes it from review for now.

    Returns:
        The person's id.

    Raises:
        MisuseError: If the face is not to review for this person.
    """
    with begin_edit(gallery, answer) as edit:
        suggested = [number for _, number in edit.marks("review", faces=[face])]
        pair = face, _suggested_person(gallery, edit.connection, face, person, suggested)
        if answer == "yes":
            before = edit.connection.execute(select(schema.faces.c.person).where(schema.faces.c.id == face)).scalar()
            edit.assign([face], pair[1], "hand")
            edit.drop_empty([] if before is None else [before])
        else:
            edit.set_marks("review", {pair: None})
        if answer == "no":
            edit.set_marks("never", {pair: "yes"})
        return pair[1]


def _suggested_person(
    gallery: GalleryStore, connection: Connection, face: int, person: str | int | None, suggested: list[int]
) -> int:
    if person is not None:
        number = find_person(gallery, person, connection)
        if number not in suggested:
            raise MisuseError(
                f"face {face} is not to review for '{person}': see 'nitakao people review'",
                code="review-closed",
                face=face,
            )
        return number
    if len(suggested) > 1:
        ids = ", ".join(f"#{number}" for number in sorted(suggested))
        raise MisuseError(f"face {face} is to review for several persons ({ids}): give the person")
    if not suggested:
        raise MisuseError(f"face {face} is not to review: see 'nitakao people review'")
    return suggested[0]
