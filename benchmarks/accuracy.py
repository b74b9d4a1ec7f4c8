"""LFW's restricted protocol from vectors: accuracy over folds and VAL at FAR.

Shares no code with nitakao.metrics, so that it verifies nitakao's figures independently.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs: both pictures of each, whether they are one person, and the fold."""

    first: list[str]
    second: list[str]
    same: NDArray[np.bool_]
    fold: NDArray[np.intp]

    @property
    def pictures(self) -> list[str]:
        return sorted({*self.first, *self.second})


def read_pairs(file: Path, images: Path) -> Pairs:
    """LFW's pairs.txt: a header (folds, pairs of each kind), then the matched and mismatched pairs of each fold."""
    header, *lines = [line.split() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    folds, each = int(header[0]), int(header[1])
    if len(lines) != folds * each * 2:
        raise ValueError(f"{file.name} has {len(lines)} pairs, not {folds} x {each} x 2")

    def at(name: str, number: str) -> str:
        return str(images / name / f"{name}_{int(number):04d}.jpg")

    first = [at(p[0], p[1]) for p in lines]
    second = [at(p[0], p[2]) if len(p) == 3 else at(p[2], p[3]) for p in lines]
    same = np.array([len(p) == 3 for p in lines])
    return Pairs(first, second, same, np.arange(len(lines)) // (2 * each))


@dataclass(frozen=True)
class Score:
    """Accuracy and its standard deviation over folds, mean VAL at `far`, best threshold over all pairs, and the number
    of pictures without a face, whose pairs count as two people."""

    accuracy: float
    spread: float
    val: float
    threshold: float
    missing: int
    folds: list[float]


def score(pairs: Pairs, vectors: dict[str, Any], far: float = 1e-3) -> Score:
    """Score Euclidean distances. vectors: (D,) by picture, NaN without a face."""
    apart = distances(pairs, vectors)
    folds, vals = [], []
    for fold in np.unique(pairs.fold):
        test, train = pairs.fold == fold, pairs.fold != fold
        threshold = best_threshold(apart[train], pairs.same[train])
        folds.append(float(np.mean((apart[test] < threshold) == pairs.same[test])))
        # as in validate_on_lfw: the distance at which the other folds' mismatched pairs reach the FAR
        strict = np.quantile(np.minimum(apart[train][~pairs.same[train]], 1e9), far)
        vals.append(float(np.mean(apart[test][pairs.same[test]] < strict)))
    missing = sum(1 for picture in pairs.pictures if not np.isfinite(vectors[picture]).all())
    overall = best_threshold(apart, pairs.same)
    return Score(float(np.mean(folds)), float(np.std(folds)), float(np.mean(vals)), overall, missing, folds)


def distances(pairs: Pairs, vectors: dict[str, Any]) -> Floats:
    """Euclidean distance of each pair, infinite where a face is missing."""
    first = np.array([vectors[p] for p in pairs.first], np.float64)
    second = np.array([vectors[p] for p in pairs.second], np.float64)
    apart = np.linalg.norm(first - second, axis=1)
    return np.where(np.isfinite(apart), apart, np.inf)


def best_threshold(apart: Floats, same: NDArray[np.bool_]) -> float:
    """The threshold with the highest accuracy, half way between two distances; the middle one of several."""
    order = np.argsort(apart, kind="stable")
    right = np.cumsum(np.where(same[order], 1, -1))  # gain over 'all different' if the first k+1 are the same
    sorted_apart = np.append(apart[order], np.inf)
    edges = np.flatnonzero((sorted_apart[1:] > sorted_apart[:-1]) & np.isfinite(sorted_apart[:-1]))
    best = edges[right[edges] == right[edges].max()]
    at = int(best[len(best) // 2])
    after = sorted_apart[at + 1]
    return float((sorted_apart[at] + after) / 2 if np.isfinite(after) else sorted_apart[at] * (1 + 1e-6))
