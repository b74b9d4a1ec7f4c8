"""Pairs in folds: each fold is judged by a threshold that was chosen on the others.

Source: LFW's protocol (Huang and others 2007, technical report 07-49, section 4), and the validation rates of Schroff
and others 2015, 'FaceNet', as facenet's validate_on_lfw measures both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nitakao.errors import MisuseError
from nitakao.metrics import roc
from nitakao.values import Doubles, Flags, Ids

FARS = (1e-1, 1e-2, 1e-3, 1e-4)


@dataclass(frozen=True)
class Fold:
    """One fold.  threshold: the best on the others.  accuracy: the share of its pairs that this puts right."""

    fold: int
    pairs: int
    threshold: float
    accuracy: float


@dataclass(frozen=True)
class Rate:
    """The validation rate at a wanted FAR: the mean over folds, each at the threshold where the others come to it.

    val_std, far_std: the spread over folds.  far: the rate that was wanted; far_found: that came of it.
    few: the other folds have less than one pair of two people to this rate, so that it is extrapolated.
    """

    far: float
    val: float
    val_std: float
    far_found: float
    far_std: float
    threshold: float
    few: bool


@dataclass(frozen=True)
class Verification:
    """What pairs in folds come to.

    accuracy: the mean over folds.  std: their standard deviation, as facenet prints it; standard_error: of the mean, as
    LFW and the FaceNet paper give it.  auc, eer: of all pairs together.  threshold: the best for all pairs together,
    and what a model's card names.  pooled: the share that it puts right, which is optimistic.
    """

    pairs: int
    same: int
    accuracy: float
    std: float
    standard_error: float
    auc: float
    eer: float
    threshold: float
    pooled: float
    folds: tuple[Fold, ...]
    rates: tuple[Rate, ...]


def verification(
    apart: ArrayLike, same: ArrayLike, fold: ArrayLike, *, fars: Sequence[float] = FARS, grid: bool = False
) -> Verification:
    """What these pairs come to.

    apart: (n,) distances, infinite where a pair cannot be compared: it counts as two people.  same: (n,) one person or
    two.  fold: (n,) the number of each pair's.  grid: choose thresholds as facenet does, see `facenet`.
    """
    far, true = roc.checked(apart, same)
    return over_folds(np.broadcast_to(far, (len(np.unique(fold)), len(far))), true, fold, fars=fars, grid=grid)


def over_folds(
    apart: Doubles, same: ArrayLike, fold: ArrayLike, *, fars: Sequence[float] = FARS, grid: bool = False
) -> Verification:
    """As `verification`, where each fold has distances of its own, (folds, n): those of vectors less the others' mean.

    What is told of all pairs together takes each pair as its own fold has it.
    """
    true, number = np.asarray(same, bool), np.asarray(fold)
    names = np.unique(number)
    if apart.shape != (len(names), len(true)) or len(number) != len(true) or np.isnan(apart).any():
        raise MisuseError(f"{len(names)} folds of {len(true)} pairs do not fit distances of shape {apart.shape}")
    check_folds(true, number)
    mine = of_own_fold(apart, number)
    folds, rates = [], []
    for row, name in zip(apart, names, strict=True):
        here = number == name
        rest = _Rest(row[~here], true[~here], grid)
        chosen = rest.best()
        right = (row[here] < chosen) == true[here]
        folds.append(Fold(int(name), int(here.sum()), chosen, float(right.mean())))
        rates.append([_at(rest, far, row[here], true[here]) for far in fars])
    whole = roc.curve(mine, true)
    best = roc.best_threshold(mine, true)
    accuracies = np.array([each.accuracy for each in folds])
    return Verification(
        pairs=len(true),
        same=int(true.sum()),
        accuracy=float(accuracies.mean()),
        std=float(accuracies.std()),
        standard_error=float(accuracies.std(ddof=1) / np.sqrt(len(folds))),
        auc=float(whole.auc),
        eer=float(whole.eer),
        threshold=best,
        pooled=float(((mine < best) == true).mean()),
        folds=tuple(folds),
        rates=tuple(_rate(far, np.array([row[i] for row in rates]), number, true) for i, far in enumerate(fars)),
    )


def of_own_fold(apart: Doubles, fold: ArrayLike) -> Doubles:
    """(n,) each pair's distance as its own fold has it; apart: (folds, n)."""
    rows = np.unique(np.asarray(fold), return_inverse=True)[1].ravel()
    return np.asarray(apart[rows, np.arange(apart.shape[1])])


def check_folds(same: Flags, fold: NDArray[np.generic]) -> None:
    """Raises MisuseError where folds, (n,), are not what a protocol needs."""
    names = np.unique(fold)
    if len(names) < 2:
        raise MisuseError("a fold's threshold is chosen on the others: two folds or more are needed, not one")
    for name in names:
        kinds = same[fold == name]
        if kinds.all() or not kinds.any():
            raise MisuseError(f"fold {name} has pairs of one kind only: each needs pairs of one person and of two")


class _Rest:
    """The folds on which a threshold is chosen."""

    def __init__(self, apart: Doubles, same: Flags, grid: bool) -> None:
        self.apart = apart
        self.same = same
        self.grid = grid

    def best(self) -> float:
        return facenet_best(self.apart, self.same) if self.grid else roc.best_threshold(self.apart, self.same)

    def at(self, far: float) -> float:
        different = self.apart[~self.same]
        return facenet_at(far, different) if self.grid else roc.threshold_at(far, different)


def _at(rest: _Rest, far: float, apart: Doubles, same: Flags) -> tuple[float, float, float]:
    """VAL and FAR of a fold, and the threshold at which the others come to `far`."""
    threshold = rest.at(far)
    below = apart < threshold
    return float(below[same].mean()), float(below[~same].mean()), threshold


def _rate(far: float, found: Doubles, fold: NDArray[np.generic], same: Flags) -> Rate:
    """found: (folds, 3) VAL, FAR and threshold."""
    (val, far_found, threshold), (val_std, far_std, _) = found.mean(axis=0), found.std(axis=0)
    fewest = min(int((~same[fold != name]).sum()) for name in np.unique(fold))
    return Rate(
        far, float(val), float(val_std), float(far_found), float(far_std), float(threshold), far * fewest < 1 - 1e-9
    )


# facenet's own thresholds: a grid over squared distances, or over angles as shares of half a turn, whichever are given.
GRID, FINE = np.arange(0, 4, 0.01), np.arange(0, 4, 0.001)


def facenet_best(apart: Doubles, same: Flags) -> float:
    """The first of the grid's thresholds that puts most pairs right (facenet's calculate_roc)."""
    accepted = [np.searchsorted(np.sort(apart[kind]), GRID, side="left") for kind in (same, ~same)]
    return float(GRID[np.argmax(accepted[0] - accepted[1])])


def facenet_at(far: float, different: Doubles) -> float:
    """Where FAR on the fine grid comes to `far`, straight between two of its thresholds; 0 where it never does.

    facenet's calculate_val, which leaves it to SciPy what comes of thresholds with the same FAR; here the last counts.
    """
    reached = np.searchsorted(np.sort(different), FINE, side="left") / len(different)
    if reached[-1] <= far:
        return float(FINE[-1]) if reached[-1] == far else 0.0
    after = int(np.argmax(reached > far))  # never 0: nothing lies below a threshold of 0
    low, high = reached[after - 1], reached[after]
    return float(FINE[after - 1] + (far - low) / (high - low) * (FINE[after] - FINE[after - 1]))


def statistics(
    apart: Doubles, same: Flags, fold: Ids, weights: Doubles, fars: Sequence[float] = FARS
) -> dict[str, Doubles]:
    """accuracy, auc, eer and val at each FAR, (b,) each, of pairs counted `weights`, (b, n), times; as `over_folds`."""
    whole = roc.curve(of_own_fold(apart, fold), same, weights)
    folds = [_fold(row, same, fold == name, weights, fars) for row, name in zip(apart, np.unique(fold), strict=True)]
    found = np.nanmean(np.stack(folds), axis=0)  # a fold may be drawn empty
    told = {"accuracy": found[0], "auc": whole.auc, "eer": whole.eer}
    return told | {f"val@{far:g}": found[1 + place] for place, far in enumerate(fars)}


def _fold(apart: Doubles, same: Flags, here: Flags, weights: Doubles, fars: Sequence[float]) -> Doubles:
    """(1 + fars, b) of one fold: accuracy, and VAL at each FAR."""
    test, rest = weights[:, here], weights[:, ~here]
    chosen = roc.best_thresholds(apart[~here], same[~here], rest)
    right = (apart[here] < chosen[:, None]) == same[here]
    rows = [roc.shares(right, test)]
    alike, different = apart[here & same], apart[~here & ~same]
    for far in fars:
        threshold = roc.thresholds_at(far, different, rest[:, ~same[~here]])
        rows.append(roc.shares(alike < threshold[:, None], test[:, same[here]]))
    return np.stack(rows)
