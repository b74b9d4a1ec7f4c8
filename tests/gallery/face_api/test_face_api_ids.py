"""Face ids: stored until they expire, deleted afterwards, and kept across a restart."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sqlalchemy import func, select
from tests import fakes
from tests.fakes import CARD

from nitakao.gallery import GalleryStore, schema
from nitakao.gallery.face_api import ids


def vectors(*seeds: str) -> np.ndarray:
    return np.array([fakes.vector(seed) for seed in seeds], np.float32).reshape(len(seeds), fakes.DIMENSION)


@pytest.fixture
def clock(monkeypatch):
    now = [time.time()]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def count(gallery: GalleryStore) -> int:
    with gallery.read() as connection:
        return connection.execute(select(func.count()).select_from(schema.face_ids)).scalar_one()


def test_a_face_is_found_by_its_id_with_its_vector(gallery: GalleryStore) -> None:
    ada, bob = ids.store(gallery, vectors("ada", "bob"), "recognition_04", 60)
    found = ids.find(gallery, [bob, ada, "00000000-0000-0000-0000-000000000000"])
    assert set(found) == {ada, bob}
    assert found[ada].recognition == "recognition_04"
    assert (found[bob].vector == fakes.vector("bob")).all()


def test_nothing_is_kept_of_no_faces(gallery: GalleryStore) -> None:
    assert ids.store(gallery, vectors(), "recognition_01", 60) == []
    assert count(gallery) == 0


def test_an_id_whose_time_is_over_is_not_found_and_its_vector_goes(gallery: GalleryStore, clock: list[float]) -> None:
    (short,) = ids.store(gallery, vectors("ada"), "recognition_01", 60)
    (long,) = ids.store(gallery, vectors("bob"), "recognition_01", 600)
    clock[0] += 59
    assert set(ids.find(gallery, [short, long])) == {short, long}
    assert ids.sweep(gallery) == 0
    clock[0] += 2
    assert set(ids.find(gallery, [short, long])) == {long}
    assert ids.sweep(gallery) == 1
    assert count(gallery) == 1


def test_those_whose_time_is_over_go_when_others_come(gallery: GalleryStore, clock: list[float]) -> None:
    ids.store(gallery, vectors("ada", "bob"), "recognition_01", 60)
    clock[0] += 61
    ids.store(gallery, vectors("cid"), "recognition_01", 60)
    assert count(gallery) == 1


def test_ids_outlive_a_restart(place: str) -> None:
    with GalleryStore(place, card=CARD) as gallery:
        (ada,) = ids.store(gallery, vectors("ada"), "recognition_02", 600)
    with GalleryStore(place) as gallery:
        assert ids.find(gallery, [ada])[ada].recognition == "recognition_02"


def test_more_ids_are_asked_for_than_one_question_to_the_database_takes(gallery: GalleryStore) -> None:
    made = ids.store(gallery, vectors(*map(str, range(700))), "recognition_01", 60)
    assert set(ids.find(gallery, made)) == set(made)


def test_the_vector_is_not_in_the_file_any_more_once_its_time_is_over(tmp_path, clock) -> None:
    path = tmp_path / "family.db"
    stored = fakes.vector("ada").astype("<f4").tobytes()
    with GalleryStore(path, card=CARD) as gallery:
        ids.store(gallery, vectors("ada"), "recognition_01", 60)
    assert stored in path.read_bytes()
    clock[0] += 61
    with GalleryStore(path) as gallery:
        ids.sweep(gallery)
    assert stored not in path.read_bytes()
