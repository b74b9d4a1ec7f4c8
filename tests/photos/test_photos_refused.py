"""Every kind of damage to a picture, and everything too large, to one clear sentence."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin, features
from tests.pictures import SAMPLES, SIZE, encoded, png_with, put, scene

from nitakao import photos
from nitakao.errors import MissingExtraError, MisuseError, PhotoError, PhotoTooLargeError, UnreadablePhotoError
from nitakao.photos.read import Limits


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"Dear diary, this is no photograph.", "not a supported picture"),
        (b"\xff\xd8\xff", "is truncated in its header"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "is truncated in its header"),
        (b"\xff\xd8" + b"\xff\xd0" * 200_000, "header does not end"),
        (encoded(scene(), "JPEG")[:-2], "the JPEG is truncated"),
        (encoded(scene((500, 400)), "JPEG")[:2000], "the JPEG is truncated"),
        (encoded(scene(), "PNG")[:60], "cannot be decoded"),
        (encoded(scene(), "TIFF")[:200], "cannot be decoded"),
        (encoded(scene(), "BMP")[:200], "cannot be decoded"),
        (encoded(scene(), "WebP")[:60], "cannot be decoded"),
        (encoded(scene(), "GIF")[:20], "cannot be decoded"),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1miaf" + bytes(100), "cannot be decoded"),
    ],
)
def test_what_is_no_whole_picture_is_unreadable_and_named(tmp_path, data, message):
    path = put(tmp_path, data, "家族.jpg")
    with pytest.raises(UnreadablePhotoError, match=message) as refusal:
        photos.read(path)
    assert str(refusal.value).startswith(f"'{path}': ")


@pytest.mark.parametrize("name", ["missing.jpg", "", "a\0b"])
def test_what_is_not_there_is_unreadable(tmp_path, name):
    with pytest.raises(UnreadablePhotoError, match=r"cannot be read|invalid file name"):
        photos.read(str(tmp_path) + "/" + name)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no endless file")
def test_a_file_without_end_is_too_large():
    with pytest.raises(PhotoTooLargeError, match="limit of 1000 bytes"):
        photos.load("/dev/zero", limits=Limits(bytes=1000))


def test_a_png_of_60000_by_60000_is_refused_by_its_header(tmp_path):
    with pytest.raises(PhotoTooLargeError, match="60000 x 60000 pixels, more than the limit of 250000000"):
        photos.load(put(tmp_path, png_with(size=(60_000, 60_000))))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP", "TIFF", "BMP", "GIF", "AVIF"])
def test_the_limit_on_pixels_holds_for_every_kind(tmp_path, kind):
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    path = put(tmp_path, encoded(scene(), kind))
    assert photos.load(path, limits=Limits(pixels=48 * 32)).size == SIZE
    with pytest.raises(PhotoTooLargeError, match="48 x 32 pixels"):
        photos.load(path, limits=Limits(pixels=48 * 32 - 1))


def test_a_webp_is_refused_before_its_decoder_sets_memory_aside(tmp_path):
    body = b"VP8X" + struct.pack("<I", 10) + bytes(4) + b"\xff\xff\xff" * 2 + b"VP8 " + bytes(20)
    with pytest.raises(PhotoTooLargeError, match="16777216 x 16777216"):
        photos.load(put(tmp_path, b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body))


@pytest.mark.parametrize("tail", [False, True])
@pytest.mark.parametrize("name", [b"zTXt", b"iTXt"])
def test_a_bomb_in_a_text_chunk_is_refused_not_unpacked(tmp_path, name, tail):
    bomb = zlib.compress(bytes(50_000_000), 9)
    head = {b"zTXt": b"Comment\0\0", b"iTXt": b"Comment\0\1\0en\0\0"}[name]
    path = put(tmp_path, png_with((name, head + bomb), tail=tail))
    tracemalloc.start()
    try:
        with pytest.raises(UnreadablePhotoError, match=r"cannot be decoded.*too large"):
            photos.read(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_gif_frame_larger_than_its_canvas_counts(tmp_path):
    data = bytearray(encoded(Image.new("P", (10, 10)), "GIF"))
    at = data.index(b"\x2c", 13)  # the image descriptor: left, top, width, height
    data[at + 5 : at + 9] = struct.pack("<HH", 9000, 9000)
    with pytest.raises(PhotoTooLargeError, match="9000 x 9000"):
        photos.load(put(tmp_path, bytes(data)), limits=Limits(pixels=1_000_000))


def test_a_tiff_with_huge_tiles_is_refused(tmp_path):
    with TiffImagePlugin.TiffImageFile(io.BytesIO(encoded(scene(), "TIFF"))) as image:
        tags = image.tag_v2
        tags[322] = tags[323] = 100_000
        out = io.BytesIO()
        out.write(b"II*\0" + struct.pack("<I", 8))
        tags.save(out)
    with pytest.raises(PhotoTooLargeError, match="100000 x 100000"):
        photos.load(put(tmp_path, out.getvalue()))


def test_limits_below_one_are_misuse():
    with pytest.raises(MisuseError, match="1 or more"):
        Limits(pixels=0)


@pytest.mark.filterwarnings("ignore")  # Pillow warns of damaged tags, as it should
@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_damaged_pictures_are_read_or_refused_as_photographs(tmp_path_factory, kind, data):
    broken = bytearray(SAMPLES[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    broken = broken[: data.draw(st.integers(0, len(broken)))] if data.draw(st.booleans()) else broken
    path = put(tmp_path_factory.getbasetemp(), bytes(broken), "broken")
    try:
        photo = photos.read(path, limits=Limits(pixels=1_000_000))
    except (PhotoError, MissingExtraError):
        return
    assert photo.pixels.shape[1::-1] == photo.size
