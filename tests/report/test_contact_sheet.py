"""Contact sheets: what stands where, and what happens to too much."""

from __future__ import annotations

import numpy as np
import pytest

from nitakao.report import contact_sheet as drawing
from nitakao.report.contact_sheet import COLUMNS, GAP, MAX_HEIGHT, SIDE, WIDTH, draw_sheet
from nitakao.report.drawing import BOX_COLOUR, save
from nitakao.report.tiles import Report, Section, Tile, tile_for_hit

RED, BLUE = (200, 30, 30), (30, 30, 200)


@pytest.fixture
def tile(match, chip):
    return lambda colour=RED, **said: tile_for_hit(match(**said), chip(colour))


def find(picture, colour):
    """(x, y) of the first pixel of about this colour, or None."""
    near = np.abs(picture.astype(int) - colour).max(axis=2) < 12
    return tuple(np.argwhere(near)[0][::-1]) if near.any() else None


def test_the_face_asked_about_stands_above_those_found(tile):
    picture = draw_sheet(Report("who.jpg", (Section("who.jpg", (tile(BLUE),), probes=(tile(RED),)),)))
    assert picture.dtype == np.uint8
    assert picture.shape[1] == WIDTH
    asked, found = find(picture, RED), find(picture, BLUE)
    assert asked[1] < find(picture, BOX_COLOUR)[1] + SIDE < found[1]


def test_faces_fill_rows_from_left_to_right(tile):
    one = draw_sheet(Report("", (Section("", (tile(RED),) * (COLUMNS - 1) + (tile(BLUE),)),)))
    two = draw_sheet(Report("", (Section("", (tile(RED),) * COLUMNS + (tile(BLUE),)),)))
    assert find(one, BLUE)[0] == GAP + (COLUMNS - 1) * (SIDE + GAP)
    assert find(two, BLUE)[0] == GAP
    assert two.shape[0] > one.shape[0] + SIDE


def test_a_chip_keeps_its_shape(tile):
    picture = draw_sheet(Report("", (Section("", (tile(),)),)))
    red = (np.abs(picture.astype(int) - RED).max(axis=2) < 12).nonzero()
    assert (np.ptp(red[0]) + 1) / (np.ptp(red[1]) + 1) == pytest.approx(48 / 64, abs=0.02)


def test_doubtful_faces_stand_apart_below(tile):
    picture = draw_sheet(Report("", (Section("Ada", (tile(RED),), uncertain=(tile(BLUE),)),)))
    assert find(picture, BLUE)[1] > find(picture, RED)[1] + SIDE


@pytest.mark.parametrize("chip", [b"", b"\xff\xd8\xff broken", b"\x89PNG\r\n", b"<svg/>", b"GIF89a"])
def test_a_face_whose_picture_is_gone_or_damaged_leaves_its_place_empty(chip):
    picture = draw_sheet(Report("", (Section("", (Tile(chip=chip, name="Ada"),)),)))
    assert find(picture, drawing.EMPTY) is not None


def test_a_board_without_anything_is_a_sheet_with_its_title(tmp_path):
    picture = draw_sheet(Report("nobody", (Section("nobody", note="no faces"),), ("fake, euclidean",)))
    assert (picture < 100).any()
    save(tmp_path / "sheet.png", picture)
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")


def test_rows_that_are_too_many_are_counted(tile):
    section = Section("Ada", (tile(),) * 50)
    assert (
        draw_sheet(Report("", (section,)), rows=1).shape[0] < draw_sheet(Report("", (section,)), rows=2).shape[0] - SIDE
    )


def test_ten_thousand_faces_make_a_sheet_that_can_still_be_opened(tile, tmp_path):
    faces = (Tile(name="x"),) * 10
    picture = draw_sheet(Report("many", tuple(Section(f"#{n}", faces) for n in range(1000)), ("the note stays",)))
    assert MAX_HEIGHT - 500 < picture.shape[0] <= MAX_HEIGHT
    assert (picture[-30:] < 200).any()  # the note


@pytest.mark.parametrize("name", ["", "x" * 500, "first\nsecond", "ab\u202edc", "\udce9", "山田", "<b>&amp;"])
def test_any_name_can_be_drawn(tile, name):
    board = Report(name, (Section(name, (tile(name=name or "-", path=name),), note=name),), (name,))
    assert draw_sheet(board).shape[1] == WIDTH


def test_a_box_stands_around_each_face(tile):
    boxed = draw_sheet(Report("", (Section("", (tile(),)),)))
    scale = SIDE / 64
    x, y = find(boxed, BOX_COLOUR)
    assert x == pytest.approx(GAP + 10 * scale, abs=2)
    assert y - find(boxed, RED)[1] == pytest.approx(10 * scale, abs=2)
