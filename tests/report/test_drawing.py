from __future__ import annotations

import os

import numpy as np
import pytest
from tests import fakes

from nitakao.errors import MisuseError, NitakaoError
from nitakao.photos import from_pixels, read
from nitakao.report import drawing
from nitakao.values import Photo

GREY = np.full((100, 200, 3), 128, np.uint8)


def test_a_marked_copy_has_a_box_and_points_and_leaves_the_original_alone():
    photo = from_pixels(GREY.copy())
    drawn = drawing.draw_faces(photo, (fakes.face(),))
    assert (photo.pixels == GREY).all()
    assert tuple(drawn[42, 30]) == drawing.BOX_COLOUR  # the lower edge, at y = 42
    assert tuple(drawn[18, 18]) == drawing.LANDMARK_COLOUR
    assert tuple(drawn[80, 150]) == (128, 128, 128)


def test_boxes_of_a_photograph_decoded_smaller_land_on_its_own_pixels():
    photo = Photo("", GREY[:50, :100].copy(), (200, 100))
    drawn = drawing.draw_faces(photo, (fakes.face(landmarks=False),))
    assert tuple(drawn[21, 15]) == drawing.BOX_COLOUR  # y 42 at half scale


def test_a_box_beyond_the_photograph_is_drawn_as_far_as_it_goes():
    photo = from_pixels(GREY.copy())
    drawing.draw_faces(photo, (type(fakes.face())((-50, -50, 500, 500), 1.0), type(fakes.face())((9, 9, 3, 3), 1.0)))


def test_two_faces_stand_side_by_side_whatever_their_sizes():
    red = np.full((32, 32, 3), (255, 0, 0), np.uint8)
    blue = np.full((160, 160, 3), (0, 0, 255), np.uint8)
    sheet = drawing.draw_pair(red, blue, "fake, euclidean distance 0.500")
    assert tuple(sheet[100, 100]) == (255, 0, 0)
    assert tuple(sheet[100, -100]) == (0, 0, 255)
    assert (sheet[-30:] < 128).any()  # the caption


def test_names_of_pictures_keep_any_script_and_never_collide():
    a, b = fakes.outcome("x/山田.jpg"), fakes.outcome("y/山田.jpg")
    names = [drawing.picture_name(o, "-0.png") for o in (a, b)]
    assert names[0].startswith("山田-")
    assert names[0] != names[1]
    assert len(drawing.picture_name(fakes.outcome("長" * 200), "-0.png").encode()) < 255


def test_a_picture_is_written_whole_or_not_at_all(tmp_path):
    drawing.save(tmp_path / "顔.png", GREY)
    assert (read(str(tmp_path / "顔.png")).pixels == GREY).all()
    with pytest.raises(NitakaoError, match="there is no folder"):
        drawing.save(tmp_path / "missing" / "a.png", GREY)
    with pytest.raises(MisuseError, match=r"as \.png or \.jpg"):
        drawing.save(tmp_path / "a.txt", GREY)
    (tmp_path / "b.png").mkdir()
    with pytest.raises(NitakaoError, match="cannot be written"):
        drawing.save(tmp_path / "b.png", GREY)
    assert sorted(os.listdir(tmp_path)) == ["b.png", "顔.png"]
