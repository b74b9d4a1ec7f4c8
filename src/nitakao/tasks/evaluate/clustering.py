"""How well groups that are made of a model's vectors agree with who people are."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nitakao.metrics import bootstrap, crosswise
from nitakao.metrics.agreement import agreements, table
from nitakao.tasks.evaluate.comparison import Figures
from nitakao.tasks.evaluate.embeddings import Measuring, Model, Watch, threshold_of
from nitakao.tasks.evaluate.labelled import Everyone, Path_, PeopleWanted, of_people
from nitakao.values import Metric

if TYPE_CHECKING:  # which loads scikit-learn where it is asked for
    from nitakao.clustering import Method

Ints = NDArray[np.int64]

NEIGHBOURS = 64  # of each face; beyond thirty nothing changed on LFW
BLOCK = 512  # faces at a time


@dataclass(frozen=True, eq=False)
class ClusteringEvaluated:
    """The groups, and how they agree with the truth.

    everyone: pictures with a face.  labels: (n,) the group of each, below 0 alone.  threshold: same person below it.
    """

    everyone: Everyone
    labels: Ints
    threshold: float
    threshold_source: str
    figures: Figures

    @property
    def groups(self) -> int:
        return len(np.unique(self.labels[self.labels >= 0]))

    @property
    def alone(self) -> int:
        return int((self.labels < 0).sum())


def evaluate_clustering(
    folder: str | os.PathLike[str] | None = None,
    *,
    model: Model = None,
    vectors: Path_ | None = None,
    metric: Metric | None = None,
    wanted: PeopleWanted | None = None,
    threshold: float | None = None,
    method: Method | None = None,
    smallest: int = 3,
    look: Measuring | None = None,
    draws: int = bootstrap.DRAWS,
    started: Callable[[int], None] = lambda pictures: None,
    watch: Watch = lambda outcome: None,
) -> ClusteringEvaluated:
    """Pairwise and B-cubed precision, recall and F, and NMI, of groups of all pictures of a folder of people.

    threshold: same person below this distance; None: the card's.  method: None: nitakao's own way of grouping; or one
    of scikit-learn's, of which smallest is DBSCAN's min_samples and HDBSCAN's min_cluster_size.
    """
    everyone = of_people(
        folder,
        model=model,
        vectors=vectors,
        metric=metric,
        wanted=wanted,
        look=look,
        started=started,
        watch=watch,
    ).with_faces()
    limit, source = threshold_of(everyone.measured, threshold)
    labels = _groups(everyone, limit, method, smallest)
    return grouped(everyone, labels, limit, source, draws)


def grouped(
    everyone: Everyone, labels: Ints, threshold: float, source: str, draws: int = bootstrap.DRAWS
) -> ClusteringEvaluated:
    """How these groups, (n,), agree with the truth."""
    counted = table(labels, everyone.who)
    told = {name: float(value[0]) for name, value in agreements(counted, np.ones((1, counted.people))).items()}
    drawn = {}
    if draws:
        width = 4 * len(counted.cells) + counted.people
        drawn = bootstrap.gathered(counted.people, width, lambda weights: agreements(counted, weights), draws)
    return ClusteringEvaluated(everyone, labels, threshold, source, Figures(everyone.measured.model, told, drawn))


def _groups(everyone: Everyone, threshold: float, method: Method | None, smallest: int) -> Ints:
    from nitakao import clustering

    vectors, metric = everyone.measured.vectors, everyone.measured.metric
    if method is not None:
        return clustering.sklearn_groups(vectors, method, threshold=threshold, smallest=smallest, metric=metric).labels
    return clustering.group(vectors, _neighbours(everyone), threshold=threshold, metric=metric).labels


def _neighbours(everyone: Everyone) -> Ints:
    """(n, k) rows of the nearest others of each face."""
    vectors, count = everyone.measured.vectors, len(everyone.who)
    near = np.full((count, min(NEIGHBOURS, max(1, count - 1))), -1, np.int64)
    if count < 2:
        return near
    for start in range(0, count, BLOCK):
        rows = np.arange(start, min(start + BLOCK, count))
        apart = crosswise(vectors[rows], vectors, everyone.measured.metric)
        apart[np.arange(len(rows)), rows] = np.inf
        some = np.argpartition(apart, near.shape[1] - 1, axis=1)[:, : near.shape[1]]
        order = np.argsort(np.take_along_axis(apart, some, axis=1), axis=1, kind="stable")
        near[rows] = np.take_along_axis(some, order, axis=1)
    return near
