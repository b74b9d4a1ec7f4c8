"""Confidence, persons, attributes and face selection, compared with hand-computed values and `tasks.probes`."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from tests import fakes
from tests.fakes import CARD

from nitakao import metrics
from nitakao.errors import FaceApiError
from nitakao.gallery.face_api.candidates import Faces
from nitakao.models.cards import registry
from nitakao.tasks import probes
from nitakao.tasks.face_api import attributes, face_selection, persons
from nitakao.tasks.face_api.confidence import Scale, scale_of
from nitakao.tasks.scoring import Scorer
from nitakao.values import Calibration, Chip, Face, Quality

LINE = Calibration(slope=10, intercept=8, limit=9)


def test_confidence_is_a_half_at_the_threshold_and_falls_with_distance() -> None:
    scale = scale_of(Scorer(CARD))
    assert scale(CARD.threshold) == pytest.approx(0.5)
    assert scale(CARD.threshold / 2) == pytest.approx(0.95)
    result = scale(np.linspace(0, 3, 100))
    assert (np.diff(result) < 0).all()
    assert 0 < result[-1] < result[0] < 1


def test_with_a_calibration_confidence_is_its_probability_for_the_prior_that_the_threshold_means() -> None:
    scale = scale_of(Scorer(CARD, LINE))
    assert (scale.threshold, scale.slope) == (1.0, 10)
    ratio = math.exp(8 - 10 * 0.7) * math.exp(10 * 1.0 - 8)  # the likelihood ratio at 0.7, and odds that make 1.0 even
    assert scale(0.7) == pytest.approx(ratio / (1 + ratio))


def test_a_threshold_comes_from_the_calibration_where_the_card_has_none() -> None:
    bare = replace(CARD, threshold=math.nan)
    assert scale_of(Scorer(bare, LINE)).threshold == pytest.approx(0.8)
    with pytest.raises(FaceApiError, match="The model fake has no threshold") as caught:
        scale_of(Scorer(bare))
    assert (caught.value.status, caught.value.code) == (403, "UnsupportedFeature")


def test_confidence_stays_a_number_however_far_apart() -> None:
    assert Scale(0.6, 43)([0.0, 1000.0]).tolist() == [pytest.approx(1), 0.0]


@pytest.mark.parametrize("name", [card.name for card in registry.cards()])
def test_each_card_has_a_scale_or_is_refused(name: str) -> None:
    card = registry.card(name)
    if card.has_threshold or card.calibration is not None:
        scale = scale_of(Scorer(card, card.calibration))
        assert scale(scale.threshold) == pytest.approx(0.5)
    else:
        with pytest.raises(FaceApiError, match="No threshold"):
            scale_of(Scorer(card, card.calibration))


def faces(*counts: int, dimension: int = 16) -> tuple[Faces, list[np.ndarray]]:
    people = [
        np.stack([fakes.vector(f"{p}", dimension) + 0.3 * fakes.vector(f"{p} {n}", dimension) for n in range(count)])
        for p, count in enumerate(counts)
    ]
    first = np.cumsum([0, *counts[:-1]])
    vectors = np.concatenate(people).astype(np.float32)
    named = tuple(f"p{n}" for n in range(len(counts)))
    return Faces(tuple(map(str, range(len(vectors)))), vectors, named, first), people


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_persons_are_as_far_as_their_means_told_as_from_one_picture(metric) -> None:
    found, people = faces(3, 1, 5)
    record = persons.load(found, metric)
    centres = [probes.centre(rows.astype(np.float32), metric) for rows in people]
    variance = sum(len(rows) * spread for rows, (_, spread) in zip(people, centres, strict=True)) / (2 + 0 + 4)
    probe = fakes.vector("asked")
    for n, (rows, (mean, _)) in enumerate(zip(people, centres, strict=True)):
        distances = np.array([metrics.distance(probe, mean, metric)])
        result = probes.as_from_one(distances, (1 - 1 / len(rows)) * variance, metric)
        assert record.distances(probe)[n] == pytest.approx(result[0], abs=1e-5)


def test_a_person_with_one_face_is_as_far_as_that_face() -> None:
    found, people = faces(1)
    record = persons.load(found, "euclidean")
    probe = fakes.vector("asked")
    assert record.distances(probe)[0] == pytest.approx(metrics.distance(probe, people[0][0], "euclidean"), abs=1e-6)


def test_nobody_is_as_far_as_nobody() -> None:
    record = persons.load(Faces((), np.zeros((0, 16), np.float32), (), np.zeros(0, np.int64)), "euclidean")
    assert record.distances(fakes.vector("asked")).tolist() == []


def chip(level: int) -> tuple[Face, Chip]:
    """A uniformly grey face on white."""
    picture = np.full((64, 64, 3), 255, np.uint8)
    picture[16:48, 16:48] = level
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=100, subsampling=0)
    return Face((116.0, 216.0, 148.0, 248.0), 1.0), Chip(out.getvalue(), (100, 200, 164, 264))


@pytest.mark.parametrize(
    ("level", "word"),
    [(10, "underExposure"), (63, "underExposure"), (66, "goodExposure"), (128, "goodExposure"), (200, "overExposure")],
)
def test_exposure_is_the_mean_grey_of_the_face_alone(level: int, word: str) -> None:
    result = attributes.measure(*chip(level)[:1], Quality(), chip(level)[1], frozenset(["exposure"]))
    assert result["exposure"]["exposureLevel"] == word
    assert result["exposure"]["value"] == pytest.approx(level / 255, abs=0.01)


def test_attributes_are_told_in_the_face_apis_words_and_only_those_that_are_wanted() -> None:
    face, small = chip(128)
    quality = Quality(sharpness=0.9, yaw=-12.34, pitch=5.0, roll=2.0, score=0.6)
    result = attributes.measure(face, quality, small, frozenset(["headPose", "blur", "qualityForRecognition"]))
    assert result == {
        "headPose": {"pitch": 5.0, "roll": 2.0, "yaw": -12.3},
        "blur": {"blurLevel": "low", "value": 0.1},
        "qualityForRecognition": "high",
    }
    poor = attributes.measure(face, Quality(sharpness=0.1, score=0.1), small, frozenset(attributes.SUPPORTED))
    assert "headPose" not in poor  # no pose without landmarks
    assert (poor["blur"]["blurLevel"], poor["qualityForRecognition"]) == ("high", "low")
    middling = attributes.measure(face, Quality(score=0.5), small, frozenset(["qualityForRecognition"]))
    assert middling == {"qualityForRecognition": "medium"}


def box(left: float, top: float, side: float) -> Face:
    return Face((left, top, left + side, top + side), 0.9)


def test_faces_come_by_size_without_those_that_are_too_small() -> None:
    found = [box(0, 0, 40), box(0, 0, 35), box(0, 0, 60), box(0, 0, 36)]
    assert face_selection.large_enough(found) == [2, 0, 3]
    assert len(face_selection.large_enough([box(0, 0, 50)] * 120)) == 100


@pytest.mark.parametrize(
    ("face", "rectangle"),
    [
        (Face((10.4, 20.6, 50.4, 80.5), 1), (10, 21, 40, 59)),
        (Face((-5, -5, 300, 300), 1), (0, 0, 200, 100)),
        (Face((190, 90, 260, 160), 1), (190, 90, 10, 10)),
    ],
)
def test_a_rectangle_is_whole_pixels_within_the_picture(face: Face, rectangle: tuple[int, ...]) -> None:
    assert face_selection.rectangle(face, (200, 100)) == rectangle


def test_the_face_that_is_meant_is_the_only_one_or_where_the_target_lies() -> None:
    one, other = box(0, 0, 50), box(100, 0, 60)
    assert face_selection.select_face([one], None, (200, 100)) == 0
    assert face_selection.select_face([one, box(60, 0, 20)], None, (200, 100)) == 0  # the other is too small to count
    assert face_selection.select_face([one, other], (95, 0, 60, 60), (200, 100)) == 1
    assert face_selection.select_face([one, other], face_selection.rectangle(one, (200, 100)), (200, 100)) == 0


@pytest.mark.parametrize(
    ("faces", "target", "code"),
    [
        ([], None, "InvalidImage"),
        ([box(0, 0, 50), box(60, 0, 50)], None, "InvalidImage"),
        ([box(0, 0, 30)], None, "InvalidImage"),
        ([box(0, 0, 30)], (0, 0, 30, 30), "InvalidImage"),
        ([box(0, 0, 50)], (100, 0, 50, 50), "InvalidImage"),
        ([box(0, 0, 50)], (180, 0, 50, 50), "BadArgument"),
        ([box(0, 0, 50)], (0, 0, 0, 50), "BadArgument"),
    ],
)
def test_faces_that_cannot_be_meant_are_refused(faces, target, code) -> None:
    with pytest.raises(FaceApiError) as caught:
        face_selection.select_face(faces, target, (200, 100))
    assert (caught.value.status, caught.value.code) == (400, code)
