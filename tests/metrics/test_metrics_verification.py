"""Against scikit-learn, and against facenet's definitions written down again from its description."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from nitakao.errors import MisuseError
from nitakao.metrics import roc, verification
from nitakao.metrics.verification import FINE, GRID, over_folds, statistics


def made(pairs=600, folds=5, seed=1, decimals=3):
    """Distances of pairs whose kinds overlap, with ties; each fold has both kinds."""
    draw = np.random.default_rng(seed)
    same = np.arange(pairs) % 2 == 0
    apart = np.where(same, draw.normal(0.8, 0.25, pairs), draw.normal(1.4, 0.2, pairs)).clip(0.01)
    return np.round(apart, decimals), same, np.arange(pairs) * folds // pairs


def test_area_and_equal_error_rate_are_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics")
    optimize, interpolate = pytest.importorskip("scipy.optimize"), pytest.importorskip("scipy.interpolate")
    for seed, decimals in ((1, 6), (2, 1), (3, 3)):
        apart, same, fold = made(seed=seed, decimals=decimals)
        far, val, _ = metrics.roc_curve(same, -apart, drop_intermediate=False)
        eer = optimize.brentq(lambda x: 1 - x - interpolate.interp1d(far, val)(x), 0, 1, xtol=1e-12)  # noqa: B023
        found = verification(apart, same, fold)
        assert found.auc == pytest.approx(metrics.auc(far, val), abs=1e-12)
        assert found.eer == pytest.approx(eer, abs=1e-9)
        ours = roc.curve(apart, same)
        assert np.allclose(ours.far, far, atol=1e-12)
        assert np.allclose(ours.val, val, atol=1e-12)


def facenet(apart, same, fold, far_target):
    """facenet's evaluate: per-fold thresholds over a grid of squared distances, one by one and slowly."""
    accuracies, vals, fars = [], [], []
    for name in np.unique(fold):
        test, train = fold == name, fold != name
        scores = [np.mean((apart[train] < t) == same[train]) for t in GRID]
        chosen = GRID[int(np.argmax(scores))]
        accuracies.append(np.mean((apart[test] < chosen) == same[test]))
        reached = [np.sum((apart[train] < t) & ~same[train]) / np.sum(~same[train]) for t in FINE]
        strict = 0.0
        if max(reached) >= far_target:
            strict = np.interp(far_target, reached, FINE)
        vals.append(np.sum((apart[test] < strict) & same[test]) / np.sum(same[test]))
        fars.append(np.sum((apart[test] < strict) & ~same[test]) / np.sum(~same[test]))
    return np.mean(accuracies), np.std(accuracies), np.mean(vals), np.std(vals), np.mean(fars)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_with_the_grid_the_figures_are_facenets(seed):
    apart, same, fold = made(seed=seed, decimals=9)
    found = verification(apart**2, same, fold, grid=True, fars=(0.1, 1e-2))
    for rate in found.rates:
        accuracy, std, val, val_std, far = facenet(apart**2, same, fold, rate.far)
        assert (found.accuracy, found.std) == pytest.approx((accuracy, std), abs=1e-12)
        assert (rate.val, rate.val_std, rate.far_found) == pytest.approx((val, val_std, far), abs=1e-12)


def test_without_the_grid_a_threshold_is_at_least_as_good_on_the_folds_that_chose_it():
    apart, same, fold = made()
    exact, grid = verification(apart**2, same, fold), verification(apart**2, same, fold, grid=True)
    for one, other in zip(exact.folds, grid.folds, strict=True):
        rest = fold != one.fold
        right = [np.mean((apart[rest] ** 2 < each.threshold) == same[rest]) for each in (one, other)]
        assert right[0] >= right[1]


def test_figures_worked_by_hand():
    apart = [0.1, 0.5, 0.4, 0.9, 0.2, 0.3, 0.75, 0.8]
    same = [True, True, False, False] * 2
    fold = [0, 0, 0, 0, 1, 1, 1, 1]
    found = verification(apart, same, fold, fars=(0.5,))
    # Chosen on the other fold: between 0.3 and 0.75; and of two that are as good, 0.1|0.4 and 0.5|0.9, the latter
    assert [each.threshold for each in found.folds] == pytest.approx([0.525, 0.7])
    assert [each.accuracy for each in found.folds] == [0.75, 1.0]
    assert (found.accuracy, found.std, found.standard_error) == pytest.approx((0.875, 0.125, 0.125))
    assert found.auc == pytest.approx(15 / 16)
    (rate,) = found.rates
    assert rate.threshold == pytest.approx((0.775 + 0.65) / 2)  # the middle of the others' two mismatched distances
    assert (rate.val, rate.far_found) == pytest.approx((1.0, 0.25))
    assert not rate.few


def test_a_rate_that_the_pairs_cannot_show_is_marked():
    apart, same, fold = made(600, 5)
    few = {rate.far: rate.few for rate in verification(apart, same, fold).rates}
    assert few == {0.1: False, 0.01: False, 0.001: True, 0.0001: True}  # 240 pairs of two in the other folds


def test_a_pair_that_cannot_be_compared_counts_as_two_people():
    apart, same, fold = made()
    apart[same.argmax()] = np.inf
    apart[(~same).argmax()] = np.inf
    found = verification(apart, same, fold)
    by_hand = np.where(np.isinf(apart), 1e6, apart)
    assert found == verification(by_hand, same, fold)


def test_each_fold_may_have_distances_of_its_own():
    apart, same, fold = made()
    rows = np.stack([apart + 0.01 * row for row in range(5)])
    found = over_folds(rows, same, fold)
    for row, each in enumerate(found.folds):
        alone = verification(rows[row], same, fold)
        assert each == alone.folds[row]


@settings(max_examples=30)
@given(some.integers(0, 2**31), some.integers(2, 6))
def test_counting_each_pair_once_gives_the_figures_themselves(seed, folds):
    apart, same, fold = made(120, folds, seed, 2)
    found = verification(apart, same, fold)
    told = statistics(np.broadcast_to(apart, (folds, 120)), same, fold, np.ones((2, 120)))
    assert told["accuracy"] == pytest.approx([found.accuracy] * 2)
    assert told["auc"] == pytest.approx([found.auc] * 2)
    assert told["eer"] == pytest.approx([found.eer] * 2)
    for rate in found.rates:
        assert told[f"val@{rate.far:g}"] == pytest.approx([rate.val] * 2)


@settings(max_examples=30)
@given(some.integers(0, 2**31))
def test_counting_a_pair_several_times_is_as_if_it_stood_there_so_often(seed):
    apart, same, fold = made(80, 2, seed, 1)
    times = np.random.default_rng(seed).integers(0, 4, 80)
    times[:4], times[-4:] = 1, 1  # no kind of either fold may be gone altogether
    told = statistics(np.broadcast_to(apart, (2, 80)), same, fold, times[None].astype(float))
    # Not the accuracy: of thresholds that are as good, the middle one is another where pairs are counted 0 times.
    several = [np.repeat(values, times) for values in (apart, same, fold)]
    found = verification(*several)
    assert (told["auc"][0], told["eer"][0]) == pytest.approx((found.auc, found.eer))
    assert [told[f"val@{rate.far:g}"][0] for rate in found.rates] == pytest.approx([r.val for r in found.rates])


def test_the_best_threshold_is_the_middle_one_and_lies_between_two_distances():
    assert roc.best_threshold([0.1, 0.2, 0.6, 0.9], [1, 1, 0, 0]) == pytest.approx(0.4)
    assert roc.best_threshold([0.1, 0.2, 0.3], [0, 0, 1]) == pytest.approx(0.1)  # none accepted is best
    assert roc.best_threshold([0.1, 0.2, math.inf], [1, 1, 0]) == pytest.approx(0.2, rel=1e-5)
    assert roc.best_threshold([math.inf, math.inf], [1, 0]) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: verification([1, 2], [1, 0], [0, 0]), "at least two folds"),
        (lambda: verification([1, 2, 3, 4], [1, 1, 0, 0], [0, 0, 1, 1]), "fold 0 has one kind of pairs only"),
        (lambda: verification([1, 2], [1, 1], [0, 1]), "only one kind"),
        (lambda: verification([1, math.nan], [1, 0], [0, 1]), "each pair needs a distance"),
        (lambda: verification([1, 2, 3], [1, 0], [0, 1]), "each pair needs a distance"),
    ],
)
def test_what_is_no_protocol_is_refused(call, message):
    with pytest.raises(MisuseError, match=message):
        call()
