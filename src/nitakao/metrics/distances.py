"""Distances between vectors; small means similar."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nitakao.errors import MisuseError
from nitakao.values import Doubles, Floats, Ids, Metric

BLOCK = 512  # rows that `neighbours` compares with all at a time


def distance(a: Floats, b: Floats, metric: Metric) -> float:
    """The distance of two vectors, in double precision.

    Args:
        a: (D,) float32.
        b: (D,) float32.
        metric: 'euclidean', the length of a - b (not squared), or 'cosine', 1 - cosine of their angle, 0 to 2.

    Raises:
        MisuseError: If the vectors do not fit, are not finite, or are zero (cosine).
    """
    first, second = _vector(a), _vector(b)
    if first.shape != second.shape:
        raise MisuseError(f"a vector of {first.size} numbers cannot be compared with one of {second.size}")
    if metric == "euclidean":
        return float(np.linalg.norm(first - second))
    if metric == "cosine":
        return _cosine(first, second)
    raise MisuseError(f"no metric '{metric}': choose euclidean or cosine")


def distances(one: Floats, many: Floats, metric: Metric) -> Doubles:
    """(n,) the distance of the vector `one`, (D,), to each row of `many`, (n, D). See `distance`."""
    first, others = _vector(one), np.asarray(many, np.float64)
    if others.ndim != 2 or others.shape[1] != first.size:
        raise MisuseError(f"a vector of {first.size} numbers cannot be compared with an array of shape {others.shape}")
    if not np.isfinite(others).all():
        raise MisuseError("a vector has numbers that are not finite")
    if metric == "euclidean":
        return np.asarray(np.linalg.norm(others - first, axis=1))
    if metric == "cosine":
        lengths = np.linalg.norm(first) * np.linalg.norm(others, axis=1)
        if not (lengths > 0).all():
            raise MisuseError("a vector of zeros has no direction: its cosine distance is not defined")
        return np.asarray(1.0 - np.clip(others @ first / lengths, -1.0, 1.0))
    raise MisuseError(f"no metric '{metric}': choose euclidean or cosine")


def between(first: ArrayLike, second: ArrayLike, metric: Metric) -> Doubles:
    """(n,) the distance of each row of `first` to the same row of `second`, both (n, D). See `distance`."""
    one, two = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if one.ndim != 2 or one.shape != two.shape:
        raise MisuseError(f"both sides need the same number of rows, not {one.shape} and {two.shape}")
    if metric == "euclidean":
        return np.asarray(np.linalg.norm(one - two, axis=1))
    if metric == "cosine":
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
        if not (lengths > 0).all():
            raise MisuseError("a vector of zeros has no direction: its cosine distance is not defined")
        return np.asarray(1.0 - np.clip(np.einsum("ij,ij->i", one, two) / lengths, -1.0, 1.0))
    raise MisuseError(f"no metric '{metric}': choose euclidean or cosine")


def crosswise(some: Floats, others: Floats, metric: Metric) -> Doubles:
    """(n, m) the distance of each row of `some`, (n, D), to each row of `others`, (m, D).

    Computed by matrix products in double precision: the error is up to 1e-8 where two vectors are nearly equal.
    """
    one, two = np.asarray(some, np.float64), np.asarray(others, np.float64)
    if metric == "cosine":
        lengths = np.linalg.norm(one, axis=1)[:, None] * np.linalg.norm(two, axis=1)
        if not (lengths > 0).all():
            raise MisuseError("a vector of zeros has no direction: its cosine distance is not defined")
        return np.asarray(1.0 - np.clip(one @ two.T / lengths, -1.0, 1.0))
    if metric != "euclidean":
        raise MisuseError(f"no metric '{metric}': choose euclidean or cosine")
    squares = np.einsum("ij,ij->i", one, one)[:, None] + np.einsum("ij,ij->i", two, two) - 2 * (one @ two.T)
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


def neighbours(vectors: Floats, k: int, metric: Metric) -> Ids:
    """The nearest other rows of each row, by comparing all pairs.

    Args:
        vectors: (n, D).
        k: Neighbours of each row.
        metric: As for `distance`.

    Returns:
        (n, min(k, n - 1)) row numbers, nearest first; (n, 1) of -1 for fewer than two rows.
    """
    count = len(vectors)
    nearest = np.full((count, min(k, max(1, count - 1))), -1, np.int64)
    if count < 2:
        return nearest
    width = nearest.shape[1]
    for start in range(0, count, BLOCK):
        rows = np.arange(start, min(start + BLOCK, count))
        distances = crosswise(vectors[rows], vectors, metric)
        distances[np.arange(len(rows)), rows] = np.inf
        best = np.argpartition(distances, width - 1, axis=1)[:, :width]
        order = np.argsort(np.take_along_axis(distances, best, axis=1), axis=1, kind="stable")
        nearest[rows] = np.take_along_axis(best, order, axis=1)
    return nearest


def _vector(values: Floats) -> Doubles:
    vector = np.asarray(values, np.float64)
    if vector.ndim != 1 or not vector.size:
        raise MisuseError(f"a vector has one dimension, not shape {vector.shape}")
    if not np.isfinite(vector).all():
        raise MisuseError("a vector has numbers that are not finite")
    return vector


def _cosine(a: Doubles, b: Doubles) -> float:
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    if lengths == 0:
        raise MisuseError("a vector of zeros has no direction: its cosine distance is not defined")
    # Rounding can carry the quotient past 1 by an ulp, and a distance is never negative.
    return 1.0 - min(1.0, max(-1.0, float(a @ b) / lengths))
