"""Photographs looked at anew: what was known of their faces passes to the new faces that are the same ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, Row, bindparam, delete, or_, select, update

from nitakao import geometry
from nitakao.gallery import schema
from nitakao.gallery.faces import in_pieces
from nitakao.gallery.store import GalleryStore
from nitakao.values import Floats

OVERLAP = (
    0.5  # intersection over union from which on two boxes show one face, as detectors are scored (PASCAL VOC 2007)
)
NEAREST = 8  # new faces that are thought of for an old one, where no box overlaps


class Faces(NamedTuple):
    """Faces of one photograph: rows of `schema.faces`, and their vectors (n, D)."""

    rows: Sequence[Row[Any]]
    vectors: Floats


def set_aside(connection: Connection, photos: Sequence[int]) -> None:
    """Give these photographs' faces numbers below zero, so that new ones can be written; `renew` takes them away."""
    table = schema.faces
    for piece in in_pieces(photos):
        connection.execute(update(table).where(table.c.photo.in_(piece)).values(number=-1 - table.c.number))


def renew(gallery: GalleryStore, connection: Connection, replaced: Mapping[int, int | None], *, same: bool) -> None:
    """Take away what was replaced: of each photograph the faces that were set aside, or else the photograph.

    replaced: which photograph stands in its place; None: its own new faces do, or nothing.  same: the picture is the
    same, so a box says which face is which; in another picture, one that was edited or put in the place of another,
    faces that overlap must be alike, too.  Where it was turned or cut, the nearest alike one is taken.
    """
    for old, new in replaced.items():
        aside = schema.faces.c.number < 0
        gone = _faces(connection, old, aside if same else None, worth=True)
        there = _faces(connection, old if same else new, ~aside)
        _pass_on(connection, pairs(gone, there, gallery.metric, _threshold(gallery), same=same))
        if same:
            connection.execute(delete(schema.faces).where(schema.faces.c.photo == old, aside))
        else:
            connection.execute(delete(schema.photos).where(schema.photos.c.id == old))


def pairs(old: Faces, new: Faces, metric: str, threshold: float | None, *, same: bool) -> list[tuple[Any, Any]]:
    """Rows (old, new) of faces that are the same ones, each face at most once; see `renew`."""
    thought: list[tuple[bool, float, int, int]] = []
    if not old.rows or not new.rows:
        return []
    boxes = np.array([_box(row) for row in new.rows])
    for number, row in enumerate(old.rows):
        overlap = geometry.iou([_box(row)], boxes)[0] * [row.time == one.time for one in new.rows]
        apart = _apart(old.vectors[number], new.vectors, metric)
        alike = apart < (np.inf if threshold is None else threshold)
        over = np.flatnonzero((overlap >= OVERLAP) & (alike | same))
        thought.extend((False, 1 - float(overlap[at]), number, int(at)) for at in over)
        near = np.argsort(apart)[:NEAREST] if threshold is not None else ()
        thought.extend((True, float(apart[at]), number, int(at)) for at in near if alike[at])
    found: dict[int, int] = {}
    for _, _, number, at in sorted(thought):
        if number not in found and at not in found.values():
            found[number] = at
    return [(old.rows[number], new.rows[at]) for number, at in found.items()]


def _pass_on(connection: Connection, same: Sequence[tuple[Any, Any]]) -> None:
    """Persons, doubts and the journal speak of the new faces from here on."""
    faces = schema.faces
    rows = [{"old": old.id, "new": new.id, "who": old.person, "how": old.assigned} for old, new in same]
    named = [row for row in rows if row["who"] is not None]
    if named:
        change = update(faces).where(faces.c.id == bindparam("new"), faces.c.person.is_(None))
        connection.execute(change.values(person=bindparam("who"), assigned=bindparam("how")), named)
    if rows:
        for table in (schema.never, schema.reviews, schema.changes):
            moved = update(table).where(table.c.face == bindparam("old")).values(face=bindparam("new"))
            connection.execute(moved, [{"old": row["old"], "new": row["new"]} for row in rows])


def _faces(connection: Connection, photo: int | None, condition: Any = None, *, worth: bool = False) -> Faces:
    """The faces of a photograph.  worth: only those of which something is known that could be passed on."""
    faces, vectors = schema.faces, schema.vectors
    asked = select(faces, vectors.c.vector).join(vectors, vectors.c.face == faces.c.id).where(faces.c.photo == photo)
    if condition is not None:
        asked = asked.where(condition)
    if worth:
        tables = (schema.never, schema.reviews, schema.changes)
        told = [select(table.c.face).where(table.c.face == faces.c.id).exists() for table in tables]
        asked = asked.where(or_(faces.c.person.is_not(None), *told))
    rows = connection.execute(asked.order_by(faces.c.id)).all()
    return Faces(rows, np.array([row.vector for row in rows], np.float32))


def _box(row: Row[Any]) -> tuple[float, float, float, float]:
    return row.x1, row.y1, row.x2, row.y2


def _apart(one: Floats, many: Floats, metric: str) -> Floats:
    """(n,) distances."""
    if metric == "cosine":
        lengths = np.linalg.norm(many, axis=1) * np.linalg.norm(one)
        return np.asarray(1 - many @ one / np.maximum(lengths, 1e-10), np.float32)
    return np.asarray(np.linalg.norm(many - one, axis=1), np.float32)


def _threshold(gallery: GalleryStore) -> float | None:
    """Below which distance two faces are one person; None where the model does not say."""
    found = json.loads(gallery.setting("threshold") or "null")
    return None if found is None else float(found)
