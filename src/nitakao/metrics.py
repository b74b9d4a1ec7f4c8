"""Distances between vectors, where small is alike; how well groups and answers agree with the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nitakao.errors import MisuseError
from nitakao.values import Floats, Metric


def distance(a: Floats, b: Floats, metric: Metric) -> float:
    """How far two vectors of one length lie apart, worked out in double precision.

    euclidean: the length of a - b (not squared, as the article prints it).
    cosine: 1 - cosine of the angle between them, 0 to 2.  Raises MisuseError where a vector has no direction.
    """
    first, second = _vector(a), _vector(b)
    if first.shape != second.shape:
        raise MisuseError(f"a vector of {first.size} numbers cannot be compared with one of {second.size}")
    if metric == "euclidean":
        return float(np.linalg.norm(first - second))
    if metric == "cosine":
        return _cosine(first, second)
    raise MisuseError(f"no metric '{metric}': choose euclidean or cosine")


def distances(one: Floats, many: Floats, metric: Metric) -> NDArray[np.float64]:
    """(n,) how far the vector `one`, (D,), lies from each row of `many`, (n, D). Otherwise as `distance`."""
    first, others = _vector(one), np.asarray(many, np.float64)
    if others.ndim != 2 or others.shape[1] != first.size:
        raise MisuseError(f"a vector of {first.size} numbers cannot be compared with an array of shape {others.shape}")
    if not np.isfinite(others).all():
        raise MisuseError("a vector holds numbers that are not finite")
    if metric == "euclidean":
        return np.asarray(np.linalg.norm(others - first, axis=1))
    if metric == "cosine":
        lengths = np.linalg.norm(first) * np.linalg.norm(others, axis=1)
        if not (lengths > 0).all():
            raise MisuseError("a vector of zeros has no direction: its cosine distance is not defined")
        return np.asarray(1.0 - np.clip(others @ first / lengths, -1.0, 1.0))
    raise MisuseError(f"no metric '{metric}': choose euclidean or cosine")


def _vector(values: Floats) -> NDArray[np.float64]:
    vector = np.asarray(values, np.float64)
    if vector.ndim != 1 or not vector.size:
        raise MisuseError(f"a distance is taken between two vectors, not arrays of shape {vector.shape}")
    if not np.isfinite(vector).all():
        raise MisuseError("a vector holds numbers that are not finite")
    return vector


def _cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    if lengths == 0:
        raise MisuseError("a vector of zeros has no direction: its cosine distance is not defined")
    # Rounding can carry the quotient past 1 by an ulp; a distance is never negative.
    return 1.0 - min(1.0, max(-1.0, float(a @ b) / lengths))


@dataclass(frozen=True)
class Agreement:
    """How far groups agree with the truth, each 0 to 1: precision falls where people are mixed, recall where parted."""

    precision: float
    recall: float

    @property
    def f(self) -> float:
        """The harmonic mean of both, 0 where both are."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def b_cubed(labels: ArrayLike, truth: ArrayLike) -> Agreement:
    """The mean over faces: what share of a face's group is its person, and what share of its person is in its group.

    labels: (n,) int, the group of each face; below 0: alone.  truth: (n,) anything that can be told apart.
    Source: Bagga and Baldwin 1998, 'Entity-based cross-document coreferencing using the vector space model'.
    """
    both, groups, people = _shared(labels, truth)
    return Agreement(float(np.sum(both * both / groups) / both.sum()), float(np.sum(both * both / people) / both.sum()))


def pairwise(labels: ArrayLike, truth: ArrayLike) -> Agreement:
    """What share of the pairs in one group are one person, and what share of a person's pairs are in one group.

    labels, truth: as for `b_cubed`.  Where there is no pair to be wrong about, the share is 1.
    """
    both, groups, people = _shared(labels, truth)
    right = float((both * (both - 1)).sum())
    said, true = (float((both * (each - 1)).sum()) for each in (groups, people))
    return Agreement(right / said if said else 1.0, right / true if true else 1.0)


def _shared(labels: ArrayLike, truth: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Of each group and person that share faces: how many they share, and how many each has in all."""
    given, person = np.asarray(labels), np.unique(np.asarray(truth), return_inverse=True)[1].ravel()
    if given.ndim != 1 or given.shape != person.shape or not given.size:
        raise MisuseError(f"groups are compared face by face: {given.size} labels do not fit {person.size} names")
    alone = given.max() + 1 + np.arange(len(given))
    group = np.unique(np.where(given < 0, alone, given), return_inverse=True)[1]
    cells, both = np.unique(np.stack([group, person]), axis=1, return_counts=True)
    return both, np.bincount(group)[cells[0]], np.bincount(person)[cells[1]]


@dataclass(frozen=True)
class Identification:
    """rank1: the share of probes that are nearest to their own person.

    tpir: the share of probes that are, and within `threshold`, at which the wanted share of strangers is answered too.
    """

    rank1: float
    tpir: float
    threshold: float


def identification(own: ArrayLike, other: ArrayLike, strangers: ArrayLike, fpir: float = 0.01) -> Identification:
    """How well people are recognised, among strangers too.

    own, other: (n,) distance of each probe to the nearest enrolled face of its own person and of anybody else.
    strangers: (m,) distance of faces of nobody enrolled to the nearest face that is.  fpir: share of strangers answered
    with a name, at most.  Source of the terms: ISO/IEC 19795-1.
    """
    near, far, unknown = (np.asarray(values, np.float64) for values in (own, other, strangers))
    if near.shape != far.shape or not near.size or not unknown.size:
        raise MisuseError("identification needs two distances for each probe, and one stranger or more")
    allowed = int(fpir * len(unknown))
    threshold = float(np.sort(unknown)[allowed]) if allowed < len(unknown) else np.inf  # answered strictly below it
    first = near < far
    return Identification(float(first.mean()), float((first & (near < threshold)).mean()), threshold)
