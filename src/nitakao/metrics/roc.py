"""The ROC curve of pairs, and thresholds.

A pair is accepted as one person if its distance is below the threshold. VAL (validation rate) is the share of genuine
pairs (of one person) that are accepted, FAR (false accept rate) the share of impostor pairs (of two people).

Source of the terms: Schroff, Kalenichenko and Philbin 2015, 'FaceNet', section 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nitakao.errors import MisuseError
from nitakao.values import Doubles, Flags

BEYOND = 1e9  # in place of infinity, the distance of a pair without vectors


@dataclass(frozen=True, eq=False)
class Curve:
    """An ROC curve.

    Attributes:
        thresholds: (k,) increasing.
        val: (..., k) share of genuine pairs below each threshold, one row for each row of weights.
        far: (..., k) share of impostor pairs below each threshold.
    """

    thresholds: Doubles
    val: Doubles
    far: Doubles

    @property
    def auc(self) -> Doubles:
        """(...) area under the curve: how likely a genuine pair is nearer than an impostor pair; ties count half."""
        wide = np.diff(self.far, axis=-1)
        high = (self.val[..., 1:] + self.val[..., :-1]) / 2
        return np.asarray((wide * high).sum(axis=-1))

    @property
    def eer(self) -> Doubles:
        """(...) equal error rate: where the share of genuine pairs rejected equals FAR, interpolated linearly."""
        beyond = self.far + self.val - 1  # rises from -1 to 1
        after = np.argmax(beyond >= 0, axis=-1)[..., None]
        low, high = (np.take_along_axis(beyond, at, axis=-1) for at in (after - 1, after))
        start, end = (np.take_along_axis(self.far, at, axis=-1) for at in (after - 1, after))
        return np.asarray((start - low / (high - low) * (end - start))[..., 0])


def curve(distances: ArrayLike, same: ArrayLike, weights: Doubles | None = None) -> Curve:
    """The ROC curve of these distances, with a point for each distinct distance.

    Args:
        distances: (n,) distances; infinite for a pair without vectors, which is accepted last.
        same: (n,) whether each pair is of one person.
        weights: (..., n) how often each pair counts. None: once.

    Raises:
        MisuseError: If there is only one kind of pair.
    """
    far, true = checked(distances, same)
    order = np.argsort(far, kind="stable")
    ends = np.append(np.flatnonzero(far[order][1:] > far[order][:-1]), len(far) - 1)
    counts = np.ones(len(far)) if weights is None else np.asarray(weights, np.float64)
    mine = counts[..., order]
    val, false = (_shares(mine * kind, ends) for kind in (true[order], ~true[order]))
    return Curve(np.append(far[order][0], np.append(far[order][ends[:-1] + 1], np.inf)), val, false)


def _shares(counts: Doubles, ends: NDArray[np.intp]) -> Doubles:
    """(..., k) 0, then the share counted up to each end."""
    up_to = np.cumsum(counts, axis=-1)[..., ends]
    whole = up_to[..., -1:]
    shares = np.divide(up_to, whole, out=np.full_like(up_to, np.nan), where=whole > 0)
    return np.concatenate([np.zeros_like(whole), shares], axis=-1)


def checked(distances: ArrayLike, same: ArrayLike) -> tuple[Doubles, Flags]:
    """The arrays of the pairs. Raises MisuseError where they do not fit, or are of one kind."""
    far, true = np.asarray(distances, np.float64), np.asarray(same, bool)
    if far.ndim != 1 or far.shape != true.shape or np.isnan(far).any():
        raise MisuseError(f"each pair needs a distance and a label: {far.shape} distances for {true.shape} labels")
    if not true.any() or true.all():
        raise MisuseError("pairs of one person and of two people are needed: there is only one kind")
    return far, true


def best_threshold(distances: ArrayLike, same: ArrayLike) -> float:
    """The threshold with the highest accuracy, half way between two distances; the middle one of several."""
    far, true = checked(distances, same)
    return float(best_thresholds(far, true, np.ones((1, len(far))))[0])


def best_thresholds(distances: Doubles, same: Flags, weights: Doubles) -> Doubles:
    """(b,) as `best_threshold`, for weighted pairs. weights: (b, n) how often each pair counts."""
    order = np.argsort(distances, kind="stable")
    sorted_distances = np.append(distances[order], np.inf)
    ends = np.flatnonzero((sorted_distances[1:] > sorted_distances[:-1]) & np.isfinite(sorted_distances[:-1]))
    gained = np.cumsum(np.where(same[order], 1.0, -1.0) * weights[:, order], axis=1)[:, ends]
    gained = np.concatenate([np.zeros((len(weights), 1)), gained], axis=1)  # first: none accepted
    at = _middle(gained == gained.max(axis=1, keepdims=True))
    low = np.append(sorted_distances[0] if len(ends) else 0.0, sorted_distances[ends])
    high = np.append(sorted_distances[0], sorted_distances[ends + 1])
    with np.errstate(invalid="ignore"):
        between = np.where(np.isfinite(high), (low + high) / 2, low * (1 + 1e-6))
    return np.asarray(between[at])


def _middle(chosen: Flags) -> NDArray[np.intp]:
    """(b,) the middle true column of each row, (b, k)."""
    middle = chosen.sum(axis=1, keepdims=True) // 2 + 1
    return np.asarray(np.argmax(np.cumsum(chosen, axis=1) == middle, axis=1))


def threshold_at(far: float, distances: ArrayLike) -> float:
    """The distance below which this share of impostor pairs, (m,), lies, interpolated linearly."""
    found = np.asarray(distances, np.float64)
    return float(thresholds_at(far, found, np.ones((1, len(found))))[0])


def thresholds_at(far: float, distances: Doubles, weights: Doubles) -> Doubles:
    """(b,) as `threshold_at`, for weighted pairs. weights: (b, m) how often each pair counts."""
    order = np.argsort(distances, kind="stable")
    values = np.minimum(distances[order], BEYOND)
    up_to = np.cumsum(weights[:, order], axis=1)
    place = far * np.maximum(up_to[:, -1] - 1, 0)
    whole = np.floor(place)
    low, high = _value(values, up_to, whole), _value(values, up_to, whole + 1)
    return np.asarray(low + (place - whole) * (high - low))


def _value(values: Doubles, up_to: Doubles, place: Doubles) -> Doubles:
    """(b,) the value at each place, from 0, of the weighted sequence."""
    at = (up_to <= place[:, None]).sum(axis=1)
    return np.asarray(values[np.minimum(at, len(values) - 1)])


def shares(right: Flags, weights: Doubles) -> Doubles:
    """(b,) the weighted share that is right; NaN where nothing counts. weights: (b, n) how often each counts."""
    whole = weights.sum(axis=1)
    out = np.full(len(whole), np.nan)
    return np.asarray(np.divide((right * weights).sum(axis=1), whole, out=out, where=whole > 0))
