"""How well a network tells people apart that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitakao import calibration as calibrations
from nitakao import metrics
from nitakao.errors import MisuseError, TrainingError
from nitakao.metrics import bootstrap, roc
from nitakao.training.splits import Examples
from nitakao.values import Calibration, Floats, Metric

Rows = NDArray[np.intp]

MOST_OF_ONE = 500  # pairs of one person, so that nobody with very many pictures outweighs all others
MOST_OF_TWO = 500_000  # pairs of two people: a FAR of 1e-4 is then seen in 50 of them
BLOCK = 1 << 15  # pairs whose vectors are held at a time


@dataclass(frozen=True)
class Verdict:
    """Pairs of held-out people under one network.

    auc: how likely two of one person are nearer than two of two.  val: share of the pairs of one person accepted where
    `far` of those of two are.  threshold: the distance that puts most pairs right, both kinds weighing the same, and
    `accuracy` the share that it does.  same, different: pairs of each kind.
    """

    auc: float
    val: float
    far: float
    threshold: float
    accuracy: float
    same: int
    different: int


@dataclass(frozen=True, eq=False)
class Pairs:
    """rows: (m, 2) of the examples.  same: (m,) one person or two.  people: (m, 2) whose they are."""

    rows: Rows
    same: NDArray[np.bool_]
    people: NDArray[np.int64]

    def apart(self, vectors: Floats, metric: Metric = "euclidean") -> NDArray[np.float64]:
        """(m,) the distance of each pair. Raises TrainingError where the network gives numbers that are none."""
        if not np.isfinite(vectors).all():
            raise TrainingError("the network gives vectors that are not finite: lower the learning rate")
        blocks = [self.rows[start : start + BLOCK] for start in range(0, len(self.rows), BLOCK)]
        return np.concatenate([metrics.between(vectors[b[:, 0]], vectors[b[:, 1]], metric) for b in blocks])


def pairs(examples: Examples, seed: int = 0) -> Pairs:
    """Pairs of one person and of two, bounded numbers of each, always the same for the same examples."""
    chance = np.random.default_rng([seed, 1])
    of_one = []
    for person in range(len(examples.people)):
        mine = np.flatnonzero(examples.labels == person)
        found = mine[np.stack(np.triu_indices(len(mine), 1), 1)]
        of_one.append(found if len(found) <= MOST_OF_ONE else chance.permutation(found)[:MOST_OF_ONE])
    return _made(examples, np.concatenate([*of_one, _of_two(examples.labels, chance)]))


def listed(examples: Examples, named: Sequence[tuple[str | None, str | None]]) -> Pairs:
    """The pairs of these pictures, as a file in LFW's layout lists them, less those of which there is no crop."""
    row: dict[str | None, int] = {picture: number for number, picture in enumerate(examples.pictures)}
    found = [(row[a], row[b]) for a, b in named if a in row and b in row]
    if not found:
        raise MisuseError("none of the listed pairs has a face in both its pictures: is this the right folder?")
    return _made(examples, np.array(found, np.intp))


def _made(examples: Examples, rows: Rows) -> Pairs:
    people = examples.labels[rows]
    return Pairs(rows, people[:, 0] == people[:, 1], people)


def _of_two(labels: NDArray[np.int64], chance: np.random.Generator) -> Rows:
    count = len(labels)
    if count * (count - 1) // 2 <= MOST_OF_TWO:
        found = np.stack(np.triu_indices(count, 1), 1)
    else:
        first = chance.integers(0, count, MOST_OF_TWO)
        found = np.stack([first, (first + chance.integers(1, count, MOST_OF_TWO)) % count], 1)
    return np.asarray(found[labels[found[:, 0]] != labels[found[:, 1]]], np.intp)


def verdict(found: Pairs, apart: NDArray[np.float64], far: float) -> Verdict:
    """What these distances of the pairs come to, judged at this false accept rate."""
    curve = roc.curve(apart, found.same)
    val = float(curve.val[np.searchsorted(curve.far, far, side="right") - 1])
    same = int(found.same.sum())
    weights = np.where(found.same, 0.5 / same, 0.5 / (len(found.same) - same))
    threshold = float(roc.best_thresholds(apart, found.same, weights[None])[0])
    right = (apart < threshold) == found.same
    return Verdict(float(curve.auc), val, far, threshold, float(weights @ right), same, len(found.same) - same)


def calibrated(found: Pairs, apart: NDArray[np.float64], source: str) -> Calibration | None:
    """What a distance means, fitted on these pairs; None where pairs of one person lie no nearer than those of two."""
    try:
        return calibrations.fit(apart[found.same], apart[~found.same], source)
    except MisuseError:
        return None


def gain(
    found: Pairs, before: NDArray[np.float64], after: NDArray[np.float64], far: float, draws: int = bootstrap.DRAWS
) -> dict[str, tuple[float, metrics.Interval]]:
    """AUC and VAL@FAR after less before, each with its 95% interval over people."""
    _, numbers = np.unique(found.people, return_inverse=True)
    first, second = numbers.reshape(found.people.shape).T

    def of(drawn: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        weights = bootstrap.of_pairs(drawn, first, second)
        old, new = (_figures(apart, found.same, weights, far) for apart in (before, after))
        return {name: new[name] - old[name] for name in new}

    whole = of(np.ones((1, numbers.max() + 1)))
    drawn = bootstrap.resample(int(numbers.max()) + 1, len(found.same), of, draws)
    return {name: (float(whole[name][0]), bootstrap.interval(drawn[name])) for name in whole}


def _figures(
    apart: NDArray[np.float64], same: NDArray[np.bool_], weights: NDArray[np.float64], far: float
) -> dict[str, NDArray[np.float64]]:
    curve = roc.curve(apart, same, weights)
    at = (curve.far <= far).sum(axis=-1) - 1
    return {"auc": curve.auc, "val": np.take_along_axis(curve.val, at[..., None], axis=-1)[..., 0]}
