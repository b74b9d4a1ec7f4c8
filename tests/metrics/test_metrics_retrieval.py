from __future__ import annotations

import numpy as np
import pytest

from nitakao.errors import MisuseError
from nitakao.metrics import crosswise, distance, retrieval

PLACES = np.array([[0.0], [1.0], [1.5], [3.0], [10.0]], np.float32)  # on a line
PEOPLE = ["a", "b", "a", "a", "c"]


def test_figures_worked_by_hand():
    found = retrieval(PLACES, PEOPLE, "euclidean")
    assert found.rows.tolist() == [0, 2, 3]  # b and c have one picture each
    # From 0: b a a c; from 1.5: b a a c, as 0 and 3 are as far; from 3: a b a c
    assert found.first.tolist() == [2, 2, 1]
    assert found.average_precision.tolist() == pytest.approx([(1 / 2 + 2 / 3) / 2] * 2 + [(1 + 2 / 3) / 2])
    assert found.r_precision.tolist() == pytest.approx([1 / 2, 1 / 2, 1 / 2])
    assert found.recall(1).tolist() == [False, False, True]


def test_average_precision_is_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics")
    draw = np.random.default_rng(2)
    people = draw.integers(0, 40, 600)
    vectors = (draw.normal(size=(40, 8))[people] + draw.normal(size=(600, 8))).astype(np.float32)
    seen: list[int] = []
    found = retrieval(vectors, people, "cosine", watch=seen.append)
    assert seen[-1] == len(found.rows)
    for place in (0, 100, len(found.rows) - 1):
        row = found.rows[place]
        others = np.arange(600) != row
        near = -crosswise(vectors[row : row + 1], vectors, "cosine")[0, others]
        expected = metrics.average_precision_score(people[others] == people[row], near)
        assert found.average_precision[place] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_distances_crosswise_are_those_one_by_one(metric):
    draw = np.random.default_rng(1)
    one, two = draw.normal(size=(3, 5)).astype(np.float32), draw.normal(size=(4, 5)).astype(np.float32)
    expected = [[distance(a, b, metric) for b in two] for a in one]
    assert crosswise(one, two, metric) == pytest.approx(np.array(expected), abs=1e-7)


def test_people_with_one_picture_each_have_nothing_to_find():
    with pytest.raises(MisuseError, match="two pictures or more"):
        retrieval(PLACES, list("abcde"), "euclidean")
