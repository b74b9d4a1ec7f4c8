"""Cluster the faces of a file of vectors."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import numpy as np

from nitakao import clustering, metrics
from nitakao.errors import MisuseError
from nitakao.tasks.arguments import read_vectors
from nitakao.tasks.scoring import BY_HAND
from nitakao.values import Ids, Metric
from nitakao.vectors import Vectors

NEIGHBOURS = 30  # of each face, as for a gallery


@dataclass(frozen=True)
class VectorGroups:
    """groups: the names of each group's faces, largest group first. unassigned: names of faces in no group."""

    groups: tuple[tuple[str, ...], ...]
    unassigned: tuple[str, ...]
    model: str
    metric: Metric
    threshold: float
    threshold_source: str


def cluster_vectors(
    path: str | os.PathLike[str],
    *,
    model: str | None = None,
    threshold: float | None = None,
    method: clustering.Method | None = None,
    min_faces: int = 3,
) -> VectorGroups:
    """Group the faces of a file of vectors by person. Faces of one photo are never one person.

    Args:
        path: The file of vectors.
        model: The model of a file that does not name it.
        threshold: Same person below this distance, instead of the model's own.
        method: A scikit-learn method instead of nitakao's own.
        min_faces: DBSCAN's min_samples, HDBSCAN's min_cluster_size.

    Raises:
        MisuseError: There is no threshold.
    """
    vectors, card = read_vectors(path, model)
    metric: Metric = card.metric if card is not None else "euclidean"
    limit = threshold if threshold is not None else card.threshold if card is not None and card.has_threshold else None
    if limit is None:
        raise MisuseError(f"clustering needs a threshold, and '{vectors.path}' has none: give --model or --threshold")
    known = clustering.no_constraints(len(vectors.names))
    _, photos = np.unique(np.array(vectors.names, object).astype(str), return_inverse=True)
    known = replace(known, cannot_link=photos.astype(np.int64))
    if method is not None:
        found = clustering.sklearn_groups(
            vectors.vectors, method, threshold=limit, min_faces=min_faces, metric=metric, constraints=known
        )
    else:
        near = metrics.neighbours(vectors.vectors, NEIGHBOURS, metric)
        found = clustering.group(vectors.vectors, near, threshold=limit, metric=metric, constraints=known)
    source = BY_HAND if threshold is not None or card is None else card.threshold_source
    groups, unassigned = _named(vectors, found.labels)
    return VectorGroups(groups, unassigned, card.name if card else vectors.model, metric, limit, source)


def _named(vectors: Vectors, labels: Ids) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    groups: dict[int, list[str]] = {}
    for name, label in zip(vectors.names, labels.tolist(), strict=True):
        groups.setdefault(label, []).append(name)
    unassigned = tuple(groups.pop(clustering.UNASSIGNED, []))
    return tuple(tuple(names) for names in sorted(groups.values(), key=len, reverse=True)), unassigned
