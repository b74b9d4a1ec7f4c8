"""Chips, held against the photographs that they were cut from."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.photos.test_photos_crop import ARTICLE, DLIB, MARGIN, TEMPLATE, marks, waves

from nitakao import photos
from nitakao.errors import GeometryError, PhotoError
from nitakao.photos.chip import CONTEXT, MAX_SIDE
from nitakao.values import Chip, CropRule, Face, Photo, Turn

RULES = [ARTICLE, MARGIN, TEMPLATE]


def photo(width: int = 700, height: int = 600) -> Photo:
    return photos.from_pixels(waves(width, height))


def face(x: float, y: float, side: float, turn: Turn = 0) -> Face:
    box = (x, y, x + side, y + side)
    return Face(box, 0.9, marks(box), turn)


def pixels_of(chip: Chip) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(chip.jpeg)))


def test_a_small_face_is_kept_pixel_by_pixel_with_half_its_side_around_it():
    whole, found = photo(), face(300, 200, 100)
    made = photos.make_chip(whole, found)
    assert made.frame == (250, 150, 450, 350)
    shown = pixels_of(made)
    assert shown.shape == (200, 200, 3)
    assert np.abs(shown.astype(int) - whole.pixels[150:350, 250:450]).max() <= 6  # levels: what JPEG changes


def test_a_large_face_is_reduced_to_256_pixels_and_never_enlarged():
    assert max(pixels_of(photos.make_chip(photo(), face(150, 150, 300))).shape) == MAX_SIDE
    assert max(pixels_of(photos.make_chip(photo(), face(150, 150, 60))).shape) < MAX_SIDE


def test_a_face_at_the_edge_is_shown_as_far_as_the_photograph_goes():
    assert photos.make_chip(photo(), face(-20, -10, 100)).frame == (0, 0, 130, 140)


def test_the_articles_margin_lies_within_the_chip_of_the_smallest_face():
    made = photos.make_chip(photo(), face(300, 300, 20))
    assert made.frame[0] <= 300 - 22
    assert made.frame[2] >= 320 + 22


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("at", [(220.3, 170.8, 96.5), (-14.2, 31.0, 90.0), (620.0, 540.0, 100.0), (90.0, 80.0, 420.0)])
def test_crops_from_a_chip_are_those_of_the_photograph(rule, turn, at):
    whole, found = photo(), face(at[0], at[1], at[2], turn)
    small, shifted = photos.photo_from_chip(photos.make_chip(whole, found), found)
    expected = photos.crop_face(whole, found, rule).astype(int)
    crop = photos.crop_face(small, shifted, rule)
    inside = expected.any(axis=2)  # a template's corners may lie outside the photograph, where both are black
    assert np.abs(crop - expected)[inside].mean() < 1.5  # levels
    assert np.quantile(np.abs(crop - expected)[inside], 0.99) <= 8


def test_a_face_that_leans_by_45_degrees_has_its_whole_template_crop_in_the_chip():
    lean = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    box = (250.0, 200.0, 370.0, 350.0)  # a box as MTCNN's are: 2.2 times as wide as the eyes are apart
    middle = np.mean(DLIB, axis=0)
    points = ((np.array(DLIB) - middle) @ lean.T + (310, 280)).astype(np.float32)
    found = Face(box, 0.9, points)
    plain = photos.from_pixels(np.full((600, 700, 3), 200, np.uint8))
    small, shifted = photos.photo_from_chip(photos.make_chip(plain, found), found)
    assert photos.crop_face(small, shifted, TEMPLATE).min() > 150


def test_enough_says_that_a_reduced_chip_has_fewer_pixels():
    found = face(150, 150, 300)
    small, shifted = photos.photo_from_chip(photos.make_chip(photo(), found), found)
    assert small.scale == pytest.approx(256 / 600, rel=0.01)
    assert photos.crop_scale(shifted, ARTICLE, small.size) == photos.crop_scale(found, ARTICLE, (700, 600))


def test_a_chip_can_be_cut_from_a_photograph_that_was_decoded_smaller():
    whole, found = photo(), face(150, 150, 300)
    half = Photo("half", whole.pixels.reshape(300, 2, 350, 2, 3).mean(axis=(1, 3)).astype(np.uint8), whole.size)
    assert half.scale >= photos.chip_scale(found, whole.size)
    one, other = (
        pixels_of(photos.make_chip(whole, found)).astype(int),
        pixels_of(photos.make_chip(half, found)).astype(int),
    )
    assert one.shape == other.shape
    assert np.abs(one - other).mean() < 1.5


def test_a_chip_of_a_chip_shows_the_same():
    found = face(150, 150, 300)
    first = photos.make_chip(photo(), found)
    second = photos.make_chip(*photos.photo_from_chip(first, found))
    assert second.size == first.size
    assert np.abs(pixels_of(first).astype(int) - pixels_of(second)).mean() < 1.0


def test_a_face_without_landmarks_comes_back_without():
    found = dataclasses.replace(face(300, 200, 100), landmarks=None)
    small, shifted = photos.photo_from_chip(photos.make_chip(photo(), found), found)
    assert shifted.landmarks is None
    assert photos.crop_face(small, shifted, ARTICLE).shape == (160, 160, 3)


@given(
    x=st.floats(-500, 1200),
    y=st.floats(-500, 1200),
    side=st.floats(1, 2000),
    width=st.integers(1, 900),
    height=st.integers(1, 900),
)
@settings(max_examples=60, deadline=None)
def test_every_box_gives_a_chip_within_bounds_or_is_refused(x, y, side, width, height):
    whole = photos.from_pixels(np.zeros((height, width, 3), np.uint8))
    try:
        made = photos.make_chip(whole, face(x, y, side))
    except GeometryError:
        around = max(CONTEXT * side, 24) + 1
        assert x - around >= width - 1 or y - around >= height - 1 or x + side + around < 2 or y + side + around < 2
        return
    x1, y1, x2, y2 = made.frame
    assert 0 <= x1 < x2 <= width
    assert 0 <= y1 < y2 <= height
    assert max(pixels_of(made).shape) <= MAX_SIDE
    assert photos.photo_from_chip(made, face(x, y, side))[0].size == made.size


def test_a_box_that_is_no_number_is_refused():
    with pytest.raises(GeometryError, match="finite"):
        photos.make_chip(photo(), Face((float("nan"), 0, 10, 10), 0.9))


def encoded(width: int, height: int, kind: str = "JPEG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    "jpeg",
    [
        b"",
        b"no picture",
        encoded(200, 200)[:300],
        encoded(300, 300),  # more pixels than any chip
        encoded(20, 20, "PNG"),
        encoded(20, 20) + bytes(2 << 20),
    ],
    ids=["empty", "text", "truncated", "too large", "another kind", "too many bytes"],
)
def test_bytes_that_are_no_chip_are_refused(jpeg):
    with pytest.raises(PhotoError, match="chip"):
        photos.photo_from_chip(Chip(jpeg, (0, 0, 200, 200)), face(0, 0, 100))


def test_a_chip_that_shows_nothing_is_refused():
    with pytest.raises(PhotoError, match="not empty"):
        photos.photo_from_chip(Chip(encoded(20, 20), (5, 5, 5, 25)), face(0, 0, 100))


def test_real_faces_keep_their_vectors(shared):
    from nitakao import pipeline
    from nitakao.models import embedder
    from nitakao.models.cards import registry

    card = registry.card("dlib-resnet")
    embed = embedder.load(card)
    names = ["fr_obama.jpg", "adams.jpg", "test2.jpg"]
    for outcome in pipeline.run([str(shared / "data" / "photos" / name) for name in names], card=card):
        whole = photos.read(outcome.source)
        for found, vector in zip(outcome.faces, outcome.vectors, strict=True):
            crop = photos.crop_face(*photos.photo_from_chip(photos.make_chip(whole, found), found), card.crop)
            assert np.linalg.norm(embed(crop[None])[0] - vector) < 0.08


def test_a_rule_with_a_wider_margin_than_the_context_shows_what_there_is():
    found = face(300, 200, 100)
    small, shifted = photos.photo_from_chip(photos.make_chip(photo(), found), found)
    assert photos.crop_face(small, shifted, CropRule("article", 160, 400)).shape == (160, 160, 3)
