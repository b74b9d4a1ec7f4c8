"""Distances between vectors, where small is alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nitakao.errors import MisuseError
from nitakao.values import Doubles, Floats, Metric


def distance(a: Floats, b: Floats, metric: Metric) -> float:
    """How far two vectors of one length lie apart, worked out in double precision.

    euclidean: the length of a - b (not squared, as the article prints it).
    cosine: 1 - cosine of the angle between them, 0 to 2.  Raises MisuseError where a vector has no direction.
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
    """(n,) how far the vector `one`, (D,), lies from each row of `many`, (n, D). Otherwise as `distance`."""
    first, others = _vector(one), np.asarray(many, np.float64)
    if others.ndim != 2 or others.shape[1] != first.size:
        raise MisuseError(f"a vector of {first.size} numbers cannot be compared with an array of shape {others.shape}")
    if not np.isfinite(others).all():
        raise MisuseError("a vector holds numbers that are not finite")
    if metric == "euclidean":
        return np.asarray(np.linalg.norm(others - first, axis=1))
    if metric == "cosine":
        lengths = np.linalg.norm(first) * np.linalg.norm(others, axis=1)
        if not (lengths > 0).all():
            raise MisuseError("a vector of zeros has no direction: its cosine distance is not defined")
        return np.asarray(1.0 - np.clip(others @ first / lengths, -1.0, 1.0))
    raise MisuseError(f"no metric '{metric}': choose euclidean or cosine")


def between(first: ArrayLike, second: ArrayLike, metric: Metric) -> Doubles:
    """(n,) how far each row of `first` lies from the same row of `second`, both (n, D). Otherwise as `distance`."""
    one, two = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if one.ndim != 2 or one.shape != two.shape:
        raise MisuseError(f"rows are compared one by one, not {one.shape} with {two.shape}")
    if metric == "euclidean":
        return np.asarray(np.linalg.norm(one - two, axis=1))
    if metric == "cosine":
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
        if not (lengths > 0).all():
            raise MisuseError("a vector of zeros has no direction: its cosine distance is not defined")
        return np.asarray(1.0 - np.clip(np.einsum("ij,ij->i", one, two) / lengths, -1.0, 1.0))
    raise MisuseError(f"no metric '{metric}': choose euclidean or cosine")


def crosswise(some: Floats, others: Floats, metric: Metric) -> Doubles:
    """(n, m) how far each row of `some`, (n, D), lies from each row of `others`, (m, D).

    Worked out from products of matrices in double precision: off by up to a hundred-millionth where two nearly agree.
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


def _vector(values: Floats) -> Doubles:
    vector = np.asarray(values, np.float64)
    if vector.ndim != 1 or not vector.size:
        raise MisuseError(f"a distance is taken between two vectors, not arrays of shape {vector.shape}")
    if not np.isfinite(vector).all():
        raise MisuseError("a vector holds numbers that are not finite")
    return vector


def _cosine(a: Doubles, b: Doubles) -> float:
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    if lengths == 0:
        raise MisuseError("a vector of zeros has no direction: its cosine distance is not defined")
    # Rounding can carry the quotient past 1 by an ulp; a distance is never negative.
    return 1.0 - min(1.0, max(-1.0, float(a @ b) / lengths))
