"""How well groups agree with the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nitakao.errors import MisuseError
from nitakao.values import Doubles, Ids


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
    return _one(table(labels, truth), "b_cubed")


def pairwise(labels: ArrayLike, truth: ArrayLike) -> Agreement:
    """What share of the pairs in one group are one person, and what share of a person's pairs are in one group.

    labels, truth: as for `b_cubed`.  Where there is no pair to be wrong about, the share is 1.
    """
    return _one(table(labels, truth), "pairwise")


def mutual_information(labels: ArrayLike, truth: ArrayLike) -> float:
    """NMI: what groups and people tell of each other, over the mean of what each has to tell; 0 to 1.

    labels, truth: as for `b_cubed`.  Source: Vinh, Epps and Bailey 2010, JMLR 11, NMI_sum.
    """
    found = table(labels, truth)
    return float(agreements(found, np.ones((1, found.people)))["nmi"][0])


@dataclass(frozen=True, eq=False)
class Table:
    """How many faces each group and person share.

    cells: (k, 2) group and person that share some, from 0.  both: (k,) how many.
    """

    cells: Ids
    both: Ids

    @property
    def people(self) -> int:
        return int(self.cells[:, 1].max()) + 1


def table(labels: ArrayLike, truth: ArrayLike) -> Table:
    """The table of these groups and people, people in the order of their names."""
    given, person = np.asarray(labels), np.unique(np.asarray(truth), return_inverse=True)[1].ravel()
    if given.ndim != 1 or given.shape != person.shape or not given.size:
        raise MisuseError(f"groups are compared face by face: {given.size} labels do not fit {person.size} names")
    alone = given.max() + 1 + np.arange(len(given))
    group = np.unique(np.where(given < 0, alone, given), return_inverse=True)[1].ravel()
    cells, both = np.unique(np.stack([group, person]), axis=1, return_counts=True)
    return Table(cells.T.astype(np.int64), both.astype(np.int64))


def agreements(found: Table, weights: Doubles) -> dict[str, Doubles]:
    """Every measure of agreement, (b,) each, for people counted `weights`, (b, people), times.

    A pair of two people counts as often as the product of both; groups stay as they are.
    """
    group, person = found.cells.T
    both = found.both.astype(np.float64)
    sizes, faces = np.bincount(group, both), np.bincount(person, both)
    mine = weights[:, person]
    count = (mine * both).sum(axis=1)
    precision = (mine * (both * both / sizes[group])).sum(axis=1) / count
    recall = (mine * (both * both / faces[person])).sum(axis=1) / count
    right = (mine * (both * (both - 1))).sum(axis=1)
    true = (weights * (faces * (faces - 1))).sum(axis=1)
    shared = _by(group, mine * both, len(sizes))
    said = right + (shared**2).sum(axis=1) - ((mine * both) ** 2).sum(axis=1)
    told = {"b_cubed_precision": precision, "b_cubed_recall": recall, "b_cubed_f": _f(precision, recall)}
    pairs = _share(right, said), _share(right, true)
    told |= {"pairwise_precision": pairs[0], "pairwise_recall": pairs[1], "pairwise_f": _f(*pairs)}
    return {**told, "nmi": _nmi(mine * both, shared, weights * faces)}


def _by(group: Ids, values: Doubles, groups: int) -> Doubles:
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


def _one(found: Table, name: str) -> Agreement:
    told = agreements(found, np.ones((1, found.people)))
    return Agreement(float(told[f"{name}_precision"][0]), float(told[f"{name}_recall"][0]))
