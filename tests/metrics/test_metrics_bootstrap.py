from __future__ import annotations

import numpy as np
import pytest

from nitakao.errors import MisuseError
from nitakao.metrics import bootstrap
from nitakao.metrics.bootstrap import Interval


def test_every_draw_has_as_many_people_as_there_are_and_is_the_same_each_time():
    blocks = list(bootstrap.draws(7, 1_000_000, count=10))
    assert [len(block) for block in blocks] == [4, 4, 2]  # by the room that the work needs
    drawn = np.concatenate(blocks)
    assert (drawn.sum(axis=1) == 7).all()
    assert (drawn == np.concatenate(list(bootstrap.draws(7, 1_000_000, count=10)))).all()


def test_a_pair_of_two_counts_as_often_as_the_product_and_a_pair_of_one_as_often_as_she():
    drawn = np.array([[2.0, 0.0, 3.0]])
    first, second = np.array([0, 0, 0, 2]), np.array([0, 1, 2, 2])
    assert bootstrap.of_pairs(drawn, first, second).tolist() == [[2, 0, 6, 3]]


def test_an_interval_of_a_mean_over_people_is_as_wide_as_statistics_has_it():
    values = np.random.default_rng(3).normal(size=400)
    told = bootstrap.resample(400, 400, lambda drawn: {"mean": drawn @ values / 400}, count=4000)["mean"]
    found = bootstrap.interval(told)
    wide = 2 * 1.96 * values.std() / 20
    assert found.high - found.low == pytest.approx(wide, rel=0.06)
    assert (found.low + found.high) / 2 == pytest.approx(values.mean(), abs=0.01)


def test_people_with_many_pairs_widen_the_interval():
    """Each person's pairs agree: drawn as pairs, an interval would be far too narrow."""
    people = np.repeat(np.arange(20), 50)
    right = (people % 4 > 0).astype(float)

    def share(of):
        def told(drawn):
            weights = drawn[:, of]
            return {"right": (weights * right).sum(axis=1) / weights.sum(axis=1)}

        return bootstrap.interval(bootstrap.resample(int(of.max()) + 1, 1000, told)["right"])

    over_people, over_pairs = share(people), share(np.arange(1000))
    assert over_people.high - over_people.low > 4 * (over_pairs.high - over_pairs.low)


def test_chance_is_small_for_a_clear_difference_and_large_for_none():
    assert bootstrap.chance(np.full(999, 0.1)) == pytest.approx(0.002)
    assert bootstrap.chance(np.r_[np.full(500, 0.1), np.full(499, -0.1)]) == pytest.approx(1.0)
    assert bootstrap.chance(np.zeros(100)) == 1
    assert bootstrap.chance(np.r_[np.full(990, -1.0), np.full(9, 1.0)]) == pytest.approx(0.02)


def test_draws_without_a_value_are_left_out():
    assert bootstrap.interval([np.nan, 1.0, 1.0]) == Interval(1, 1)
    assert np.isnan(bootstrap.interval([np.nan]).low)


def test_nobody_cannot_be_drawn():
    with pytest.raises(MisuseError, match="at least one of both"):
        list(bootstrap.draws(0, 1))
