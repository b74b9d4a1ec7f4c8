"""Manual corrections: naming, merging, splitting and hiding persons, and moving faces.

Clustering never moves faces that were assigned by hand, and never assigns a face to a person it was removed from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from nitakao.errors import MisuseError
from nitakao.gallery import schema
from nitakao.gallery.faces import chunks
from nitakao.gallery.people import Assignment, Edit, begin_edit, find_person
from nitakao.gallery.store import GalleryStore


@dataclass(frozen=True)
class Correction:
    """The result of a correction.

    Attributes:
        entry: Its id in the journal, 0 if nothing changed.
        person: The id of the person it was about, None if faces were unassigned.
        name: The person's name, or ''.
        faces: How many faces changed their person.
        warnings: What may not have been intended, one sentence each.
    """

    entry: int
    person: int | None
    name: str = ""
    faces: int = 0
    warnings: tuple[str, ...] = ()


def name_person(gallery: GalleryStore, person: str | int, name: str) -> Correction:
    """Name or rename a person.

    Raises:
        MisuseError: If there is no such person, or the name is invalid.
        GalleryError: If another person has this name.
    """
    with begin_edit(gallery, "name") as edit:
        number = find_person(gallery, person, edit.connection)
        edit.rename(number, name)
        return _result(edit, number)


def name_face(gallery: GalleryStore, face: int, name: str) -> Correction:
    """Name the person of a face; creates a person if the face is unassigned. Raises as `name_person`."""
    with begin_edit(gallery, "name") as edit:
        person, _ = _assignments(edit.connection, [face])[face]
        if person is not None:
            edit.rename(person, name)
            return _result(edit, person)
        person = edit.create(name)
        edit.assign([face], person, "hand")
        return _result(edit, person, 1)


def merge(gallery: GalleryStore, into: str | int, others: Sequence[str | int]) -> Correction:
    """Merge persons into one.

    Args:
        gallery: The gallery.
        into: The person who keeps their id and name; if unnamed, they take the name of the others.
        others: The persons to merge into them.

    Raises:
        MisuseError: If there are not two different persons, or several names to choose from.
    """
    with begin_edit(gallery, "merge") as edit:
        target = find_person(gallery, into, edit.connection)
        merged = list(dict.fromkeys(find_person(gallery, other, edit.connection) for other in others))
        if not merged or target in merged:
            raise MisuseError("merge needs at least two different persons", code="merge-same-person")
        name, warnings = _common_name(edit.connection, target, merged)
        faces = _faces_of(edit.connection, merged)
        for other in merged:
            edit.record("merged", person=other, after=str(target))
        _merge_marks(edit, target, merged)
        edit.assign(faces, target, "hand")
        edit.assign(_faces_of(edit.connection, [target]), target, "hand")
        edit.drop(*merged)
        edit.rename(target, name)
        return _result(edit, target, len(faces), (*warnings, *_shared_photo_warning(edit.connection, target, faces)))


def split(gallery: GalleryStore, faces: Sequence[int], name: str | None = None) -> Correction:
    """Move faces to a new person, named or not. Raises MisuseError if a face does not exist."""
    with begin_edit(gallery, "split") as edit:
        before = _assignments(edit.connection, faces)
        person = edit.create(name)
        return _move(edit, before, person)


def move(gallery: GalleryStore, faces: Sequence[int], person: str | int | None) -> Correction:
    """Move faces to another person, or unassign them with None. Raises MisuseError if one does not exist."""
    with begin_edit(gallery, "move") as edit:
        before = _assignments(edit.connection, faces)
        number = None if person is None else find_person(gallery, person, edit.connection)
        return _move(edit, before, number)


def hide(gallery: GalleryStore, persons: Sequence[str | int], hidden: bool = True) -> Correction:
    """Hide persons from lists and results, or unhide them. Raises MisuseError if one does not exist."""
    with begin_edit(gallery, "hide" if hidden else "show") as edit:
        ids = [find_person(gallery, person, edit.connection) for person in persons]
        for number in ids:
            edit.hide(number, hidden)
        return _result(edit, ids[0] if ids else None)


def _move(edit: Edit, before: dict[int, Assignment], person: int | None) -> Correction:
    """Move faces by hand, and mark them so that clustering does not move them back."""
    removed = {(face, old): "yes" for face, (old, _) in before.items() if old is not None and old != person}
    edit.assign(list(before), person, None if person is None else "hand")
    edit.set_marks("review", dict.fromkeys(removed))
    edit.set_marks("never", removed)
    moved = sum(old != person for old, _ in before.values())
    warnings = () if person is None else _shared_photo_warning(edit.connection, person, before)
    edit.drop_empty({old for old, _ in before.values() if old is not None and old != person})
    return _result(edit, person, moved, warnings)


def _assignments(connection: Connection, faces: Iterable[int]) -> dict[int, Assignment]:
    """The assignment of each face, in this order. Raises MisuseError if one does not exist."""
    table = schema.faces
    ids = list(dict.fromkeys(int(face) for face in faces))
    if not ids:
        raise MisuseError("no face given: give at least one face id")
    assignments: dict[int, Assignment] = {}
    for chunk in chunks(ids):
        rows = connection.execute(select(table.c.id, table.c.person, table.c.assigned).where(table.c.id.in_(chunk)))
        assignments.update((int(face), (person, how)) for face, person, how in rows)
    if missing := [face for face in ids if face not in assignments]:
        raise MisuseError(
            f"there is no face {missing[0]} in the gallery: listings show face ids",
            code="unknown-face",
            face=missing[0],
        )
    return {face: assignments[face] for face in ids}


def _faces_of(connection: Connection, persons: Sequence[int]) -> list[int]:
    table = schema.faces
    faces: list[int] = []
    for chunk in chunks(persons):
        faces.extend(connection.execute(select(table.c.id).where(table.c.person.in_(chunk))).scalars())
    return sorted(faces)


def _common_name(connection: Connection, target: int, merged: Sequence[int]) -> tuple[str | None, list[str]]:
    """The name of the merged person, and a warning for each name that is lost."""
    table = schema.people
    names: dict[int, str] = {}
    for chunk in chunks([target, *merged]):
        rows = connection.execute(
            select(table.c.id, table.c.name).where(table.c.id.in_(chunk), table.c.name.is_not(None))
        )
        names.update((int(number), name) for number, name in rows)
    others = [names[number] for number in merged if number in names]
    if target not in names and len(others) > 1:
        quoted = " and ".join(f"'{name}'" for name in others)
        raise MisuseError(
            f"#{target} cannot take both names {quoted}: give the person whose name to keep first",
            code="merge-names-differ",
            first=others[0],
            second=others[1],
        )
    if target not in names:
        return (others[0] if others else None), []
    return names[target], [f"'{name}' is now '{names[target]}': 'nitakao people undo' splits them" for name in others]


def _merge_marks(edit: Edit, target: int, merged: Sequence[int]) -> None:
    """Move reviews and rejections from the merged persons to the target."""
    never = edit.marks("never", persons=merged)
    edit.set_marks("never", {(face, target): "yes" for face, _ in never})
    rejected = edit.marks("never", persons=[target])
    nearest: dict[tuple[int, int], str] = {}
    for (face, _), distance in edit.marks("review", persons=[target, *merged]).items():
        if (face, target) not in rejected:
            nearest[face, target] = min(distance, nearest.get((face, target), distance), key=float)
    edit.set_marks("review", nearest)


def _shared_photo_warning(connection: Connection, person: int, moved: Iterable[int]) -> tuple[str, ...]:
    """A warning if a person now has two faces in one photograph: a mirror, a collage, or a mistake."""
    faces = schema.faces
    own = select(faces.c.photo).where(faces.c.person == person, faces.c.time.is_(None))
    shared = own.group_by(faces.c.photo).having(func.count() > 1).subquery()
    affected: set[int] = set()
    for chunk in chunks(moved):
        query = select(faces.c.id).where(faces.c.id.in_(chunk), faces.c.photo.in_(select(shared.c.photo)))
        affected.update(connection.execute(query).scalars())
    if not affected:
        return ()
    ids = ", ".join(str(face) for face in sorted(affected)[:5]) + (", ..." if len(affected) > 5 else "")
    return (
        f"this person now has several faces in one photograph (face {ids}): "
        "correct for a mirror or a collage, else 'nitakao people undo'",
    )


def _result(edit: Edit, person: int | None, faces: int = 0, warnings: Sequence[str] = ()) -> Correction:
    name = None
    if person is not None:
        table = schema.people
        name = edit.connection.execute(select(table.c.name).where(table.c.id == person)).scalar()
    return Correction(edit.entry if edit.count else 0, person, name or "", faces, tuple(warnings))
