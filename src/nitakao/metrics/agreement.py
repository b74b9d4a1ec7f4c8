"""Agreement of groups with labels: B-cubed, pairwise, and mutual information."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nitakao.errors import MisuseError
from nitakao.values import Doubles, Ids


@dataclass(frozen=True)
class Agreement:
    """Agreement of groups with labels.

    Attributes:
        precision: 0 to 1, lower where groups mix people.
        recall: 0 to 1, lower where people are split over groups.
    """

    precision: float
    recall: float

    @property
    def f(self) -> float:
        """The harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def b_cubed(labels: ArrayLike, truth: ArrayLike) -> Agreement:
    """B-cubed precision and recall, averaged over faces.

    Precision is the share of a face's group that is its person, recall the share of its person that is in its group.

    Args:
        labels: (n,) int, the group of each face; below 0: ungrouped.
        truth: (n,) the person of each face.

    Source: Bagga and Baldwin 1998, 'Entity-based cross-document coreferencing using the vector space model'.
    """
    return _agreement(table(labels, truth), "b_cubed")


def pairwise(labels: ArrayLike, truth: ArrayLike) -> Agreement:
    """Pairwise precision and recall.

    Precision is the share of pairs in one group that are one person, recall the share of pairs of one person that are
    in one group; 1 where there are no such pairs.

    Args:
        labels: (n,) int, the group of each face; below 0: ungrouped.
        truth: (n,) the person of each face.
    """
    return _agreement(table(labels, truth), "pairwise")


def mutual_information(labels: ArrayLike, truth: ArrayLike) -> float:
    """Normalised mutual information of groups and people, 0 to 1: normalised by the mean of both entropies.

    Args:
        labels: (n,) int, the group of each face; below 0: ungrouped.
        truth: (n,) the person of each face.

    Source: Vinh, Epps and Bailey 2010, JMLR 11, NMI_sum.
    """
    counts = table(labels, truth)
    return float(agreements(counts, np.ones((1, counts.people)))["nmi"][0])


@dataclass(frozen=True, eq=False)
class Table:
    """The contingency table of groups and people.

    Attributes:
        cells: (k, 2) group and person of each nonzero cell, from 0.
        both: (k,) number of faces in each.
    """

    cells: Ids
    both: Ids

    @property
    def people(self) -> int:
        return int(self.cells[:, 1].max()) + 1


def table(labels: ArrayLike, truth: ArrayLike) -> Table:
    """The contingency table of groups and people, with people in order of names."""
    group, person = np.asarray(labels), np.unique(np.asarray(truth), return_inverse=True)[1].ravel()
    if group.ndim != 1 or group.shape != person.shape or not group.size:
        raise MisuseError(f"each face needs a group and a person: {group.size} groups for {person.size} people")
    own_group = group.max() + 1 + np.arange(len(group))
    group = np.unique(np.where(group < 0, own_group, group), return_inverse=True)[1].ravel()
    cells, both = np.unique(np.stack([group, person]), axis=1, return_counts=True)
    return Table(cells.T.astype(np.int64), both.astype(np.int64))


def agreements(counts: Table, weights: Doubles) -> dict[str, Doubles]:
    """All measures of agreement, (b,) each, for weighted people.

    weights: (b, people) how often each person counts; a pair of two people counts as the product of both. Groups stay
    the same.
    """
    group, person = counts.cells.T
    both = counts.both.astype(np.float64)
    sizes, faces = np.bincount(group, both), np.bincount(person, both)
    weight = weights[:, person]
    total = (weight * both).sum(axis=1)
    precision = (weight * (both * both / sizes[group])).sum(axis=1) / total
    recall = (weight * (both * both / faces[person])).sum(axis=1) / total
    right = (weight * (both * (both - 1))).sum(axis=1)
    genuine = (weights * (faces * (faces - 1))).sum(axis=1)
    shared = _sum_by_group(group, weight * both, len(sizes))
    grouped = right + (shared**2).sum(axis=1) - ((weight * both) ** 2).sum(axis=1)
    values = {"b_cubed_precision": precision, "b_cubed_recall": recall, "b_cubed_f": _f(precision, recall)}
    pairs = _share(right, grouped), _share(right, genuine)
    values |= {"pairwise_precision": pairs[0], "pairwise_recall": pairs[1], "pairwise_f": _f(*pairs)}
    return {**values, "nmi": _nmi(weight * both, shared, weights * faces)}


def _sum_by_group(group: Ids, values: Doubles, groups: int) -> Doubles:
    """(b, groups) sums of the columns (b, k) of each group."""
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(groups))
    return np.asarray(np.add.reduceat(values[:, order], starts, axis=1))


def _share(part: Doubles, whole: Doubles) -> Doubles:
    return np.divide(part, whole, out=np.ones_like(part), where=whole > 0)


def _f(precision: Doubles, recall: Doubles) -> Doubles:
    both = precision + recall
    return np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)


def _nmi(both: Doubles, groups: Doubles, people: Doubles) -> Doubles:
    count = both.sum(axis=1, keepdims=True)
    joint, one, two = (_entropy(counts / count) for counts in (both, groups, people))
    return _share(np.maximum(one + two - joint, 0.0), (one + two) / 2)


def _entropy(shares: Doubles) -> Doubles:
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(-(shares * logs).sum(axis=1))


def _agreement(counts: Table, name: str) -> Agreement:
    values = agreements(counts, np.ones((1, counts.people)))
    return Agreement(float(values[f"{name}_precision"][0]), float(values[f"{name}_recall"][0]))
