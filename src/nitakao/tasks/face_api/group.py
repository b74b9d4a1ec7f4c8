"""Group: detected faces into groups of one person each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nitakao import clustering
from nitakao.tasks.face_api.context import FaceQueries, check_same_model
from nitakao.values import Floats, Metric

NEIGHBOURS = 30  # per face, as in `tasks.cluster`


@dataclass(frozen=True)
class GroupResult:
    """groups: ids of faces, the largest group first.  messy: ids of faces without a group."""

    groups: tuple[tuple[str, ...], ...]
    messy: tuple[str, ...]


def group(queries: FaceQueries, faces: Sequence[str]) -> GroupResult:
    """Group detected faces by person."""
    detected = queries.detected(list(dict.fromkeys(faces)))
    check_same_model(detected)
    vectors, metric = np.stack([face.vector for face in detected]), queries.gallery.metric
    labels = clustering.group(vectors, _near(vectors, metric), threshold=queries.scale.threshold, metric=metric).labels
    found: dict[int, list[str]] = {}
    for label, face in zip(labels.tolist(), detected, strict=True):
        found.setdefault(label, []).append(face.uuid)
    messy = found.pop(clustering.UNASSIGNED, [])
    return GroupResult(tuple(tuple(one) for one in sorted(found.values(), key=len, reverse=True)), tuple(messy))


def _near(vectors: Floats, metric: Metric) -> np.ndarray:
    """Rows of the nearest other faces, (n, k), by all pairs: there are at most a thousand faces."""
    exact = vectors.astype(np.float64)
    if metric == "cosine":
        exact /= np.maximum(np.linalg.norm(exact, axis=1, keepdims=True), 1e-12)
    squares = (exact**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * exact @ exact.T
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1, kind="stable")[:, : min(NEIGHBOURS, len(vectors) - 1)]
