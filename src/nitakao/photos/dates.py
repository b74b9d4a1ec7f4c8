"""When a photograph or a video was taken, as its file says."""

from __future__ import annotations

import os
import re
import struct
from datetime import datetime, timedelta, timezone
from typing import BinaryIO

from nitakao.photos.read import Encoded

_EXIF_TABLE = 0x8769  # tags of EXIF 2.31, tables 4, 7 and 8
_WHEN = ((0x9003, 0x9011), (0x9004, 0x9012))  # DateTimeOriginal, then DateTimeDigitized, each with its offset from UTC
_ASCII = 2
_DATE = re.compile(rb"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(rb"([+-])(\d\d):(\d\d)")
_TIFF = {b"II*\0": "<", b"MM\0*": ">"}
_EXIF = b"Exif\0\0", 6  # what stands before the block in JPEG, and mostly in HEIC and AVIF, and how far before
_MARKS = {"PNG": (b"eXIf", 4), "WebP": (b"EXIF", 8)}  # in WebP its length stands between
_MOST_MARKS = 100  # of the mark in one file: HEIC's list of items has one that is none
_LONGEST = 65_536  # bytes: what JPEG allows
_SINCE_1904 = 2_082_844_800  # seconds from 1904 to 1970, both in UTC; ISO/IEC 14496-12, 8.2.2
_MOST_BOXES = 10_000


def capture_time(encoded: Encoded) -> float | None:
    """Seconds since 1970 at which the photograph was taken, as its EXIF data say; None where they do not.

    Cameras that write no offset from UTC mean the time on the photographer's watch, wherever that was: it is taken as
    if it were UTC, so that it is the same on every machine.
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
    found = (_seconds(_text(tiff, order, inner, when), _text(tiff, order, inner, offset)) for when, offset in _WHEN)
    return next((seconds for seconds in found if seconds is not None), None)


def _exif(encoded: Encoded) -> bytes:
    """The TIFF structure that holds a photograph's EXIF data; empty where there is none."""
    data = encoded.data
    if encoded.kind == "TIFF":
        return data
    mark, skip = _MARKS.get(encoded.kind, _EXIF)
    at = 0
    for _ in range(_MOST_MARKS):
        at = data.find(mark, at) + 1
        tiff = data[at - 1 + skip : at - 1 + skip + _LONGEST]
        if not at or tiff[:4] in _TIFF:
            return tiff if at else b""
        if tiff.startswith(_EXIF[0]):  # some writers of WebP leave the mark of JPEG within
            return tiff[len(_EXIF[0]) :]
    return b""


def _table(tiff: bytes, order: str, at: int) -> dict[int, tuple[int, int, bytes]]:
    """A directory's entries: tag to type, count and the four bytes of its value or of the place where it stands."""
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
    """Seconds since 1970 of '2019:07:21 14:03:59', with '+02:00' or nothing; None where it is no date."""
    found, shift = _DATE.match(date), _OFFSET.match(offset)
    if found is None:
        return None
    try:
        there = datetime(*(int(part) for part in found.groups()), tzinfo=timezone.utc)  # type: ignore[arg-type, misc]
    except ValueError:  # as 0000:00:00, which cameras without a clock write
        return None
    if shift is None:
        return there.timestamp()
    east = timedelta(hours=int(shift[2]), minutes=int(shift[3])).total_seconds()
    return there.timestamp() - (east if shift[1] == b"+" else -east)


def video_capture_time(path: str | os.PathLike[str]) -> float | None:
    """Seconds since 1970 at which an MP4 or QuickTime video was made, as its header says; None where it does not."""
    try:
        with open(path, "rb") as file:
            return _movie_header(file)
    except (OSError, ValueError, struct.error):
        return None


def _movie_header(file: BinaryIO) -> float | None:
    """The time in the 'mvhd' box, the first within 'moov', which may stand at either end of the file."""
    at = 0
    for _ in range(_MOST_BOXES):
        file.seek(at)
        length, name, wide = struct.unpack(">I4sQ", file.read(16))
        if name == b"moov":
            file.seek(at + (16 if length == 1 else 8))
            _, inner, version, short = struct.unpack(">I4sIQ", file.read(20))
            made = short if version >> 24 else short >> 32
            return made - _SINCE_1904 if inner == b"mvhd" and made > _SINCE_1904 else None
        size = wide if length == 1 else length
        if size < 8:
            return None
        at += size
    return None
