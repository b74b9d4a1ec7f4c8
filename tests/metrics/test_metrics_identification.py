from __future__ import annotations

import numpy as np
import pytest

from nitakao.metrics import identification
from nitakao.metrics.identification import match_shares, open_set, ranks


def test_a_rank_counts_who_is_nearer_and_who_is_as_near():
    apart = np.array([[0.1, 0.5, 0.9], [0.5, 0.5, 0.9], [0.9, 0.8, 0.7]])
    assert ranks(apart, np.array([0, 0, 0])).tolist() == [1, 2, 3]


def test_match_shares_rise_to_one_and_count_probes_as_often_as_told():
    found = np.array([1, 3, 1, 9])
    assert match_shares(found, 4).tolist() == [0.5, 0.5, 0.75, 0.75]
    assert match_shares(found, 9)[-1] == 1
    assert match_shares(found, 3, np.array([[0.0, 2, 0, 0], [1, 1, 1, 1]])).tolist() == [[0, 0, 1], [0.5, 0.5, 0.75]]


@pytest.mark.parametrize("fpir", [0.0, 0.01, 0.1, 0.25, 0.5, 1.0])
def test_counting_everybody_once_gives_the_figures_themselves(fpir):
    draw = np.random.default_rng(5)
    own, other, strangers = draw.random(40), draw.random(40) + 0.2, draw.random(20) + 0.3
    plain = identification(own, other, strangers, fpir)
    places = np.where(own < other, 1, 2)
    tpir, threshold = open_set(places, own, strangers, fpir, np.ones((1, 40)), np.ones((1, 20)))
    assert (tpir[0], threshold[0]) == (plain.tpir, plain.threshold)


def test_strangers_that_count_twice_let_in_as_if_they_were_two():
    strangers, times = np.array([0.2, 0.4, 0.6, 0.8]), np.array([2, 1, 0, 3])
    _, threshold = open_set(np.array([1]), np.array([0.1]), strangers, 0.5, np.ones((1, 1)), times[None].astype(float))
    assert threshold[0] == identification([0.1], [1], np.repeat(strangers, times), 0.5).threshold
