from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from tests import fakes
from tests.gallery.made import person, photograph
from tests.tasks.family import CALIBRATION, CARD, family, prepare

from nitakao.errors import MisuseError, NoFaceError
from nitakao.gallery import GalleryStore
from nitakao.tasks.probes import SearchOptions
from nitakao.tasks.search.identify import identify, person_distances
from nitakao.values import Probe


@pytest.fixture
def gallery(monkeypatch, tmp_path):
    prepare(monkeypatch, tmp_path)
    with GalleryStore(tmp_path / "family.db", card=CARD) as made:
        yield made


def test_a_known_face_gets_its_name_with_candidates_in_order(gallery):
    known = family(gallery)
    (found,) = identify(gallery, "ada.jpg").identities
    assert found.match is not None
    assert (found.match.name, found.match.rank) == ("Ada", 1)
    assert found.match.face.id in known["ada"]
    assert [c.name for c in found.candidates] == ["Ada", "Bob"]
    assert found.match.probability > 0.99
    assert sum(c.probability for c in found.candidates) + found.unknown == pytest.approx(1)


def test_a_stranger_is_nobody_known(gallery):
    family(gallery)
    (found,) = identify(gallery, "zoe.jpg").identities
    assert found.match is None
    assert found.unknown > 0.9
    assert len(found.candidates) == 2


def test_every_face_of_the_picture_is_answered(gallery):
    family(gallery)
    found = identify(gallery, "group.jpg")
    assert [i.probe.number for i in found.identities] == [0, 1, 2]
    assert found.people == 2


def test_hidden_people_and_groups_without_a_name_are_nobody(gallery):
    known = family(gallery)
    person(gallery, None, *known["loner"])
    for name in ("eve.jpg", "loner"):
        row = fakes.vector("loner") if name == "loner" else name
        (found,) = identify(gallery, row).identities
        assert found.match is None
        assert {c.name for c in found.candidates} == {"Ada", "Bob"}


def test_in_a_gallery_without_names_everybody_is_nobody_known_for_certain(gallery):
    photograph(gallery, "a.jpg", "ada.jpg0")
    found = identify(gallery, "ada.jpg")
    assert (found.people, found.identities[0].match, found.identities[0].candidates) == (0, None, ())
    assert found.identities[0].unknown == 1
    assert found.info.searched == 0


def test_the_prior_is_spread_evenly_over_the_people(gallery):
    for number in range(4):
        person(gallery, f"P{number}", *photograph(gallery, f"{number}.jpg", f"seed{number}"))
    probe = fakes.vector("seed0")
    (found,) = identify(gallery, probe, options=SearchOptions(prior=0.2)).identities
    line = CALIBRATION.intercept - CALIBRATION.slope * np.array([c.distance for c in found.candidates])
    likely = 0.2 / 4 * np.exp(line)
    assert [c.probability for c in found.candidates] == pytest.approx(list(likely / (likely.sum() + 0.8)))
    assert found.unknown == pytest.approx(0.8 / (likely.sum() + 0.8))


def test_people_beyond_those_looked_at_never_make_nobody_likelier(gallery):
    for number in range(40):
        person(gallery, f"P{number}", *photograph(gallery, f"{number}.jpg", f"seed{number}"))
    probe = fakes.vector("unheard of")
    (found,) = identify(gallery, probe, k=40).identities
    (cut,) = identify(gallery, probe, k=1).identities
    assert len(identify(gallery, probe, k=10**30).identities[0].candidates) == 40
    assert len(found.candidates) == 40
    assert cut.unknown <= found.unknown
    assert cut.candidates[0].person == found.candidates[0].person


def test_a_threshold_by_hand_decides_instead(gallery):
    family(gallery)
    assert identify(gallery, "zoe.jpg", options=SearchOptions(threshold=3.0)).identities[0].match is not None
    assert identify(gallery, "ada.jpg", options=SearchOptions(threshold=0.001)).identities[0].match is None


def test_without_a_calibration_the_models_threshold_decides_and_without_both_none_can(monkeypatch, tmp_path):
    bare = replace(CARD, calibration=None)
    prepare(monkeypatch, tmp_path, bare)
    with GalleryStore(tmp_path / "family.db", card=bare) as gallery:
        family(gallery)
        (found,) = identify(gallery, "ada.jpg").identities
        assert found.match is not None
        assert found.match.name == "Ada"
        assert math.isnan(found.match.probability)
        assert math.isnan(found.unknown)
        prepare(monkeypatch, tmp_path, replace(bare, threshold=math.nan))
        with pytest.raises(MisuseError, match="identifying needs a threshold"):
            identify(gallery, "ada.jpg")


def test_bad_requests_are_refused(gallery):
    family(gallery)
    with pytest.raises(MisuseError, match="k must be at least 1"):
        identify(gallery, "ada.jpg", k=0)
    with pytest.raises(NoFaceError):
        identify(gallery, "none.jpg")
    with pytest.raises(MisuseError, match="name a probe"):
        identify(gallery)


def test_a_face_of_the_gallery_does_not_speak_for_itself(gallery):
    known = family(gallery)
    first = known["bob"][0]
    (found,) = identify(gallery, f"face:{first}").identities
    assert found.match is not None
    assert found.match.name == "Bob"
    assert found.match.face.id == known["bob"][1]


def test_distances_from_people_with_many_and_few_pictures_can_be_compared():
    rng = np.random.default_rng(1)
    centre, spread = rng.normal(size=64), 0.5
    probes = [Probe("", (centre + spread * rng.normal(size=64)).astype(np.float32)) for _ in range(200)]
    people = [(centre + spread * rng.normal(size=(n, 64))).astype(np.float32) for n in (2, 2, 2, 20, 20, 20)]
    told = np.array([person_distances(probe, people, "euclidean") for probe in probes])
    one = math.sqrt(2 * 64) * spread  # between two pictures of one person
    assert np.sqrt((told**2).mean(axis=0)) == pytest.approx([one] * 6, rel=0.06)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_one_picture_of_each_person_is_at_its_own_distance(metric):
    rows = np.array([[1, 0], [0, 1]], np.float32)
    told = person_distances(Probe("", rows[0]), [rows[:1], rows[1:]], metric)
    assert told == pytest.approx([0, math.sqrt(2) if metric == "euclidean" else 1])
