"""Every kind of picture to upright RGB."""

from __future__ import annotations

import hashlib
import importlib
import io
import struct
import sys
import threading
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, features
from tests.pictures import SAMPLES, SIZE, encoded, png_with, put, scene

from nitakao import photos
from nitakao.errors import MissingExtraError, MisuseError, UnreadablePhotoError
from nitakao.photos import formats

LOSSLESS: dict[str, dict[str, Any]] = {"PNG": {}, "BMP": {}, "TIFF": {}, "WebP": {"lossless": True}}
LOSSY: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95, "subsampling": 0}, "AVIF": {"quality": 95}}
KINDS = {**LOSSLESS, **LOSSY}


def exif(orientation: int) -> bytes:
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


# Kinds


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_kinds_come_back_exactly_whatever_their_name(tmp_path, kind):
    photo = photos.read(put(tmp_path, encoded(scene(), kind, **LOSSLESS[kind]), "名前.txt"))
    np.testing.assert_array_equal(photo.pixels, np.asarray(scene()))
    assert photo.size == SIZE
    assert photo.scale == 1.0


@pytest.mark.parametrize("kind", LOSSY)
def test_lossy_kinds_come_back_nearly(tmp_path, kind):
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    path = put(tmp_path, encoded(scene(), kind, **LOSSY[kind]))
    assert photos.load(path).kind == kind
    assert np.abs(photos.read(path).pixels.astype(int) - np.asarray(scene())).mean() < 3


def test_heic_is_read_through_its_extra(tmp_path):
    heif = pytest.importorskip("pillow_heif", reason="the extra 'heic' is not installed")
    out = io.BytesIO()
    heif.from_pillow(scene((64, 48))).save(out, quality=95)
    path = put(tmp_path, out.getvalue(), "IMG_0001.jpg")
    assert photos.load(path).kind == "HEIC"
    assert np.abs(photos.read(path).pixels.astype(int) - np.asarray(scene((64, 48)))).mean() < 4


def test_heic_without_its_extra_names_the_pip_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MissingExtraError, match=r'pip install "nitakao\[heic\]"'):
        photos.load(put(tmp_path, b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)))


def test_avif_without_a_reader_says_so(tmp_path, monkeypatch):
    reading = importlib.import_module("nitakao.photos.read")  # `photos.read` is the verb
    monkeypatch.setattr(reading.features, "check", lambda _: False)
    reading._reader.cache_clear()
    with pytest.raises(UnreadablePhotoError, match="built without AVIF: pip install --upgrade pillow"):
        photos.load(put(tmp_path, b"\0\0\0\x18ftypavif\0\0\0\0mif1miaf" + bytes(100)))


def test_of_an_animation_the_first_frame_is_read(tmp_path):
    frames = [Image.new("RGB", SIZE, colour) for colour in ("red", "lime", "blue")]
    for kind in ("GIF", "WebP", "PNG"):
        path = put(tmp_path, encoded(frames[0], kind, save_all=True, append_images=frames[1:]), kind)
        assert photos.read(path).pixels[5, 5].tolist() == pytest.approx([255, 0, 0], abs=3)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"MM\0*\0\0\0\x08", "TIFF"),
        (b"II+\0\x08\0\0\0", "TIFF"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "WebP"),
        (b"RIFF\x10\0\0\0WAVEfmt ", None),
        (b"BM, said the fox, is no bitmap", None),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", None),
        (b"%PDF-1.7", None),
        (b"", None),
    ],
)
def test_a_kind_is_known_by_its_first_bytes(head, kind):
    assert formats.sniff(head) == kind


# Colours


def test_what_is_transparent_lies_on_white(tmp_path):
    image = Image.new("RGBA", (3, 1))
    image.putdata([(200, 0, 0, 255), (200, 0, 0, 0), (200, 0, 0, 51)])  # 51 is a fifth: 0.2 * 0 + 0.8 * 255 = 204
    for kind, options in (("PNG", {}), ("TIFF", {}), ("WebP", {"lossless": True, "exact": True})):
        pixels = photos.read(put(tmp_path, encoded(image, kind, **options))).pixels
        np.testing.assert_allclose(pixels, [[(200, 0, 0), (255, 255, 255), (244, 204, 204)]], atol=1)


def test_grey_and_palette_pictures_with_and_without_alpha_become_rgb(tmp_path):
    grey_alpha = Image.new("LA", (2, 1))
    grey_alpha.putdata([(10, 255), (10, 0)])
    palette = Image.new("P", (2, 1))
    palette.putpalette([1, 2, 3, 200, 100, 50])
    palette.putdata([1, 0])
    cases = [
        (encoded(Image.new("L", (2, 1), 77), "PNG"), [(77, 77, 77), (77, 77, 77)]),
        (encoded(Image.new("1", (2, 1), 1), "PNG"), [(255, 255, 255), (255, 255, 255)]),
        (encoded(grey_alpha, "PNG"), [(10, 10, 10), (255, 255, 255)]),
        (encoded(palette, "PNG"), [(200, 100, 50), (1, 2, 3)]),
        (encoded(palette, "PNG", transparency=0), [(200, 100, 50), (255, 255, 255)]),
        (encoded(palette, "GIF", transparency=0), [(200, 100, 50), (255, 255, 255)]),
        (encoded(Image.new("RGB", (2, 1), (9, 8, 7)), "PNG", transparency=(9, 8, 7)), [(255, 255, 255)] * 2),
    ]
    for data, expected in cases:
        assert photos.read(put(tmp_path, data)).pixels.tolist() == [[list(colour) for colour in expected]]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (np.array([[0, 256, 65535]], np.uint16), "PNG", [0, 1, 255]),
        (np.array([[0, 32896, 65535]], np.uint16), "TIFF", [0, 128, 255]),
        (np.array([[0, 100, 255]], np.int32), "TIFF", [0, 100, 255]),
        (np.array([[0, 25700, 65535]], np.int32), "TIFF", [0, 100, 255]),
        (np.array([[-1000, 0, 1000]], np.int32), "TIFF", [0, 128, 255]),
        (np.array([[0, 0.4, 1]], np.float32), "TIFF", [0, 102, 255]),
        (np.array([[0, 100, 250]], np.float32), "TIFF", [0, 100, 250]),
        (np.array([[np.nan, 0, 1e9]], np.float32), "TIFF", [0, 0, 255]),
        (np.array([[5e6, 5e6, 5e6]], np.float32), "TIFF", [0, 0, 0]),
    ],
)
def test_deep_grey_is_scaled_to_bytes(tmp_path, values, kind, expected):
    pixels = photos.read(put(tmp_path, encoded(Image.fromarray(values), kind))).pixels
    assert pixels.tolist() == [[[v] * 3 for v in expected]]


def test_sixteen_bit_colour_keeps_its_upper_eight(tmp_path):
    rows = zlib.compress(b"\0" + struct.pack(">6H", 0, 0x8080, 0xFFFF, 0x1234, 0xABCD, 0x00FF))
    data = b"\x89PNG\r\n\x1a\n"
    for name, body in ((b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)), (b"IDAT", rows), (b"IEND", b"")):
        data += struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    assert photos.read(put(tmp_path, data)).pixels.tolist() == [[[0, 0x80, 0xFF], [0x12, 0xAB, 0]]]


def test_cmyk_jpegs_as_adobe_writes_them_are_not_negatives(tmp_path):
    inks = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # magenta and yellow make red
    data = encoded(inks, "JPEG", quality=95)
    assert b"Adobe" in data
    assert photos.read(put(tmp_path, data)).pixels[8, 8].tolist() == pytest.approx([255, 0, 0], abs=3)
    assert photos.read(put(tmp_path, encoded(inks, "TIFF"))).pixels[8, 8].tolist() == [255, 0, 0]


# The right way up


ORIENTED = {  # what brings a picture stored under this EXIF orientation upright (TIFF 6.0, tag 274)
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a[::-1].swapaxes(0, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a[:, ::-1].swapaxes(0, 1),
}


@pytest.mark.parametrize("orientation", ORIENTED)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP", "TIFF", "AVIF"])
def test_every_exif_orientation_comes_upright(tmp_path, kind, orientation):
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    if kind == "TIFF":
        data = encoded(scene(), kind, tiffinfo={274: orientation})
    else:
        data = encoded(scene(), kind, exif=exif(orientation), **KINDS[kind])
    path = put(tmp_path, data)
    expected = ORIENTED[orientation](np.asarray(scene()))
    photo = photos.read(path)
    assert photos.load(path).size == photo.size == expected.shape[1::-1]
    assert np.abs(photo.pixels.astype(int) - expected).mean() < 3
    assert photo.pixels.flags["C_CONTIGUOUS"]


def test_an_orientation_after_the_pixels_of_a_png_counts(tmp_path):
    path = put(tmp_path, png_with((b"eXIf", exif(6)[6:]), tail=True))
    assert photos.load(path).size == photos.read(path).size == (3, 4)


@given(st.binary(max_size=80))
def test_a_damaged_exif_block_means_upright(noise):
    assert 1 <= formats.exif_orientation(b"Exif\0\0II*\0\x08\0\0\0" + noise) <= 8
    assert formats.exif_orientation(noise) == 1 or noise[:4] in (b"II*\0", b"MM\0*")


# Smaller than whole


@pytest.mark.parametrize(
    ("scale", "part"), [(1, 1), (0.51, 1), (0.5, 2), (0.3, 2), (0.25, 4), (0.2, 4), (0.125, 8), (0.01, 8)]
)
def test_a_jpeg_is_decoded_at_the_smallest_scale_that_is_enough(tmp_path, scale, part):
    path = put(tmp_path, encoded(scene((401, 203)), "JPEG", exif=exif(6)))
    photo = photos.decode(photos.load(path), scale=scale)
    assert photo.size == (203, 401)
    assert photo.pixels.shape == (-(-401 // part), -(-203 // part), 3)
    assert photo.scale == 1 / part


@pytest.mark.parametrize(("scale", "part"), [(1, 1), (0.5, 2), (0.3, 2), (0.2, 4), (0.1, 8)])
def test_other_kinds_are_averaged_down_by_whole_blocks(tmp_path, scale, part):
    pixels = np.random.default_rng(part).integers(0, 256, (33, 50, 3), np.uint8)
    photo = photos.read(put(tmp_path, encoded(Image.fromarray(pixels), "PNG")), scale=scale)
    assert photo.size == (50, 33)
    assert photo.scale == 1 / part
    padded = np.pad(pixels, ((0, -33 % part), (0, -50 % part), (0, 0)), mode="edge").astype(float)
    blocks = padded.reshape(padded.shape[0] // part, part, padded.shape[1] // part, part, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(photo.pixels, blocks, atol=0.51)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 2}, {"subsampling": 1, "quality": 30}])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_jpegs_are_what_pillow_reads(tmp_path, options, mode):
    data = encoded(scene((123, 77)).convert(mode), "JPEG", **options)
    with Image.open(io.BytesIO(data)) as image:
        theirs = np.asarray(image.convert("RGB"))
    ours = photos.read(put(tmp_path, data)).pixels
    assert np.abs(ours.astype(int) - theirs).max() <= 2  # levels: what two builds of libjpeg may differ by


def test_real_photographs_are_what_pillow_reads(shared):
    for name in photos.find([str(shared / "data/photos")]):
        with Image.open(name) as image:
            if image.format != "JPEG" or image.width * image.height > 2_000_000:
                continue
            theirs = np.asarray(image.convert("RGB"))
        photo = photos.read(name)
        assert photo.size == theirs.shape[1::-1]
        assert np.abs(photo.pixels.astype(int) - theirs).max() <= 2, name


# Python users' pixels


def test_pixels_in_memory_are_photographs_too():
    photo = photos.from_pixels(np.zeros((3, 4, 3), np.uint8)[:, ::-1], "memory")
    assert (photo.size, photo.scale, photo.source, photo.sha256) == ((4, 3), 1.0, "memory", "")


@pytest.mark.parametrize(
    "array", [np.zeros((3, 4), np.uint8), np.zeros((3, 4, 3)), np.zeros((0, 4, 3), np.uint8), np.zeros((3, 4, 4))]
)
def test_pixels_of_another_shape_are_misuse(array):
    with pytest.raises(MisuseError):
        photos.from_pixels(array)


def test_one_pixel_is_a_picture(tmp_path):
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WebP"):
        assert photos.read(put(tmp_path, encoded(Image.new("RGB", (1, 1), "white"), kind))).pixels.tolist() == [
            [[255, 255, 255]]
        ]


def test_a_photograph_knows_its_source_and_hash(tmp_path):
    data = encoded(scene(), "PNG")
    photo = photos.read(put(tmp_path, data))
    assert photo.source == str(tmp_path / "picture")
    assert photo.sha256 == hashlib.sha256(data).hexdigest()


def test_many_threads_read_at_once(tmp_path):
    waiting = [photos.load(put(tmp_path, data, kind)) for kind, data in SAMPLES.items()] * 5
    expected = [photos.decode(encoded).pixels for encoded in waiting]
    found: list[np.ndarray | None] = [None] * len(waiting)

    def work(number: int) -> None:
        found[number] = photos.decode(waiting[number]).pixels

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(waiting))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
