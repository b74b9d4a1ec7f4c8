"""What people put right by hand: names, groups that are one person, groups that are two, single faces.

Faces that a hand has placed stay where they are, whatever grouping finds later; and a face that a hand took away from
somebody is never given back to them by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from nitakao.errors import MisuseError
from nitakao.gallery import schema
from nitakao.gallery.faces import chunks
from nitakao.gallery.people import Belongs, Edit, edit, person_number
from nitakao.gallery.store import GalleryStore


@dataclass(frozen=True)
class Done:
    """What a correction came to.

    entry: its number in the journal, 0 where there was nothing to change.  person: whom it was about, None for nobody.
    faces: how many faces changed hands.  warnings: what may not have been meant, one sentence each.
    """

    entry: int
    person: int | None
    name: str = ""
    faces: int = 0
    warnings: tuple[str, ...] = ()


def name_person(gallery: GalleryStore, person: str | int, name: str) -> Done:
    """Give a person a name, or another one. Raises GalleryError where somebody else has it."""
    with edit(gallery, "name") as made:
        number = person_number(gallery, person, made.connection)
        made.rename(number, name)
        return _done(made, number)


def name_face(gallery: GalleryStore, face: int, name: str) -> Done:
    """Name the person whose face this is; of a face that belongs to nobody, a new person is made."""
    with edit(gallery, "name") as made:
        person, _ = _owners(made.connection, [face])[face]
        if person is not None:
            made.rename(person, name)
            return _done(made, person)
        person = made.create(name)
        made.assign([face], person, "hand")
        return _done(made, person, 1)


def merge(gallery: GalleryStore, into: str | int, others: Sequence[str | int]) -> Done:
    """All these persons become one: `into`, with its number and name. Raises MisuseError if no name can be chosen.

    Where `into` has no name and one of the others has, that name is kept.
    """
    with edit(gallery, "merge") as made:
        stays = person_number(gallery, into, made.connection)
        gone = list(dict.fromkeys(person_number(gallery, other, made.connection) for other in others))
        if not gone or stays in gone:
            raise MisuseError("merging needs two persons or more, each named once", code="merge-same-person")
        name, warnings = _common_name(made.connection, stays, gone)
        faces = _faces_of(made.connection, gone)
        for other in gone:
            made.note("merged", person=other, after=str(stays))
        _take_over_marks(made, stays, gone)
        made.assign(faces, stays, "hand")
        made.assign(_faces_of(made.connection, [stays]), stays, "hand")
        made.drop(*gone)
        made.rename(stays, name)
        return _done(made, stays, len(faces), (*warnings, *_beside(made.connection, stays, faces)))


def split(gallery: GalleryStore, faces: Sequence[int], name: str | None = None) -> Done:
    """A new person, with or without a name, who gets these faces."""
    with edit(gallery, "split") as made:
        before = _owners(made.connection, faces)
        person = made.create(name)
        return _give(made, before, person)


def move(gallery: GalleryStore, faces: Sequence[int], person: str | int | None) -> Done:
    """Give faces to somebody else, or with None to nobody."""
    with edit(gallery, "move") as made:
        before = _owners(made.connection, faces)
        number = None if person is None else person_number(gallery, person, made.connection)
        return _give(made, before, number)


def hide(gallery: GalleryStore, persons: Sequence[str | int], hidden: bool = True) -> Done:
    """Leave persons out of listings and answers, or with `hidden=False` take them in again."""
    with edit(gallery, "hide" if hidden else "show") as made:
        numbers = [person_number(gallery, person, made.connection) for person in persons]
        for number in numbers:
            made.hide(number, hidden)
        return _done(made, numbers[0] if numbers else None)


def _give(made: Edit, before: dict[int, Belongs], person: int | None) -> Done:
    """Give faces away by hand, and see to it that nobody gets back by grouping what was taken from them."""
    taken = {(face, was): "yes" for face, (was, _) in before.items() if was is not None and was != person}
    made.assign(list(before), person, None if person is None else "hand")
    made.put("review", dict.fromkeys(taken))
    made.put("never", taken)
    moved = sum(was != person for was, _ in before.values())
    warnings = () if person is None else _beside(made.connection, person, before)
    left = {was for was, _ in before.values() if was is not None and was != person}
    made.sweep(left)
    return _done(made, person, moved, warnings)


def _owners(connection: Connection, faces: Iterable[int]) -> dict[int, Belongs]:
    """Whose each face is, in the order asked. Raises MisuseError where one is not there."""
    table = schema.faces
    asked = list(dict.fromkeys(int(face) for face in faces))
    if not asked:
        raise MisuseError("name at least one face, by its number")
    found: dict[int, Belongs] = {}
    for piece in chunks(asked):
        rows = connection.execute(select(table.c.id, table.c.person, table.c.assigned).where(table.c.id.in_(piece)))
        found.update((int(face), (person, how)) for face, person, how in rows)
    if missing := [face for face in asked if face not in found]:
        raise MisuseError(
            f"there is no face {missing[0]} in the gallery: listings show the faces' numbers",
            code="unknown-face",
            face=missing[0],
        )
    return {face: found[face] for face in asked}


def _faces_of(connection: Connection, persons: Sequence[int]) -> list[int]:
    table = schema.faces
    found: list[int] = []
    for piece in chunks(persons):
        found.extend(connection.execute(select(table.c.id).where(table.c.person.in_(piece))).scalars())
    return sorted(found)


def _common_name(connection: Connection, stays: int, gone: Sequence[int]) -> tuple[str | None, list[str]]:
    """The name of several persons who become one, and a sentence for each name that nobody has then."""
    table = schema.people
    names: dict[int, str] = {}
    for piece in chunks([stays, *gone]):
        rows = connection.execute(
            select(table.c.id, table.c.name).where(table.c.id.in_(piece), table.c.name.is_not(None))
        )
        names.update((int(number), name) for number, name in rows)
    others = [names[number] for number in gone if number in names]
    if stays not in names and len(others) > 1:
        listed = " and ".join(f"'{name}'" for name in others)
        raise MisuseError(
            f"{listed} cannot both be the name of #{stays}: put first the one whose name shall stay",
            code="merge-names-differ",
            first=others[0],
            second=others[1],
        )
    if stays not in names:
        return (others[0] if others else None), []
    return names[stays], [f"'{name}' is now '{names[stays]}': 'nitakao people undo' parts them" for name in others]


def _take_over_marks(made: Edit, stays: int, gone: Sequence[int]) -> None:
    """What was doubtful, or refused, for those who go, holds for the one who stays."""
    never = made.pairs("never", persons=gone)
    made.put("never", {(face, stays): "yes" for face, _ in never})
    refused = made.pairs("never", persons=[stays])
    nearest: dict[tuple[int, int], str] = {}
    for (face, _), distance in made.pairs("review", persons=[stays, *gone]).items():
        if (face, stays) not in refused:
            nearest[face, stays] = min(distance, nearest.get((face, stays), distance), key=float)
    made.put("review", nearest)


def _beside(connection: Connection, person: int, moved: Iterable[int]) -> tuple[str, ...]:
    """A sentence where a person now has two faces in one photograph: a mirror, a collage, or a mistake."""
    faces = schema.faces
    mine = select(faces.c.photo).where(faces.c.person == person, faces.c.time.is_(None))
    crowded = mine.group_by(faces.c.photo).having(func.count() > 1).subquery()
    found: set[int] = set()
    for piece in chunks(moved):
        asked = select(faces.c.id).where(faces.c.id.in_(piece), faces.c.photo.in_(select(crowded.c.photo)))
        found.update(connection.execute(asked).scalars())
    if not found:
        return ()
    listed = ", ".join(str(face) for face in sorted(found)[:5]) + (", ..." if len(found) > 5 else "")
    return (
        f"this person is now twice or more in one photograph (face {listed}): "
        "right for a mirror or a collage, else 'nitakao people undo'",
    )


def _done(made: Edit, person: int | None, faces: int = 0, warnings: Sequence[str] = ()) -> Done:
    name = None
    if person is not None:
        table = schema.people
        name = made.connection.execute(select(table.c.name).where(table.c.id == person)).scalar()
    return Done(made.entry if made.count else 0, person, name or "", faces, tuple(warnings))
