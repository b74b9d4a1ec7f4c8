"""The nearest faces in PostgreSQL, held against NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import bindparam, insert, text
from tests.fakes import CARD, DIMENSION
from tests.gallery.postgres_server import Server

from nitakao import metrics
from nitakao.errors import MisuseError
from nitakao.gallery import GalleryStore, reembed, schema
from nitakao.gallery.columns import Vector
from nitakao.gallery.search import postgres as pgsearch
from nitakao.gallery.search import postgres_neighbours
from nitakao.gallery.search.base import IndexState
from nitakao.gallery.search.open import searcher

FACES = 2000


def fill(gallery: GalleryStore, count: int = FACES) -> np.ndarray:
    """Faces of a photograph or two each; their vectors (count, D), those of face number n in row n - 1."""
    vectors = np.random.default_rng(7).normal(size=(count, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    photo = {"sha256": "0" * 64, "video": False, "width": 10, "height": 10, "problem": "", "detector": "", "indexed": 0}
    face = {"photo": 1, "x1": 0, "y1": 0, "x2": 9, "y2": 9, "score": 1, "turn": 0}
    with gallery.write("fill") as connection:
        connection.execute(insert(schema.photos).values(photo))
        connection.execute(insert(schema.faces), [face | {"number": n} for n in range(count)])
        connection.execute(insert(schema.vectors), [{"face": n + 1, "vector": v} for n, v in enumerate(vectors)])
    return vectors


@pytest.fixture(scope="module", params=["euclidean", "cosine"])
def written(request: pytest.FixtureRequest, postgres: Server) -> Iterator[tuple[str, np.ndarray]]:
    """A database's name, and the vectors in it."""
    address = postgres.new()
    with GalleryStore(address, card=replace(CARD, metric=request.param)) as gallery:
        vectors = fill(gallery)
    yield postgres.name(address), vectors
    postgres.drop(address)


@pytest.fixture
def filled(postgres: Server, written: tuple[str, np.ndarray]) -> Iterator[tuple[GalleryStore, np.ndarray]]:
    name, vectors = written
    address = postgres.new(name)
    with GalleryStore(address) as gallery:
        yield gallery, vectors
    postgres.drop(address)


@pytest.fixture
def indexed(
    filled: tuple[GalleryStore, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> tuple[GalleryStore, np.ndarray]:
    monkeypatch.setattr(pgsearch, "INDEXED_FROM", FACES)
    searcher(filled[0]).rebuild()
    return filled


def nearest(gallery: GalleryStore, vectors: np.ndarray, probe: np.ndarray, allowed: np.ndarray | None = None):
    """All numbers nearest first, and the distances."""
    ids = np.arange(1, len(vectors) + 1) if allowed is None else allowed
    distances = np.array([metrics.distance(vectors[n - 1], probe, gallery.metric) for n in ids])
    order = np.argsort(distances, kind="stable")
    return ids[order], distances[order]


def probes(count: int = 3) -> np.ndarray:
    return np.random.default_rng(8).normal(size=(count, DIMENSION)).astype(np.float32)


def test_every_vector_is_looked_at_while_there_are_few(filled: tuple[GalleryStore, np.ndarray]) -> None:
    gallery, vectors = filled
    ids, distances = searcher(gallery).search(probes(), 10)
    for row, probe in enumerate(probes()):
        right, far = nearest(gallery, vectors, probe)
        assert ids[row].tolist() == right[:10].tolist()
        np.testing.assert_allclose(distances[row], far[:10], rtol=1e-5)
    assert searcher(gallery).state() == IndexState("none", 0, FACES, None, 0, None)


def test_the_index_finds_the_same_and_distances_are_exact(indexed: tuple[GalleryStore, np.ndarray]) -> None:
    gallery, vectors = indexed
    assert searcher(gallery).state().kind == "hnsw"
    ids, distances = searcher(gallery).search(probes(20), 10)
    hits = 0
    for row, probe in enumerate(probes(20)):
        right, _ = nearest(gallery, vectors, probe)
        hits += len(set(ids[row].tolist()) & set(right[:10].tolist()))
        exact = [metrics.distance(vectors[n - 1], probe, gallery.metric) for n in ids[row]]
        np.testing.assert_allclose(distances[row], exact, rtol=1e-5)
    assert hits >= 0.97 * 200


def test_the_index_is_what_answers(indexed: tuple[GalleryStore, np.ndarray]) -> None:
    gallery, _ = indexed
    engine = searcher(gallery)
    assert isinstance(engine, pgsearch.PostgresSearcher)
    with gallery.read() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        asked = text(f"EXPLAIN {engine.near}").bindparams(bindparam("probe", type_=Vector))
        plan = connection.execute(asked, {"probe": probes(1)[0], "most": 200}).scalars().all()
        assert any(pgsearch.INDEX in line for line in plan)


@pytest.mark.parametrize("share", [2, 5, 1000])
def test_a_filtered_list_is_full_and_right(indexed: tuple[GalleryStore, np.ndarray], share: int) -> None:
    gallery, vectors = indexed
    allowed = np.arange(1, FACES + 1, share)
    ids, _ = searcher(gallery).search(probes(5), 10, allowed)
    for row, probe in enumerate(probes(5)):
        right = nearest(gallery, vectors, probe, allowed)[0][:10]
        found = ids[row][ids[row] >= 0]
        assert len(found) == min(10, len(allowed))
        assert set(found.tolist()) <= set(allowed.tolist())
        assert len(set(found.tolist()) & set(right.tolist())) >= 0.8 * len(found)


def test_faces_far_from_the_probe_are_found_through_a_filter_the_index_cannot_meet(
    indexed: tuple[GalleryStore, np.ndarray],
) -> None:
    gallery, vectors = indexed
    probe = probes(1)[0]
    far = np.sort(nearest(gallery, vectors, probe)[0][-FACES // 2 :])  # half of all, and the index gives the others
    ids, _ = searcher(gallery).search(probe[None], 10, far)
    assert ids[0].tolist() == nearest(gallery, vectors, probe, far)[0][:10].tolist()


def test_more_than_there_are_is_padded(indexed: tuple[GalleryStore, np.ndarray]) -> None:
    gallery, _ = indexed
    ids, distances = searcher(gallery).search(probes(1), FACES + 5)
    assert sorted(ids[0, :FACES].tolist()) == list(range(1, FACES + 1))
    assert ids[0, FACES:].tolist() == [-1] * 5
    assert np.isinf(distances[0, FACES:]).all()
    assert searcher(gallery).search(probes(1), 10**9)[0].shape == (1, pgsearch.MAX_COLUMNS)
    assert searcher(gallery).search(probes(1), 3, np.array([], np.int64))[0].tolist() == [[-1] * 3]


def test_new_faces_are_found_and_deleted_ones_are_not(indexed: tuple[GalleryStore, np.ndarray]) -> None:
    gallery, _ = indexed
    probe = probes(1)
    face = {"photo": 1, "number": FACES, "x1": 0, "y1": 0, "x2": 9, "y2": 9, "score": 1, "turn": 0}
    with gallery.write("new") as connection:
        number = connection.execute(insert(schema.faces).values(face).returning(schema.faces.c.id)).scalar_one()
        connection.execute(insert(schema.vectors).values(face=number, vector=probe[0]))
    ids, distances = searcher(gallery).search(probe, 2)
    assert ids[0, 0] == number
    assert distances[0, 0] == pytest.approx(0, abs=1e-6)
    with gallery.write("gone") as connection:
        connection.execute(schema.faces.delete().where(schema.faces.c.id.in_(ids[0].tolist())))
    assert not set(searcher(gallery).search(probe, 5)[0][0].tolist()) & set(ids[0].tolist())


def test_an_index_that_was_not_finished_is_not_used_and_made_anew(indexed: tuple[GalleryStore, np.ndarray]) -> None:
    gallery, _ = indexed
    engine = searcher(gallery)
    assert isinstance(engine, pgsearch.PostgresSearcher)
    with gallery.write("break") as connection:
        connection.execute(
            text("UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(:name)"),
            {"name": engine.index},
        )
    assert searcher(gallery).state().kind == "none"
    searcher(gallery).rebuild()
    assert searcher(gallery).state().kind == "hnsw"


@pytest.mark.parametrize(
    ("few", "compared"), [(postgres_neighbours.MAX_ONE_BY_ONE, postgres_neighbours.MAX_FLAT), (0, 0)]
)
def test_neighbours_are_the_nearest_others(
    filled: tuple[GalleryStore, np.ndarray], monkeypatch: pytest.MonkeyPatch, few: int, compared: int
) -> None:
    gallery, vectors = filled
    monkeypatch.setattr(postgres_neighbours, "MAX_ONE_BY_ONE", few)
    monkeypatch.setattr(postgres_neighbours, "MAX_FLAT", compared)
    hits = 0
    wanted = np.arange(5, FACES, 40)
    for block in searcher(gallery).neighbours(4, wanted):
        for number, near, far in zip(block.ids, block.nearest, block.distances, strict=True):
            right, exact = nearest(gallery, vectors, vectors[number - 1])
            assert number not in near
            hits += len(set(near.tolist()) & set(right[1:5].tolist()))
            if set(near.tolist()) == set(right[1:5].tolist()):
                np.testing.assert_allclose(far, exact[1:5], rtol=1e-4)
    assert hits >= (1.0 if compared else 0.9) * 4 * len(wanted)


def test_everybodys_neighbours_come_by_number(filled: tuple[GalleryStore, np.ndarray]) -> None:
    gallery, _ = filled
    ids = np.concatenate([block.ids for block in searcher(gallery).neighbours(2)])
    assert ids.tolist() == list(range(1, FACES + 1))


def test_an_empty_gallery_has_no_neighbours(database: str) -> None:
    with GalleryStore(database, card=CARD) as gallery:
        assert list(searcher(gallery).neighbours(3)) == []
        assert searcher(gallery).search(probes(1), 3)[0].tolist() == [[-1] * 3]


def test_what_cannot_be_asked_is_refused(filled: tuple[GalleryStore, np.ndarray]) -> None:
    gallery, _ = filled
    with pytest.raises(MisuseError, match="k must be at least 1"):
        searcher(gallery).search(probes(1), 0)
    with pytest.raises(MisuseError, match="k must be at least 1"):
        searcher(gallery).neighbours(0)
    with pytest.raises(MisuseError, match="3 values, not 16"):
        searcher(gallery).search(np.ones((1, 3), np.float32), 1)


def test_an_index_gives_way_to_vectors_of_another_dimension(indexed: tuple[GalleryStore, np.ndarray]) -> None:
    gallery, _ = indexed
    other = replace(CARD, name="other", dimension=8, metric=gallery.metric)
    reembed.begin(gallery, other, flip=False)
    vectors = np.random.default_rng(9).normal(size=(FACES, 8)).astype(np.float32)
    reembed.store_vectors(gallery, range(1, FACES + 1), vectors)
    assert reembed.swap(gallery, other, flip=False, last=FACES)
    assert searcher(gallery).state().kind == "none"
    assert searcher(gallery).search(vectors[:3], 1)[0].ravel().tolist() == [1, 2, 3]
    searcher(gallery).rebuild()
    assert searcher(gallery).state().kind == "hnsw"
    assert searcher(gallery).search(vectors[:3], 1)[0].ravel().tolist() == [1, 2, 3]
