"""Choosing a detector, looking again, choosing faces: with a detector that only sees what it is told to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from nitakao import geometry
from nitakao.errors import MisuseError
from nitakao.models.detection import detectors
from nitakao.values import DetectorName, DetectorSettings, Face, Photo

RED = np.array([255, 0, 0], np.uint8)
GREEN = np.array([0, 255, 0], np.uint8)


class FakeDetector:
    """Sees a 'face' where red lies above green, if nothing of it touches the picture's edge."""

    def __init__(self) -> None:
        self.looks = 0
        self.min_size_factor: list[float] = []

    def __call__(self, photos: Sequence[Photo], *, min_size_factor: float = 1.0) -> list[list[Face]]:
        self.looks += len(photos)
        self.min_size_factor.append(min_size_factor)
        return [self._look(photo) for photo in photos]

    def _look(self, photo: Photo) -> list[Face]:
        red, green = ((photo.pixels == colour).all(axis=2) for colour in (RED, GREEN))
        both = red | green
        edge = both.copy()
        edge[1:-1, 1:-1] = False
        if not both.any() or edge.any():
            return []
        (ry, rx), (gy, gx) = (np.argwhere(mask).mean(axis=0) for mask in (red, green))
        if ry >= gy or abs(rx - gx) > 1e-6:
            return []
        ys, xs = np.where(both)
        scale = photo.scale
        box = (xs.min() / scale, ys.min() / scale, (xs.max() + 1) / scale, (ys.max() + 1) / scale)
        points = np.repeat([[rx / scale, ry / scale]], 5, axis=0).astype(np.float32)
        return [Face(tuple(float(v) for v in box), 0.9, points)]  # type: ignore[arg-type]


def picture(width: int, height: int, box: tuple[int, int, int, int], scale: int = 1) -> Photo:
    """Grey with an upright 'face', of a photograph `scale` times as large."""
    pixels = np.full((height, width, 3), 60, np.uint8)
    x1, y1, x2, y2 = box
    pixels[y1 : (y1 + y2) // 2, x1:x2] = RED
    pixels[(y1 + y2) // 2 : y2, x1:x2] = GREEN
    return Photo("fake", pixels, (width * scale, height * scale))


def turned(photo: Photo, quarters: int) -> Photo:
    """The photograph turned counter-clockwise."""
    pixels = np.ascontiguousarray(np.rot90(photo.pixels, quarters))
    size = photo.size if quarters % 2 == 0 else (photo.size[1], photo.size[0])
    return Photo(photo.source, pixels, size)


def test_a_face_that_is_found_costs_one_look() -> None:
    fake = FakeDetector()
    found = detectors.RetryingDetector(fake, confident_score=0.8)([picture(40, 30, (10, 6, 20, 16))])
    assert fake.looks == 1
    assert found[0][0].box == (10, 6, 20, 16)
    assert found[0][0].turn == 0


@pytest.mark.parametrize("scale", [1, 3])
def test_a_close_up_is_found_with_padding_in_its_own_frame(scale: int) -> None:
    found = detectors.RetryingDetector(FakeDetector(), confident_score=0.8)([picture(41, 30, (0, 0, 41, 30), scale)])
    assert found[0][0].box == pytest.approx((0, 0, 41 * scale, 30 * scale), abs=0.6)
    assert found[0][0].turn == 0


@pytest.mark.parametrize(("quarters", "turn", "box"), [
    # the upright picture is 40 x 30 with its face at (10, 6, 20, 16); worked by hand
    (1, 270, (6, 20, 16, 30)),
    (2, 180, (20, 14, 30, 24)),
    (3, 90, (14, 10, 24, 20)),
])  # fmt: skip
def test_a_turned_photograph_is_found_and_its_turn_reported(
    quarters: int, turn: int, box: tuple[int, int, int, int]
) -> None:
    photo = turned(picture(40, 30, (10, 6, 20, 16)), quarters)
    face = detectors.RetryingDetector(FakeDetector(), confident_score=0.8)([photo])[0][0]
    assert face.turn == turn
    assert face.box == pytest.approx(box)
    assert face.landmarks is not None
    x, y = face.landmarks[0]
    assert photo.pixels[int(y), int(x)].tolist() == RED.tolist()


def test_a_photograph_without_faces_stays_empty_and_the_others_are_not_looked_at_again() -> None:
    fake = FakeDetector()
    photos = [picture(40, 30, (10, 6, 20, 16)), Photo("grey", np.full((20, 20, 3), 60, np.uint8), (20, 20))]
    found = detectors.RetryingDetector(fake, confident_score=0.8)(photos)
    assert [len(faces) for faces in found] == [1, 0]
    assert fake.looks == 2 + 4
    assert fake.min_size_factor == [1, detectors.PADDED_MIN_SIZE_FACTOR, *[detectors.TURNED_MIN_SIZE_FACTOR] * 3]


def test_a_face_found_lying_gives_way_to_a_surer_one_upright() -> None:
    def by_brightness_at_the_top(photos: Sequence[Photo], *, min_size_factor: float = 1.0) -> list[list[Face]]:
        return [[Face((0, 0, 4, 4), float(photo.pixels[0].mean() / 255))] for photo in photos]

    pixels = np.full((4, 8, 3), 150, np.uint8)
    pixels[:, :2] = 250  # the left side, which a turn by 270 degrees takes to the top
    face = detectors.RetryingDetector(by_brightness_at_the_top, confident_score=0.8)([Photo("fake", pixels, (8, 4))])[
        0
    ][0]
    assert (face.turn, round(face.score, 2)) == (270, 0.98)
    sure_enough = detectors.RetryingDetector(by_brightness_at_the_top, confident_score=0.5)(
        [Photo("fake", pixels, (8, 4))]
    )[0][0]
    assert sure_enough.turn == 0


def test_a_face_that_is_weak_every_way_up_stays_as_it_was_found() -> None:
    def unsure(photos: Sequence[Photo], *, min_size_factor: float = 1.0) -> list[list[Face]]:
        return [[Face((0, 0, 4, 4), 0.5)] for _ in photos]

    assert detectors.RetryingDetector(unsure, confident_score=0.8)([picture(40, 30, (10, 6, 20, 16))])[0][0].turn == 0


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_mtcnn_finds_a_turned_astronaut_upright_again(quarters: int) -> None:
    data = pytest.importorskip("skimage.data", reason="scikit-image is not installed", exc_type=ImportError)
    detector = detectors.load(DetectorSettings(name="mtcnn"))
    photo = Photo("astronaut", data.astronaut(), (512, 512))
    upright, found = (faces[0] for faces in detector([photo, turned(photo, quarters)]))
    assert (upright.turn, found.turn) == (0, 360 - 90 * quarters)
    where = geometry.rotate_boxes([upright.box], 90 * quarters, (512, 512))
    assert geometry.iou([found.box], where)[0, 0] > 0.95
    assert upright.landmarks is not None
    assert found.landmarks is not None
    marks = geometry.rotate_points(upright.landmarks, 90 * quarters, (512, 512))
    assert np.abs(found.landmarks - marks).max() < 2


def test_no_photographs_give_no_faces() -> None:
    assert detectors.RetryingDetector(FakeDetector(), confident_score=0.8)([]) == []


def test_the_detector_none_takes_the_whole_picture() -> None:
    detector = detectors.load(DetectorSettings(name="none"))
    face = detector([picture(40, 30, (0, 0, 2, 2), scale=4)])[0][0]
    assert (face.box, face.score, face.landmarks, face.turn) == ((0, 0, 160, 120), 1.0, None, 0)


SMALL_BEST = Face((0, 0, 10, 10), 0.99)
CENTRAL = Face((45, 45, 55, 56), 0.8)
LARGE = Face((60, 0, 100, 30), 0.7)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("all", [SMALL_BEST, CENTRAL, LARGE]),
        ("largest", [LARGE]),
        ("central", [CENTRAL]),
        ("best", [SMALL_BEST]),
        ("first", [SMALL_BEST]),
    ],
)
def test_one_face_is_chosen_as_asked(choice: str, expected: list[Face]) -> None:
    assert detectors.select_faces([SMALL_BEST, CENTRAL, LARGE], choice, (100, 100)) == expected  # type: ignore[arg-type]
    assert detectors.select_faces([], choice, (100, 100)) == []  # type: ignore[arg-type]


def test_an_unknown_choice_is_misuse() -> None:
    with pytest.raises(MisuseError, match="nearest"):
        detectors.select_faces([SMALL_BEST], "nearest", (9, 9))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "size", "scale"),
    [
        ("mtcnn", (4000, 3000), 0.25),
        ("yunet", (4000, 3000), 0.125),
        ("none", (4000, 3000), 1.0),
        ("mtcnn", (90, 70), 1.0),
    ],
)
def test_photographs_are_decoded_as_large_as_the_smallest_face_needs(
    name: DetectorName, size: tuple[int, int], scale: float
) -> None:
    assert detectors.decode_scale(DetectorSettings(name, smallest_face=96 if size[0] > 100 else 20), size) == scale
