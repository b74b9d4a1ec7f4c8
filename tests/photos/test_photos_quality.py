"""Quality, on pictures and landmarks that are spoiled step by step."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nitakao import photos
from nitakao.photos.quality import DEPTH, HEIGHT, NOSE, pose, sharpness
from nitakao.values import Face, Photo

# The head that pose is told by, in three dimensions: eyes, nose tip, mouth corners; y down, z towards the viewer
HEAD = np.array([(-0.5, 0, 0), (0.5, 0, 0), (0, NOSE * HEIGHT, DEPTH), (-0.4, HEIGHT, 0), (0.4, HEIGHT, 0)])


def seen(yaw: float = 0, pitch: float = 0, roll: float = 0, scale: float = 50) -> Any:
    """(5, 2) landmarks of the head turned by so many degrees, seen from far away."""
    a, b, c = (math.radians(v) for v in (yaw, pitch, roll))
    aside = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
    up = np.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
    round_ = np.array([[math.cos(c), -math.sin(c), 0], [math.sin(c), math.cos(c), 0], [0, 0, 1]])
    return ((HEAD @ (round_ @ up @ aside).T)[:, :2] * scale + 100).astype(np.float32)


def blurred(photo: Photo, by: float) -> Photo:
    pixels: Any = cv2.GaussianBlur(photo.pixels, (0, 0), by)
    return replace(photo, pixels=pixels)


def reduced(photo: Photo, by: float) -> Any:
    return cv2.resize(photo.pixels, None, fx=by, fy=by, interpolation=cv2.INTER_AREA)


def portrait(side: int = 200) -> tuple[Photo, Face]:
    """Noise of all scales, as skin and hair have."""
    rng = np.random.default_rng(3)
    picture = np.zeros((side, side, 3))
    for step in (1, 2, 4, 8, 16, 32):
        coarse = rng.normal(size=(-(-side // step), -(-side // step), 3))
        picture += cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC) * step**1.5
    low, high = picture.min(), picture.max()
    pixels = ((picture - low) / (high - low) * 255).astype(np.uint8)
    quarter = side / 4
    box = (quarter, quarter, 3 * quarter, 3 * quarter)
    return photos.from_pixels(pixels), Face(box, 0.99, seen(scale=side / 5))


def test_a_head_that_looks_at_the_viewer_has_no_angles():
    assert pose(seen()) == pytest.approx((0, 0, 0), abs=0.01)


@pytest.mark.parametrize("angle", [-60, -35, -10, 5, 20, 45])
def test_yaw_pitch_and_roll_are_told_from_the_head_in_three_dimensions(angle):
    assert pose(seen(yaw=angle)) == pytest.approx((angle, 0, 0), abs=0.1)
    assert pose(seen(roll=angle)) == pytest.approx((0, 0, angle), abs=0.01)
    assert pose(seen(pitch=angle)) == pytest.approx((0, angle, 0), abs=0.1)


def test_the_nose_to_the_viewers_right_upward_and_clockwise_are_positive():
    marks = seen() + np.array([(0, 0), (0, 10), (8, -6), (0, 0), (0, 0)], np.float32)
    assert min(pose(marks)) > 0


@given(st.floats(-40, 40), st.floats(-30, 30), st.floats(-179, 179), st.floats(1, 500))
def test_roll_and_size_leave_yaw_and_pitch_as_they_are(yaw, pitch, roll, scale):
    level = pose(seen(yaw, pitch, 0))
    turned = pose(seen(yaw, pitch, roll, scale))
    assert turned[:2] == pytest.approx(level[:2], abs=0.5)


def test_without_landmarks_or_with_points_that_make_no_face_there_is_no_pose():
    photo, face = portrait()
    plain = photos.measure_quality(photo, replace(face, landmarks=None))
    assert all(math.isnan(angle) for angle in (plain.yaw, plain.pitch, plain.roll))
    assert 0 < plain.score < 1
    upside_down = seen() * np.array([1, -1], np.float32)
    for marks in (np.zeros((5, 2), np.float32), upside_down):
        assert all(math.isnan(angle) for angle in pose(marks))


def test_blur_lowers_sharpness_and_score_step_by_step():
    photo, face = portrait()
    found = [
        photos.measure_quality(photo, face),
        *(photos.measure_quality(blurred(photo, by), face) for by in (0.7, 1.2, 2, 4)),
    ]
    assert np.all(np.diff([one.sharpness for one in found]) < 0)
    assert np.all(np.diff([one.score for one in found]) < 0)


def test_fewer_pixels_lower_the_score_step_by_step():
    photo, face = portrait(400)
    scores = []
    for by in (1, 0.5, 0.25, 0.12, 0.06):
        x1, y1, x2, y2 = (v * by for v in face.box)
        scores.append(
            photos.measure_quality(photos.from_pixels(reduced(photo, by)), Face((x1, y1, x2, y2), 0.99)).score
        )
    assert np.all(np.diff(scores) < 0)


@pytest.mark.parametrize("axis", ["yaw", "pitch"])
def test_turning_away_lowers_the_score_step_by_step(axis):
    photo, face = portrait()
    scores = [
        photos.measure_quality(photo, replace(face, landmarks=seen(**{axis: by}))).score for by in (0, 15, 30, 45, 60)
    ]
    assert np.all(np.diff(scores) < 0)


def test_light_and_contrast_leave_sharpness_as_it_is():
    photo, face = portrait()
    dim = replace(photo, pixels=(photo.pixels * 0.4 + 30).astype(np.uint8))
    assert sharpness(dim, face) == pytest.approx(sharpness(photo, face), rel=0.05)


def test_a_photograph_decoded_smaller_gives_nearly_the_same_sharpness():
    photo, face = portrait(800)
    half = replace(photo, pixels=reduced(photo, 0.5))
    assert sharpness(half, face) == pytest.approx(sharpness(photo, face), rel=0.1)


def test_one_colour_and_boxes_outside_the_photograph_have_no_sharpness():
    plain = photos.from_pixels(np.full((50, 50, 3), 90, np.uint8))
    assert sharpness(plain, Face((10, 10, 40, 40), 0.9)) == 0
    for box in ((60, 60, 90, 90), (-40, -40, -10, -10), (20, 20, 10, 10)):
        assert photos.measure_quality(plain, Face(box, 0.9)).score == 0


def test_a_surer_face_scores_higher():
    photo, face = portrait()
    assert photos.measure_quality(photo, face).score > photos.measure_quality(photo, replace(face, score=0.7)).score
