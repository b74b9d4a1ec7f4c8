"""Detect image formats from file headers, and parse size and orientation where that is cheap."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Literal

from nitakao.errors import UnreadablePhotoError

Kind = Literal["JPEG", "PNG", "WebP", "TIFF", "BMP", "GIF", "AVIF", "HEIC"]

HEADER_BYTES = 64  # enough for every signature here, and for the compatible brands of a usual AVIF or HEIC file
UPRIGHT = 1  # EXIF orientation: first row at the top, first column at the left
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".tif", ".tiff", ".bmp", ".dib", ".gif"}
    | {".avif", ".heic", ".heif", ".hif"}
)
_BMP_HEADERS = {12, 40, 52, 56, 64, 108, 124}  # lengths of info headers, from OS/2 1 to Windows V5
_HEVC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_JPEG_MARKER = re.compile(rb"\xff+[^\xff]")  # any number of fill bytes may precede a marker
_MAX_SEGMENTS = 100_000  # per file; a 256 MiB PNG in the usual 8 KiB chunks has 32,768
_ORIENTATION = 0x0112  # EXIF 2.3, table 4


def sniff(head: bytes) -> Kind | None:
    """Detect the image format from a file's first `HEADER_BYTES` bytes; None if unknown."""
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):  # TIFF and BigTIFF, either byte order
        return "TIFF"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if head[:2] == b"BM" and len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in _BMP_HEADERS:
        return "BMP"
    return _sniff_iso(head)


def _sniff_iso(head: bytes) -> Kind | None:
    """Detect AVIF and HEIC: ISO base media files whose first box lists compatible brands."""
    if head[4:8] != b"ftyp" or len(head) < 16:
        return None
    length = min(struct.unpack_from(">I", head)[0], len(head))
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, length - 3, 4))}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    return "HEIC" if brands & _HEVC_BRANDS else None


@dataclass(frozen=True)
class JpegHeader:
    """A JPEG file's header.

    Attributes:
        size: (width, height) as stored.
        components: Number of colour components.
        orientation: EXIF orientation, 1 to 8.
        scan: Byte offset of the first scan.
        profile: ICC profile, or empty.
    """

    size: tuple[int, int]
    components: int
    orientation: int
    scan: int
    profile: bytes


def jpeg_header(data: bytes) -> JpegHeader:
    """Parse a JPEG header without decoding the image.

    Raises:
        UnreadablePhotoError: If the header is truncated or damaged.

    Source: ITU-T T.81, annex B; for ICC profiles ICC.1:2010, B.4.
    """
    at, orientation, size, components = 2, UPRIGHT, (0, 0), 0
    profile: dict[int, bytes] = {}  # parts by number; a segment holds at most 64 KiB
    for _ in range(_MAX_SEGMENTS):
        match = _JPEG_MARKER.search(data, at)
        if match is None or match.end() + 2 > len(data):
            raise UnreadablePhotoError("the JPEG is truncated in its header")
        marker, at = data[match.end() - 1], match.end()
        if marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:  # these have no length
            continue
        body = data[at + 2 : at + int.from_bytes(data[at : at + 2], "big")]
        if marker == 0xDA:
            break
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and len(body) >= 6:
            height, width, components = struct.unpack_from(">HHB", body, 1)
            size = (width, height)
        elif marker == 0xE1 and body.startswith(b"Exif\0\0") and orientation == UPRIGHT:
            orientation = exif_orientation(body)
        elif marker == 0xE2 and body.startswith(b"ICC_PROFILE\0") and len(body) > 14:
            profile[body[12]] = body[14:]
        at += 2 + len(body)
    else:
        raise UnreadablePhotoError("the JPEG's header does not end")
    if 0 in size:
        raise UnreadablePhotoError("the JPEG has no size")
    return JpegHeader(size, components, orientation, at, b"".join(profile[part] for part in sorted(profile)))


def exif_orientation(exif: bytes) -> int:
    """EXIF orientation, 1 to 8; 1 if the block is damaged or has no valid value."""
    tiff = exif[6:] if exif.startswith(b"Exif\0\0") else exif
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return UPRIGHT
    try:
        start = struct.unpack_from(order + "I", tiff, 4)[0]
        entries = struct.unpack_from(order + "H", tiff, start)[0]
        for at in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, _count, value = struct.unpack_from(order + "HHIH", tiff, at)
            if tag == _ORIENTATION:
                return int(value) if kind == 3 and 1 <= value <= 8 else UPRIGHT
    except struct.error:
        pass  # the block is truncated
    return UPRIGHT


def png_orientation(data: bytes) -> int:
    """EXIF orientation of a PNG, whose eXIf chunk may be before or after the pixels."""
    at = 8
    for _ in range(_MAX_SEGMENTS):
        if at + 8 > len(data):
            break
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"eXIf":
            return exif_orientation(data[at + 8 : at + 8 + length])
        at += 12 + length
    return UPRIGHT


def webp_size(data: bytes) -> tuple[int, int]:
    """(width, height) from a WebP header, to check it before the decoder allocates memory; (0, 0) if unknown.

    Source: RFC 9649, sections 2.5-2.7 and RFC 6386, section 9.1.
    """
    form = data[12:16]
    if form == b"VP8X" and len(data) >= 30:
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if form == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if form == b"VP8 " and len(data) >= 30:
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0
