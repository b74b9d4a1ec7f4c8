"""Constraints on a clustering, and the labels of its groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import MisuseError
from nitakao.values import Flags, Floats, Ids

UNASSIGNED = -1


@dataclass(frozen=True, eq=False)
class Constraints:
    """What is known about the faces before they are clustered.

    Named persons, and persons in `not_person`, keep their faces. Faces of other persons are clustered again, and the
    group that holds most of a person's faces keeps that person's label.

    Attributes:
        cannot_link: (n,) int64; faces with the same number, such as their photograph's id, are different people; -1:
            no such constraint.
        people: (n,) int64, the person each face belongs to, -1 unassigned.
        by_hand: (n,) bool, faces that a user assigned: they never move.
        not_person: (m, 2) int64, pairs of a face (its row) and a person it does not belong to.
        named: Persons who have a name.

    Raises:
        MisuseError: If the shapes do not match.
    """

    cannot_link: Ids
    people: Ids
    by_hand: Flags
    not_person: Ids
    named: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if not len(self.cannot_link) == len(self.people) == len(self.by_hand):
            raise MisuseError("cannot_link, people and by_hand need one entry per face")
        if self.not_person.ndim != 2 or self.not_person.shape[1] != 2:
            raise MisuseError(f"not_person has shape {self.not_person.shape}: give pairs (m, 2) of a face and a person")
        faces = self.not_person[:, 0]
        if len(faces) and not 0 <= faces.min() <= faces.max() < len(self.cannot_link):
            raise MisuseError(f"a face in not_person is a row from 0 to {len(self.cannot_link) - 1}")

    @property
    def curated(self) -> frozenset[int]:
        """Persons that a user has named or rejected a face for."""
        return self.named | set(self.not_person[:, 1].tolist())

    @property
    def first_new(self) -> int:
        """The first label above those of all persons."""
        return max(UNASSIGNED, int(self.people.max(initial=UNASSIGNED)), *self.curated) + 1


def no_constraints(faces: int) -> Constraints:
    """Constraints that allow everything, for this number of faces."""
    unassigned = np.full(faces, UNASSIGNED, np.int64)
    return Constraints(unassigned, unassigned, np.zeros(faces, bool), np.empty((0, 2), np.int64))


@dataclass(frozen=True, eq=False)
class Groups:
    """The result of a clustering.

    Distances are root mean squares over all pairs of faces, in the metric's measure; nearest first.

    Attributes:
        labels: (n,) int64; an existing person, or a new label from `first_new` on in the order of the groups' first
            faces; -1 for a face in no group.
        first_new: The first new label.
        to_review: (face, label, distance) of ungrouped faces that may be that person.
        similar: (label, label, distance) of groups that may be one person but are not merged automatically.
    """

    labels: Ids
    first_new: int
    to_review: tuple[tuple[int, int, float], ...] = ()
    similar: tuple[tuple[int, int, float], ...] = ()


def fixed_labels(vectors: Floats, constraints: Constraints) -> Ids:
    """(n,) the person of each face that keeps its person, -1 for the others.

    A face keeps its person if a user assigned it, or if the person is curated and no constraint forbids it. Of such
    faces in one photograph those assigned by hand stay, else the one nearest to the person's mean.
    """
    fixed = constraints.by_hand | np.isin(constraints.people, list(constraints.curated))
    people = np.where(fixed, constraints.people, UNASSIGNED)
    face, person = constraints.not_person.T
    rejected = face[people[face] == person]
    people[rejected[~constraints.by_hand[rejected]]] = UNASSIGNED
    return one_face_per_photo(vectors, people, constraints, constraints.by_hand)


def one_face_per_photo(vectors: Floats, labels: Ids, constraints: Constraints, keep: Flags) -> Ids:
    """(n,) the labels with at most one face of each cannot-link number in a group; faces in `keep` always stay."""
    labels = labels.copy()
    cannot_link = constraints.cannot_link
    linked = np.flatnonzero((labels != UNASSIGNED) & (cannot_link != UNASSIGNED))
    keys = np.stack([labels[linked], cannot_link[linked]])
    _, which, times = np.unique(keys, axis=1, return_inverse=True, return_counts=True)
    conflicting = linked[times[which.ravel()] > 1]
    if not len(conflicting):
        return labels
    distances = _to_means(vectors, labels, conflicting)
    order = conflicting[np.lexsort((distances, ~keep[conflicting], cannot_link[conflicting], labels[conflicting]))]
    first = np.r_[True, (np.diff(labels[order]) != 0) | (np.diff(cannot_link[order]) != 0)]
    labels[order[~first & ~keep[order]]] = UNASSIGNED
    return labels


def _to_means(vectors: Floats, labels: Ids, faces: Ids) -> NDArray[np.float64]:
    """(f,) distance of each of these faces to the mean of its group."""
    means = {int(label): vectors[labels == label].mean(0) for label in np.unique(labels[faces])}
    return np.array([np.linalg.norm(vectors[face] - means[int(labels[face])]) for face in faces])


def assign_labels(group: Ids, owner: Ids, constraints: Constraints) -> Ids:
    """(n,) the label of each face, -1 if it is alone.

    Args:
        group: (n,) any number of the group a face is in.
        owner: (n,) the fixed person of that group, -1 if none.
        constraints: The persons before.
    """
    _, group, size = np.unique(group, return_inverse=True, return_counts=True)
    group = group.ravel()
    free = (owner == UNASSIGNED) & (size[group] > 1)
    person = np.full(len(size), UNASSIGNED, np.int64)
    taken = set(owner.tolist()) | constraints.curated
    _keep_persons(person, group, free & (constraints.people != UNASSIGNED), constraints.people, taken)
    new = group[free & (person[group] == UNASSIGNED)]
    _, first = np.unique(new, return_index=True)
    new = new[np.sort(first)]  # in the order of their first faces
    person[new] = constraints.first_new + np.arange(len(new))
    return np.where(owner != UNASSIGNED, owner, person[group])


def _keep_persons(person: Ids, group: Ids, assigned: Flags, people: Ids, taken: set[int]) -> None:
    """Give each group in `person` the person who had most of its faces, each person once."""
    pairs, shared = np.unique(np.stack([people[assigned], group[assigned]]), axis=1, return_counts=True)
    for place in np.argsort(-shared, kind="stable"):
        old, now = (int(value) for value in pairs[:, place])
        if old not in taken and person[now] == UNASSIGNED:
            person[now] = old
            taken.add(old)
