"""A gallery's own calibration: which pairs it is fitted on, what it refuses, and where it is kept."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tests.gallery.made import person, photograph
from tests.tasks.family import CALIBRATION, CARD

from nitakao import calibration
from nitakao.cli.main import main
from nitakao.errors import GalleryDamagedError, GalleryError
from nitakao.gallery import GalleryStore
from nitakao.tasks import arguments
from nitakao.tasks.arguments import gallery_calibration
from nitakao.tasks.gallery import calibrate as task
from nitakao.tasks.gallery.calibrate import Labelled, pairs

PEOPLE, FACES = 15, 6
SPREAD = 0.9  # some pairs of one person lie farther apart than some of two


@pytest.fixture
def gallery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GalleryStore]:
    real = arguments.load_card
    monkeypatch.setattr(arguments, "load_card", lambda model: CARD if model == "fake" else real(model))
    monkeypatch.setenv("NITAKAO_GALLERY", str(tmp_path / "family.db"))
    with GalleryStore(card=CARD) as made:
        yield made


def enrolled(gallery: GalleryStore, people: int = PEOPLE, faces: int = FACES, how: str = "hand") -> None:
    """People with names, each alone in her photographs."""
    for one in range(people):
        numbers = [photograph(gallery, f"{one}/{n}.jpg", f"{one}", spread=SPREAD)[0] for n in range(faces)]
        person(gallery, f"Person {one}", *numbers, how=how)


def labelled(people: list[int], photos: list[int] | None = None, taken: list[float] | None = None) -> Labelled:
    count = len(people)
    return Labelled(
        np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32),
        np.array(people),
        np.array(photos or range(count)),
        np.array(taken or [math.nan] * count),
    )


def test_a_gallery_keeps_what_its_people_taught_and_answers_with_it(gallery: GalleryStore) -> None:
    enrolled(gallery)
    found = task.calibrate(gallery)
    assert gallery_calibration(gallery) == found.calibration != CALIBRATION
    assert (found.people, found.faces, found.grouped) == (PEOPLE, PEOPLE * FACES, 0)
    assert found.same == PEOPLE * math.comb(FACES, 2)
    assert found.different == math.comb(PEOPLE, 2) * FACES * FACES
    assert found.calibration.source.endswith("of two, 15 people of this gallery")
    assert found.error < found.before  # the card's was made up


def test_the_same_gallery_gives_the_same_calibration(gallery: GalleryStore) -> None:
    enrolled(gallery)
    assert task.calibrate(gallery).calibration == task.calibrate(gallery).calibration


def test_reset_goes_back_to_the_cards(gallery: GalleryStore) -> None:
    enrolled(gallery)
    task.calibrate(gallery)
    assert task.reset(gallery)
    assert gallery_calibration(gallery) == CALIBRATION
    assert not task.reset(gallery)


def test_a_calibration_that_cannot_be_read_is_named_and_can_be_reset(gallery: GalleryStore) -> None:
    gallery.set_setting("calibration", '{"slope": 1')
    with pytest.raises(GalleryDamagedError, match="calibrate --reset"):
        gallery_calibration(gallery)
    assert task.reset(gallery)
    assert gallery_calibration(gallery) == CALIBRATION


@pytest.mark.parametrize(
    ("people", "faces", "said"), [(0, 0, "has 0 named people"), (9, 6, "has 9 named people"), (15, 3, "45 pairs")]
)
def test_too_few_people_or_pairs_are_refused_and_nothing_is_kept(
    gallery: GalleryStore, people: int, faces: int, said: str
) -> None:
    enrolled(gallery, people, faces)
    with pytest.raises(GalleryError, match=said):
        task.calibrate(gallery)
    assert gallery_calibration(gallery) == CALIBRATION


def test_faces_that_grouping_placed_count_only_when_asked_for(gallery: GalleryStore) -> None:
    enrolled(gallery, how="group")
    with pytest.raises(GalleryError, match=r"has 0 named people .* --grouped"):
        task.calibrate(gallery)
    assert task.calibrate(gallery, grouped=True).grouped == PEOPLE * FACES


def test_people_without_a_name_do_not_count(gallery: GalleryStore) -> None:
    enrolled(gallery)
    before = task.calibrate(gallery)
    person(gallery, None, *photograph(gallery, "other.jpg", "other"), *photograph(gallery, "more.jpg", "other"))
    assert task.calibrate(gallery).faces == before.faces


def test_no_pair_comes_from_one_photograph() -> None:
    found = pairs(labelled([1, 1, 2, 2], photos=[10, 11, 10, 12]), "euclidean")
    assert (len(found.same), found.same.sum()) == (5, 2)


def test_no_pair_comes_from_one_second_but_unknown_times_are_not_equal() -> None:
    found = pairs(labelled([1, 1, 1, 2], taken=[5.0, 5.0, math.nan, math.nan]), "euclidean")
    assert (len(found.same), found.same.sum()) == (5, 2)


def test_distances_are_those_of_the_metric() -> None:
    faces = labelled([1, 2])
    a, b = faces.vectors.astype(float)
    assert pairs(faces, "euclidean").distances == pytest.approx([np.linalg.norm(a - b)])
    assert pairs(faces, "cosine").distances == pytest.approx([1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)])


def test_nobody_gives_more_pairs_than_is_fair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "MAX_DIFFERENT", 500)
    found = pairs(labelled([1] * 60 + [2] * 5 + list(range(3, 40))), "euclidean")
    assert found.same.sum() == task.MAX_PAIRS_OF_ONE + math.comb(5, 2)
    assert 250 < (~found.same).sum() <= 500


def test_a_pair_is_judged_by_a_fit_on_other_people_only() -> None:
    draw = np.random.default_rng(3)
    faces = labelled([person for person in range(20) for _ in range(6)])
    centres = draw.normal(size=(20, 4))[faces.people]
    vectors = (centres + draw.normal(size=centres.shape)).astype(np.float32)
    found = pairs(replace(faces, vectors=vectors), "euclidean")
    told, judged = task.cross_validated(found)
    first = (found.groups == 0).all(axis=1)
    others = (found.groups != 0).all(axis=1)
    fitted = calibration.fit(found.distances[others & found.same], found.distances[others & ~found.same])
    assert told[first[judged]] == pytest.approx(calibration.probability(found.distances[first], fitted))
    assert judged.sum() == (found.groups[:, 0] == found.groups[:, 1]).sum() < len(judged)


def test_the_command_shows_reliability_and_error(gallery: GalleryStore) -> None:
    enrolled(gallery)
    shown = CliRunner().invoke(main, ["gallery", "calibrate"])
    assert shown.exit_code == 0, shown.stderr
    assert shown.stderr == ""
    assert shown.stdout.splitlines()[0].split() == ["predicted", "observed", "pairs"]
    assert "1 in 10 " in shown.stdout
    assert "fake, euclidean; 90 faces of 15 people: 225 pairs of one person, 3780 of two; " in shown.stdout
    told = json.loads(CliRunner().invoke(main, ["gallery", "calibrate", "--json"]).stdout)
    assert told["same"] == 225
    assert told["error"] == pytest.approx(told["before"], abs=0.02)  # before: its own from the first run
    assert sum(b["weight"] for b in told["bins"]) == pytest.approx(1)
    assert CliRunner().invoke(main, ["gallery", "calibrate", "--reset"]).stdout == "restored the model's calibration\n"
    assert json.loads(CliRunner().invoke(main, ["gallery", "calibrate", "--reset", "--json"]).stdout) == {
        "reset": False
    }


def test_the_command_warns_of_faces_that_grouping_placed(gallery: GalleryStore) -> None:
    enrolled(gallery, how="group")
    done = CliRunner().invoke(main, ["gallery", "calibrate"])
    assert (done.exit_code, done.stdout) == (1, "")
    done = CliRunner().invoke(main, ["gallery", "calibrate", "--grouped"])
    assert done.exit_code == 0
    assert "90 of 90 faces were assigned by clustering" in done.stderr
    assert CliRunner().invoke(main, ["gallery", "calibrate", "--grouped", "--reset"]).exit_code == 2
