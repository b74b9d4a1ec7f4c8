from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from nitakao.clustering import UNASSIGNED, Constraints, group, merging, no_constraints, sklearn_groups, sklearn_methods
from nitakao.errors import MissingExtraError, MisuseError
from nitakao.metrics import b_cubed

THRESHOLD = 1.05  # faces of one person lie about 0.65 apart here, those of two about 1.5
DIMENSION = 64


def faces(sizes, seed=0, spread=0.65):
    """Vectors of people with so many faces each, in a mixed order, and whose each is."""
    chance = np.random.default_rng(seed)
    truth = chance.permutation(np.repeat(np.arange(len(sizes)), sizes))
    people = chance.normal(size=(len(sizes), DIMENSION))
    people /= np.linalg.norm(people, axis=1, keepdims=True)
    noise = chance.normal(size=(len(truth), DIMENSION)) * spread / np.sqrt(2 * DIMENSION)
    return (people[truth] + noise).astype(np.float32), truth


def nearest(vectors, k=20):
    """(n, k) by comparing all; -1 where there are fewer."""
    lengths = (vectors**2).sum(1)
    apart = lengths[:, None] + lengths - 2 * vectors @ vectors.T
    np.fill_diagonal(apart, np.inf)
    found = np.full((len(vectors), k), UNASSIGNED, np.int64)
    order = np.argsort(apart, axis=1, kind="stable")[:, : min(k, len(vectors) - 1)]
    found[:, : order.shape[1]] = order
    return found


def grouped(vectors, known=None, **more):
    return group(vectors, nearest(vectors), **{"threshold": THRESHOLD, "constraints": known, **more})


def known(count, *, apart=None, people=None, by_hand=(), never=(), names=()):
    nothing = no_constraints(count)
    return Constraints(
        nothing.cannot_link if apart is None else np.asarray(apart, np.int64),
        nothing.people if people is None else np.asarray(people, np.int64),
        np.isin(np.arange(count), by_hand),
        np.array(never, np.int64).reshape(-1, 2),
        frozenset(names),
    )


def test_faces_are_grouped_by_person_and_those_who_are_seen_once_stay_alone():
    vectors, truth = faces([30, 8, 3, 2, 2, *[1] * 40])
    found = grouped(vectors)
    assert b_cubed(found.labels, truth).f == 1
    assert (np.bincount(truth)[truth[found.labels == UNASSIGNED]] == 1).all()


def test_new_groups_are_numbered_in_the_order_of_their_first_faces():
    vectors, _ = faces([5, 5, 5])
    labels = grouped(vectors).labels
    _, first = np.unique(labels, return_index=True)
    assert labels[np.sort(first)].tolist() == [0, 1, 2]


def test_a_new_group_never_takes_the_number_of_somebody_known_who_has_no_face_here():
    vectors, _ = faces([5])
    assert set(grouped(vectors, known(5, names=[0])).labels) == {1}
    assert set(grouped(vectors, known(5, people=[4, -1, -1, -1, -1], never=[(0, 4), (1, 7)])).labels) == {8}


def test_a_few_faces_between_two_people_do_not_chain_them_together():
    vectors, truth = faces([20, 20], spread=0.4)
    ends = [vectors[truth == person].mean(0) for person in (0, 1)]
    bridge = np.array([ends[0] + (ends[1] - ends[0]) * share for share in np.linspace(0.1, 0.9, 9)], np.float32)
    labels = grouped(np.concatenate([vectors, bridge])).labels[: len(truth)]
    assert b_cubed(labels, truth).f == 1


def test_the_more_people_there_are_the_nearer_two_faces_must_be():
    pair = np.zeros((2, DIMENSION), np.float32)
    pair[1, 0] = 0.95 * THRESHOLD
    strangers = 10 * np.eye(2000, DIMENSION, dtype=np.float32) + 100 * np.arange(1, 2001, dtype=np.float32)[:, None]
    assert grouped(pair).labels.tolist() == [0, 0]
    assert grouped(np.concatenate([pair, strangers])).labels[:2].tolist() == [UNASSIGNED, UNASSIGNED]


def test_two_faces_of_one_photograph_are_two_people_however_alike_they_are():
    vectors = np.repeat(np.eye(1, DIMENSION, dtype=np.float32), 4, axis=0)
    labels = grouped(vectors, known(4, apart=[7, 7, 8, 8])).labels
    assert labels[0] != labels[1]
    assert labels[2] != labels[3]
    assert sorted(labels) == [0, 0, 1, 1]  # two persons, both in both photographs


def test_faces_of_a_video_may_be_one_person():
    vectors, truth = faces([6, 6])
    assert b_cubed(grouped(vectors, known(12, apart=[UNASSIGNED] * 12)).labels, truth).f == 1


def test_thousands_of_copies_of_one_picture_become_one_group_in_a_few_rounds(monkeypatch):
    rounds = []
    follow = merging.Merging._relabel

    def counted(self, into):
        rounds.append(into)
        follow(self, into)

    monkeypatch.setattr(merging.Merging, "_relabel", counted)
    vectors = np.ones((2000, DIMENSION), np.float32)
    near = (np.arange(2000)[:, None] + np.arange(1, 11)) % 2000
    assert set(group(vectors, near, threshold=THRESHOLD).labels) == {0}
    assert len(rounds) < 100


@settings(deadline=None, max_examples=60)
@given(some.data())
def test_whatever_is_known_no_rule_is_broken_and_grouping_again_changes_nothing(data):
    count = data.draw(some.integers(1, 40))
    vectors = np.random.default_rng(data.draw(some.integers(0, 999))).normal(size=(count, 3)).astype(np.float32)
    number = some.integers(-1, 6)
    apart, people = (np.array(data.draw(some.lists(number, min_size=count, max_size=count))) for _ in "ab")
    by_hand = [face for face in data.draw(some.sets(some.integers(0, count - 1))) if people[face] != UNASSIGNED]
    never = data.draw(some.lists(some.tuples(some.integers(0, count - 1), some.integers(0, 6)), max_size=5))
    names = data.draw(some.sets(some.integers(0, 6)))
    before = known(count, apart=apart, people=people, by_hand=by_hand, never=never, names=names)

    found = grouped(vectors, before)

    assert (found.labels[by_hand] == people[by_hand]).all()
    free = np.setdiff1d(np.arange(count), by_hand)
    for face, person in never:
        assert face in by_hand or found.labels[face] != person
    for one in free:
        rivals = (found.labels == found.labels[one]) & (apart == apart[one]) & (apart != UNASSIGNED)
        assert found.labels[one] == UNASSIGNED or rivals.sum() <= 1
    again = grouped(vectors, replace(before, people=found.labels))
    assert again.labels.tolist() == found.labels.tolist()


def test_a_person_with_a_name_keeps_all_faces_and_new_ones_join():
    vectors, truth = faces([6, 6], seed=3)
    people = np.where(truth == 0, 41, UNASSIGNED)
    people[np.flatnonzero(truth == 0)[:2]] = UNASSIGNED  # new
    stranger = int(np.flatnonzero(truth == 1)[0])
    people[stranger] = 41  # a mistake that has been named: a name vouches for it
    labels = grouped(vectors, known(12, people=people, names=[41])).labels
    assert (labels[(truth == 0) | (np.arange(12) == stranger)] == 41).all()
    assert set(labels[(truth == 1) & (np.arange(12) != stranger)]) == {42}


def test_a_person_without_a_name_goes_on_as_the_group_with_most_of_the_faces():
    vectors, truth = faces([6, 6])
    people = np.where(truth == 0, 5, 9)
    people[np.flatnonzero(truth == 1)[:2]] = 5  # grouping had put two there by mistake
    labels = grouped(vectors, known(12, people=people)).labels
    assert labels.tolist() == np.where(truth == 0, 5, 9).tolist()


def test_two_named_persons_never_become_one_but_are_shown_as_alike_with_their_distance():
    vectors, _ = faces([8])
    people = np.array([1, 1, 1, 1, 2, 2, 2, 2])
    found = grouped(vectors, known(8, people=people, names=[1, 2]))
    assert found.labels.tolist() == people.tolist()
    [(one, two, far)] = found.similar
    every = [np.sum((a - b) ** 2) for a in vectors[:4] for b in vectors[4:]]
    assert {one, two} == {1, 2}
    assert far == pytest.approx(np.sqrt(np.mean(every)), rel=1e-5)


def test_a_face_a_little_too_far_away_is_in_doubt_and_one_far_away_is_not():
    vectors, _ = faces([10], spread=0.3)
    centre = vectors.mean(0)
    aside = np.zeros((2, DIMENSION), np.float32)
    aside[0, 0], aside[1, 1] = 0.9 * THRESHOLD, 2 * THRESHOLD
    found = grouped(np.concatenate([vectors, centre + aside]))
    assert found.labels.tolist() == [0] * 10 + [UNASSIGNED] * 2
    [(face, label, far)] = found.to_review
    assert (face, label) == (10, 0)
    assert far > 0.9 * THRESHOLD


def test_a_face_that_was_refused_is_kept_away_and_not_asked_about_again():
    vectors, _ = faces([8])
    found = grouped(vectors, known(8, people=[3] * 8, names=[3], never=[(0, 3)]))
    assert found.labels.tolist() == [UNASSIGNED] + [3] * 7
    assert found.to_review == ()


def test_of_two_faces_in_one_photograph_the_one_placed_by_hand_stays_with_the_name():
    vectors, _ = faces([8])
    crowded = {"apart": [1, 1, 2, 3, 4, 5, 6, 7], "people": [3] * 8, "names": [3]}
    assert grouped(vectors, known(8, **crowded, by_hand=[1])).labels.tolist() == [UNASSIGNED] + [3] * 7
    assert grouped(vectors, known(8, **crowded, by_hand=[0])).labels.tolist() == [3, UNASSIGNED] + [3] * 6
    assert grouped(vectors, known(8, **crowded, by_hand=[0, 1])).labels.tolist() == [3] * 8


@pytest.mark.parametrize("named", [False, True])
def test_faces_that_come_in_five_portions_are_grouped_as_if_all_came_at_once(named):
    vectors, truth = faces([*range(2, 30), *[1] * 60], seed=5, spread=0.8)
    labels = np.full(len(truth), UNASSIGNED)
    for last in np.linspace(0, len(truth), 6).astype(int)[1:]:
        names = set(labels.tolist()) - {UNASSIGNED} if named else set()
        labels[:last] = grouped(vectors[:last], known(last, people=labels[:last], names=names)).labels
    at_once = b_cubed(grouped(vectors).labels, truth).f
    assert at_once > 0.95
    assert b_cubed(labels, truth).f == pytest.approx(at_once, abs=0.01 if named else 1e-12)


def test_cosine_distance_groups_as_euclidean_distance_between_unit_vectors():
    vectors, _ = faces([9, 5, 1])
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    direct = grouped(unit)
    assert grouped(3 * unit, metric="cosine", threshold=THRESHOLD**2 / 2).labels.tolist() == direct.labels.tolist()


def test_no_faces_and_one_face_are_no_groups():
    assert group(np.empty((0, 4), np.float32), np.empty((0, 3), np.int64), threshold=1).labels.tolist() == []
    assert grouped(np.ones((1, 4), np.float32)).labels.tolist() == [UNASSIGNED]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold": 0}, "a threshold above 0, not 0"),
        ({"threshold": float("nan")}, "a threshold above 0, not nan"),
        ({"metric": "manhattan"}, "no metric 'manhattan'"),
        ({"neighbours": np.zeros((2, 1), np.int64)}, "3 faces need 3 rows of neighbours"),
        ({"neighbours": np.full((3, 1), 3)}, "from 0 to 2, or -1"),
        ({"constraints": no_constraints(4)}, "3 faces need 3 rows"),
        ({"vectors": np.full((3, 2), np.nan, np.float32)}, "not finite"),
        ({"vectors": np.zeros((3, 2), np.float32), "metric": "cosine"}, "no direction"),
    ],
)
def test_what_cannot_be_grouped_is_refused(change, message):
    given_ = {"vectors": np.ones((3, 2), np.float32), "neighbours": np.zeros((3, 1), np.int64), "threshold": 1.0}
    with pytest.raises(MisuseError, match=message):
        group(**{**given_, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"people": np.zeros(2, np.int64)}, "one entry per face"),
        ({"not_person": np.zeros((1, 3), np.int64)}, r"shape \(1, 3\)"),
        ({"not_person": np.array([[3, 0]])}, "from 0 to 2"),
    ],
)
def test_what_is_known_is_checked_when_it_is_said(change, message):
    with pytest.raises(MisuseError, match=message):
        replace(no_constraints(3), **change)


@pytest.mark.parametrize("method", ["dbscan", "hdbscan", "agglomerative"])
class TestScikitLearn:
    def test_its_methods_find_people_too(self, method):
        vectors, truth = faces([12, 8, 5, *[1] * 5])
        assert b_cubed(sklearn_groups(vectors, method, threshold=0.9).labels, truth).f > 0.9

    def test_its_methods_are_made_to_obey_rules(self, method):
        vectors, truth = faces([10, 8])
        mine, other = np.flatnonzero(truth == 0), np.flatnonzero(truth == 1)
        apart = np.arange(18)
        apart[mine[1]] = apart[mine[0]]
        people = np.full(18, UNASSIGNED)
        people[mine[2]] = people[other[0]] = 6  # by hand, though they are two
        before = known(18, apart=apart, people=people, by_hand=[mine[2], other[0]], never=[(mine[3], 6)])
        labels = sklearn_groups(vectors, method, threshold=0.9, constraints=before).labels
        assert (labels[[mine[2], other[0]]] == 6).all()
        assert labels[mine[3]] != 6
        assert labels[mine[0]] != labels[mine[1]] or labels[mine[0]] == UNASSIGNED
        again = sklearn_groups(vectors, method, threshold=0.9, constraints=replace(before, people=labels)).labels
        assert again.tolist() == labels.tolist()

    def test_its_methods_take_few_faces_or_none(self, method):
        for count in (0, 1, 2):
            labels = sklearn_groups(np.eye(max(count, 1), 4, dtype=np.float32)[:count], method, threshold=0.1).labels
            assert labels.tolist() == [UNASSIGNED] * count

    def test_its_absence_is_answered_with_the_line_that_brings_it(self, method, monkeypatch):
        monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
        with pytest.raises(MissingExtraError, match=r'pip install "nitakao\[learn\]"'):
            sklearn_groups(faces([5])[0], method, threshold=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "agglomerative"}, "5 faces are too many"),
        ({"method": "k-means"}, "no clustering method 'k-means'"),
        ({"min_faces": 1}, "min_faces must be at least 2, not 1"),
        ({"constraints": no_constraints(4)}, "need 5 entries"),
    ],
)
def test_scikit_learns_bad_choices_are_refused(change, message, monkeypatch):
    monkeypatch.setattr(sklearn_methods, "MAX_AGGLOMERATIVE", 4)
    asked: Any = {"method": "dbscan", "threshold": 1, **change}
    with pytest.raises(MisuseError, match=message):
        sklearn_groups(faces([5])[0], **asked)
