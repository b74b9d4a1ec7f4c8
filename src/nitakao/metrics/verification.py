"""Verification of pairs in folds, each measured at a threshold chosen on the other folds.

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
    """One fold: its best threshold on the other folds, and the accuracy at it."""

    fold: int
    pairs: int
    threshold: float
    accuracy: float


@dataclass(frozen=True)
class Rate:
    """The validation rate at a target FAR, averaged over folds. Each fold uses the threshold of the other folds.

    Attributes:
        far: Target FAR.
        val: Validation rate.
        val_std: Its standard deviation over folds.
        far_found: The FAR that was measured.
        far_std: Its standard deviation over folds.
        threshold: Mean threshold.
        few: Whether the other folds have too few impostor pairs for this rate, so that it is extrapolated.
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
    """Figures of pairs in folds.

    Attributes:
        pairs: Number of pairs.
        same: Number of genuine pairs.
        accuracy: Mean accuracy over folds.
        std: Its standard deviation over folds, as facenet prints it.
        standard_error: Standard error of the mean, as LFW and the FaceNet paper report it.
        auc: Area under the ROC curve of all pairs.
        eer: Equal error rate of all pairs.
        threshold: Best threshold for all pairs together, as on a model's card.
        pooled: Accuracy at it, which is optimistic.
        folds: The folds.
        rates: The validation rates.
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
    distances: ArrayLike, same: ArrayLike, fold: ArrayLike, *, fars: Sequence[float] = FARS, grid: bool = False
) -> Verification:
    """Measure verification of pairs in folds.

    Args:
        distances: (n,) distances; infinite for a pair without vectors, which counts as two people.
        same: (n,) whether each pair is of one person.
        fold: (n,) the fold of each pair.
        fars: Target FARs.
        grid: Choose thresholds as facenet does, on a grid.
    """
    far, true = roc.checked(distances, same)
    return over_folds(np.broadcast_to(far, (len(np.unique(fold)), len(far))), true, fold, fars=fars, grid=grid)


def over_folds(
    distances: Doubles, same: ArrayLike, fold: ArrayLike, *, fars: Sequence[float] = FARS, grid: bool = False
) -> Verification:
    """As `verification`, with distances of each fold, (folds, n), such as after subtracting the other folds' mean.

    Figures of all pairs together use the distance of each pair in its own fold.
    """
    is_same, number = np.asarray(same, bool), np.asarray(fold)
    names = np.unique(number)
    if distances.shape != (len(names), len(is_same)) or len(number) != len(is_same) or np.isnan(distances).any():
        raise MisuseError(f"{len(names)} folds of {len(is_same)} pairs do not fit distances of shape {distances.shape}")
    check_folds(is_same, number)
    own_distances = of_own_fold(distances, number)
    folds, rates = [], []
    for row, name in zip(distances, names, strict=True):
        in_fold = number == name
        others = _OtherFolds(row[~in_fold], is_same[~in_fold], grid)
        threshold = others.best()
        correct = (row[in_fold] < threshold) == is_same[in_fold]
        folds.append(Fold(int(name), int(in_fold.sum()), threshold, float(correct.mean())))
        rates.append([_at(others, far, row[in_fold], is_same[in_fold]) for far in fars])
    whole = roc.curve(own_distances, is_same)
    best = roc.best_threshold(own_distances, is_same)
    accuracies = np.array([each.accuracy for each in folds])
    return Verification(
        pairs=len(is_same),
        same=int(is_same.sum()),
        accuracy=float(accuracies.mean()),
        std=float(accuracies.std()),
        standard_error=float(accuracies.std(ddof=1) / np.sqrt(len(folds))),
        auc=float(whole.auc),
        eer=float(whole.eer),
        threshold=best,
        pooled=float(((own_distances < best) == is_same).mean()),
        folds=tuple(folds),
        rates=tuple(_rate(far, np.array([row[i] for row in rates]), number, is_same) for i, far in enumerate(fars)),
    )


def of_own_fold(distances: Doubles, fold: ArrayLike) -> Doubles:
    """(n,) the distance of each pair in its own fold. distances: (folds, n)."""
    rows = np.unique(np.asarray(fold), return_inverse=True)[1].ravel()
    return np.asarray(distances[rows, np.arange(distances.shape[1])])


def check_folds(same: Flags, fold: NDArray[np.generic]) -> None:
    """Raise MisuseError where there are fewer than two folds, or a fold has one kind of pairs only."""
    names = np.unique(fold)
    if len(names) < 2:
        raise MisuseError("thresholds are chosen on the other folds: at least two folds are needed")
    for name in names:
        kinds = same[fold == name]
        if kinds.all() or not kinds.any():
            raise MisuseError(f"fold {name} has one kind of pairs only: each fold needs genuine and impostor pairs")


class _OtherFolds:
    """The folds on which a threshold is chosen."""

    def __init__(self, distances: Doubles, same: Flags, grid: bool) -> None:
        self.distances = distances
        self.same = same
        self.grid = grid

    def best(self) -> float:
        return facenet_best(self.distances, self.same) if self.grid else roc.best_threshold(self.distances, self.same)

    def at(self, far: float) -> float:
        different = self.distances[~self.same]
        return facenet_at(far, different) if self.grid else roc.threshold_at(far, different)


def _at(rest: _OtherFolds, far: float, distances: Doubles, same: Flags) -> tuple[float, float, float]:
    """VAL and FAR of a fold, and the threshold at which the other folds have this FAR."""
    threshold = rest.at(far)
    below = distances < threshold
    return float(below[same].mean()), float(below[~same].mean()), threshold


def _rate(far: float, found: Doubles, fold: NDArray[np.generic], same: Flags) -> Rate:
    """Average over folds. found: (folds, 3) VAL, FAR and threshold."""
    (val, far_found, threshold), (val_std, far_std, _) = found.mean(axis=0), found.std(axis=0)
    fewest = min(int((~same[fold != name]).sum()) for name in np.unique(fold))
    return Rate(
        far, float(val), float(val_std), float(far_found), float(far_std), float(threshold), far * fewest < 1 - 1e-9
    )


# facenet's thresholds: a grid of squared distances, or of angles as shares of half a turn.
GRID, FINE = np.arange(0, 4, 0.01), np.arange(0, 4, 0.001)


def facenet_best(distances: Doubles, same: Flags) -> float:
    """The first threshold of the grid with the highest accuracy (facenet's calculate_roc)."""
    accepted = [np.searchsorted(np.sort(distances[kind]), GRID, side="left") for kind in (same, ~same)]
    return float(GRID[np.argmax(accepted[0] - accepted[1])])


def facenet_at(far: float, different: Doubles) -> float:
    """The threshold at which FAR on the fine grid is `far`, interpolated linearly; 0 where it never is.

    As facenet's calculate_val; of thresholds with the same FAR the last counts, which facenet leaves to SciPy.
    """
    reached = np.searchsorted(np.sort(different), FINE, side="left") / len(different)
    if reached[-1] <= far:
        return float(FINE[-1]) if reached[-1] == far else 0.0
    after = int(np.argmax(reached > far))  # never 0: no distance is below 0
    low, high = reached[after - 1], reached[after]
    return float(FINE[after - 1] + (far - low) / (high - low) * (FINE[after] - FINE[after - 1]))


def statistics(
    distances: Doubles, same: Flags, fold: Ids, weights: Doubles, fars: Sequence[float] = FARS
) -> dict[str, Doubles]:
    """accuracy, auc, eer and val at each FAR, (b,) each, for weighted pairs (b, n). See `over_folds`."""
    whole = roc.curve(of_own_fold(distances, fold), same, weights)
    folds = [
        _fold(row, same, fold == name, weights, fars) for row, name in zip(distances, np.unique(fold), strict=True)
    ]
    found = np.nanmean(np.stack(folds), axis=0)  # a fold may have no pair in a draw
    figures = {"accuracy": found[0], "auc": whole.auc, "eer": whole.eer}
    return figures | {f"val@{far:g}": found[1 + place] for place, far in enumerate(fars)}


def _fold(distances: Doubles, same: Flags, here: Flags, weights: Doubles, fars: Sequence[float]) -> Doubles:
    """(1 + fars, b) of one fold: accuracy, and VAL at each FAR."""
    test, rest = weights[:, here], weights[:, ~here]
    chosen = roc.best_thresholds(distances[~here], same[~here], rest)
    right = (distances[here] < chosen[:, None]) == same[here]
    rows = [roc.shares(right, test)]
    alike, different = distances[here & same], distances[~here & ~same]
    for far in fars:
        threshold = roc.thresholds_at(far, different, rest[:, ~same[~here]])
        rows.append(roc.shares(alike < threshold[:, None], test[:, same[here]]))
    return np.stack(rows)
