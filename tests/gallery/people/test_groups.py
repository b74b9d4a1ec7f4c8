"""What grouping is told of a gallery, and what is kept of what it found; and the task that joins both."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.fakes import CARD
from tests.gallery import made

from nitakao.clustering import Groups
from nitakao.errors import MisuseError
from nitakao.gallery import faces, people
from nitakao.gallery.people import corrections, groups, reviews, undo
from nitakao.tasks.gallery.cluster import cluster


def persons(gallery, numbers):
    found = faces.records(gallery, numbers)
    return [found[n].person_id for n in numbers]


def test_standing_tells_photographs_people_and_what_a_hand_did(gallery):
    ada, bob = made.photograph(gallery, "a.jpg", "ada", "bob")
    (clip,) = made.photograph(gallery, "clip.mp4", "ada", video=True)
    person = made.person(gallery, "Ada", ada)
    group = made.person(gallery, None, bob, how="group")
    with people.begin_edit(gallery, "test") as edit:
        edit.set_marks("never", {(clip, person): "yes"})
    stood = groups.load_input(gallery)
    assert stood.faces.tolist() == [ada, bob, clip]
    assert stood.constraints.cannot_link[0] == stood.constraints.cannot_link[1] >= 0
    assert stood.constraints.cannot_link[2] == -1
    assert stood.constraints.people.tolist() == [person, group, -1]
    assert stood.constraints.by_hand.tolist() == [True, False, False]
    assert stood.constraints.not_person.tolist() == [[2, person]]
    assert stood.constraints.named == {person}


def test_faces_that_show_too_little_are_left_out_unless_a_hand_placed_them(gallery):
    (poor,) = made.photograph(gallery, "a.jpg", "ada", quality=0.1)
    (placed,) = made.photograph(gallery, "b.jpg", "ada", quality=0.1)
    (good,) = made.photograph(gallery, "c.jpg", "ada", quality=0.9)
    made.person(gallery, "Ada", placed)
    assert groups.load_input(gallery, 0.5).faces.tolist() == [placed, good]
    assert groups.load_input(gallery).faces.tolist() == [poor, placed, good]


def test_rows_of_unknown_numbers_are_none(gallery):
    assert groups.load_input(gallery).rows(np.array([[1, 2]])).tolist() == [[-1, -1]]
    made.photograph(gallery, "a.jpg", "ada", "bob")
    first, second = faces.ids(gallery).tolist()
    assert groups.load_input(gallery).rows(np.array([second, -1, first, 10**12])).tolist() == [1, -1, 0, -1]


def test_groups_become_people_in_one_entry_that_can_be_taken_back(gallery):
    numbers = [made.photograph(gallery, f"{n}.jpg", "ada" if n < 3 else "bob")[0] for n in range(6)]
    came = groups.save_groups(gallery, groups.load_input(gallery), Groups(np.array([0, 0, 0, 1, 1, -1]), 0))
    assert (came.created, came.moved) == (2, 5)
    first, _, _, second, _, nobody = persons(gallery, numbers)
    assert persons(gallery, numbers) == [first] * 3 + [second] * 2 + [nobody]
    assert first != second
    assert nobody is None
    undo.undo(gallery)
    assert persons(gallery, numbers) == [None] * 6
    assert people.people(gallery) == []


def test_what_a_hand_did_meanwhile_stays(gallery):
    one, two = (made.photograph(gallery, f"{n}.jpg", "ada")[0] for n in range(2))
    before = groups.load_input(gallery)
    ada = made.person(gallery, "Ada", one)
    groups.save_groups(gallery, before, Groups(np.array([0, 0]), 0))
    assert persons(gallery, [one])[0] == ada
    assert persons(gallery, [two])[0] != ada


def test_doubts_wait_for_an_answer(gallery):
    one, _, three = (made.photograph(gallery, f"{n}.jpg", "ada")[0] for n in range(3))
    groups.save_groups(gallery, groups.load_input(gallery), Groups(np.array([0, 0, -1]), 0, ((2, 0, 0.9),)))
    (doubt,) = reviews.pending(gallery)
    assert (doubt.face.id, doubt.person) == (three, persons(gallery, [one])[0])
    assert doubt.distance == pytest.approx(0.9)


@pytest.fixture
def fake_card(monkeypatch):
    from nitakao.tasks.gallery import cluster as task

    monkeypatch.setattr(task, "gallery_card", lambda gallery, model: model or CARD)


def test_clustering_finds_people_and_does_nothing_when_run_again(gallery, fake_card):
    seeds = ["ada", "bob", "cleo"]
    numbers = {s: [made.photograph(gallery, f"{s}{n}.jpg", s)[0] for n in range(5)] for s in seeds}
    (alone,) = made.photograph(gallery, "alone.jpg", "somebody else")
    found = cluster(gallery)
    assert (found.faces, found.people, found.new_people, found.unassigned) == (16, 3, 3, 1)
    for theirs in numbers.values():
        assert len(set(persons(gallery, theirs))) == 1
    assert persons(gallery, [alone]) == [None]
    again = cluster(gallery)
    assert (again.new_people, again.moved, again.people) == (0, 0, 3)


def test_named_people_keep_their_faces_and_new_ones_join(gallery, fake_card):
    for n in range(4):
        made.photograph(gallery, f"a{n}.jpg", "ada")
    cluster(gallery)
    (person,) = people.people(gallery)
    corrections.name_person(gallery, f"#{person.id}", "Ada 阿")
    new = [made.photograph(gallery, f"later{n}.jpg", "ada")[0] for n in range(2)]
    found = cluster(gallery)
    assert found.new_people == 0
    assert persons(gallery, new) == [person.id] * 2
    assert people.people(gallery)[0].name == "Ada 阿"


def test_two_faces_in_one_photograph_are_never_one_person(gallery, fake_card):
    first, second = made.photograph(gallery, "mirror.jpg", "ada", "ada")
    for n in range(4):
        made.photograph(gallery, f"{n}.jpg", "ada")
    cluster(gallery)
    one, other = persons(gallery, [first, second])
    assert one is None or one != other


def test_scikit_learns_ways_are_there_too(gallery, fake_card):
    pytest.importorskip("sklearn")
    for seed in ("ada", "bob"):
        for n in range(5):
            made.photograph(gallery, f"{seed}{n}.jpg", seed)
    for method in ("dbscan", "hdbscan", "agglomerative"):
        assert cluster(gallery, method=method).people == 2


def test_an_empty_gallery_has_nobody(gallery, fake_card):
    found = cluster(gallery)
    assert (found.faces, found.people, found.unassigned) == (0, 0, 0)


def test_without_a_threshold_grouping_says_what_it_needs(gallery, fake_card):
    with pytest.raises(MisuseError, match="needs a threshold"):
        cluster(gallery, model=dataclasses.replace(CARD, threshold=float("nan")))
    with pytest.raises(MisuseError, match="above 0"):
        cluster(gallery, threshold=-1.0)
    with pytest.raises(MisuseError, match="between 0 and 1"):
        cluster(gallery, min_quality=2.0)
