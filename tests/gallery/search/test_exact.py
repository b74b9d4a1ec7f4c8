"""What the sieve lets through, measured and ranked, is what brute force finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gallery.search import filled

from nitakao import metrics
from nitakao.gallery.search import exact
from nitakao.gallery.search.exact import Candidates, Pairs


def sieved(vectors, queries, k, metric, parts=1, allowed=None):
    ids = np.arange(1, len(vectors) + 1)
    found = Candidates(exact.normalize(queries, metric), k)
    for part in np.array_split(np.arange(len(vectors)), parts):
        rows = exact.block(ids[part], exact.normalize(vectors[part], metric), metric)
        found.add(exact.restrict(rows, allowed))
    pairs = found.pairs()
    distances = exact.distances_of(queries, vectors, pairs.which, pairs.ids - 1, metric)
    return pairs, exact.rank(pairs, distances, len(queries), k)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 600),
    st.integers(1, 5),
    st.integers(1, 700),
    st.integers(1, 7),
    st.sampled_from(["euclidean", "cosine"]),
    st.sampled_from([1, 3, 1000]),
    st.integers(0, 99),
)
def test_the_nearest_are_those_of_brute_force_ties_included(rows, queries, k, parts, metric, coarse, seed):
    draw = np.random.default_rng(seed)
    vectors = np.round(draw.normal(size=(rows, 3)) * coarse).astype(np.float32) + np.float32(0.25)
    probes = np.round(draw.normal(size=(queries, 3)) * coarse).astype(np.float32) + np.float32(0.25)
    _, (ids, distances) = sieved(vectors, probes, k, metric, parts)
    wanted_ids, wanted = filled.nearest(vectors, probes, k, metric)
    np.testing.assert_allclose(distances, wanted, atol=1e-12)
    if metric == "euclidean":  # cosines of parallel vectors differ by rounding, and then so does their order
        np.testing.assert_array_equal(ids, wanted_ids)


def test_few_more_than_the_nearest_come_through():
    vectors = filled.people(20_000)
    pairs, _ = sieved(vectors, filled.people(50, seed=1), 10, "euclidean", parts=4)
    assert len(pairs.ids) < 50 * 12


def test_nearest_of_vectors_far_from_the_origin_are_right_though_float32_loses_their_digits():
    vectors = filled.people(3000) + np.float32(1000)
    queries = filled.people(20, seed=1) + np.float32(1000)
    _, (ids, distances) = sieved(vectors, queries, 5, "euclidean")
    wanted_ids, wanted = filled.nearest(vectors, queries, 5)
    np.testing.assert_array_equal(ids, wanted_ids)
    np.testing.assert_allclose(distances, wanted, atol=1e-12)


@pytest.mark.parametrize("allowed", [[], [7], [3, 4, 90, 4000], list(range(1, 101, 2))])
def test_rows_that_are_not_allowed_never_come_through(allowed):
    vectors = filled.people(100)
    chosen = np.array(allowed, np.int64)
    pairs, _ = sieved(vectors, filled.people(4, seed=1), 200, "euclidean", 3, chosen)
    expected = np.intersect1d(chosen, np.arange(1, 101))
    for query in range(4):
        np.testing.assert_array_equal(np.sort(pairs.ids[pairs.which == query]), expected)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_distances_are_those_of_metrics(metric):
    a, b = filled.people(40), 3 * filled.people(40, seed=1)
    at = np.arange(40)
    expected = [metrics.distance(x, y, metric) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(exact.distances_of(a, b, at, at, metric), expected, atol=1e-12)


def test_a_stored_vector_of_zeros_lies_at_cosine_distance_1():
    vectors = np.vstack([np.zeros((1, 16), np.float32), filled.people(5)])
    _, (ids, distances) = sieved(vectors, filled.people(1, seed=1), 6, "cosine")
    assert distances[0][ids[0] == 1] == 1


def test_ranks_go_by_distance_then_by_number():
    pairs = Pairs(np.array([1, 0, 0, 0]), np.array([9, 5, 3, 4]))
    ids, distances = exact.rank(pairs, np.array([2.0, 1.0, 1.0, 0.5]), 3, 3)
    assert ids.tolist() == [[4, 3, 5], [9, -1, -1], [-1, -1, -1]]
    assert distances.tolist() == [[0.5, 1, 1], [2, np.inf, np.inf], [np.inf] * 3]
