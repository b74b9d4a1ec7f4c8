"""Clustering: how well groups of a model's vectors agree with the labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nitakao.metrics import bootstrap, neighbours
from nitakao.metrics.agreement import agreements, table
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.evaluate.comparison import Figures
from nitakao.tasks.evaluate.embeddings import Model, Progress, choose_threshold
from nitakao.tasks.evaluate.labelled import LabelledSet, LabelledVectors, embed_labelled
from nitakao.values import Ids

if TYPE_CHECKING:  # loads scikit-learn
    from nitakao.clustering import Method


NEIGHBOURS = 64  # of each face; beyond thirty nothing changed on LFW


@dataclass(frozen=True, eq=False)
class ClusteringResult:
    """The result of `clustering`.

    Attributes:
        labelled: Vectors of the pictures with a face.
        clusters: (n,) the group of each picture; below 0: ungrouped.
        threshold: Same person below this distance.
        threshold_source: Where the threshold comes from.
        figures: Pairwise and B-cubed precision, recall and F, and NMI.
    """

    labelled: LabelledVectors
    clusters: Ids
    threshold: float
    threshold_source: str
    figures: Figures

    @property
    def groups(self) -> int:
        """Number of groups."""
        return len(np.unique(self.clusters[self.clusters >= 0]))

    @property
    def ungrouped(self) -> int:
        """Number of pictures in no group."""
        return int((self.clusters < 0).sum())


def clustering(
    data: LabelledSet,
    *,
    model: Model = None,
    options: PipelineOptions | None = None,
    threshold: float | None = None,
    method: Method | None = None,
    min_faces: int = 3,
    progress: Progress | None = None,
) -> ClusteringResult:
    """Group all pictures, and measure pairwise and B-cubed precision, recall and F, and NMI.

    Args:
        data: Labelled pictures. Pictures without a face are left out.
        model: Name, path or card of the model. None: the default model, or the one that the file of vectors names.
        options: How faces are detected and embedded.
        threshold: Same person below this distance. None: the model's.
        method: One of scikit-learn's methods. None: the method of `nitakao cluster`.
        min_faces: DBSCAN's min_samples, HDBSCAN's min_cluster_size.
        progress: Callbacks.
    """
    labelled = embed_labelled(data, model=model, options=options, progress=progress).with_faces()
    limit, source = choose_threshold(labelled.embedded, threshold)
    clusters = _cluster(labelled, limit, method, min_faces)
    figures = measure_clusters(labelled, clusters, data.draws)
    return ClusteringResult(labelled, clusters, limit, source, figures)


def measure_clusters(labelled: LabelledVectors, clusters: Ids, draws: int = bootstrap.DRAWS) -> Figures:
    """How well these groups, (n,), agree with the labels."""
    counts = table(clusters, labelled.labels)
    values = {name: float(value[0]) for name, value in agreements(counts, np.ones((1, counts.people))).items()}
    drawn = {}
    if draws:
        width = 4 * len(counts.cells) + counts.people
        drawn = bootstrap.resample(counts.people, width, lambda weights: agreements(counts, weights), draws)
    return Figures(labelled.embedded.model, values, drawn)


def _cluster(labelled: LabelledVectors, threshold: float, method: Method | None, min_faces: int) -> Ids:
    from nitakao import clustering

    vectors, metric = labelled.embedded.vectors, labelled.embedded.metric
    if method is not None:
        return clustering.sklearn_groups(
            vectors, method, threshold=threshold, min_faces=min_faces, metric=metric
        ).labels
    return clustering.group(vectors, neighbours(vectors, NEIGHBOURS, metric), threshold=threshold, metric=metric).labels
