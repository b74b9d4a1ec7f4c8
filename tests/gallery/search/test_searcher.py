"""Searching a gallery gives what brute force gives, whatever index there is, and whatever became of it."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.gallery.search import filled

from nitakao import metrics
from nitakao.errors import MisuseError
from nitakao.gallery.search import query, rows, unindexed
from nitakao.gallery.search import sqlite as searcher_module
from nitakao.gallery.search.build import Limits
from nitakao.gallery.search.sqlite import SqliteSearcher

QUERIES = filled.people(30, seed=1)
KINDS = {"none": Limits(least=100_000), "matrix": filled.ALL_ROWS, "ivf": filled.CELLS}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def opened(path, vectors, kind, metric="euclidean"):
    gallery = filled.gallery(path / "family.db", vectors, metric)
    return gallery, SqliteSearcher(gallery, limits=KINDS[kind], notice=pytest.fail)


def same(answer, vectors, queries, k, metric="euclidean", ids=None, share=1.0):
    """The answer is brute force's; of an index with cells, `share` of it, but every distance is right."""
    found, distances = answer
    wanted, far = filled.nearest(vectors, queries, k, metric, ids)
    if share == 1:
        np.testing.assert_array_equal(found, wanted)
        np.testing.assert_allclose(distances, far, atol=1e-6)
        return
    assert np.mean([len(set(a) & set(b)) / k for a, b in zip(found, wanted, strict=True)]) >= share
    assert (np.diff(distances) >= 0).all()
    numbers = np.arange(1, len(vectors) + 1) if ids is None else ids
    at = np.searchsorted(numbers, found)
    exact = [[metrics.distance(q, vectors[n], metric) for n in row] for q, row in zip(queries, at, strict=True)]
    np.testing.assert_allclose(distances, exact, atol=1e-6)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_each_kind_of_index_finds_the_nearest(tmp_path, kind, metric):
    vectors = filled.people(3000)
    gallery, searcher = opened(tmp_path, vectors, kind, metric)
    with gallery:
        found = searcher.search(QUERIES, 10)
        assert searcher.state().kind == kind
        assert found[0].dtype == np.int64
        assert found[1].dtype == np.float64
        same(found, vectors, QUERIES, 10, metric, share=0.97 if kind == "ivf" else 1.0)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([1, 2, 9, 250, 999, 1000, 1001, 100_000]), st.integers(1, 9), st.booleans())
def test_lists_are_as_long_as_they_can_be(many, k, count, some):
    searcher = many
    allowed = np.random.default_rng(k).choice(np.arange(1, 1001), min(k, 900), replace=False) if some else None
    ids, distances = searcher.search(QUERIES[:count], k, allowed)
    full = min(k, 1000 if allowed is None else len(allowed))
    assert ids.shape[0] == count
    assert ((ids >= 0).sum(axis=1) == full).all()
    assert (ids[:, full:] == -1).all()
    assert np.isinf(distances[:, full:]).all()
    assert all(len(set(row[:full])) == full for row in ids)
    if allowed is not None:
        assert np.isin(ids[ids >= 0], allowed).all()


@pytest.fixture(scope="module")
def _folder(tmp_path_factory):
    return tmp_path_factory.mktemp("many")


@pytest.fixture(scope="module", params=KINDS)
def many(request, _folder):
    folder = _folder / request.param
    folder.mkdir()
    gallery, searcher = opened(folder, filled.people(1000), request.param)
    yield searcher
    gallery.close()


@pytest.mark.parametrize("share", [0.002, 0.05, 0.5, 0.95])
def test_a_filter_gives_the_nearest_of_those_allowed(tmp_path, kind, share, monkeypatch):
    monkeypatch.setattr(query, "MAX_SCANNED", 100)
    vectors = filled.people(3000)
    gallery, searcher = opened(tmp_path, vectors, kind)
    allowed = np.flatnonzero(np.random.default_rng(5).random(3000) < share) + 1
    with gallery:
        found = searcher.search(QUERIES, 4, np.flip(allowed))
    cells = kind == "ivf" and len(allowed) > 100
    same(found, vectors[allowed - 1], QUERIES, 4, ids=allowed, share=0.97 if cells else 1.0)


def test_an_answer_has_k_columns_even_if_there_are_fewer_faces(tmp_path, kind):
    gallery, searcher = opened(tmp_path, filled.people(60), kind)
    with gallery:
        assert searcher.search(QUERIES, 500)[0].shape == (30, 500)
        assert searcher.search(QUERIES[:1], 10**12)[0].shape == (1, searcher_module.MAX_COLUMNS)
        assert searcher.search(QUERIES[:0], 5)[0].shape == (0, 5)


def test_an_empty_gallery_answers_with_nobody(tmp_path, kind):
    gallery, searcher = opened(tmp_path, filled.people(0), kind)
    with gallery:
        ids, distances = searcher.search(QUERIES, 3)
        assert (ids == -1).all()
        assert np.isinf(distances).all()
        searcher.rebuild()
        searcher.refresh()
        assert searcher.state().kind == "none"
        assert list(searcher.neighbours(3)) == []


def test_nobody_allowed_is_nobody_found(tmp_path, kind):
    gallery, searcher = opened(tmp_path, filled.people(100), kind)
    with gallery:
        assert (searcher.search(QUERIES, 3, np.empty(0, np.int64))[0] == -1).all()
        assert (searcher.search(QUERIES, 3, np.array([-5, 0, 101]))[0] == -1).all()


@pytest.mark.parametrize("k", [0, -1])
def test_asking_for_no_face_is_misuse(tmp_path, k):
    gallery, searcher = opened(tmp_path, filled.people(5), "none")
    with gallery:
        with pytest.raises(MisuseError, match=f"k must be at least 1, not {k}"):
            searcher.search(QUERIES, k)
        with pytest.raises(MisuseError, match="k must be at least 1"):
            next(searcher.neighbours(k))


def test_vectors_of_another_length_or_with_nan_are_refused(tmp_path):
    gallery, searcher = opened(tmp_path, filled.people(5), "none", "cosine")
    with gallery:
        with pytest.raises(MisuseError, match="the vectors have 12 values, not 16"):
            searcher.search(QUERIES[:, :12], 1)
        with pytest.raises(MisuseError, match="not finite"):
            searcher.search(np.full((1, 16), np.nan, np.float32), 1)
        with pytest.raises(MisuseError, match="no direction"):
            searcher.search(np.zeros((1, 16), np.float32), 1)


def test_faces_that_are_all_alike_come_by_number(tmp_path, kind):
    vectors = np.repeat(filled.people(1), 900, axis=0)
    gallery, searcher = opened(tmp_path, vectors, kind)
    with gallery:
        ids, distances = searcher.search(vectors[:1], 5)
        assert distances.tolist() == [[0.0] * 5]
        if kind != "ivf":
            assert ids.tolist() == [[1, 2, 3, 4, 5]]


def test_a_new_face_is_found_at_once_and_without_making_the_index_anew(tmp_path, kind):
    vectors = filled.people(1000)
    gallery, searcher = opened(tmp_path, vectors, kind)
    with gallery:
        searcher.search(QUERIES, 3)
        built = searcher.state().built
        for count in range(1, 6):
            filled.add(gallery, QUERIES[count : count + 1])
            ids, distances = searcher.search(QUERIES[count : count + 1], 3)
            assert ids[0, 0] == 1000 + count
            assert distances[0, 0] == 0
        assert searcher.state().built == built
        assert searcher.state().tail == (1005 if kind == "none" else 5)


def test_the_index_is_made_anew_when_it_has_fallen_behind(tmp_path):
    vectors = filled.people(1500)
    gallery, searcher = opened(tmp_path, vectors[:1000], "matrix")
    with gallery:
        searcher.search(QUERIES, 3)
        filled.add(gallery, vectors[1000:])
        same(searcher.search(QUERIES, 10), vectors, QUERIES, 10)
        assert (searcher.state().rows, searcher.state().tail) == (1500, 0)


def test_faces_that_are_gone_are_not_found_and_lists_stay_full(tmp_path, kind):
    vectors = filled.people(1000)
    gallery, searcher = opened(tmp_path, vectors, kind)
    with gallery:
        first = searcher.search(QUERIES, 5)[0]
        filled.remove(gallery, np.unique(first))
        left = np.setdiff1d(np.arange(1, 1001), first)
        same(searcher.search(QUERIES, 5), vectors[left - 1], QUERIES, 5, ids=left, share=0.9 if kind == "ivf" else 1.0)


def test_an_index_of_which_much_is_gone_is_made_anew(tmp_path, kind):
    gallery, searcher = opened(tmp_path, filled.people(1000), kind)
    with gallery:
        searcher.search(QUERIES, 5)
        filled.remove(gallery, range(1, 400))
        searcher.refresh()
        assert searcher.state().rows == (0 if kind == "none" else 601)


def test_more_new_faces_than_memory_holds_are_read_from_the_database(tmp_path, monkeypatch):
    vectors = filled.people(1000)
    monkeypatch.setattr(unindexed.UnindexedFaces.__init__, "__defaults__", (200 * filled.DIMENSION,))
    monkeypatch.setattr(rows.after, "__defaults__", (64,))
    gallery, searcher = opened(tmp_path, vectors, "none")
    with gallery:
        same(searcher.search(QUERIES, 10), vectors, QUERIES, 10)
        assert sum(len(block.ids) for block in searcher._open_index().unindexed.blocks) == 192


def test_neighbours_are_each_faces_nearest_others(tmp_path, kind):
    vectors = filled.people(1000)
    gallery, searcher = opened(tmp_path, vectors, kind)
    wanted, far = filled.nearest(vectors, vectors, 6)
    with gallery:
        parts = list(searcher.neighbours(5))
        ids, nearest, distances = (np.concatenate(column) for column in zip(*parts, strict=True))
        np.testing.assert_array_equal(ids, np.arange(1, 1001))
        if kind == "ivf":
            assert (np.isin(nearest, wanted)).all()
            assert np.mean([len(set(a) & set(b[1:])) / 5 for a, b in zip(nearest, wanted, strict=True)]) > 0.97
        else:
            np.testing.assert_array_equal(nearest, wanted[:, 1:])
            np.testing.assert_allclose(distances, far[:, 1:], atol=1e-6)


def test_neighbours_of_some_faces_are_looked_for_among_all(tmp_path):
    vectors = filled.people(400)
    gallery, searcher = opened(tmp_path, vectors, "none")
    with gallery:
        (part,) = searcher.neighbours(3, np.array([300, 7, 999]))
    assert part.ids.tolist() == [7, 300]
    np.testing.assert_array_equal(part.nearest, filled.nearest(vectors, vectors[[6, 299]], 4)[0][:, 1:])


def test_a_face_is_never_its_own_neighbour_even_among_many_that_are_alike(tmp_path):
    gallery, searcher = opened(tmp_path, np.repeat(filled.people(1), 50, axis=0), "none")
    with gallery:
        (part,) = searcher.neighbours(3)
    assert not (part.nearest == part.ids[:, None]).any()
    assert (part.nearest > 0).all()


def test_neighbours_of_a_gallery_with_one_face_are_nobody(tmp_path):
    gallery, searcher = opened(tmp_path, filled.people(1), "none")
    with gallery:
        (part,) = searcher.neighbours(2)
    assert part.nearest.tolist() == [[-1, -1]]


def test_threads_search_while_faces_come_and_go(tmp_path):
    vectors = filled.people(600)
    gallery, searcher = opened(tmp_path, vectors[:500], "matrix")
    wrong: list[object] = []

    def ask():
        for _ in range(30):
            ids, distances = searcher.search(QUERIES[:3], 8)
            exact = vectors[ids - 1].astype(np.float64)
            if not np.allclose(np.linalg.norm(exact - QUERIES[:3, None], axis=2), distances):
                wrong.append(ids)

    with gallery:
        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for at in range(500, 600, 10):
            filled.add(gallery, vectors[at : at + 10])
            filled.remove(gallery, [at - 100])
        for thread in threads:
            thread.join()
        assert not wrong
        left = np.setdiff1d(np.arange(1, 601), np.arange(400, 500, 10))
        same(searcher.search(QUERIES, 8), vectors[left - 1], QUERIES, 8, ids=left)


def test_the_index_lies_beside_the_gallery(tmp_path):
    gallery, searcher = opened(tmp_path, filled.people(100), "matrix")
    with gallery:
        assert searcher.state().folder == Path(tmp_path / "family.db-index")
        searcher.refresh()
        state = searcher.state()
        assert (state.kind, state.rows, state.tail) == ("matrix", 100, 0)
        assert state.bytes == sum(path.stat().st_size for path in state.folder.iterdir()) > 100 * 16 * 4
