"""What is settled before faces are grouped, and how groups come to the numbers of the persons they were."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import MisuseError
from nitakao.values import Flags, Floats, Ids

NOBODY = -1


@dataclass(frozen=True, eq=False)
class Known:
    """What is settled before faces are grouped; all (n,), in the order of the vectors.

    apart: faces with the same number, such as their photograph's, are different people; -1: they need not be.
    people: who each face belongs to, -1 nobody.  by_hand: faces that are never moved.
    never: (m, 2) face (its row) and person who are kept apart.  names: persons who have a name.
    Persons with a name, or in `never`, keep their faces. Whose the faces of other persons are is found anew, and the
    group that holds most of a person's faces goes on as that person.
    """

    apart: Ids
    people: Ids
    by_hand: Flags
    never: Ids
    names: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if not len(self.apart) == len(self.people) == len(self.by_hand):
            raise MisuseError("what is known of faces to be grouped needs one entry for each of them")
        if self.never.ndim != 2 or self.never.shape[1] != 2:
            raise MisuseError(f"what is kept apart are pairs of a face and a person, not of shape {self.never.shape}")
        if len(self.never) and not 0 <= self.never[:, 0].min() <= self.never[:, 0].max() < len(self.apart):
            raise MisuseError(f"a face kept apart from a person is a row from 0 to {len(self.apart) - 1}")

    @property
    def looked_at(self) -> frozenset[int]:
        """Persons about whom somebody has said something."""
        return self.names | set(self.never[:, 1].tolist())

    @property
    def next(self) -> int:
        """A number above those of all persons."""
        return max(NOBODY, int(self.people.max(initial=NOBODY)), *self.looked_at) + 1


def nothing_known(faces: int) -> Known:
    """Of so many faces nothing is settled, not even their photographs."""
    nobody = np.full(faces, NOBODY, np.int64)
    return Known(nobody, nobody, np.zeros(faces, bool), np.empty((0, 2), np.int64))


@dataclass(frozen=True, eq=False)
class Groups:
    """Who each face was found to be.

    labels: (n,) int64, the known person's number, or a new one from `new` on, in the order of their first faces; -1:
    alone.  doubtful: (face, label, distance) of faces that are alone and may be that person.
    alike: (label, label, distance) of groups that may be one person, and do not become one by themselves.
    Both with the nearest first. A distance is the root mean square over all pairs of faces, in the metric's measure.
    """

    labels: Ids
    new: int
    doubtful: tuple[tuple[int, int, float], ...] = ()
    alike: tuple[tuple[int, int, float], ...] = ()


def settled(vectors: Floats, known: Known) -> Ids:
    """(n,) whose each face is, come what may, -1 where that is to be found out.

    A face stays that was placed by hand, or belongs to a person who was looked at; the latter not against a rule. Of
    such faces in one photograph those placed by hand stay, else the one nearest to the person's mean.
    """
    held = known.by_hand | np.isin(known.people, list(known.looked_at))
    people = np.where(held, known.people, NOBODY)
    face, person = known.never.T
    refused = face[people[face] == person]
    people[refused[~known.by_hand[refused]]] = NOBODY
    return without_rivals(vectors, people, known, known.by_hand)


def without_rivals(vectors: Floats, labels: Ids, known: Known, kept: Flags) -> Ids:
    """(n,) the labels, with one face a photograph in each group; kept: faces that stay whatever there is."""
    labels = labels.copy()
    mine = np.flatnonzero((labels != NOBODY) & (known.apart != NOBODY))
    seen = np.stack([labels[mine], known.apart[mine]])
    _, which, times = np.unique(seen, axis=1, return_inverse=True, return_counts=True)
    crowded = mine[times[which.ravel()] > 1]
    if not len(crowded):
        return labels
    far = _from_means(vectors, labels, crowded)
    order = crowded[np.lexsort((far, ~kept[crowded], known.apart[crowded], labels[crowded]))]
    first = np.r_[True, (np.diff(labels[order]) != 0) | (np.diff(known.apart[order]) != 0)]
    out = order[~first & ~kept[order]]
    labels[out] = NOBODY
    return labels


def _from_means(vectors: Floats, labels: Ids, faces: Ids) -> NDArray[np.float64]:
    """(f,) distance of each of these faces to the mean of the group it is in."""
    means = {int(label): vectors[labels == label].mean(0) for label in np.unique(labels[faces])}
    return np.array([np.linalg.norm(vectors[face] - means[int(labels[face])]) for face in faces])


def named(group: Ids, owner: Ids, known: Known) -> Ids:
    """(n,) the person whom each face now belongs to, -1 where it is alone.

    group: (n,) any number of the group a face is in.  owner: (n,) the settled person that group is of, -1 none.
    """
    _, group, size = np.unique(group, return_inverse=True, return_counts=True)
    group = group.ravel()
    free = (owner == NOBODY) & (size[group] > 1)
    person = np.full(len(size), NOBODY, np.int64)
    _carry(person, group, free & (known.people != NOBODY), known.people, set(owner.tolist()) | known.looked_at)
    founded = group[free & (person[group] == NOBODY)]
    _, first = np.unique(founded, return_index=True)
    fresh = founded[np.sort(first)]  # in the order of their first faces
    person[fresh] = known.next + np.arange(len(fresh))
    return np.where(owner != NOBODY, owner, person[group])


def _carry(person: Ids, group: Ids, old: Flags, people: Ids, taken: set[int]) -> None:
    """Writes into `person` who groups go on as: the one who had most of the faces, each person once."""
    pairs, shared = np.unique(np.stack([people[old], group[old]]), axis=1, return_counts=True)
    for place in np.argsort(-shared, kind="stable"):
        was, now = (int(value) for value in pairs[:, place])
        if was not in taken and person[now] == NOBODY:
            person[now] = was
            taken.add(was)
