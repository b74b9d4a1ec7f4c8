"""Validation: how well a network tells apart people that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitakao import calibration, metrics
from nitakao.errors import MisuseError, TrainingError
from nitakao.metrics import bootstrap, roc
from nitakao.training.splits import Examples
from nitakao.values import Calibration, Doubles, Flags, Floats, Ids, Metric

Rows = NDArray[np.intp]

MAX_GENUINE = 500  # pairs of a person, so that nobody with very many pictures outweighs all others
MAX_IMPOSTOR = 500_000  # pairs of two people: enough for a FAR of 1e-4, which is then 50 of them
BLOCK = 1 << 15  # pairs whose vectors are in memory at a time


@dataclass(frozen=True)
class ValidationMetrics:
    """Figures of a network on pairs of held-out people.

    Attributes:
        auc: Area under the ROC curve: how likely a genuine pair is nearer than an impostor pair.
        val: Share of genuine pairs accepted where the share `far` of impostor pairs is.
        far: The false accept rate of `val`.
        threshold: The distance with the highest balanced accuracy.
        accuracy: The balanced accuracy at `threshold`: genuine and impostor pairs weigh the same.
        same: Number of genuine pairs (of one person).
        different: Number of impostor pairs (of two people).
    """

    auc: float
    val: float
    far: float
    threshold: float
    accuracy: float
    same: int
    different: int


@dataclass(frozen=True, eq=False)
class ValidationPairs:
    """Pairs of examples.

    Attributes:
        rows: (m, 2) numbers of the examples.
        same: (m,) whether each pair is of one person.
        people: (m, 2) the labels of both sides.
    """

    rows: Rows
    same: Flags
    people: Ids

    def distances(self, vectors: Floats, metric: Metric = "euclidean") -> Doubles:
        """(m,) the distance of each pair. Raises TrainingError where vectors are not finite."""
        if not np.isfinite(vectors).all():
            raise TrainingError("the network gives vectors that are not finite: lower the learning rate")
        blocks = [self.rows[start : start + BLOCK] for start in range(0, len(self.rows), BLOCK)]
        return np.concatenate([metrics.between(vectors[b[:, 0]], vectors[b[:, 1]], metric) for b in blocks])


def make_pairs(examples: Examples, seed: int = 0) -> ValidationPairs:
    """Genuine and impostor pairs, up to a limit of each; the same examples and seed give the same pairs."""
    rng = np.random.default_rng([seed, 1])
    genuine = []
    for person in range(len(examples.people)):
        numbers = np.flatnonzero(examples.labels == person)
        rows = numbers[np.stack(np.triu_indices(len(numbers), 1), 1)]
        genuine.append(rows if len(rows) <= MAX_GENUINE else rng.permutation(rows)[:MAX_GENUINE])
    return _label(examples, np.concatenate([*genuine, _impostor_pairs(examples.labels, rng)]))


def listed_pairs(examples: Examples, pictures: Sequence[tuple[str | None, str | None]]) -> ValidationPairs:
    """The pairs of these pictures, without those that have no crop. Raises MisuseError where none is left."""
    row: dict[str | None, int] = {picture: number for number, picture in enumerate(examples.pictures)}
    rows = [(row[a], row[b]) for a, b in pictures if a in row and b in row]
    if not rows:
        raise MisuseError("no listed pair has a face in both pictures: check that this is the folder of these pairs")
    return _label(examples, np.array(rows, np.intp))


def _label(examples: Examples, rows: Rows) -> ValidationPairs:
    people = examples.labels[rows]
    return ValidationPairs(rows, people[:, 0] == people[:, 1], people)


def _impostor_pairs(labels: Ids, rng: np.random.Generator) -> Rows:
    count = len(labels)
    if count * (count - 1) // 2 <= MAX_IMPOSTOR:
        rows = np.stack(np.triu_indices(count, 1), 1)
    else:
        first = rng.integers(0, count, MAX_IMPOSTOR)
        rows = np.stack([first, (first + rng.integers(1, count, MAX_IMPOSTOR)) % count], 1)
    return np.asarray(rows[labels[rows[:, 0]] != labels[rows[:, 1]]], np.intp)


def measure(pairs: ValidationPairs, distances: Doubles, far: float) -> ValidationMetrics:
    """The figures of these distances, (m,), at this false accept rate."""
    curve = roc.curve(distances, pairs.same)
    val = float(curve.val[np.searchsorted(curve.far, far, side="right") - 1])
    same = int(pairs.same.sum())
    different = len(pairs.same) - same
    weights = np.where(pairs.same, 0.5 / same, 0.5 / different)
    threshold = float(roc.best_thresholds(distances, pairs.same, weights[None])[0])
    accuracy = float(weights @ ((distances < threshold) == pairs.same))
    return ValidationMetrics(float(curve.auc), val, far, threshold, accuracy, same, different)


def fit_calibration(pairs: ValidationPairs, distances: Doubles, source: str) -> Calibration | None:
    """A calibration fitted on these pairs; None where genuine pairs are no nearer than impostor pairs."""
    try:
        return calibration.fit(distances[pairs.same], distances[~pairs.same], source)
    except MisuseError:
        return None


def gain(
    pairs: ValidationPairs, before: Doubles, after: Doubles, far: float, draws: int = bootstrap.DRAWS
) -> dict[str, tuple[float, metrics.Interval]]:
    """The gain in AUC and VAL at FAR from distances `before` to `after`, each with its 95% interval over people."""
    _, numbers = np.unique(pairs.people, return_inverse=True)
    first, second = numbers.reshape(pairs.people.shape).T

    def gains(drawn: Doubles) -> dict[str, Doubles]:
        weights = bootstrap.of_pairs(drawn, first, second)
        old, new = (_figures(distances, pairs.same, weights, far) for distances in (before, after))
        return {name: new[name] - old[name] for name in new}

    once = gains(np.ones((1, numbers.max() + 1)))
    drawn = bootstrap.resample(int(numbers.max()) + 1, len(pairs.same), gains, draws)
    return {name: (float(once[name][0]), bootstrap.interval(drawn[name])) for name in once}


def _figures(distances: Doubles, same: Flags, weights: Doubles, far: float) -> dict[str, Doubles]:
    curve = roc.curve(distances, same, weights)
    at = (curve.far <= far).sum(axis=-1) - 1
    return {"auc": curve.auc, "val": np.take_along_axis(curve.val, at[..., None], axis=-1)[..., 0]}
