"""What grouping needs to know of a gallery, and what it found, kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, func, select

from nitakao.clustering import NOBODY, Groups, Known
from nitakao.gallery import schema
from nitakao.gallery.faces import STREAM
from nitakao.gallery.people import Belongs, edit, reviews
from nitakao.gallery.store import GalleryStore
from nitakao.values import Ids

BY_GROUPING = "group"


@dataclass(frozen=True, eq=False)
class Standing:
    """Every face with a vector, by number, and what is settled about it.

    faces: (n,) ascending, the order in which `known` and everything else speaks of them.
    """

    faces: Ids
    known: Known

    def rows(self, numbers: Ids) -> Ids:
        """Where faces of these numbers stand, -1 for those that do not; any shape."""
        if not len(self.faces):
            return np.full(numbers.shape, NOBODY, np.int64)
        place = np.searchsorted(self.faces, numbers).clip(max=len(self.faces) - 1)
        return np.where(self.faces[place] == numbers, place, NOBODY).astype(np.int64)


@dataclass(frozen=True)
class KeptGroups:
    """What came of a grouping once it was kept.

    founded: persons that are new.  moved: faces that belong to somebody else than before, or to somebody at last.
    doubts: faces that wait for an answer.
    people: the person's number of each label that the grouping gave.
    """

    founded: int
    moved: int
    doubts: int
    people: Mapping[int, int]


def standing(gallery: GalleryStore, least: float = 0.0) -> Standing:
    """How things stand in the gallery.

    least: faces of a lower quality are left out, unless a hand has placed them.
    """
    faces, photos, vectors = schema.faces, schema.photos, schema.vectors
    asked = select(faces.c.id, faces.c.photo, photos.c.video, faces.c.person, faces.c.assigned)
    asked = asked.join(photos, photos.c.id == faces.c.photo).join(vectors, vectors.c.face == faces.c.id)
    if least > 0:
        placed = faces.c.assigned.is_not(None) & (faces.c.assigned != BY_GROUPING)
        asked = asked.where((func.coalesce(faces.c.quality, 1.0) >= least) | placed)
    with gallery.read() as connection:
        rows = [
            (number, NOBODY if video else photo, NOBODY if person is None else person, how not in (None, BY_GROUPING))
            for number, photo, video, person, how in connection.execution_options(yield_per=STREAM).execute(
                asked.order_by(faces.c.id)
            )
        ]
        never = [tuple(row) for row in connection.execute(select(schema.never.c.face, schema.never.c.person))]
        named = connection.execute(select(schema.people.c.id).where(schema.people.c.name.is_not(None))).scalars()
        names = frozenset(int(number) for number in named)
    table = np.array(rows, np.int64).reshape(len(rows), 4)
    pairs = np.array(never, np.int64).reshape(len(never), 2)
    where = Standing(table[:, 0], Known(table[:, 1], table[:, 2], table[:, 3] > 0, pairs[:0], names))
    pairs[:, 0] = where.rows(pairs[:, 0])
    known = Known(table[:, 1], table[:, 2], table[:, 3] > 0, pairs[pairs[:, 0] != NOBODY], names)
    return Standing(table[:, 0], known)


def keep(gallery: GalleryStore, before: Standing, groups: Groups) -> KeptGroups:
    """What came of it: all of it is one entry of the journal, and can be taken back as one.

    Faces that somebody has placed or taken out since `before` was read are left as they are now.
    """
    with edit(gallery, "cluster") as made:
        still = _as_before(made.connection, before)
        fresh = np.unique(groups.labels[(groups.labels >= groups.new) & still])
        people = {int(label): int(label) for label in np.unique(groups.labels) if NOBODY != label < groups.new}
        people |= dict(zip(fresh.tolist(), made.create_groups(len(fresh)), strict=True))
        changed = np.flatnonzero(still & ~before.known.by_hand & (groups.labels != before.known.people))
        given: dict[int, Belongs] = {
            int(before.faces[row]): _belongs(people.get(int(groups.labels[row]))) for row in changed
        }
        made.assign_each(given)
        made.sweep({int(person) for person in before.known.people[changed] if person != NOBODY})
        there = set(made.connection.execute(select(schema.people.c.id)).scalars())
        doubts = [
            (int(before.faces[row]), people[label], far)
            for row, label, far in groups.doubtful
            if still[row] and people.get(label) in there
        ]
        return KeptGroups(len(fresh), len(given), reviews.suggest(made.connection, doubts), people)


def _belongs(person: int | None) -> Belongs:
    return (None, None) if person is None else (person, BY_GROUPING)


def _as_before(connection: Connection, before: Standing) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(n,) whether each face still stands where it stood."""
    faces = schema.faces
    now = {
        int(number): (NOBODY if person is None else int(person), how not in (None, BY_GROUPING))
        for number, person, how in connection.execute(select(faces.c.id, faces.c.person, faces.c.assigned))
    }
    stood = zip(before.faces.tolist(), before.known.people.tolist(), before.known.by_hand.tolist(), strict=True)
    return np.array([now.get(number) == (person, hand) for number, person, hand in stood], bool)
