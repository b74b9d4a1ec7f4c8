"""Clusters faces from their nearest neighbours, within constraints."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nitakao.clustering.constraints import (
    UNASSIGNED,
    Constraints,
    Groups,
    assign_labels,
    fixed_labels,
    no_constraints,
)
from nitakao.clustering.merging import Merging, Rules
from nitakao.errors import MisuseError
from nitakao.values import Floats, Ids, Metric, rows

REVIEW_LIMIT = 1.1**2  # squared distance, as a multiple of the allowed one, up to which a pair goes to review


def group(
    vectors: Floats,
    neighbours: Ids,
    *,
    threshold: float,
    metric: Metric = "euclidean",
    constraints: Constraints | None = None,
) -> Groups:
    """Cluster faces into groups of one person each.

    Agglomerative clustering by centroids along the neighbour graph; each round merges all mutual best pairs. The
    allowed distance depends on the sizes of the groups and on their number, see `merging`.

    Args:
        vectors: (n, D) float32.
        neighbours: (n, k) int64, rows of the nearest faces, -1 where there are fewer.
        threshold: The model's same-person distance; do not tune it on these faces.
        metric: 'euclidean' or 'cosine'.
        constraints: What is known about the faces; None: nothing.

    Returns:
        The groups, with what is left to review.

    Raises:
        MisuseError: If the shapes do not match, or the threshold is not above 0.

    Source: Sokal and Michener 1958 (centroids); de Rham 1980 (mutual best pairs).
    """
    points, limit = euclidean(vectors, threshold, metric)
    constraints = constraints or no_constraints(len(points))
    neighbours = np.asarray(neighbours, np.int64)
    _check(points, neighbours, constraints)
    people = fixed_labels(points, constraints)
    while True:
        merging = Merging(points, neighbours, limit, people, _rules(constraints, people))
        merging.run()
        labels = assign_labels(merging.node, merging.owner[merging.node], constraints)
        # Faces that joined a named person may attract more when they are fixed from the start. Repeat until stable, so
        # that clustering the result again changes nothing.
        after = fixed_labels(points, replace(constraints, people=labels))
        if np.array_equal(after, people):
            return _groups(merging, labels, constraints.first_new, metric)
        people = after


def euclidean(vectors: Floats, threshold: float, metric: Metric) -> tuple[Floats, float]:
    """Vectors and threshold for Euclidean distance: for unit vectors it is sqrt(2 * cosine distance)."""
    if not (np.isfinite(threshold) and threshold > 0):
        raise MisuseError(f"clustering needs a threshold above 0, not {threshold:g}: give the same-person distance")
    array = rows(vectors, np.shape(vectors)[-1])
    if metric == "euclidean":
        return array, float(threshold)
    if metric != "cosine":
        raise MisuseError(f"no metric '{metric}': choose euclidean or cosine")
    lengths = np.linalg.norm(array, axis=1, keepdims=True)
    if not lengths.all():
        raise MisuseError("a zero vector has no direction: its cosine distance is undefined")
    return array / lengths, float(np.sqrt(2 * threshold))


def _check(vectors: Floats, neighbours: Ids, constraints: Constraints) -> None:
    n = len(vectors)
    if neighbours.ndim != 2 or len(neighbours) != n or len(constraints.people) != n:
        raise MisuseError(f"{n} faces need {n} rows of neighbours and {n} entries in the constraints")
    if neighbours.size and not UNASSIGNED <= neighbours.min() <= neighbours.max() < n:
        raise MisuseError(f"a neighbour is the row of a face, from 0 to {n - 1}, or -1")


def _rules(constraints: Constraints, people: Ids) -> Rules:
    """The constraints between faces: a person in `not_person` is represented by one of their faces."""
    _, which, times = np.unique(constraints.cannot_link, return_inverse=True, return_counts=True)
    cannot_link = np.where(times[which] > 1, constraints.cannot_link, UNASSIGNED)
    owners, face = np.unique(people, return_index=True)
    pairs = constraints.not_person[np.isin(constraints.not_person[:, 1], owners)]
    return Rules(cannot_link, np.stack([pairs[:, 0], face[np.searchsorted(owners, pairs[:, 1])]], 1))


def _groups(merging: Merging, labels: Ids, first_new: int, metric: Metric) -> Groups:
    """The groups, with what is left to review."""
    to_review: dict[int, tuple[int, int, float]] = {}
    similar = []
    for pair, distance in _uncertain(merging, metric):
        small, large = (int(group) for group in sorted(pair, key=lambda group: (merging.size[group], -group)))
        if labels[small] == UNASSIGNED:
            to_review.setdefault(small, (small, int(labels[large]), distance))  # only the nearest person of a face
        else:
            similar.append((int(labels[small]), int(labels[large]), distance))
    return Groups(labels, first_new, tuple(to_review.values()), tuple(similar))


def _uncertain(merging: Merging, metric: Metric) -> list[tuple[Ids, float]]:
    """Pairs of groups slightly too far apart, or that must not be merged automatically; nearest first."""
    strain = merging.strain()
    rows = np.flatnonzero(~merging.barred & (strain < REVIEW_LIMIT) & (merging.size[merging.pairs] > 1).any(1))
    distances = merging.distance(merging.pairs[rows])
    distances = distances**2 / 2 if metric == "cosine" else distances
    order = np.argsort(distances, kind="stable")
    return [(pair, float(d)) for pair, d in zip(merging.pairs[rows[order]], distances[order], strict=True)]
