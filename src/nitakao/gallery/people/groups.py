"""Reads the input of a clustering from a gallery, and saves its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, func, select

from nitakao.clustering import UNASSIGNED, Constraints, Groups
from nitakao.gallery import schema
from nitakao.gallery.faces import STREAM
from nitakao.gallery.people import Assignment, begin_edit, reviews
from nitakao.gallery.store import GalleryStore
from nitakao.values import Ids

BY_CLUSTERING = "group"


@dataclass(frozen=True, eq=False)
class ClusterInput:
    """The faces to cluster, and the constraints on them.

    Attributes:
        faces: (n,) ids of faces with a vector, ascending.
        constraints: In the order of `faces`.
    """

    faces: Ids
    constraints: Constraints

    def rows(self, ids: Ids) -> Ids:
        """The rows of these faces, -1 for ids that are not among them; any shape."""
        if not len(self.faces):
            return np.full(ids.shape, -1, np.int64)
        place = np.searchsorted(self.faces, ids).clip(max=len(self.faces) - 1)
        return np.where(self.faces[place] == ids, place, -1).astype(np.int64)


@dataclass(frozen=True)
class SavedGroups:
    """The changes that saving a clustering made.

    Attributes:
        created: New persons.
        moved: Faces whose person changed.
        to_review: Faces to review.
        people: The person id of each label.
    """

    created: int
    moved: int
    to_review: int
    people: Mapping[int, int]


def load_input(gallery: GalleryStore, min_quality: float = 0.0) -> ClusterInput:
    """The faces to cluster: those with at least this quality, and those assigned by hand or by a label."""
    faces, photos, vectors = schema.faces, schema.photos, schema.vectors
    query = select(faces.c.id, faces.c.photo, photos.c.video, faces.c.person, faces.c.assigned)
    query = query.join(photos, photos.c.id == faces.c.photo).join(vectors, vectors.c.face == faces.c.id)
    if min_quality > 0:
        fixed = faces.c.assigned.is_not(None) & (faces.c.assigned != BY_CLUSTERING)
        query = query.where((func.coalesce(faces.c.quality, 1.0) >= min_quality) | fixed)
    with gallery.read() as connection:
        rows = [
            (
                number,
                UNASSIGNED if video else photo,
                UNASSIGNED if person is None else person,
                how not in (None, BY_CLUSTERING),
            )
            for number, photo, video, person, how in connection.execution_options(yield_per=STREAM).execute(
                query.order_by(faces.c.id)
            )
        ]
        never = [tuple(row) for row in connection.execute(select(schema.never.c.face, schema.never.c.person))]
        named = connection.execute(select(schema.people.c.id).where(schema.people.c.name.is_not(None))).scalars()
        names = frozenset(int(number) for number in named)
    table = np.array(rows, np.int64).reshape(len(rows), 4)
    pairs = np.array(never, np.int64).reshape(len(never), 2)
    faces_only = ClusterInput(table[:, 0], Constraints(table[:, 1], table[:, 2], table[:, 3] > 0, pairs[:0], names))
    pairs[:, 0] = faces_only.rows(pairs[:, 0])
    constraints = Constraints(table[:, 1], table[:, 2], table[:, 3] > 0, pairs[pairs[:, 0] >= 0], names)
    return ClusterInput(table[:, 0], constraints)


def save_groups(gallery: GalleryStore, before: ClusterInput, groups: Groups) -> SavedGroups:
    """Save a clustering as one entry of the journal.

    Args:
        gallery: The gallery.
        before: The input of the clustering. Faces that have been moved or deleted since then stay as they are.
        groups: Its result.
    """
    with begin_edit(gallery, "cluster") as edit:
        unchanged = _unchanged(edit.connection, before)
        old = before.constraints
        new = np.unique(groups.labels[(groups.labels >= groups.first_new) & unchanged])
        people = {int(label): int(label) for label in np.unique(groups.labels) if 0 <= label < groups.first_new}
        people |= dict(zip(new.tolist(), edit.create_unnamed(len(new)), strict=True))
        changed = np.flatnonzero(unchanged & ~old.by_hand & (groups.labels != old.people))
        assignments: dict[int, Assignment] = {
            int(before.faces[row]): _assignment(people.get(int(groups.labels[row]))) for row in changed
        }
        edit.assign_each(assignments)
        edit.drop_empty({int(person) for person in old.people[changed] if person != UNASSIGNED})
        existing = set(edit.connection.execute(select(schema.people.c.id)).scalars())
        suggestions = [
            (int(before.faces[row]), people[label], distance)
            for row, label, distance in groups.to_review
            if unchanged[row] and people.get(label) in existing
        ]
        to_review = reviews.replace_suggestions(edit.connection, suggestions)
        return SavedGroups(len(new), len(assignments), to_review, people)


def _assignment(person: int | None) -> Assignment:
    return (None, None) if person is None else (person, BY_CLUSTERING)


def _unchanged(connection: Connection, before: ClusterInput) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(n,) whether each face still exists with the same person."""
    faces = schema.faces
    now = {
        int(number): (UNASSIGNED if person is None else int(person), how not in (None, BY_CLUSTERING))
        for number, person, how in connection.execute(select(faces.c.id, faces.c.person, faces.c.assigned))
    }
    constraints = before.constraints
    then = zip(before.faces.tolist(), constraints.people.tolist(), constraints.by_hand.tolist(), strict=True)
    return np.array([now.get(number) == (person, by_hand) for number, person, by_hand in then], bool)
