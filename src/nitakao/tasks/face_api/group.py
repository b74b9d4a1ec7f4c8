"""Group: detected faces into groups of one person each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nitakao import clustering
from nitakao.tasks.face_api.context import FaceQueries, one_model
from nitakao.values import Floats, Metric

NEIGHBOURS = 30  # per face, as in `tasks.cluster`


@dataclass(frozen=True)
class Grouped:
    """groups: ids of faces, the largest group first.  alone: faces like no other."""

    groups: tuple[tuple[str, ...], ...]
    alone: tuple[str, ...]


def group(queries: FaceQueries, faces: Sequence[str]) -> Grouped:
    """Group detected faces by person."""
    seen = queries.seen(list(dict.fromkeys(faces)))
    one_model(seen)
    vectors, metric = np.stack([face.vector for face in seen]), queries.gallery.metric
    labels = clustering.group(vectors, _near(vectors, metric), threshold=queries.scale.threshold, metric=metric).labels
    found: dict[int, list[str]] = {}
    for label, face in zip(labels.tolist(), seen, strict=True):
        found.setdefault(label, []).append(face.uuid)
    alone = found.pop(clustering.UNASSIGNED, [])
    return Grouped(tuple(tuple(one) for one in sorted(found.values(), key=len, reverse=True)), tuple(alone))


def _near(vectors: Floats, metric: Metric) -> np.ndarray:
    """Rows of the nearest other faces, (n, k), by all pairs: there are at most a thousand faces."""
    exact = vectors.astype(np.float64)
    if metric == "cosine":
        exact /= np.maximum(np.linalg.norm(exact, axis=1, keepdims=True), 1e-12)
    squares = (exact**2).sum(axis=1)
    apart = squares[:, None] + squares - 2 * exact @ exact.T
    np.fill_diagonal(apart, np.inf)
    return np.argsort(apart, axis=1, kind="stable")[:, : min(NEIGHBOURS, len(vectors) - 1)]
