"""Photographs in memory."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from nitakao.errors import MisuseError
from nitakao.photos import Encoded, Limits, Unreadable, to_photo
from nitakao.values import Photo

GREY = np.zeros((20, 30), np.uint8)
PIXELS = np.random.default_rng(1).integers(0, 255, (20, 30, 3), np.uint8)


def encoded(kind: str = "PNG", **more: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, kind, **more)
    return file.getvalue()


@pytest.mark.parametrize("array", [PIXELS, PIXELS[..., ::-1], np.asfortranarray(PIXELS)])
def test_an_array_of_rgb_pixels_is_a_photo(array):
    photo = to_photo(array, "x")
    assert isinstance(photo, Photo)
    assert (photo.source, photo.size) == ("x", (30, 20))
    np.testing.assert_array_equal(photo.pixels, array)


@pytest.mark.parametrize(
    ("array", "hint"),
    [
        (PIXELS / 255.0, r"scale it to 0\.\.255"),
        (PIXELS.astype(np.uint16), "scale it to 8 bits"),
        (GREY, "dstack"),
        (GREY[..., None], "dstack"),
        (np.dstack([PIXELS, GREY]), r"array\[..., :3\]"),
        (PIXELS.transpose(2, 0, 1), "transpose"),
        (PIXELS[None], "a list of arrays"),
        (PIXELS[:0], "no pixels"),
    ],
)
def test_an_array_of_another_shape_or_type_is_refused_with_what_to_do(array, hint):
    with pytest.raises(MisuseError, match=rf"\(height, width, 3\) uint8.*{hint}"):
        to_photo(array)


def test_a_pillow_image_is_turned_as_its_exif_says():
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.open(io.BytesIO(encoded("PNG", exif=exif)))
    photo = to_photo(image)
    assert isinstance(photo, Photo)
    assert photo.size == (20, 30)
    np.testing.assert_array_equal(photo.pixels, np.rot90(PIXELS, -1))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1", "I", "F"])
def test_a_pillow_image_of_any_mode_becomes_rgb(mode):
    photo = to_photo(Image.fromarray(PIXELS).convert("L" if mode in "IF" else "RGB").convert(mode))
    assert isinstance(photo, Photo)
    assert photo.pixels.shape == (20, 30, 3)


def test_bytes_and_binary_files_are_read(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded())
    with open(tmp_path / "a.png", "rb") as file:
        photos = [to_photo(data) for data in (encoded(), bytearray(encoded()), io.BytesIO(encoded()), file)]
    for photo in photos:
        assert isinstance(photo, Encoded)
        assert photo.size == (30, 20)
        assert photo.source in ("<bytes>", "<bytearray>", "<BytesIO>", str(tmp_path / "a.png"))


def test_a_text_file_and_other_types_are_refused(tmp_path):
    with pytest.raises(MisuseError, match="binary"):
        to_photo(io.StringIO("text"))  # type: ignore[arg-type]
    for item in (None, 3, ["a.jpg"], {"a": 1}):
        with pytest.raises(MisuseError, match="a photograph cannot be a"):
            to_photo(item)  # type: ignore[arg-type]


def test_limits_apply_and_damage_is_the_problem_of_one_photo():
    few = Limits(bytes=100, pixels=100)
    for item in (PIXELS, Image.fromarray(PIXELS), encoded(), io.BytesIO(encoded()), b"", b"not an image"):
        photo = to_photo(item, limits=few)
        assert isinstance(photo, Unreadable)
        assert photo.problem
