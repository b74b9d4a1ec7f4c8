"""Replaces the faces of photographs that were indexed again, and carries persons over to the same new faces."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, Row, bindparam, delete, or_, select, update

from nitakao import geometry
from nitakao.gallery import schema
from nitakao.gallery.faces import chunks
from nitakao.gallery.store import GalleryStore
from nitakao.values import Floats

OVERLAP = 0.5  # IoU from which two boxes show one face, as in the scoring of detectors (PASCAL VOC 2007)
NEAREST = 8  # new faces considered for an old one where no box overlaps


class PhotoFaces(NamedTuple):
    """Faces of one photograph: rows of `schema.faces`, and their vectors (n, D)."""

    rows: Sequence[Row[Any]]
    vectors: Floats


def set_aside(connection: Connection, photos: Sequence[int]) -> None:
    """Give these photographs' faces negative numbers, so that new ones can be written; `replace` deletes them."""
    table = schema.faces
    for chunk in chunks(photos):
        connection.execute(update(table).where(table.c.photo.in_(chunk)).values(number=-1 - table.c.number))


def replace(gallery: GalleryStore, connection: Connection, replaced: Mapping[int, int | None], *, same: bool) -> None:
    """Carry persons over from the old faces to the new ones, then delete the old ones.

    Args:
        gallery: The gallery.
        connection: A write transaction.
        replaced: For each old photograph the new one; None if it has only new faces, or no replacement.
        same: Whether the picture is the same. Then a box identifies a face, and only the faces set aside are deleted.
            In another picture, edited or at the same path, faces must also have similar vectors; if it was rotated or
            cropped, the nearest similar face is taken. Then the old photograph is deleted.
    """
    for old, new in replaced.items():
        aside = schema.faces.c.number < 0
        old_faces = _faces(connection, old, aside if same else None, only_referenced=True)
        new_faces = _faces(connection, old if same else new, ~aside)
        _transfer(connection, match_faces(old_faces, new_faces, gallery.metric, _threshold(gallery), same=same))
        if same:
            connection.execute(delete(schema.faces).where(schema.faces.c.photo == old, aside))
        else:
            connection.execute(delete(schema.photos).where(schema.photos.c.id == old))


def match_faces(
    old: PhotoFaces, new: PhotoFaces, metric: str, threshold: float | None, *, same: bool
) -> list[tuple[Any, Any]]:
    """Pairs of rows (old, new) that show the same face, each face at most once; see `replace`."""
    candidates: list[tuple[bool, float, int, int]] = []
    if not old.rows or not new.rows:
        return []
    boxes = np.array([_box(row) for row in new.rows])
    for number, row in enumerate(old.rows):
        overlap = geometry.iou([_box(row)], boxes)[0] * [row.time == other.time for other in new.rows]
        distances = _distances(old.vectors[number], new.vectors, metric)
        similar = distances < (np.inf if threshold is None else threshold)
        overlapping = np.flatnonzero((overlap >= OVERLAP) & (similar | same))
        candidates.extend((False, 1 - float(overlap[at]), number, int(at)) for at in overlapping)
        near = np.argsort(distances)[:NEAREST] if threshold is not None else ()
        candidates.extend((True, float(distances[at]), number, int(at)) for at in near if similar[at])
    matches: dict[int, int] = {}
    for _, _, number, at in sorted(candidates):
        if number not in matches and at not in matches.values():
            matches[number] = at
    return [(old.rows[number], new.rows[at]) for number, at in matches.items()]


def _transfer(connection: Connection, matches: Sequence[tuple[Any, Any]]) -> None:
    """Move persons, reviews and journal entries from the old faces to the new ones."""
    faces = schema.faces
    rows = [{"old": old.id, "new": new.id, "who": old.person, "how": old.assigned} for old, new in matches]
    assigned = [row for row in rows if row["who"] is not None]
    if assigned:
        change = update(faces).where(faces.c.id == bindparam("new"), faces.c.person.is_(None))
        connection.execute(change.values(person=bindparam("who"), assigned=bindparam("how")), assigned)
    if rows:
        for table in (schema.never, schema.reviews, schema.changes):
            moved = update(table).where(table.c.face == bindparam("old")).values(face=bindparam("new"))
            connection.execute(moved, [{"old": row["old"], "new": row["new"]} for row in rows])


def _faces(
    connection: Connection, photo: int | None, condition: Any = None, *, only_referenced: bool = False
) -> PhotoFaces:
    """The faces of a photograph; with `only_referenced`, those with a person, a review or a journal entry."""
    faces, vectors = schema.faces, schema.vectors
    query = select(faces, vectors.c.vector).join(vectors, vectors.c.face == faces.c.id).where(faces.c.photo == photo)
    if condition is not None:
        query = query.where(condition)
    if only_referenced:
        tables = (schema.never, schema.reviews, schema.changes)
        references = [select(table.c.face).where(table.c.face == faces.c.id).exists() for table in tables]
        query = query.where(or_(faces.c.person.is_not(None), *references))
    rows = connection.execute(query.order_by(faces.c.id)).all()
    return PhotoFaces(rows, np.array([row.vector for row in rows], np.float32))


def _box(row: Row[Any]) -> tuple[float, float, float, float]:
    return row.x1, row.y1, row.x2, row.y2


def _distances(vector: Floats, others: Floats, metric: str) -> Floats:
    """(n,) distances from one vector."""
    if metric == "cosine":
        lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(vector)
        return np.asarray(1 - others @ vector / np.maximum(lengths, 1e-10), np.float32)
    return np.asarray(np.linalg.norm(others - vector, axis=1), np.float32)


def _threshold(gallery: GalleryStore) -> float | None:
    """The model's same-person threshold, if it has one."""
    value = json.loads(gallery.setting("threshold") or "null")
    return None if value is None else float(value)
