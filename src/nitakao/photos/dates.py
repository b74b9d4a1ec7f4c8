"""Capture times of photographs and videos, from their metadata."""

from __future__ import annotations

import os
import re
import struct
from datetime import datetime, timedelta, timezone
from typing import BinaryIO

from nitakao.photos.read import Encoded

_EXIF_TABLE = 0x8769  # tags of EXIF 2.31, tables 4, 7 and 8
_DATE_TAGS = (
    (0x9003, 0x9011),
    (0x9004, 0x9012),
)  # DateTimeOriginal, then DateTimeDigitized, each with its offset from UTC
_ASCII = 2
_DATE = re.compile(rb"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(rb"([+-])(\d\d):(\d\d)")
_TIFF = {b"II*\0": "<", b"MM\0*": ">"}
_EXIF = b"Exif\0\0", 6  # marker before the TIFF block in JPEG, and mostly in HEIC and AVIF, and the offset to the block
_MARKERS = {"PNG": (b"eXIf", 4), "WebP": (b"EXIF", 8)}  # in WebP the block's length is in between
_MAX_MARKERS = 100  # occurrences tried per file: HEIC's item list has a false one
_MAX_EXIF_BYTES = 65_536  # JPEG's limit
_SINCE_1904 = 2_082_844_800  # seconds from 1904 to 1970, both in UTC; ISO/IEC 14496-12, 8.2.2
_MAX_BOXES = 10_000


def capture_time(encoded: Encoded) -> float | None:
    """The photograph's capture time from EXIF, in seconds since 1970; None if unknown.

    A time without a UTC offset is local time at an unknown place. It is read as UTC, so that every machine gives the
    same result.
    """
    tiff = _exif(encoded)
    order = _TIFF.get(tiff[:4])
    if order is None:
        return None
    try:
        first = _table(tiff, order, struct.unpack_from(order + "I", tiff, 4)[0])
        inner = _table(tiff, order, struct.unpack(order + "I", first[_EXIF_TABLE][2])[0])
    except (struct.error, KeyError):
        return None
    times = (
        _seconds(_text(tiff, order, inner, date), _text(tiff, order, inner, offset)) for date, offset in _DATE_TAGS
    )
    return next((seconds for seconds in times if seconds is not None), None)


def _exif(encoded: Encoded) -> bytes:
    """The TIFF block with a photograph's EXIF data; empty if there is none."""
    data = encoded.data
    if encoded.kind == "TIFF":
        return data
    marker, skip = _MARKERS.get(encoded.kind, _EXIF)
    at = 0
    for _ in range(_MAX_MARKERS):
        at = data.find(marker, at) + 1
        tiff = data[at - 1 + skip : at - 1 + skip + _MAX_EXIF_BYTES]
        if not at or tiff[:4] in _TIFF:
            return tiff if at else b""
        if tiff.startswith(_EXIF[0]):  # some WebP writers include JPEG's marker
            return tiff[len(_EXIF[0]) :]
    return b""


def _table(tiff: bytes, order: str, at: int) -> dict[int, tuple[int, int, bytes]]:
    """Read a TIFF directory: tag to (type, count, four bytes with the value or its offset)."""
    count = struct.unpack_from(order + "H", tiff, at)[0]
    entries = (struct.unpack_from(order + "HHI4s", tiff, at + 2 + 12 * n) for n in range(count))
    return {tag: (kind, length, value) for tag, kind, length, value in entries}


def _text(tiff: bytes, order: str, table: dict[int, tuple[int, int, bytes]], tag: int) -> bytes:
    kind, length, value = table.get(tag, (0, 0, b""))
    if kind != _ASCII or not 4 < length <= 64:
        return b""
    at = struct.unpack(order + "I", value)[0]
    return tiff[at : at + length]


def _seconds(date: bytes, offset: bytes) -> float | None:
    """Seconds since 1970 of '2019:07:21 14:03:59', optionally with offset '+02:00'; None if it is not a date."""
    match, shift = _DATE.match(date), _OFFSET.match(offset)
    if match is None:
        return None
    try:
        local = datetime(*(int(part) for part in match.groups()), tzinfo=timezone.utc)  # type: ignore[arg-type, misc]
    except ValueError:  # 0000:00:00, from cameras without a clock
        return None
    if shift is None:
        return local.timestamp()
    east = timedelta(hours=int(shift[2]), minutes=int(shift[3])).total_seconds()
    return local.timestamp() - (east if shift[1] == b"+" else -east)


def video_capture_time(path: str | os.PathLike[str]) -> float | None:
    """The creation time of an MP4 or QuickTime video from its header, in seconds since 1970; None if unknown."""
    try:
        with open(path, "rb") as file:
            return _movie_header(file)
    except (OSError, ValueError, struct.error):
        return None


def _movie_header(file: BinaryIO) -> float | None:
    """The time in the 'mvhd' box, the first inside 'moov', which may be at either end of the file."""
    at = 0
    for _ in range(_MAX_BOXES):
        file.seek(at)
        length, name, wide = struct.unpack(">I4sQ", file.read(16))
        if name == b"moov":
            file.seek(at + (16 if length == 1 else 8))
            _, inner, version, short = struct.unpack(">I4sIQ", file.read(20))
            created = short if version >> 24 else short >> 32
            return created - _SINCE_1904 if inner == b"mvhd" and created > _SINCE_1904 else None
        size = wide if length == 1 else length
        if size < 8:
            return None
        at += size
    return None
