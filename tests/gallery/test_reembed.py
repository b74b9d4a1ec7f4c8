"""A gallery given another model: on each database, with a network that stands for one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import delete, select
from tests.fakes import CARD
from tests.gallery import made

from nitakao.errors import GalleryError
from nitakao.gallery import GalleryStore, faces, people, reembed, schema
from nitakao.gallery.search.open import searcher
from nitakao.models import embedder
from nitakao.tasks.gallery.reindex import reindex

OTHER = replace(CARD, name="other", dimension=8)


class Network:
    """Eight sums over a crop for a vector; breaks off at a batch of fewer than `least`."""

    def __init__(self, least=0):
        self.least = least

    def __call__(self, crops):
        if len(crops) < self.least:
            raise RuntimeError("broken off")
        return crops.reshape(len(crops), 8, -1).astype(np.float32).sum(axis=2)


@pytest.fixture
def network(monkeypatch):
    found = Network()
    monkeypatch.setattr(embedder, "load", lambda *_, **__: found)
    return found


def test_people_and_groups_stay_when_the_model_changes(gallery, network):
    first, second = made.photograph(gallery, "a.jpg", "ada", "bob")
    ada, bob = made.person(gallery, "Ada", first), made.person(gallery, None, second, how="group")
    remade = reindex(gallery, OTHER)
    assert (remade.faces, remade.done, remade.without) == (2, 2, ())
    assert (gallery.model, gallery.dimension) == ("other", 8)
    assert {face: one.person_id for face, one in faces.records(gallery, [first, second]).items()} == {
        first: ada,
        second: bob,
    }
    assert [p.name for p in people.people(gallery, named=True)] == ["Ada"]


def test_searches_use_the_new_vectors_at_once(gallery, network):
    numbers = [made.photograph(gallery, f"{n}.jpg", f"p{n}")[0] for n in range(6)]
    before = faces.vectors(gallery, numbers)
    searcher(gallery).search(before[:1], 3)
    reindex(gallery, OTHER)
    after = faces.vectors(gallery, numbers)
    assert after.shape == (6, 8)
    found, distances = searcher(gallery).search(after[2:3], 1)
    assert int(found[0, 0]) == numbers[2]
    assert float(distances[0, 0]) == pytest.approx(0, abs=1e-3)


def test_until_all_are_made_the_gallery_answers_as_before_and_the_next_run_goes_on(gallery, monkeypatch):
    numbers = [made.photograph(gallery, f"{n}.jpg", "ada")[0] for n in range(70)]
    before = faces.vectors(gallery, numbers)
    breaks = Network(least=32)
    monkeypatch.setattr(embedder, "load", lambda *_, **__: breaks)
    with pytest.raises(RuntimeError, match="broken off"):
        reindex(gallery, OTHER)
    assert gallery.model == "fake"
    np.testing.assert_array_equal(faces.vectors(gallery, numbers), before)
    monkeypatch.setattr(embedder, "load", lambda *_, **__: Network())
    remade = reindex(gallery, OTHER)
    assert remade.before == 64
    assert remade.done == 70


def test_what_was_begun_for_another_card_is_not_mixed_in(gallery, monkeypatch):
    made.photograph(gallery, "a.jpg", "ada")
    reembed.begin(gallery, OTHER, flip=False)
    number = int(faces.ids(gallery)[0])
    reembed.store_vectors(gallery, [number], np.ones((1, 8), np.float32))
    third = replace(CARD, name="third", dimension=4)
    assert reembed.begin(gallery, third, flip=False) == (0, 1)


def test_a_face_that_comes_meanwhile_keeps_the_models_from_being_swapped(gallery):
    made.photograph(gallery, "a.jpg", "ada")
    reembed.begin(gallery, OTHER, flip=False)
    number = int(faces.ids(gallery)[0])
    reembed.store_vectors(gallery, [number], np.ones((1, 8), np.float32))
    made.photograph(gallery, "b.jpg", "bob")
    assert not reembed.swap(gallery, OTHER, flip=False, last=number)
    assert gallery.model == "fake"


def test_a_face_without_a_chip_is_named_and_stays(gallery, network):
    first, second = made.photograph(gallery, "a.jpg", "ada", "bob")
    with gallery.write("test") as connection:
        connection.execute(delete(schema.chips).where(schema.chips.c.face == second))
    remade = reindex(gallery, OTHER)
    assert remade.without == (second,)
    assert set(faces.records(gallery, [first, second])) == {first, second}
    assert searcher(gallery).search(np.zeros((1, 8), np.float32), 5)[0].tolist()[0][1:] == [-1] * 4


def test_who_has_the_gallery_open_is_told_that_its_model_changed(tmp_path, network):
    with GalleryStore(tmp_path / "g.db", card=CARD) as here, GalleryStore(tmp_path / "g.db") as there:
        made.photograph(here, "a.jpg", "ada")
        assert there.model == "fake"
        reindex(here, OTHER)
        with pytest.raises(GalleryError, match="has changed the model"):
            faces.count(there)
    with GalleryStore(tmp_path / "g.db", card=OTHER) as again:
        assert faces.count(again) == 1


def test_nothing_to_change_is_said(gallery):
    with pytest.raises(GalleryError, match="already holds fake vectors"):
        reindex(gallery, CARD)


def test_the_key_of_tombstones_outlives_the_model(gallery, network):
    made.photograph(gallery, "a.jpg", "ada")
    key = gallery.key
    reindex(gallery, OTHER)
    assert gallery.key == key


def test_what_was_fitted_on_the_old_vectors_is_dropped(gallery, network):
    made.photograph(gallery, "a.jpg", "ada")
    gallery.set_setting("calibration", "{}")
    reindex(gallery, OTHER)
    assert gallery.setting("calibration") is None
    with gallery.read() as connection:
        assert connection.execute(select(schema.remade)).all() == []
