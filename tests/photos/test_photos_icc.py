"""Colours of another RGB brought to sRGB: in crops and chips, and only where a profile really says something else."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, features
from tests.pictures import encoded, put

from nitakao import photos
from nitakao.photos import formats
from nitakao.photos import icc as icc_module
from nitakao.photos.icc import to_srgb
from nitakao.values import CropRule, Face

# Red, green and blue of Display P3 as XYZ under D50 light, as Apple's profile has them; its curve is near 2.2
P3 = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))
WHOLE = Face((0.0, 0.0, 40.0, 40.0), 1.0)


def icc(colours: tuple[tuple[float, ...], ...] = P3, gamma: float = 2.2) -> bytes:
    """The smallest profile of an RGB display.  Source: ICC.1:2001-04, sections 6.1, 6.3.2 and 6.5."""

    def fixed(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def xyz(values: tuple[float, ...]) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(map(fixed, values))

    curve = b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(gamma * 256), 0)
    bodies = {b"rXYZ": xyz(colours[0]), b"gXYZ": xyz(colours[1]), b"bXYZ": xyz(colours[2]), b"wtpt": xyz(D50)}
    bodies |= {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    at, table, data = 128 + 4 + 12 * len(bodies), struct.pack(">I", len(bodies)), b""
    for name, body in bodies.items():
        table += name + struct.pack(">II", at + len(data), len(body))
        data += body
    head = struct.pack(
        ">I4sI4s4s4s12s4s", at + len(data), b"none", 0x02100000, b"mntr", b"RGB ", b"XYZ ", bytes(12), b"acsp"
    )
    return (head + bytes(28) + b"".join(map(fixed, D50))).ljust(128, b"\0") + table + data


D50 = (0.9642, 1.0, 0.8249)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def patch(*colour: int) -> Image.Image:
    return Image.new("RGB", (40, 40), colour)


def middle(pixels: Any) -> list[int]:
    return [int(v) for v in pixels[20, 20]]


def test_a_colour_of_display_p3_is_the_same_colour_in_srgb() -> None:
    # By hand: linear (0.5, 0.25, 0.25) in P3 is (0.556, 0.240, 0.245) in sRGB, by the matrix from P3 to XYZ to sRGB
    encode = [round(255 * v ** (1 / 2.2)) for v in (0.5, 0.25, 0.25)]
    got = middle(to_srgb(np.asarray(patch(*encode)), icc()))
    expected = [round(255 * (1.055 * v ** (1 / 2.4) - 0.055)) for v in (0.556, 0.240, 0.245)]
    np.testing.assert_allclose(got, expected, atol=2)


def test_greys_stay_greys() -> None:
    for value in (0, 64, 128, 200, 255):
        np.testing.assert_allclose(middle(to_srgb(np.asarray(patch(*[value] * 3)), icc())), [value] * 3, atol=7)


@pytest.mark.parametrize(
    "nothing",
    [b"", SRGB, b"no profile", icc()[:90], icc()[:200], bytes(128), icc() + bytes(icc_module.MAX_PROFILE_BYTES)],
    ids=["none", "sRGB", "text", "half a head", "cut short", "zeros", "too long"],
)
def test_what_says_srgb_or_nothing_leaves_the_very_pixels(nothing: bytes) -> None:
    pixels = np.asarray(patch(200, 80, 60))
    assert to_srgb(pixels, nothing) is pixels


def test_a_profile_of_another_space_than_rgb_is_left_aside() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    pixels = np.asarray(patch(200, 80, 60))
    assert to_srgb(pixels, lab) is pixels


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP", "TIFF", "AVIF"])
def test_every_kind_brings_its_profile(tmp_path: Path, kind: str) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    photo = photos.read(put(tmp_path, encoded(patch(200, 80, 60), kind, icc_profile=icc())))
    assert photo.profile == icc()
    assert photos.read(put(tmp_path, encoded(patch(200, 80, 60), kind))).profile == b""


def test_a_profile_in_several_segments_of_a_jpeg_is_put_together_in_order() -> None:
    long = bytes(np.random.default_rng(1).integers(0, 256, 150_000, np.uint8))
    data = encoded(patch(1, 2, 3), "JPEG", icc_profile=long)
    assert formats.jpeg_header(data).profile == long
    first, second = (data.index(b"ICC_PROFILE\0" + bytes([part])) - 4 for part in (1, 2))
    third = data.index(b"ICC_PROFILE\0\3") - 4
    swapped = data[:first] + data[second:third] + data[first:second] + data[third:]
    assert formats.jpeg_header(swapped).profile == long


def test_crops_and_chips_are_in_srgb_and_the_photograph_is_as_it_was(tmp_path: Path) -> None:
    plain, wide = (
        photos.read(put(tmp_path, encoded(patch(200, 80, 60), "PNG", **options), name))
        for name, options in (("plain", {}), ("wide", {"icc_profile": icc()}))
    )
    np.testing.assert_array_equal(plain.pixels, wide.pixels)
    expected = middle(to_srgb(np.asarray(patch(200, 80, 60)), icc()))
    assert expected != [200, 80, 60]
    for rule in (CropRule("margin", 40, margin=0), CropRule("article", 40, margin=0)):
        assert middle(photos.crop_face(plain, WHOLE, rule)) == [200, 80, 60]
        assert middle(photos.crop_face(wide, WHOLE, rule)) == expected
    shown = Image.open(io.BytesIO(photos.make_chip(wide, WHOLE).jpeg))
    np.testing.assert_allclose(middle(np.asarray(shown)), expected, atol=3)
