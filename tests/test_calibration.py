"""Probability from distance: the fit against scikit-learn's, and what is told at and beyond its edges."""

from __future__ import annotations

import math
from dataclasses import astuple, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nitakao import calibration
from nitakao.calibration import Bin
from nitakao.errors import CardError, MisuseError
from nitakao.models.cards import registry
from nitakao.values import Calibration

LINE = Calibration(10.0, 5.0, 6.0, ((0.5, 1.0), (0.1, 0.8), (0.01, 0.6)), "made up")


def drawn(same: int, different: int, gap: float = 0.4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    return draw.normal(0.8 - gap, 0.1, same), draw.normal(0.8, 0.1, different)


@pytest.mark.parametrize(("same", "different"), [(300, 300), (100, 5000), (2000, 40)])
def test_the_line_is_the_one_that_scikit_learn_finds(same: int, different: int) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    near, far = drawn(same, different, gap=0.2)
    found = calibration.fit(near, far)
    # Platt's targets lie between 0 and 1; scikit-learn takes them as both answers, each with its share of the weight.
    high, low = (same + 1) / (same + 2), 1 / (different + 2)
    both = np.concatenate([near, far])
    share = np.repeat([high, low], [same, different])
    weight = np.repeat([0.5 / same, 0.5 / different], [same, different]) * len(both)
    peer = linear_model.LogisticRegression(C=np.inf, tol=1e-12, solver="newton-cholesky", max_iter=1000)
    peer.fit(
        np.concatenate([both, both])[:, None],
        np.repeat([1, 0], [len(both), len(both)]),
        np.concatenate([weight * share, weight * (1 - share)]),
    )
    assert found.slope == pytest.approx(-peer.coef_[0, 0], rel=1e-6)
    assert found.intercept == pytest.approx(peer.intercept_[0], rel=1e-6)


def test_a_known_line_is_found_again() -> None:
    """Normal distributions of one width have a log ratio that is straight: (m1 - m0)/s^2 * d + (m0^2 - m1^2)/2s^2."""
    near, far = drawn(200_000, 200_000)
    found = calibration.fit(near, far)
    assert found.slope == pytest.approx(40, rel=0.02)
    assert found.intercept == pytest.approx(24, rel=0.02)


def test_kinds_that_part_completely_still_have_a_finite_line() -> None:
    found = calibration.fit(np.linspace(0.1, 0.2, 50), np.linspace(0.8, 0.9, 50))
    assert found.slope < 1000
    assert calibration.probability(0.15, found) == pytest.approx(50 / 51)  # the limit: 50 pairs show a ratio of 50


def test_more_pairs_of_one_kind_do_not_move_the_line() -> None:
    near, far = drawn(1000, 1000)
    once, often = calibration.fit(near, far), calibration.fit(near, np.tile(far, 10))
    assert often.intercept - often.slope * 0.6 == pytest.approx(once.intercept - once.slope * 0.6, abs=0.2)


@pytest.mark.parametrize("seed", range(3))
def test_probabilities_on_other_pairs_are_true_within_a_hundredth(seed: int) -> None:
    found = calibration.fit(*drawn(3000, 3000, gap=0.25, seed=seed))
    near, far = drawn(20_000, 20_000, gap=0.25, seed=seed + 100)
    told = calibration.probability(np.concatenate([near, far]), found)
    bins = calibration.reliability(told, np.repeat([True, False], 20_000))
    assert len(bins) == calibration.BINS
    assert calibration.calibration_error(bins) < 0.01


@pytest.mark.parametrize(
    ("near", "far", "said"),
    [
        ([], [1.0], "pairs of one person"),
        ([1.0], [], "pairs of two people"),
        ([math.nan, 0.1], [1.0], "all of them finite"),
        ([0.1], [math.inf], "all of them finite"),
        ([0.9, 0.8, 0.7], [0.2, 0.3, 0.1], "no nearer"),
        ([0.5, 0.5], [0.5, 0.5], "no nearer"),
    ],
)
def test_distances_that_say_nothing_are_refused(near: list[float], far: list[float], said: str) -> None:
    with pytest.raises(MisuseError, match=said):
        calibration.fit(near, far)


def test_a_probability_is_worked_out_by_hand() -> None:
    assert calibration.probability(0.5, LINE) == pytest.approx(0.5)
    assert calibration.probability(0.4, LINE) == pytest.approx(math.e / (1 + math.e))
    assert calibration.probability(0.4, LINE, prior=0.1) == pytest.approx(math.e / 9 / (1 + math.e / 9))
    assert calibration.probability(0.0, LINE) == pytest.approx(1 / (1 + math.exp(-5)))


def test_beyond_the_data_a_probability_goes_no_further() -> None:
    assert calibration.probability(-100, LINE) == calibration.probability(-0.1, LINE) == 1 / (1 + math.exp(-6))
    assert calibration.probability(math.inf, LINE) == pytest.approx(1 / (1 + math.exp(6)))
    assert np.isnan(calibration.probability(math.nan, LINE))


@pytest.mark.parametrize("prior", [0, 1, -0.1, math.nan])
def test_a_prior_that_leaves_nothing_open_is_refused(prior: float) -> None:
    with pytest.raises(MisuseError, match="a prior lies between 0 and 1"):
        calibration.probability(0.5, LINE, prior)


distances = st.floats(0, 3)
priors = st.floats(1e-9, 1 - 1e-9)


@given(st.lists(distances, min_size=2, max_size=20).map(sorted), priors)
def test_what_is_farther_is_never_more_likely_the_same(apart: list[float], prior: float) -> None:
    told = calibration.probability(apart, LINE, prior)
    assert ((told >= 0) & (told <= 1)).all()
    assert (np.diff(told) <= 0).all()


@given(st.lists(distances, min_size=2, max_size=20).map(sorted))
def test_what_is_farther_never_has_fewer_false_matches(apart: list[float]) -> None:
    assert (np.diff(calibration.false_match_rate(apart, LINE)) >= 0).all()


@pytest.mark.parametrize(
    ("apart", "rate"), [(0.6, 0.01), (0.8, 0.1), (0.7, 10**-1.5), (1.0, 0.5), (0.0, 0.01), (1.0001, 1.0)]
)
def test_rates_of_false_matches_are_straight_in_their_log_and_err_upwards(apart: float, rate: float) -> None:
    assert calibration.false_match_rate(apart, LINE) == pytest.approx(rate)


def test_false_matches_grow_with_the_faces_that_are_searched() -> None:
    assert calibration.expected_false_matches(0.6, LINE, 50_000) == pytest.approx(500)
    assert calibration.expected_false_matches(0.6, LINE, 0) == 0


def test_false_matches_that_nobody_measured_are_not_a_number() -> None:
    bare = replace(LINE, false_matches=())
    assert math.isnan(calibration.expected_false_matches(0.6, bare, 100))
    with pytest.raises(MisuseError, match="for no rate"):
        calibration.threshold_at(0.01, bare)


@given(st.floats(0.01, 0.5))
def test_a_threshold_has_the_rate_that_was_asked_for(rate: float) -> None:
    assert calibration.false_match_rate(calibration.threshold_at(rate, LINE), LINE) == pytest.approx(rate)


@pytest.mark.parametrize("rate", [0.009, 0.51, 0, math.nan])
def test_a_rate_beyond_what_was_measured_has_no_threshold(rate: float) -> None:
    with pytest.raises(MisuseError, match=r"measured from 0\.01 to 0\.5"):
        calibration.threshold_at(rate, LINE)


def test_rates_are_kept_only_where_ten_pairs_stand_behind_them() -> None:
    found = calibration.fit(*drawn(100, 10_000)).false_matches
    assert [rate for rate, _ in found] == [0.9, 0.5, 0.1, 0.01, 0.001]


def test_reliability_is_worked_out_by_hand() -> None:
    """Two pairs of one person and four of two: a pair weighs 1/4, or 1/8."""
    bins = calibration.reliability([0.9, 0.6, 0.6, 0.2, 0.1, 0.1], [True, True, False, False, False, False], bins=2)
    low, high = bins
    assert astuple(low) == pytest.approx((0.275 / 0.75, 1 / 3, 0.75, 5))
    assert high == Bin(0.9, 1.0, 0.25, 1)
    assert calibration.calibration_error(bins) == pytest.approx(0.275 - 0.25 + 0.25 * 0.1)


def test_pairs_of_equal_probability_share_a_bin() -> None:
    (only,) = calibration.reliability([0.7] * 10, [True] * 5 + [False] * 5)
    assert astuple(only) == pytest.approx((0.7, 0.5, 1.0, 10))
    assert calibration.calibration_error([only]) == pytest.approx(0.2)


def test_what_is_written_is_read_back() -> None:
    assert calibration.loads(calibration.dumps(LINE)) == LINE


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", '{"false_matches": 3}', '{"slope": 1, "intercept": 1, "limit": 1, "false_matches": [[1]]}']
    + [calibration.dumps(LINE).replace("10.0", said) for said in ("-1", "NaN", '"x"', "null")]
    + [calibration.dumps(LINE).replace("slope", "slip")],
)
def test_what_is_no_calibration_is_refused(text: str) -> None:
    with pytest.raises(CardError):
        calibration.loads(text)


@pytest.mark.parametrize("name", ["dlib-resnet", "facenet-vggface2"])
def test_a_shipped_calibration_agrees_with_its_cards_threshold(name: str) -> None:
    """Both come from LFW: at the best threshold neither answer is much likelier, and few strangers come so near."""
    card = registry.card(name)
    known = card.calibration
    assert known is not None
    assert "LFW" in known.source
    assert 0.3 < calibration.probability(card.threshold, known) < 0.7
    assert 0.005 < calibration.false_match_rate(card.threshold, known) < 0.02
    assert known.false_matches[-1][0] == 1e-6
