"""Persons given by where a photograph lies or by who says so: its most central face is theirs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, select

from nitakao.gallery import people, schema
from nitakao.gallery.faces import chunks
from nitakao.gallery.store import GalleryStore


def unlabelled(gallery: GalleryStore, wanted: Mapping[int, str]) -> dict[int, str]:
    """Those of these photographs whose most central face is not yet anybody's.  wanted: names by photograph."""
    with gallery.read() as connection:
        free = {row.photo for row in _central(connection, wanted) if _is_free(row)}
    return {photo: name for photo, name in wanted.items() if photo in free}


def label(gallery: GalleryStore, wanted: Mapping[int, str]) -> set[int]:
    """As `apply_labels`, in a transaction of its own."""
    with gallery.write("index") as connection:
        return apply_labels(gallery, connection, wanted)


def apply_labels(gallery: GalleryStore, connection: Connection, wanted: Mapping[int, str]) -> set[int]:
    """The photographs whose most central face now belongs to the person of their label, made where there is none.

    wanted: names, as `people.clean_name` gives them, by photograph.  Faces that a hand or an earlier label has given to
    somebody stay there, and so does what a hand has said: never this person.  Videos take no label.
    """
    if not wanted:
        return set()
    free = [row for row in _central(connection, wanted) if _is_free(row)]
    persons = _persons(connection, {wanted[row.photo] for row in free})
    never = _never(connection, [row.id for row in free])
    free = [row for row in free if (row.id, persons.get(wanted[row.photo])) not in never]
    with people.edit(gallery, "label", connection) as edit:
        for name in sorted({wanted[row.photo] for row in free} - persons.keys()):
            persons[name] = edit.create(name)
        edit.assign_each({row.id: (persons[wanted[row.photo]], "label") for row in free})
    return {row.photo for row in free}


def _is_free(row: Row[Any]) -> bool:
    return row.person is None or row.assigned == "group"


def _central(connection: Connection, photos: Mapping[int, str]) -> list[Row[Any]]:
    """The face nearest to the middle of each photograph that has any."""
    faces, table = schema.faces, schema.photos
    columns = (faces.c.id, faces.c.photo, faces.c.x1, faces.c.y1, faces.c.x2, faces.c.y2, faces.c.person)
    asked = select(*columns, faces.c.assigned, table.c.width, table.c.height).join(table, table.c.id == faces.c.photo)
    best: dict[int, tuple[float, Any]] = {}
    for piece in chunks(photos):
        chosen = asked.where(faces.c.photo.in_(piece), ~table.c.video).order_by(faces.c.id)
        for row in connection.execute(chosen):
            off = math.hypot(row.x1 + row.x2 - row.width, row.y1 + row.y2 - row.height)
            if row.photo not in best or off < best[row.photo][0]:
                best[row.photo] = off, row
    return [row for _, row in best.values()]


def _persons(connection: Connection, names: set[str]) -> dict[str, int]:
    table, found, listed = schema.people, {}, sorted(names)
    for start in range(0, len(listed), 500):
        asked = select(table.c.name, table.c.id).where(table.c.name.in_(listed[start : start + 500]))
        found.update({str(name): int(number) for name, number in connection.execute(asked)})
    return found


def _never(connection: Connection, faces: list[int]) -> set[tuple[int, int | None]]:
    table = schema.never
    found: set[tuple[int, int | None]] = set()
    for piece in chunks(faces):
        asked = select(table.c.face, table.c.person).where(table.c.face.in_(piece))
        found.update((int(face), int(person)) for face, person in connection.execute(asked))
    return found
