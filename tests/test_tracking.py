"""Tracks over frames made by hand: faces move, turn, leave and come back."""

from __future__ import annotations

import dataclasses
import math
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from tests import fakes

from nitakao.tracking import OPEN, SHOTS, Rules, Track, tracks
from nitakao.values import Face, NewFace, Quality

RULES = Rules(threshold=1.0, metric="euclidean")


def shot(who: str, time: float, x: float = 0, quality: float = 0.5, towards: str = "", share: float = 0.0) -> NewFace:
    """A face of somebody, or one that has gone by `share` towards another look."""
    vector = (1 - share) * fakes.vector(who) + share * fakes.vector(towards or who)
    vector = (vector / np.linalg.norm(vector)).astype(np.float32)
    return NewFace(Face((x, 0, x + 100, 100), 0.9), vector, Quality(score=quality), time=time)


def found(*frames: list[NewFace], rules: Rules = RULES) -> list[Track]:
    return list(tracks([(float(time), faces) for time, faces in enumerate(frames)], rules))


def test_one_person_in_every_frame_is_one_track_with_the_best_shot():
    (track,) = found(*[[shot("ada", t, x=200 * t, quality=0.9 if t == 3 else 0.4)] for t in range(6)])
    assert (track.start, track.end, track.frames) == (0, 5, 6)
    assert [s.time for s in track.shots] == [3]


def test_two_people_are_two_tracks_even_where_they_change_places():
    first, second = found(*[[shot("ada", t, x=100 * t), shot("bob", t, x=300 - 100 * t)] for t in range(4)])
    assert {first.frames, second.frames} == {4}
    for track, who in ((first, "ada"), (second, "bob")):
        assert np.allclose(track.shots[0].vector, fakes.vector(who))


def test_two_faces_of_one_frame_are_never_one_track():
    assert len(found([shot("ada", 0), shot("ada", 0, x=300)])) == 2


def test_a_face_that_turns_in_its_place_stays_one_track_and_keeps_what_differs():
    turned = [shot("ada", t, quality=0.8 - 0.05 * t, towards="side", share=t / 8) for t in range(8)]
    (track,) = found(*[[one] for one in turned])
    assert track.frames == 8
    assert 2 <= len(track.shots) <= SHOTS
    assert track.shots[0] is turned[0]
    apart = np.linalg.norm(track.shots[0].vector - track.shots[1].vector)
    assert apart > 0.75


def test_a_poor_shot_is_not_kept_however_different():
    turned = [shot("ada", 0, quality=0.9), shot("ada", 1, quality=0.3, towards="side", share=0.6)]
    (track,) = found(*[[one] for one in turned])
    assert track.frames == 2
    assert [s.time for s in track.shots] == [0]


def test_somebody_who_comes_back_soon_goes_on_and_late_begins_anew():
    soon = found([shot("ada", 0)], *[[]] * 8, [shot("ada", 9, x=500)])
    assert [(t.start, t.end) for t in soon] == [(0, 9)]
    late = found([shot("ada", 0)], *[[]] * 20, [shot("ada", 21)])
    assert [(t.start, t.end) for t in late] == [(0, 0), (21, 21)]


def test_without_a_threshold_places_decide():
    rules = dataclasses.replace(RULES, threshold=math.nan)
    assert len(found(*[[shot(f"look {t}", t, x=10 * t)] for t in range(4)], rules=rules)) == 1
    assert len(found(*[[shot("ada", t, x=300 * t)] for t in range(4)], rules=rules)) == 4


def test_quality_that_is_not_known_leaves_it_to_the_detectors_score():
    sure = dataclasses.replace(shot("ada", 0), quality=Quality())
    unsure = dataclasses.replace(shot("ada", 1), quality=Quality(), face=Face((0, 0, 100, 100), 0.7))
    (track,) = found([unsure], [sure])
    assert track.shots == (sure,)


@pytest.mark.parametrize("faces", [[], [[]], [[], [], []]])
def test_no_faces_are_no_tracks(faces):
    assert found(*faces) == []


def test_every_face_is_in_exactly_one_track():
    rng = np.random.default_rng(2)
    frames = [
        [shot(f"p{n}", t, x=float(rng.integers(2000))) for n in rng.choice(12, rng.integers(0, 8), replace=False)]
        for t in range(60)
    ]
    assert sum(track.frames for track in found(*frames)) == sum(len(faces) for faces in frames)


def test_a_long_crowd_takes_bounded_memory():
    def crowd(seconds: int) -> Iterator[tuple[float, list[NewFace]]]:
        for t in range(seconds):
            yield float(t), [shot(f"{t} {n}", t, x=300.0 * n) for n in range(4)]

    def peak(seconds: int) -> int:
        tracemalloc.start()
        seen = sum(track.frames for track in tracks(crowd(seconds), RULES))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert seen == 4 * seconds
        return most

    peak(20)
    assert peak(160) < 1.5 * peak(40)


def test_more_people_than_can_be_followed_end_early():
    many = [shot(f"p{n}", 0, x=300.0 * n) for n in range(OPEN + 5)]
    assert len(found(many, [])) == OPEN + 5
