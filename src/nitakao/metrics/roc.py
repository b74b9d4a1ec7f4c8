"""Pairs of one person and of two as a threshold rises: the ROC curve and what is read off it.

A pair is accepted, called one person, where its distance lies below the threshold.  VAL (validation rate) is the share
of the pairs of one person that are accepted, FAR (false accept rate) the share of the pairs of two.
Source of the terms: Schroff, Kalenichenko and Philbin 2015, 'FaceNet', section 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nitakao.errors import MisuseError
from nitakao.values import Doubles, Flags

BEYOND = 1e9  # stands for the distance of a pair that cannot be compared where one must be worked with


@dataclass(frozen=True, eq=False)
class Curve:
    """thresholds: (k,), rising; below each lie `val` of the pairs of one person and `far` of those of two.

    val, far: (..., k), from 0 to 1; one row for each way in which the pairs are counted.
    """

    thresholds: Doubles
    val: Doubles
    far: Doubles

    @property
    def auc(self) -> Doubles:
        """(...) the area below the curve: how likely two of one person are nearer than two of two; a tie is a half."""
        wide = np.diff(self.far, axis=-1)
        high = (self.val[..., 1:] + self.val[..., :-1]) / 2
        return np.asarray((wide * high).sum(axis=-1))

    @property
    def eer(self) -> Doubles:
        """(...) the rate at which as many pairs of one person are refused as pairs of two accepted.

        Where no threshold gives equal rates, it lies on the straight line between two points.
        """
        beyond = self.far + self.val - 1  # rises from -1 to 1
        after = np.argmax(beyond >= 0, axis=-1)[..., None]
        low, high = (np.take_along_axis(beyond, at, axis=-1) for at in (after - 1, after))
        start, end = (np.take_along_axis(self.far, at, axis=-1) for at in (after - 1, after))
        return np.asarray((start - low / (high - low) * (end - start))[..., 0])


def curve(apart: ArrayLike, same: ArrayLike, weights: Doubles | None = None) -> Curve:
    """The curve of pairs at these distances, with a point for each way to part them.

    apart: (n,), infinite where a pair cannot be compared: it is accepted last of all.  same: (n,) one person or two.
    weights: (..., n) how often each pair counts.  Raises MisuseError where there is but one kind of pair.
    """
    far, true = checked(apart, same)
    order = np.argsort(far, kind="stable")
    ends = np.append(np.flatnonzero(far[order][1:] > far[order][:-1]), len(far) - 1)
    counts = np.ones(len(far)) if weights is None else np.asarray(weights, np.float64)
    mine = counts[..., order]
    val, false = (_shares(mine * kind, ends) for kind in (true[order], ~true[order]))
    return Curve(np.append(far[order][0], np.append(far[order][ends[:-1] + 1], np.inf)), val, false)


def _shares(counts: Doubles, ends: NDArray[np.intp]) -> Doubles:
    """(..., k) 0, then the share of all that is counted up to each end."""
    up_to = np.cumsum(counts, axis=-1)[..., ends]
    whole = up_to[..., -1:]
    shares = np.divide(up_to, whole, out=np.full_like(up_to, np.nan), where=whole > 0)
    return np.concatenate([np.zeros_like(whole), shares], axis=-1)


def checked(apart: ArrayLike, same: ArrayLike) -> tuple[Doubles, Flags]:
    """Distances and truth of the pairs. Raises MisuseError where they do not fit, or are of one kind."""
    far, true = np.asarray(apart, np.float64), np.asarray(same, bool)
    if far.ndim != 1 or far.shape != true.shape or np.isnan(far).any():
        raise MisuseError(f"each pair has a distance and a truth: {far.shape} distances for {true.shape} pairs")
    if not true.any() or true.all():
        raise MisuseError("pairs of one person and pairs of two are needed: here is only one kind")
    return far, true


def best_threshold(apart: ArrayLike, same: ArrayLike) -> float:
    """The threshold that puts most pairs right, half way between two distances; of several, the middle one."""
    far, true = checked(apart, same)
    return float(best_thresholds(far, true, np.ones((1, len(far))))[0])


def best_thresholds(apart: Doubles, same: Flags, weights: Doubles) -> Doubles:
    """(b,) as `best_threshold`, for pairs counted `weights`, (b, n), times each."""
    order = np.argsort(apart, kind="stable")
    sorted_apart = np.append(apart[order], np.inf)
    ends = np.flatnonzero((sorted_apart[1:] > sorted_apart[:-1]) & np.isfinite(sorted_apart[:-1]))
    gained = np.cumsum(np.where(same[order], 1.0, -1.0) * weights[:, order], axis=1)[:, ends]
    gained = np.concatenate([np.zeros((len(weights), 1)), gained], axis=1)  # first: none accepted
    at = _middle(gained == gained.max(axis=1, keepdims=True))
    low = np.append(sorted_apart[0] if len(ends) else 0.0, sorted_apart[ends])
    high = np.append(sorted_apart[0], sorted_apart[ends + 1])
    with np.errstate(invalid="ignore"):
        between = np.where(np.isfinite(high), (low + high) / 2, low * (1 + 1e-6))
    return np.asarray(between[at])


def _middle(chosen: Flags) -> NDArray[np.intp]:
    """(b,) the column of the middle one of those that are true in each row (b, k)."""
    wanted = chosen.sum(axis=1, keepdims=True) // 2 + 1
    return np.asarray(np.argmax(np.cumsum(chosen, axis=1) == wanted, axis=1))


def threshold_at(far: float, apart: ArrayLike) -> float:
    """The distance below which this share of the pairs of two, (m,), lies, straight between two of them."""
    found = np.asarray(apart, np.float64)
    return float(thresholds_at(far, found, np.ones((1, len(found))))[0])


def thresholds_at(far: float, apart: Doubles, weights: Doubles) -> Doubles:
    """(b,) as `threshold_at`, for pairs counted `weights`, (b, m), times each: as if each stood there so often."""
    order = np.argsort(apart, kind="stable")
    values = np.minimum(apart[order], BEYOND)
    up_to = np.cumsum(weights[:, order], axis=1)
    place = far * np.maximum(up_to[:, -1] - 1, 0)
    whole = np.floor(place)
    low, high = _value(values, up_to, whole), _value(values, up_to, whole + 1)
    return np.asarray(low + (place - whole) * (high - low))


def _value(values: Doubles, up_to: Doubles, place: Doubles) -> Doubles:
    """(b,) the value at each place, counted from 0, in the row that the weights make."""
    at = (up_to <= place[:, None]).sum(axis=1)
    return np.asarray(values[np.minimum(at, len(values) - 1)])


def shares(right: Flags, weights: Doubles) -> Doubles:
    """(b,) the share that is right, of things counted `weights`, (b, n), times; not-a-number where none is counted."""
    whole = weights.sum(axis=1)
    out = np.full(len(whole), np.nan)
    return np.asarray(np.divide((right * weights).sum(axis=1), whole, out=out, where=whole > 0))
