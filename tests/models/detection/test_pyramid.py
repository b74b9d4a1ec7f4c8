"""Means over whole pixels, by the summed-area table and by the definition."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nitakao.models.detection import pyramid as pyramid_module
from nitakao.models.detection.pyramid import OVERLAP, STRIDE, WINDOW, Pyramid, TableBuffer, _tile_ranges


def picture(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), np.uint8)


def pyramid_of(pixels: NDArray[np.uint8], smallest: float) -> Pyramid:
    (sums,) = TableBuffer().tables([pixels.shape[:2]])
    return Pyramid(pixels, smallest, 0.709, sums)


def area(part: NDArray[Any], height: int, width: int) -> NDArray[np.float64]:
    """PyTorch's 'area' interpolation: bin i of m over n pixels is floor(i n / m) up to ceil((i + 1) n / m)."""
    result = np.zeros((3, height, width))
    for i in range(height):
        for j in range(width):
            y1, y2 = i * part.shape[0] // height, math.ceil((i + 1) * part.shape[0] / height)
            x1, x2 = j * part.shape[1] // width, math.ceil((j + 1) * part.shape[1] / width)
            result[:, i, j] = part[y1:y2, x1:x2].reshape(-1, 3).mean(axis=0)
    return result


def test_tiles_are_means_of_photograph_pixels() -> None:
    pixels = picture(70, 55)
    pyramid = pyramid_of(pixels, 20)
    tiles = list(pyramid.tiles(7))
    assert [tile.level for tile in tiles] == [(34, 43), (24, 30), (17, 22)]
    for tile in tiles:
        assert tile.photo == 7
        whole = area(pixels, tile.level[1], tile.level[0])
        x1, y1, x2, y2 = tile.box
        np.testing.assert_allclose(pyramid.tile(tile), whole[:, y1:y2, x1:x2], atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 40), st.integers(0, 30), st.integers(1, 60), st.integers(1, 60), st.sampled_from([5, 24]))
def test_patches_are_means_of_what_a_box_shows(left: int, top: int, wide: int, high: int, side: int) -> None:
    pixels = picture(90, 100)
    box = np.array([[left, top, left + wide, min(top + high, 90)]])
    (patch,) = pyramid_of(pixels, 20).patches(box, side)
    np.testing.assert_allclose(patch, area(pixels[top : box[0, 3], left : left + wide], side, side), atol=1e-3)


def test_sums_that_wrap_around_still_give_right_means() -> None:
    pixels = np.full((3000, 3000, 3), 255, np.uint8)  # 2.3e9 in all, more than 32 bits with a sign hold
    pixels[-20:, -20:] = 100
    patch = pyramid_of(pixels, 500).patches(np.array([[2980, 2980, 3000, 3000], [2900, 2900, 2960, 2960]]), 5)
    np.testing.assert_array_equal(patch[0], 100)
    np.testing.assert_array_equal(patch[1], 255)


def test_tables_in_memory_that_held_larger_ones_are_as_good() -> None:
    room = TableBuffer()
    for sizes in ([(90, 100)], [(40, 50), (30, 20), (44, 33)], [(91, 100)], [(12, 13)]):
        for (height, width), sums in zip(sizes, room.tables(sizes), strict=True):
            pixels = picture(height, width)
            pyramid = Pyramid(pixels, 20, 0.709, sums)
            box = np.array([[1, 2, width - 1, height - 1]])
            np.testing.assert_allclose(
                pyramid.patches(box, 5)[0], area(pixels[2 : height - 1, 1 : width - 1], 5, 5), atol=1e-3
            )


def test_each_thread_has_a_room_of_its_own() -> None:
    room = TableBuffer()
    (mine,) = room.tables([(20, 20)])
    with ThreadPoolExecutor(1) as pool:
        (other,) = pool.submit(room.tables, [(20, 20)]).result()
    assert not np.shares_memory(mine, other)
    (again,) = room.tables([(10, 10)])
    assert np.shares_memory(mine, again)


def test_a_table_too_large_to_keep_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyramid_module, "MAX_KEPT_BYTES", 5000)
    room = TableBuffer()
    (large,) = room.tables([(30, 30)])
    (small,) = room.tables([(9, 9)])
    assert not np.shares_memory(large, small)
    assert np.shares_memory(small, room.tables([(8, 8)])[0])


def test_boxes_are_cut_as_facenets_pad_cuts_them() -> None:
    pyramid = pyramid_of(picture(50, 60), 20)
    boxes = np.array([[10.9, 5.2, 30.7, 25.9], [-3, -4, 8, 9], [55, 45, 80, 70], [-20, 3, -5, 18]], np.float32)
    assert pyramid.inside(boxes).tolist() == [[9, 4, 30, 25], [0, 0, 8, 9], [54, 44, 60, 50], [0, 2, -5, 18]]


@given(st.integers(WINDOW, 5000))
def test_spans_hold_every_window_once(length: int) -> None:
    spans = _tile_ranges(length)
    starts = [start + STRIDE * i for start, stop in spans for i in range((stop - start - OVERLAP + 1) // STRIDE)]
    assert starts == list(range(0, length - OVERLAP, STRIDE))
    assert all(stop - start <= 192 for start, stop in spans)
