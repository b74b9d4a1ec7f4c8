"""What sheets and pages are made of."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image

from nitakao.photos import from_pixels
from nitakao.report import tiles
from nitakao.report.drawing import BOX_COLOUR
from nitakao.values import Chip, Face, Photo, ResultInfo


def decoded(encoded):
    return np.asarray(Image.open(io.BytesIO(encoded))).astype(int)


def test_a_find_becomes_a_tile_with_all_that_is_said_of_it(match, chip):
    picture = chip()
    tile = tiles.tile_for_hit(match(time=3725.2), picture, b"scene")
    assert (tile.chip, tile.scene, tile.name, tile.number) == (picture.jpeg, b"scene", "Ada", 17)
    assert tile.facts == "1  0.412  98.1%"
    assert tile.place == "album/beach.jpg at 1:02:05"


def test_a_person_without_a_name_is_told_by_number_and_what_is_not_known_is_left_out(match):
    tile = tiles.tile_for_face(match(name="").face)
    assert (tile.name, tile.facts, tile.chip) == ("#5", "", b"")


@pytest.mark.parametrize(
    ("probability", "told"),
    [(0.5, "50.0%"), (0.9994, "99.9%"), (0.9999, ">99.9%"), (1.0, ">99.9%"), (0.0001, "<0.1%"), (math.nan, "")],
)
def test_no_probability_is_told_as_certain(probability, told):
    assert tiles.format_probability(probability) == told


def test_a_scene_is_small_and_the_face_that_is_meant_stands_out():
    grey = np.full((1000, 2000, 3), 128, np.uint8)
    faces = (Face((100, 100, 300, 300), 0.9), Face((800, 400, 1200, 800), 0.9))
    drawn = decoded(tiles.draw_scene(from_pixels(grey), faces, selected=1))
    assert drawn.shape == (240, 480, 3)
    assert drawn[96, 240] == pytest.approx(BOX_COLOUR, abs=40)  # the upper edge of the second box, y = 400 of 1000
    assert drawn[24, 48] == pytest.approx(tiles.OTHER_COLOUR, abs=25)


def test_boxes_of_a_photograph_decoded_smaller_land_where_they_belong():
    photo = Photo("", np.full((100, 200, 3), 128, np.uint8), (1600, 800))
    drawn = decoded(tiles.draw_scene(photo, (Face((800, 400, 1200, 600), 0.9),)))
    assert drawn.shape == (100, 200, 3)
    assert drawn[50, 125] == pytest.approx(BOX_COLOUR, abs=40)


def test_a_photograph_without_a_face_and_a_box_beyond_its_edges_are_drawn():
    photo = from_pixels(np.zeros((50, 50, 3), np.uint8))
    assert tiles.draw_scene(photo, ()).startswith(b"\xff\xd8\xff")
    assert tiles.draw_scene(photo, (Face((-90, -90, 900, 900), 1.0), Face((9, 9, 3, 3), 1.0))).startswith(
        b"\xff\xd8\xff"
    )


def test_the_notes_say_what_makes_the_numbers_readable():
    basis = ResultInfo("fake", "euclidean", 1.09, "made up", 900, 1000, 0.5, "pairs of tests", 0.1234)
    model, searched, prior = tiles.format_notes(basis)
    assert model == "fake, euclidean distance, same person below 1.09 (made up)"
    assert searched == "900 of 1,000 faces searched; expected false matches below the threshold: 0.12"
    assert prior == "probabilities with prior 0.5, calibrated on pairs of tests"


def test_the_notes_of_a_model_of_which_nothing_is_known_say_so():
    assert tiles.format_notes(ResultInfo("fake", "cosine", math.nan, "none", 5, 5)) == (
        "fake, cosine distance, no default threshold",
        "5 faces searched",
    )


def test_a_tile_says_where_in_its_chip_the_face_is():
    shown = Chip(b"", (100, 50, 300, 150))
    assert tiles.box_in_chip(shown, Face((150.0, 75.0, 250.0, 125.0), 0.9)) == (0.25, 0.25, 0.75, 0.75)
