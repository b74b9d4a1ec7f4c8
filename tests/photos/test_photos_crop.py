"""Crops, against small pictures worked by hand and a resampler written out."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nitakao import geometry, photos
from nitakao.errors import GeometryError
from nitakao.photos.read import Encoded
from nitakao.values import CropRule, Face, Photo

DLIB = ((47.55, 46.60), (100.48, 46.60), (74.01, 76.56), (50.41, 103.02), (97.61, 103.02))
ARTICLE = CropRule("article", 160, 44)
MARGIN = CropRule("margin", 160, 40)
TEMPLATE = CropRule("template", 150, template=DLIB)


def noise(width: int, height: int) -> Photo:
    return photos.from_pixels(np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8))


def waves(width: int, height: int) -> np.ndarray:
    """A smooth picture, so that resampling twice loses next to nothing."""
    y, x = np.mgrid[0:height, 0:width]
    red, green = 127 + 100 * np.sin(x / width * 7 + 1), 127 + 100 * np.sin(y / height * 5)
    return np.rint(np.stack([red, green, 127 + 100 * np.cos((x + y) / 300)], axis=2)).astype(np.uint8)


def triangle(pixels: np.ndarray, side: int) -> np.ndarray:
    """Bilinear resizing to a square, with the filter as wide as the reduction, written out as two matrices."""

    def weights(before: int) -> np.ndarray:
        step = before / side
        reach = max(step, 1.0)
        middles = (np.arange(side) + 0.5) * step
        table = np.maximum(0, 1 - np.abs(np.arange(before) + 0.5 - middles[:, None]) / reach)
        return table / table.sum(axis=1, keepdims=True)

    across = np.einsum("ij,hjc->hic", weights(pixels.shape[1]), pixels.astype(float))
    return np.einsum("ij,jwc->iwc", weights(pixels.shape[0]), across)


def marks(box: tuple[float, float, float, float]) -> np.ndarray:
    """Landmarks that lie in a box as the template lies in its crop."""
    x1, y1, x2, _ = box
    return (np.array(DLIB) * (x2 - x1) / 150 + (x1, y1)).astype(np.float32)


def shifted(x: float, y: float) -> np.ndarray:
    return np.add(DLIB, (x, y)).astype(np.float32)


@pytest.mark.parametrize(
    ("rule", "box", "whole"),
    [
        (ARTICLE, (100.7, 90.2, 180.9, 200.5), (78, 68, 202, 222)),
        (ARTICLE, (-12.0, 5.0, 60.0, 90.0), (0, 0, 82, 112)),  # sticks out: clipped
        (MARGIN, (100.0, 100.0, 190.0, 220.0), (85, 80, 205, 240)),
        (CropRule("article", 32, 0), (10, 10, 250, 230), (10, 10, 250, 230)),
    ],
)
def test_box_crops_are_the_pixels_of_the_box_resized_bilinearly(rule, box, whole):
    photo = noise(300, 260)
    x1, y1, x2, y2 = whole
    expected = triangle(photo.pixels[y1:y2, x1:x2], rule.size)
    crop = photos.crop_face(photo, Face(box, 0.9), rule)
    assert crop.dtype == np.uint8
    assert crop.shape == (rule.size, rule.size, 3)
    assert np.abs(crop - expected).max() <= 1.01  # levels: rounding, once each way


def test_a_crop_that_needs_no_resizing_is_the_pixels_themselves():
    photo = noise(100, 90)
    crop = photos.crop_face(photo, Face((20, 10, 52, 42), 0.9), CropRule("article", 32, 0))
    np.testing.assert_array_equal(crop, photo.pixels[10:42, 20:52])


@pytest.mark.parametrize("turn", [90, 180, 270])
@pytest.mark.parametrize("rule", [ARTICLE, MARGIN])
def test_a_turned_face_is_cropped_as_it_would_be_upright(turn, rule):
    upright = photos.from_pixels(waves(400, 300))
    face = Face((100, 80, 200, 220), 0.9)
    back = -turn % 360
    lying = photos.from_pixels(np.rot90(upright.pixels, back // 90))
    box = tuple(geometry.rotate_boxes([face.box], back, upright.size)[0])
    np.testing.assert_allclose(
        photos.crop_face(lying, Face(box, 0.9, turn=turn), rule).astype(int),
        photos.crop_face(upright, face, rule),
        atol=4,  # levels: cutting off fractions falls on other sides
    )


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_template_turns_the_face_by_its_landmarks(turn):
    upright = photos.from_pixels(waves(400, 300))
    points = marks((100, 80, 200, 180))
    lying = photos.from_pixels(np.rot90(upright.pixels, turn // 90))
    turned = geometry.rotate_points(points, turn, upright.size).astype(np.float32)
    np.testing.assert_allclose(
        photos.crop_face(lying, Face((0, 0, 9, 9), 0.9, turned, turn=-turn % 360), TEMPLATE).astype(int),
        photos.crop_face(upright, Face((0, 0, 9, 9), 0.9, points), TEMPLATE),
        atol=3,
    )


def test_a_template_that_fits_exactly_gives_the_pixels_themselves():
    photo = noise(300, 260)
    crop = photos.crop_face(photo, Face((0, 0, 9, 9), 0.9, shifted(60, 40)), TEMPLATE)
    np.testing.assert_array_equal(crop, photo.pixels[40:190, 60:210])


def test_outside_the_photograph_a_template_crop_is_black():
    white = photos.from_pixels(np.full((200, 200, 3), 255, np.uint8))
    crop = photos.crop_face(white, Face((0, 0, 9, 9), 0.9, shifted(-50, -30)), TEMPLATE)
    assert (crop[30:, 50:] == 255).all()
    assert (crop[:30] == 0).all()
    assert (crop[:, :50] == 0).all()


def test_a_large_face_is_averaged_not_sampled():
    """Single-pixel stripes, sampled, would stay stripes; averaged they are grey."""
    stripes = np.zeros((1300, 1300, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = photos.crop_face(photos.from_pixels(stripes), Face((0, 0, 9, 9), 0.9, marks((20, 20, 1220, 1220))), TEMPLATE)
    assert crop.astype(float).std() < 2
    assert crop.mean() == pytest.approx(127.5, abs=2)


@settings(deadline=None, max_examples=40)
@given(st.floats(30, 900), st.floats(-math.pi, math.pi), st.floats(300, 900), st.floats(300, 900))
def test_a_template_crop_shows_what_lies_under_each_of_its_pixels(width, angle, x, y):
    """Each crop pixel against the smooth picture's own formula, at the place the transform says."""
    picture = waves(1200, 1200)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    points = ((np.array(DLIB) - 75) * width / 150) @ turn.T + (x, y)
    crop = photos.crop_face(photos.from_pixels(picture), Face((0, 0, 9, 9), 0.9, points.astype(np.float32)), TEMPLATE)
    back = geometry.invert(geometry.fit_similarity(points, DLIB))
    rows, columns = np.mgrid[5:145:20, 5:145:20]
    places = geometry.transform_points(back, np.stack([columns.ravel(), rows.ravel()], axis=1).astype(float))
    inside = ((places > 10) & (places < 1189)).all(axis=1)
    px, py = places[inside].T
    expected = np.stack(
        [
            127 + 100 * np.sin(px / 1200 * 7 + 1),
            127 + 100 * np.sin(py / 1200 * 5),
            127 + 100 * np.cos((px + py) / 300),
        ],
        axis=1,
    )
    found = crop[rows.ravel()[inside], columns.ravel()[inside]]
    np.testing.assert_allclose(found, expected, atol=2.5)


@pytest.mark.parametrize("rule", [ARTICLE, MARGIN, TEMPLATE])
@pytest.mark.parametrize(("part", "width", "height"), [(2, 1601, 1203), (4, 1598, 1201), (8, 1605, 1207)])
def test_a_photograph_decoded_smaller_gives_the_same_crop(rule, part, width, height):
    pixels = waves(width, height)
    full = photos.from_pixels(pixels)
    padded = np.pad(pixels, ((0, -height % part), (0, -width % part), (0, 0)), mode="edge").astype(float)
    blocks = padded.reshape(padded.shape[0] // part, part, padded.shape[1] // part, part, 3).mean(axis=(1, 3))
    small = Photo("", np.rint(blocks).astype(np.uint8), (width, height))
    assert small.scale == 1 / part
    box = (width - 420.0, height - 440.0, width - 60.0, height - 40.0)  # far from the origin, where errors add up
    face = Face(box, 0.9, marks(box))
    np.testing.assert_allclose(
        photos.crop_face(small, face, rule).astype(int), photos.crop_face(full, face, rule), atol=3
    )


@pytest.mark.parametrize("rule", [ARTICLE, MARGIN, TEMPLATE])
def test_enough_is_the_scale_that_still_fills_the_crop(rule):
    size = (4000, 3000)
    box = (1000.0, 1000.0, 2000.0, 2000.0)
    face = Face(box, 0.9, marks(box))
    shown = {"article": 1044, "margin": 1000 + 1000 / 3, "template": 1000}[rule.kind]
    assert photos.crop_scale(face, rule, size) == pytest.approx(rule.size / shown, rel=2e-3)
    small = Face((10, 10, 40, 40), 0.9, marks((10, 10, 40, 40)))
    assert photos.crop_scale(small, rule, size) == 1.0


def test_a_real_photograph_needs_no_more_than_enough(tmp_path):
    out = io.BytesIO()
    Image.fromarray(waves(1600, 1200)).save(out, "JPEG", quality=95)
    (tmp_path / "a.jpg").write_bytes(out.getvalue())
    encoded: Encoded = photos.load(str(tmp_path / "a.jpg"))
    box = (300.0, 200.0, 1100.0, 1000.0)
    face = Face(box, 0.9, marks(box))
    for rule in (ARTICLE, TEMPLATE):
        small = photos.decode(encoded, scale=photos.crop_scale(face, rule, encoded.size))
        assert small.scale == 0.25  # 160 of 844 and 150 of 800 pixels
        whole = photos.crop_face(photos.decode(encoded), face, rule)
        assert np.abs(photos.crop_face(small, face, rule).astype(int) - whole).mean() < 1.5


def test_a_whole_picture_is_stretched_even_onto_a_template():
    photo = noise(120, 80)
    face = Face((0, 0, 120, 80), 1.0)
    expected = triangle(photo.pixels, 150)
    assert np.abs(photos.crop_face(photo, face, TEMPLATE) - expected).max() <= 1.01
    for rule in (ARTICLE, MARGIN):
        assert np.abs(photos.crop_face(photo, face, rule) - triangle(photo.pixels, 160)).max() <= 1.01


def test_a_template_without_landmarks_says_what_to_do():
    with pytest.raises(GeometryError, match="the detector gives none"):
        photos.crop_face(noise(120, 80), Face((10, 10, 60, 60), 0.9), TEMPLATE)


@pytest.mark.parametrize(
    "face",
    [
        Face((200, 10, 260, 60), 0.9),
        Face((10, 10, 10.3, 60), 0.9),
        Face((0, 0, 9, 9), 0.9, shifted(5000, 5000)),
    ],
)
def test_a_face_outside_the_photograph_cannot_be_cut(face):
    rule = CropRule("article", 160, 0) if face.landmarks is None else TEMPLATE
    with pytest.raises(GeometryError):
        photos.crop_face(noise(120, 80), face, rule)


@settings(deadline=None, max_examples=100)
@given(
    st.tuples(*[st.floats(-300, 300)] * 4),
    st.lists(st.tuples(*[st.floats(-1e4, 1e4)] * 2), min_size=5, max_size=5),
    st.sampled_from([ARTICLE, MARGIN, TEMPLATE]),
    st.sampled_from([(1, 1), (7, 3), (120, 80)]),
)
def test_any_face_is_cut_or_refused(box, points, rule, size):
    try:
        crop = photos.crop_face(noise(*size), Face(box, 0.9, np.array(points, np.float32)), rule)
    except GeometryError:
        return
    assert crop.shape == (rule.size, rule.size, 3)
