from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays

from nitakao.errors import MisuseError
from nitakao.metrics import b_cubed, between, distance, distances, identification, mutual_information, pairwise
from nitakao.metrics.agreement import agreements, table

TABLE = [  # worked by hand
    ("euclidean", [0, 0], [3, 4], 5.0),
    ("euclidean", [1, 2, 2], [1, 2, 2], 0.0),
    ("euclidean", [1, 0], [0, 1], math.sqrt(2)),
    ("euclidean", [1], [-1], 2.0),
    ("cosine", [1, 0], [0, 1], 1.0),
    ("cosine", [1, 0], [-5, 0], 2.0),
    ("cosine", [2, 0], [7, 0], 0.0),
    ("cosine", [1, 0], [1, 1], 1 - 1 / math.sqrt(2)),
    ("cosine", [3, 4], [4, 3], 1 - 24 / 25),
]


@pytest.mark.parametrize(("metric", "a", "b", "expected"), TABLE)
def test_distances_are_those_worked_by_hand(metric, a, b, expected):
    assert distance(np.array(a, np.float32), np.array(b, np.float32), metric) == pytest.approx(expected, abs=1e-7)


@given(some.lists(some.floats(-10, 10, width=32), min_size=3, max_size=3), some.integers(0, 2**31))
def test_for_unit_vectors_the_euclidean_distance_squared_is_twice_the_cosine_distance(values, seed):
    raw = np.array([values, np.random.default_rng(seed).normal(size=3)]) + np.array([[100], [0]])  # neither is zero
    a, b = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    assert distance(a, b, "euclidean") ** 2 == pytest.approx(2 * distance(a, b, "cosine"), abs=1e-6)
    assert distance(a, b, "cosine") >= 0


@pytest.mark.parametrize(
    ("a", "b", "metric", "message"),
    [
        ([1, 2], [1, 2, 3], "euclidean", "2 numbers cannot be compared with one of 3"),
        ([0, 0], [1, 0], "cosine", "no direction"),
        ([math.nan, 0], [1, 0], "euclidean", "not finite"),
        ([[1, 0]], [1, 0], "euclidean", "shape"),
        ([], [], "euclidean", "shape"),
        ([1], [1], "manhattan", "no metric 'manhattan'"),
    ],
)
def test_what_has_no_distance_is_refused(a, b, metric, message):
    with pytest.raises(MisuseError, match=message):
        distance(np.array(a, float), np.array(b, float), metric)


@given(arrays(np.float32, (3, 4), elements=some.floats(-10, 10, width=32)))
def test_distances_to_many_are_those_to_each(vectors):
    one, many = vectors[0], vectors[1:]
    assert distances(one, many, "euclidean") == pytest.approx([distance(one, row, "euclidean") for row in many])
    if (np.linalg.norm(vectors.astype(float), axis=1) > 1e-6).all():
        assert distances(one, many, "cosine") == pytest.approx([distance(one, row, "cosine") for row in many], abs=1e-9)


@pytest.mark.parametrize(
    ("one", "many", "metric", "said"),
    [
        ([1.0, 2], [[1.0, 2, 3]], "euclidean", "cannot be compared with an array of shape"),
        ([1.0, 2], [[1.0, np.nan]], "euclidean", "not finite"),
        ([1.0, 2], [[0.0, 0]], "cosine", "has no direction"),
        ([1.0, 2], [[1.0, 2]], "squared", "no metric 'squared'"),
    ],
)
def test_what_cannot_be_compared_with_many_is_refused(one, many, metric, said):
    with pytest.raises(MisuseError, match=said):
        distances(np.array(one, np.float32), np.array(many, np.float32), metric)


AGREEMENTS = [  # labels, truth, B-cubed precision and recall, pairwise precision and recall; worked by hand
    ([0, 0, 1, 1], "aabb", 1, 1, 1, 1),
    ([0, 0, 0, 0], "aabb", 1 / 2, 1, 2 / 6, 1),
    ([0, 1, 2, 3], "aabb", 1, 1 / 2, 1, 0),
    ([-1, -1, -1, -1], "aabb", 1, 1 / 2, 1, 0),  # below 0: alone, not one group
    ([0, 0, 0, 1, 1, -1], "aababb", (3 * 5 / 9 + 2 / 2 + 1) / 6, (2 * 2 / 3 + 1 / 3 + 3 * 1 / 3) / 6, 1 / 4, 1 / 6),
    ([5, -2, -1], "abc", 1, 1, 1, 1),  # no pair of either kind: nothing to be wrong about
]


@pytest.mark.parametrize(("labels", "truth", "precision", "recall", "pairs_right", "pairs_found"), AGREEMENTS)
def test_agreements_are_those_worked_by_hand(labels, truth, precision, recall, pairs_right, pairs_found):
    faces, pairs = b_cubed(labels, list(truth)), pairwise(labels, list(truth))
    assert (faces.precision, faces.recall) == pytest.approx((precision, recall))
    assert (pairs.precision, pairs.recall) == pytest.approx((pairs_right, pairs_found))


def test_f_is_the_harmonic_mean_and_0_where_nothing_agrees():
    assert b_cubed([0, 0, 0, 0], list("aabb")).f == pytest.approx(2 / 3)
    assert pairwise([0, 0, 1, 1], list("abab")).f == 0


@settings(deadline=None)  # the first call loads scikit-learn
@given(some.lists(some.tuples(some.integers(0, 4), some.integers(0, 4)), min_size=2, max_size=40))
def test_pairs_are_counted_as_scikit_learn_counts_them(faces):
    groups, truth = zip(*faces, strict=True)
    counted = pytest.importorskip("sklearn.metrics.cluster").pair_confusion_matrix(truth, groups)
    said, true, right = counted[:, 1].sum(), counted[1].sum(), counted[1, 1]
    found = pairwise(groups, truth)
    assert found.precision == pytest.approx(right / said if said else 1)
    assert found.recall == pytest.approx(right / true if true else 1)
    swapped = b_cubed(truth, groups)
    assert (swapped.recall, swapped.precision) == pytest.approx(
        (b_cubed(groups, truth).precision, b_cubed(groups, truth).recall)
    )


@settings(deadline=None)
@given(some.lists(some.tuples(some.integers(0, 4), some.integers(0, 4)), min_size=2, max_size=40))
def test_mutual_information_is_scikit_learns(faces):
    groups, truth = zip(*faces, strict=True)
    expected = pytest.importorskip("sklearn.metrics").normalized_mutual_info_score(truth, groups)
    assert mutual_information(groups, truth) == pytest.approx(expected, abs=1e-9)


@given(some.lists(some.tuples(some.integers(0, 3), some.integers(0, 3)), min_size=2, max_size=20), some.integers(0, 99))
def test_pairs_of_people_who_count_twice_count_as_the_products_have_it(faces, seed):
    groups, truth = (np.array(side) for side in zip(*faces, strict=True))
    people = np.unique(truth, return_inverse=True)[1].ravel()
    times = np.random.default_rng(seed).integers(0, 3, people.max() + 1)
    times[0] += 1  # nobody at all is never drawn
    first, second = np.triu_indices(len(faces), 1)
    one, two = people[first], people[second]
    weights = np.where(one == two, times[one], times[one] * times[two])
    said, true = groups[first] == groups[second], one == two
    told = agreements(table(groups, truth), times[None].astype(float))
    for name, whole in (("precision", said), ("recall", true)):
        count = weights[whole].sum()
        expected = weights[said & true].sum() / count if count else 1
        assert told[f"pairwise_{name}"][0] == pytest.approx(expected)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_distances_row_by_row_are_those_one_by_one(metric):
    one, two = np.random.default_rng(1).normal(size=(2, 6, 3)).astype(np.float32)
    expected = [distance(a, b, metric) for a, b in zip(one, two, strict=True)]
    assert between(one, two, metric) == pytest.approx(expected)


def test_people_are_identified_as_worked_by_hand():
    own, other = [0.2, 0.4, 0.9, 0.5], [0.8, 0.9, 0.6, 0.7]
    found = identification(own, other, [0.45, 0.7, 0.9, 1.0], fpir=0.25)
    assert (found.rank1, found.tpir, found.threshold) == (0.75, 0.75, 0.7)  # one stranger of four may be answered
    strict = identification(own, other, [0.45, 0.7, 0.9, 1.0], fpir=0.01)
    assert (strict.rank1, strict.tpir, strict.threshold) == (0.75, 0.5, 0.45)
    assert identification(own, other, [0.45], fpir=1).tpir == 0.75


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: between(np.zeros((2, 3)), np.zeros((3, 3)), "euclidean"), "same number of rows"),
        (lambda: between(np.zeros((2, 3)), np.ones((2, 3)), "cosine"), "no direction"),
        (lambda: between([[1.0]], [[1.0]], "squared"), "no metric"),  # type: ignore[arg-type]
        (lambda: b_cubed([0, 1], ["a"]), "2 groups for 1 people"),
        (lambda: pairwise([], []), "0 groups"),
        (lambda: identification([1], [1, 2], [1]), "two distances per probe"),
        (lambda: identification([1], [1], []), "at least one probe"),
    ],
)
def test_what_cannot_be_compared_is_refused(call, message):
    with pytest.raises(MisuseError, match=message):
        call()
