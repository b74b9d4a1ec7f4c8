"""Boxes, points and transforms, against tables worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nitakao import geometry
from nitakao.errors import GeometryError
from nitakao.values import Face

WHOLE = st.floats(-1000, 1000, allow_nan=False).map(lambda v: round(v, 3))
TEMPLATE = np.array([(47.55, 46.60), (100.48, 46.60), (74.01, 76.56), (50.41, 103.02), (97.61, 103.02)])


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ((0, 0, 2, 2), (0, 0, 2, 2), 1.0),
        ((0, 0, 2, 2), (1, 1, 3, 3), 1 / 7),  # 1 shared, 4 + 4 - 1 in all
        ((0, 0, 4, 2), (0, 0, 2, 2), 0.5),
        ((0, 0, 2, 2), (2, 0, 4, 2), 0.0),  # touching
        ((0, 0, 2, 2), (5, 5, 9, 9), 0.0),
        ((3, 3, 3, 3), (3, 3, 3, 3), 0.0),  # empty
        ((2, 2, 0, 0), (0, 0, 2, 2), 0.0),  # inside out
    ],
)
def test_iou_is_what_is_shared_of_what_is_covered(one, other, share):
    assert geometry.iou([one], [other])[0, 0] == pytest.approx(share)
    assert geometry.iou([other], [one])[0, 0] == pytest.approx(share)


def test_iou_of_no_boxes_is_an_empty_table():
    assert geometry.iou([], [(0, 0, 1, 1)]).shape == (0, 1)


@pytest.mark.parametrize(
    ("box", "margin", "whole"),
    [
        ((100, 100, 200, 220), 44, (78, 78, 222, 242)),
        ((100.9, 100.2, 200.9, 220.4), 44, (78, 78, 222, 242)),  # fractions are cut off
        ((10, 5, 50, 60), 44, (0, 0, 72, 82)),  # clipped above and to the left
        ((600, 400, 700, 500), 44, (578, 378, 640, 480)),  # clipped below and to the right
        ((-20, -30, 40, 50), 0, (0, 0, 40, 50)),
    ],
)
def test_the_article_adds_half_its_margin_in_photograph_pixels(box, margin, whole):
    assert geometry.article_box(box, margin, (640, 480)) == whole


@pytest.mark.parametrize(
    ("box", "margin", "whole"),
    [
        ((100, 100, 200, 220), 0, (100, 100, 200, 220)),
        # 40 of 160 crop pixels: 40/120 = a third of the box, half of that on each side: 16.67 across, 20 down
        ((100, 100, 200, 220), 40, (83, 80, 216, 240)),
        ((10, 10, 110, 130), 40, (0, 0, 126, 150)),
    ],
)
def test_a_margin_in_crop_pixels_grows_with_the_face(box, margin, whole):
    assert geometry.margin_box(box, margin, 160, (640, 480)) == whole


@pytest.mark.parametrize("box", [(700, 10, 800, 90), (10, 10, 10.4, 50), (math.nan, 0, 5, 5)])
def test_a_box_without_a_pixel_in_the_photograph_is_refused(box):
    with pytest.raises(GeometryError, match=r"is outside the photograph|finite"):
        geometry.article_box(box, 0, (640, 480))


@pytest.mark.parametrize(
    ("points", "onto", "matrix"),
    [
        ([(0, 0), (1, 0)], [(0, 0), (1, 0)], [[1, 0, 0], [0, 1, 0]]),
        ([(0, 0), (1, 0)], [(5, 7), (7, 7)], [[2, 0, 5], [0, 2, 7]]),
        ([(0, 0), (1, 0)], [(0, 0), (0, 1)], [[0, -1, 0], [1, 0, 0]]),  # x goes to y: a quarter turn
        # A mirrored triangle, about the means: p = (-1,-1) (2,-1) (-1,2), q = (1,-1) (-2,-1) (1,2), sum |p|^2 = 12.
        # sum(px qx + py qy) = 0 - 3 + 3 = 0, sum(px qy - py qx) = 2 - 4 - 4 = -6: a quarter turn at scale 1/2
        ([(0, 0), (3, 0), (0, 3)], [(0, 0), (-3, 0), (0, 3)], [[0, 0.5, -1.5], [-0.5, 0, 1.5]]),
    ],
)
def test_similarity_agrees_with_hand_worked_fits(points, onto, matrix):
    np.testing.assert_allclose(geometry.fit_similarity(points, onto), matrix, atol=1e-12)


@given(st.floats(0.02, 50), st.floats(-math.pi, math.pi), WHOLE, WHOLE)
def test_similarity_finds_back_any_scale_turn_and_shift(scale, angle, x, y):
    a, b = scale * math.cos(angle), scale * math.sin(angle)
    known = np.array([[a, -b, x], [b, a, y]])
    found = geometry.fit_similarity(TEMPLATE, geometry.transform_points(known, TEMPLATE))
    np.testing.assert_allclose(found, known, rtol=1e-6, atol=1e-6)
    assert geometry.scale_of(found) == pytest.approx(scale)
    np.testing.assert_allclose(
        geometry.transform_points(geometry.invert(found), geometry.transform_points(found, TEMPLATE)),
        TEMPLATE,
        atol=1e-6,
    )


@given(st.lists(st.tuples(WHOLE, WHOLE), min_size=5, max_size=5))
def test_similarity_is_umeyamas(points):
    """The published recipe, with singular values, written out."""
    p, q = np.array(points), TEMPLATE
    mp, mq = p.mean(0), q.mean(0)
    if ((p - mp) ** 2).sum() < 1e-3:
        return
    u, d, vt = np.linalg.svd((q - mq).T @ (p - mp) / len(p))
    sign = np.array([1.0, 1.0 if np.linalg.det(u) * np.linalg.det(vt) > 0 else -1.0])
    scale = (d * sign).sum() / ((p - mp) ** 2).sum(1).mean()
    if scale < 1e-6:
        return
    linear = scale * u @ np.diag(sign) @ vt
    expected = np.hstack([linear, (mq - linear @ mp)[:, None]])
    np.testing.assert_allclose(geometry.fit_similarity(p, q), expected, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize(
    "points", [[(3, 3)] * 5, [(1e6, 1e6)] * 5, [(math.nan, 0)] + [(0, 1)] * 4, [(0, 0)] * 4, [(0, 0), (math.inf, 1)]]
)
def test_landmarks_that_fix_nothing_are_refused(points):
    with pytest.raises(GeometryError):
        geometry.fit_similarity(points, TEMPLATE)


def test_a_quarter_turn_counter_clockwise_takes_the_top_right_pixel_to_the_top_left():
    assert geometry.rotate_points([(3, 0)], 90, (4, 3)).tolist() == [[0, 0]]
    assert geometry.rotate_boxes([(3, 0, 4, 1)], 90, (4, 3)).tolist() == [[0, 0, 1, 1]]
    assert geometry.rotated_size((4, 3), 90) == (3, 4)


@given(st.integers(0, 5), st.integers(0, 8), st.sampled_from([0, 90, 180, 270]))
def test_points_and_boxes_turn_with_the_pixels(x, y, turn):
    picture = np.zeros((9, 6), np.uint8)
    picture[y, x] = 1
    turned = np.rot90(picture, turn // 90)
    row, column = (int(v[0]) for v in np.nonzero(turned))
    assert geometry.rotate_points([(x, y)], turn, (6, 9)).tolist() == [[column, row]]
    box = [column, row, column + 1, row + 1]
    assert geometry.rotate_boxes([(x, y, x + 1, y + 1)], turn, (6, 9)).tolist() == [box]
    assert geometry.rotated_size((6, 9), turn) == turned.shape[::-1]


@given(st.tuples(WHOLE, WHOLE, WHOLE, WHOLE), st.sampled_from([0, 90, 180, 270]))
def test_a_face_found_in_a_turned_photograph_comes_back_to_the_upright_one(corners, turn):
    size = (640, 480)
    x1, x2 = sorted(corners[:2])
    y1, y2 = sorted(corners[2:])
    marks = np.array([(x1, y1), (x2, y1), (x1, y2), (x2, y2), (x1, y1)])
    seen = Face(
        tuple(geometry.rotate_boxes([(x1, y1, x2, y2)], turn, size)[0]),
        0.9,
        geometry.rotate_points(marks, turn, size).astype(np.float32),
    )
    back = geometry.unrotate_face(seen, turn, size)
    assert back.turn == turn
    assert back.box == pytest.approx((x1, y1, x2, y2), abs=1e-3)
    assert back.landmarks is not None
    np.testing.assert_allclose(back.landmarks, marks, atol=1e-3)


def test_a_turn_by_45_degrees_is_refused():
    with pytest.raises(GeometryError, match="not 45"):
        geometry.rotate_points([(0, 0)], 45, (4, 3))
