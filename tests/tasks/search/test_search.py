from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from tests import fakes
from tests.gallery.made import person, photograph, vector
from tests.tasks.family import CARD, family, prepare

from nitakao.errors import GalleryError, MisuseError, NoFaceError, UnreadablePhotoError
from nitakao.gallery import GalleryStore, people
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.probes import SearchOptions
from nitakao.tasks.search.search import search
from nitakao.values import FaceFilter


@pytest.fixture
def gallery(monkeypatch, tmp_path):
    prepare(monkeypatch, tmp_path)
    with GalleryStore(tmp_path / "family.db", card=CARD) as made:
        yield made


@pytest.fixture
def known(gallery):
    return family(gallery)


def numbers(found, answer=0):
    return [match.face.id for match in found.answers[answer].hits]


def test_the_nearest_faces_come_first_with_distance_probability_place_and_person(gallery, known):
    found = search(gallery, "ada.jpg", k=4)
    (answer,) = found.answers
    assert set(numbers(found)[:3]) == set(known["ada"])
    distances = [match.distance for match in answer.hits]
    assert distances == sorted(distances)
    first = answer.hits[0]
    assert (first.rank, first.face.name, first.face.path.startswith("album/")) == (1, "Ada", True)
    assert first.probability > 0.99
    assert answer.hits[3].probability < 0.5
    assert answer.probe.name == "ada.jpg"


def test_what_makes_the_numbers_readable_comes_with_them(gallery, known):
    basis = search(gallery, "ada.jpg").info
    assert (basis.model, basis.metric, basis.threshold, basis.prior) == ("fake", "euclidean", 1.0, 0.5)
    assert (basis.searched, basis.faces) == (6, 7)  # one of seven is hidden
    assert basis.false_matches == pytest.approx(6 * 0.01, rel=1e-6)


def test_hidden_people_answer_only_where_they_are_asked_for(gallery, known):
    assert not set(known["eve"]) & set(numbers(search(gallery, "eve.jpg", k=10)))
    assert numbers(search(gallery, "eve.jpg", k=10, where=FaceFilter(hidden=True)))[0] == known["eve"][0]


@pytest.mark.parametrize("k", [7, 8, 1000, 10**30])
def test_a_k_larger_than_the_gallery_gives_all_there_is(gallery, known, k):
    assert len(numbers(search(gallery, "ada.jpg", k=k, where=FaceFilter(hidden=True)))) == 7


@pytest.mark.parametrize("k", [0, -1])
def test_a_k_below_one_is_refused(gallery, known, k):
    with pytest.raises(MisuseError, match=f"k must be at least 1, not {k}"):
        search(gallery, "ada.jpg", k=k)


def test_an_empty_gallery_has_no_answers(gallery):
    found = search(gallery, "group.jpg")
    assert [answer.hits for answer in found.answers] == [(), (), ()]
    assert (found.info.searched, found.info.false_matches) == (0, 0)


def test_each_face_of_a_photograph_is_answered_or_one_that_is_chosen(gallery, known):
    found = search(gallery, "group.jpg", k=2)
    assert [(a.probe.name, a.probe.number, len(a.hits)) for a in found.answers] == [
        ("group.jpg#0", 0, 2),
        ("group.jpg#1", 1, 2),
        ("group.jpg#2", 2, 2),
    ]
    assert (
        len(search(gallery, "group.jpg", options=SearchOptions(photos=PipelineOptions(faces="largest"))).answers) == 1
    )


def test_a_photograph_without_a_face_and_one_that_is_none_are_told(gallery, known):
    with pytest.raises(NoFaceError, match=r"no face found in 'none.jpg'"):
        search(gallery, "none.jpg")
    with pytest.raises(UnreadablePhotoError, match=r"'unreadable.jpg' is not a picture"):
        search(gallery, "unreadable.jpg", "ada.jpg")
    with pytest.raises(MisuseError, match="no such file"):
        search(gallery, "missing.jpg")


def test_one_by_one_a_bad_photograph_stops_nothing(gallery, known):
    found = search(gallery, "none.jpg", "ada.jpg", "bob.jpg", k=1, options=SearchOptions(each=True))
    assert [a.hits[0].face.name for a in found.answers] == ["Ada", "Bob"]
    assert found.problems[0].startswith("no face found in 'none.jpg'")
    with pytest.raises(NoFaceError):
        search(gallery, "none.jpg", "unreadable.jpg", options=SearchOptions(each=True))


def test_several_pictures_are_one_person_and_distances_are_those_from_all_of_them(gallery, known):
    found = search(gallery, "ada.jpg", "bob.jpg", k=1)
    (answer,) = found.answers
    hit = answer.hits[0]
    there = [fakes.vector("ada.jpg0"), fakes.vector("bob.jpg0")]
    from nitakao.gallery import faces

    row = faces.vectors(gallery, [hit.face.id])[0]
    assert hit.distance == pytest.approx(math.sqrt(np.mean([np.sum((row - v) ** 2) for v in there])), abs=1e-5)
    with pytest.raises(MisuseError, match="one face each is used, not all"):
        search(gallery, "ada.jpg", "bob.jpg", options=SearchOptions(photos=PipelineOptions(faces="all")))


def test_a_face_of_the_gallery_asks_without_finding_itself(gallery, known):
    first = known["ada"][0]
    found = search(gallery, f"face:{first}", k=2)
    assert set(numbers(found)) == set(known["ada"][1:])


def test_a_person_asks_without_finding_her_own_faces(gallery, known):
    lost = photograph(gallery, "album/lost.jpg", "ada.jpg0")
    for named in ("person:Ada", "#1", "person:#1"):
        assert numbers(search(gallery, named, k=1)) == lost


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("face:99", "there is no face 99"),
        ("face:one", "named by its number"),
        ("face:-1", "named by its number"),
        ("face:99999999999999999999", "named by its number"),
        ("face:²", "named by its number"),
        ("person:Nobody", "there is no person 'Nobody'"),
        ("person:", "name cannot be empty"),
        ("#77", "there is no person '#77'"),
        ("person:'; DROP TABLE faces; --\n\"", "there is no person"),
    ],
)
def test_who_is_not_in_the_gallery_is_told_in_a_sentence(gallery, known, named, said):
    with pytest.raises(MisuseError, match=said):
        search(gallery, named)


def test_people_are_found_by_names_in_any_script_and_with_anything_in_them(gallery):
    for number, name in enumerate(["山田 太郎", 'O\'Brien "Bob"; --', "عائشة", "line\nbreak", "%s {0}"]):
        made = photograph(gallery, f"{number}.jpg", f"seed{number}", f"seed{number}")
        person(gallery, name, made[0])
        assert numbers(search(gallery, f"person:{name}", k=1)) == [made[1]]


def test_filters_leave_full_lists(gallery, known):
    for number in range(30):
        photograph(gallery, f"album/crowd/{number}.jpg", "ada.jpg0", quality=0.2)
    ada, bob = people.find_person(gallery, "Ada"), people.find_person(gallery, "Bob")
    assert set(numbers(search(gallery, "ada.jpg", k=2, where=FaceFilter(people=(bob,))))) == set(known["bob"])
    assert set(numbers(search(gallery, "ada.jpg", k=9, where=FaceFilter(folder="album/2021")))) == {
        *known["ada"][1:],
        *known["bob"][1:],
        *known["loner"],
    }
    within = FaceFilter(since=1_555_000_000, until=1_565_000_000)
    assert set(numbers(search(gallery, "ada.jpg", k=9, where=within))) == {known["ada"][0], known["bob"][0]}
    assert len(numbers(search(gallery, "ada.jpg", k=3, where=FaceFilter(people=(ada,), min_quality=0.4)))) == 2


def test_every_face_below_a_distance_is_listed_where_no_number_is_given(gallery, known):
    for number in range(40):
        photograph(gallery, f"{number}.jpg", "ada.jpg0")
    found = search(gallery, "ada.jpg", k=None, max_distance=1.0)
    assert len(found.answers[0].hits) == 43
    assert len(search(gallery, "ada.jpg", k=5, max_distance=1.0).answers[0].hits) == 5
    assert search(gallery, "zoe.jpg", k=None, max_distance=0.1).answers[0].hits == ()
    with pytest.raises(MisuseError, match="limit the number of hits or their distance"):
        search(gallery, "ada.jpg", k=None)


def test_different_people_leave_out_the_probes_own_and_come_once_each(gallery, known):
    unsaid = photograph(gallery, "album/unsaid.jpg", "ada.jpg0")  # Ada, though nobody has said so
    again = photograph(gallery, "album/again.jpg", "loner")
    found = search(gallery, "ada.jpg", k=10, different_people=True)
    assert not set(numbers(found)) & {*known["ada"], *unsaid}
    names = [match.face.name for match in found.answers[0].hits]
    assert sorted(names) == ["", "Bob"]
    assert len({*numbers(found)} & {*known["loner"], *again}) == 1


def test_looking_for_others_goes_on_past_any_number_of_ones_own(gallery):
    for number in range(300):
        photograph(gallery, f"{number}.jpg", "ada.jpg0")
    for number in range(3):
        photograph(gallery, f"other{number}.jpg", f"other{number}")
    assert len(search(gallery, "ada.jpg", k=3, different_people=True).answers[0].hits) == 3


def test_a_named_look_alike_is_shown_however_near(gallery):
    own = photograph(gallery, "a.jpg", "ada.jpg0")
    twin = photograph(gallery, "b.jpg", "ada.jpg0", spread=0.3)
    person(gallery, "Ada", *own)
    person(gallery, "Twin", *twin)
    assert numbers(search(gallery, "ada.jpg", different_people=True)) == twin


def test_pushing_away_from_a_face_moves_it_down_and_has_no_probability(gallery):
    twin = photograph(gallery, "twin.jpg", "ada.jpg0", spread=0.8)
    own = photograph(gallery, "own.jpg", "ada.jpg0", spread=0.85)
    plain = {m.face.id: m.distance for m in search(gallery, "ada.jpg").answers[0].hits}
    found = search(gallery, "ada.jpg", exclude=[f"face:{twin[0]}"])
    moved = {m.face.id: m.distance for m in found.answers[0].hits}
    assert numbers(found) == own + twin
    assert moved[twin[0]] > plain[twin[0]] + 0.1
    assert all(math.isnan(m.probability) for m in found.answers[0].hits)


def test_vectors_may_ask_and_must_fit_the_model(gallery, known):
    row = vector("ada.jpg0", "elsewhere", 0, 16)
    assert search(gallery, row, k=1).answers[0].hits[0].face.name == "Ada"
    with pytest.raises(MisuseError, match="the vectors have 3 values, not 16"):
        search(gallery, np.zeros(3, np.float32))
    with pytest.raises(MisuseError, match="not finite"):
        search(gallery, np.full(16, np.nan, np.float32))


def test_another_model_than_the_gallerys_is_refused(gallery, known):
    with pytest.raises(GalleryError, match="holds fake vectors, not dlib-resnet"):
        search(gallery, "ada.jpg", options=SearchOptions(model="dlib-resnet"))


def test_a_model_without_threshold_and_calibration_gives_distances_alone(monkeypatch, tmp_path):
    from dataclasses import replace

    bare = replace(CARD, threshold=math.nan, calibration=None)
    prepare(monkeypatch, tmp_path, bare)
    with GalleryStore(tmp_path / "family.db", card=bare) as gallery:
        family(gallery)
        found = search(gallery, "ada.jpg", k=1)
        assert math.isnan(found.answers[0].hits[0].probability)
        assert math.isnan(found.info.false_matches)
        with pytest.raises(MisuseError, match="needs a threshold, and none is known for fake"):
            search(gallery, "ada.jpg", different_people=True)


def test_a_prior_moves_probabilities_and_has_to_be_one(gallery, known):
    low = search(gallery, "zoe.jpg", k=1, options=SearchOptions(prior=0.001)).answers[0].hits[0].probability
    assert low < search(gallery, "zoe.jpg", k=1).answers[0].hits[0].probability
    for prior in (0, 1, 1.5, math.nan):
        with pytest.raises(MisuseError, match="a prior probability lies between 0 and 1"):
            search(gallery, "ada.jpg", options=SearchOptions(prior=prior))


def test_ten_thousand_faces_in_one_picture_are_answered(gallery, known, monkeypatch):
    from nitakao import pipeline

    crowd = fakes.outcome("crowd.jpg", 10_000)
    monkeypatch.setattr(pipeline, "run", lambda named, **_: iter([crowd]))
    Path("crowd.jpg").write_bytes(b"\xff\xd8\xff")
    found = search(gallery, "crowd.jpg", k=1)
    assert len(found.answers) == 10_000
    assert {len(answer.hits) for answer in found.answers} == {1}
