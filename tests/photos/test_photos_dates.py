"""When photographs and videos were taken, out of files made here."""

from __future__ import annotations

import io
import struct
from datetime import datetime, timezone

import numpy as np
import pytest
from PIL import Image

from nitakao import photos
from nitakao.photos import parse

WHEN = datetime(2019, 7, 21, 14, 3, 59, tzinfo=timezone.utc).timestamp()


def exif(**tags: str) -> Image.Exif:
    numbers = {"original": 0x9003, "digitized": 0x9004, "offset": 0x9011}
    made = Image.Exif()
    made[0x0110] = "a camera"
    made[0x8769] = {0x9000: b"0231"} | {numbers[name]: value for name, value in tags.items()}
    loaded = Image.Exif()
    loaded.load(made.tobytes())  # Pillow writes inner tables into a TIFF only where they were read from bytes
    return loaded


def taken(kind: str = "JPEG", **tags: str) -> float | None:
    file = io.BytesIO()
    Image.new("RGB", (9, 7), "red").save(file, kind, exif=exif(**tags))
    return photos.capture_time(parse("a", file.getvalue()))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP", "TIFF", "AVIF"])
def test_the_time_is_read_from_every_kind_that_carries_exif(kind):
    assert taken(kind, original="2019:07:21 14:03:59") == WHEN


@pytest.mark.parametrize(("offset", "hours"), [("+02:00", -2), ("-05:30", 5.5), ("Z", 0), ("      ", 0)])
def test_an_offset_brings_the_time_to_utc(offset, hours):
    assert taken(original="2019:07:21 14:03:59", offset=offset) == WHEN + 3600 * hours


def test_the_time_of_digitizing_is_taken_where_there_is_no_other():
    assert taken(digitized="2019:07:21 14:03:59") == WHEN


@pytest.mark.parametrize("date", ["0000:00:00 00:00:00", "    :  :     :  :  ", "2019:02:30 10:00:00", "yesterday", ""])
def test_what_is_no_date_is_none(date):
    assert taken(original=date) is None


def test_a_photograph_without_exif_has_no_time():
    file = io.BytesIO()
    Image.new("RGB", (9, 7)).save(file, "JPEG")
    assert photos.capture_time(parse("a", file.getvalue())) is None


def test_damaged_exif_is_none_or_a_number():
    file = io.BytesIO()
    Image.new("RGB", (9, 7)).save(file, "JPEG", exif=exif(original="2019:07:21 14:03:59", offset="+01:00"))
    data = file.getvalue()
    start = data.index(b"Exif\0\0")
    rng = np.random.default_rng(1)
    for _ in range(300):
        spoiled = bytearray(data)
        for at in rng.integers(start, start + 124, 4):
            spoiled[at] = rng.integers(256)
        found = photos.capture_time(parse("a", bytes(spoiled)))
        assert found is None or abs(found) < 1e12


def movie(made: int, version: int = 0, before: bytes = b"\0\0\0\x18ftypisom\0\0\2\0isommp41") -> bytes:
    header = struct.pack(">I", version << 24) + struct.pack(">Q" if version else ">I", made) + bytes(96)
    inner = struct.pack(">I4s", 8 + len(header), b"mvhd") + header
    return (
        before
        + struct.pack(">I4s", 16 + len(inner), b"mdat")
        + bytes(8 + len(inner))
        + (struct.pack(">I4s", 8 + len(inner), b"moov") + inner)
    )


@pytest.mark.parametrize("version", [0, 1])
def test_a_movie_says_when_it_was_made(tmp_path, version):
    path = tmp_path / "a.mp4"
    path.write_bytes(movie(round(WHEN) + 2_082_844_800, version))
    assert photos.video_capture_time(path) == WHEN


@pytest.mark.parametrize(
    "content",
    [
        movie(0),
        movie(5),
        b"",
        b"no movie at all, but long enough to look like boxes",
        b"\0\0\0\0moov",
        b"\0\0\0\1free" + struct.pack(">Q", 2**63) + bytes(50),
        struct.pack(">I4s", 8, b"free") * 20_000,
    ],
    ids=["zero", "before 1970", "empty", "text", "short", "far", "many"],
)
def test_a_movie_without_a_time_has_none(tmp_path, content):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    assert photos.video_capture_time(path) is None


def test_a_file_that_is_not_there_has_no_time(tmp_path):
    assert photos.video_capture_time(tmp_path / "nothing.mp4") is None
