"""Labels of photographs: the most central face gets the person of the label."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, select

from nitakao.gallery import schema
from nitakao.gallery.faces import CHUNK, chunks
from nitakao.gallery.people import begin_edit
from nitakao.gallery.store import GalleryStore


def unlabelled(gallery: GalleryStore, names: Mapping[int, str]) -> dict[int, str]:
    """Those of these names, by photograph id, whose photograph's most central face has no fixed person."""
    with gallery.read() as connection:
        free = {row.photo for row in _central(connection, names) if _is_free(row)}
    return {photo: name for photo, name in names.items() if photo in free}


def label(gallery: GalleryStore, names: Mapping[int, str]) -> set[int]:
    """Like `apply_labels`, in its own transaction."""
    with gallery.write("index") as connection:
        return apply_labels(gallery, connection, names)


def apply_labels(gallery: GalleryStore, connection: Connection, names: Mapping[int, str]) -> set[int]:
    """Assign the most central face of each photograph to the person of its label; creates persons as needed.

    Faces assigned by hand or by an earlier label stay, and rejected persons stay rejected. Videos take no label.

    Args:
        gallery: The gallery.
        connection: A write transaction.
        names: Labels by photograph id, cleaned by `people.clean_name`.

    Returns:
        The ids of the photographs that were labelled.
    """
    if not names:
        return set()
    free = [row for row in _central(connection, names) if _is_free(row)]
    persons = _persons(connection, {names[row.photo] for row in free})
    rejected = _rejected(connection, [row.id for row in free])
    free = [row for row in free if (row.id, persons.get(names[row.photo])) not in rejected]
    with begin_edit(gallery, "label", connection) as edit:
        for name in sorted({names[row.photo] for row in free} - persons.keys()):
            persons[name] = edit.create(name)
        edit.assign_each({row.id: (persons[names[row.photo]], "label") for row in free})
    return {row.photo for row in free}


def _is_free(row: Row[Any]) -> bool:
    return row.person is None or row.assigned == "group"


def _central(connection: Connection, photos: Mapping[int, str]) -> list[Row[Any]]:
    """The face nearest to the centre of each photograph."""
    faces, table = schema.faces, schema.photos
    columns = (faces.c.id, faces.c.photo, faces.c.x1, faces.c.y1, faces.c.x2, faces.c.y2, faces.c.person)
    query = select(*columns, faces.c.assigned, table.c.width, table.c.height).join(table, table.c.id == faces.c.photo)
    best: dict[int, tuple[float, Any]] = {}
    for chunk in chunks(photos):
        ordered = query.where(faces.c.photo.in_(chunk), ~table.c.video).order_by(faces.c.id)
        for row in connection.execute(ordered):
            offset = math.hypot(row.x1 + row.x2 - row.width, row.y1 + row.y2 - row.height)
            if row.photo not in best or offset < best[row.photo][0]:
                best[row.photo] = offset, row
    return [row for _, row in best.values()]


def _persons(connection: Connection, names: set[str]) -> dict[str, int]:
    table, persons, ordered = schema.people, {}, sorted(names)
    for start in range(0, len(ordered), CHUNK):
        query = select(table.c.name, table.c.id).where(table.c.name.in_(ordered[start : start + CHUNK]))
        persons.update({str(name): int(number) for name, number in connection.execute(query)})
    return persons


def _rejected(connection: Connection, faces: list[int]) -> set[tuple[int, int | None]]:
    table = schema.never
    pairs: set[tuple[int, int | None]] = set()
    for chunk in chunks(faces):
        query = select(table.c.face, table.c.person).where(table.c.face.in_(chunk))
        pairs.update((int(face), int(person)) for face, person in connection.execute(query))
    return pairs
