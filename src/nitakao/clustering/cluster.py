"""Neighbours to groups of one person: those settled keep their faces, others join or found groups."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nitakao.clustering.constraints import NOBODY, Groups, Known, named, nothing_known, settled
from nitakao.clustering.merging import Merging, Rules
from nitakao.errors import MisuseError
from nitakao.values import Floats, Ids, Metric, rows

DOUBTFUL = 1.1**2  # times what is allowed, in squared distance: how far beyond it a person is still asked


def group(
    vectors: Floats, neighbours: Ids, *, threshold: float, metric: Metric = "euclidean", known: Known | None = None
) -> Groups:
    """Groups of one person each, from every face's neighbours.

    vectors: (n, D).  neighbours: (n, k) rows of the nearest faces, -1 where there are fewer.  threshold: below it two
    faces taken by themselves are called one person, as the model's card has it; never tuned on the faces at hand.
    Agglomeration by centres (Sokal and Michener 1958) along the graph of neighbours, mutual best pairs in one round
    (de Rham 1980); what is allowed depends on the groups' sizes and on how many there are, see `merging`.
    """
    straight, reach = euclidean(vectors, threshold, metric)
    before = known or nothing_known(len(straight))
    near = np.asarray(neighbours, np.int64)
    _check(straight, near, before)
    people = settled(straight, before)
    while True:
        merging = Merging(straight, near, reach, people, _rules(before, people))
        merging.run()
        labels = named(merging.node, merging.owner[merging.node], before)
        # What has joined a person with a name stays there, and its being there from the start may draw in others.
        # The same call again would find them: so that it finds nothing new, they are found now.
        after = settled(straight, replace(before, people=labels))
        if np.array_equal(after, people):
            return _told(merging, labels, before.next, metric)
        people = after


def euclidean(vectors: Floats, threshold: float, metric: Metric) -> tuple[Floats, float]:
    """Vectors and threshold such that Euclidean distance says the same: for unit vectors it is sqrt(2 * cosine)."""
    if not (np.isfinite(threshold) and threshold > 0):
        raise MisuseError(f"grouping needs a threshold above 0, not {threshold:g}: give the distance to group below")
    array = rows(vectors, np.shape(vectors)[-1])
    if metric == "euclidean":
        return array, float(threshold)
    if metric != "cosine":
        raise MisuseError(f"no metric '{metric}': choose euclidean or cosine")
    lengths = np.linalg.norm(array, axis=1, keepdims=True)
    if not lengths.all():
        raise MisuseError("a vector of zeros has no direction: its cosine distance is not defined")
    return array / lengths, float(np.sqrt(2 * threshold))


def _check(vectors: Floats, neighbours: Ids, known: Known) -> None:
    n = len(vectors)
    if neighbours.ndim != 2 or len(neighbours) != n or len(known.people) != n:
        raise MisuseError(f"{n} faces need {n} rows of neighbours, and as many entries of what is known")
    if neighbours.size and not NOBODY <= neighbours.min() <= neighbours.max() < n:
        raise MisuseError(f"a neighbour is the row of a face, from 0 to {n - 1}, or -1")


def _rules(known: Known, people: Ids) -> Rules:
    """Persons in `never` by one face of theirs. Numbers of photographs that only one face is in bind nobody."""
    _, which, times = np.unique(known.apart, return_inverse=True, return_counts=True)
    apart = np.where(times[which] > 1, known.apart, NOBODY)
    owners, face = np.unique(people, return_index=True)
    there = np.isin(known.never[:, 1], owners)
    pairs = known.never[there]
    return Rules(apart, np.stack([pairs[:, 0], face[np.searchsorted(owners, pairs[:, 1])]], 1))


def _told(merging: Merging, labels: Ids, new: int, metric: Metric) -> Groups:
    """The groups, and what is left to ask."""
    doubtful: dict[int, tuple[int, int, float]] = {}
    alike = []
    for pair, far in _unsure(merging, metric):
        one, two = (int(group) for group in sorted(pair, key=lambda group: (merging.size[group], -group)))
        if labels[one] == NOBODY:
            doubtful.setdefault(one, (one, int(labels[two]), far))  # only the nearest: a list is read by a person
        else:
            alike.append((int(labels[one]), int(labels[two]), far))
    return Groups(labels, new, tuple(doubtful.values()), tuple(alike))


def _unsure(merging: Merging, metric: Metric) -> list[tuple[Ids, float]]:
    """Pairs of groups a little too far apart to be one, or not allowed to merge by themselves; nearest first."""
    strain = merging.strain()
    asked = np.flatnonzero(~merging.barred & (strain < DOUBTFUL) & (merging.size[merging.pairs] > 1).any(1))
    far = merging.distance(merging.pairs[asked])
    far = far**2 / 2 if metric == "cosine" else far
    order = np.argsort(far, kind="stable")
    return [(pair, float(distance)) for pair, distance in zip(merging.pairs[asked[order]], far[order], strict=True)]
