"""People held out: pairs of them, what they come to, and how sure a gain is."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from nitakao.errors import MisuseError, TrainingError
from nitakao.training import validation
from nitakao.training.splits import make_examples

FACES = [(f"p{p}", f"p{p}/{n}.jpg", 4 * p + n) for p in range(6) for n in range(4)]
EXAMPLES = make_examples(np.zeros((24, 1, 1, 3), np.uint8), FACES)
RNG = np.random.default_rng(2)


def vectors(noise: float) -> np.ndarray:
    found = np.eye(6, 8)[EXAMPLES.labels] + np.random.default_rng(3).normal(0, noise, (24, 8))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def test_all_pairs_are_there_while_they_are_few() -> None:
    found = validation.make_pairs(EXAMPLES)
    rows = {tuple(sorted(pair)) for pair in found.rows.tolist()}
    assert rows == set(combinations(range(24), 2))
    assert len(found.rows) == len(rows)
    assert all(
        same == (EXAMPLES.labels[a] == EXAMPLES.labels[b]) for (a, b), same in zip(found.rows, found.same, strict=True)
    )


def test_figures_are_those_counted_by_hand() -> None:
    found = validation.make_pairs(EXAMPLES)
    apart = found.distances(vectors(0.35))
    near, far = apart[found.same], apart[~found.same]
    told = validation.measure(found, apart, far=0.1)
    auc = np.mean([(n < f) + 0.5 * (n == f) for n in near for f in far])
    limits = np.sort(far)
    val = max(np.mean(near < t) for t in np.append(far, 9) if np.mean(limits < t) <= 0.1)
    assert told.auc == pytest.approx(auc, abs=1e-9)
    assert told.val == pytest.approx(val, abs=1e-9)
    right = 0.5 * np.mean(near < told.threshold) + 0.5 * np.mean(far >= told.threshold)
    best = max(0.5 * np.mean(near < t) + 0.5 * np.mean(far >= t) for t in apart)
    assert told.accuracy == pytest.approx(right, abs=1e-9)
    assert right >= best - 1e-9
    assert (told.same, told.different) == (36, 240)


def test_listed_pairs_are_found_by_their_pictures() -> None:
    named = [("p0/0.jpg", "p0/1.jpg"), ("p0/0.jpg", "p1/0.jpg"), ("p0/0.jpg", None), ("p0/0.jpg", "p9/0.jpg")]
    found = validation.listed_pairs(EXAMPLES, named)
    assert (found.rows.tolist(), found.same.tolist()) == ([[0, 1], [0, 4]], [True, False])
    with pytest.raises(MisuseError, match="no listed pair has a face"):
        validation.listed_pairs(EXAMPLES, [("a", "b")])


def test_a_gain_comes_with_its_interval_over_people() -> None:
    found = validation.make_pairs(EXAMPLES)
    before, after = (found.distances(vectors(noise)) for noise in (0.8, 0.2))
    gains = validation.gain(found, before, after, 0.01, draws=200)
    for name, (gain, interval) in gains.items():
        figures = [getattr(validation.measure(found, apart, 0.01), name) for apart in (before, after)]
        assert gain == pytest.approx(figures[1] - figures[0], abs=1e-9)
        assert 0 < interval.low < gain < interval.high


def test_a_network_whose_numbers_are_none_is_one_sentence() -> None:
    broken = vectors(0.1)
    broken[3] = np.nan
    with pytest.raises(TrainingError, match="vectors that are not finite"):
        validation.make_pairs(EXAMPLES).distances(broken)
