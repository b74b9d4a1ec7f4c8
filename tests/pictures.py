"""Pictures made for tests, encoded in every kind, and PNGs made by hand."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIZE = (48, 32)


def scene(size: tuple[int, int] = SIZE) -> Image.Image:
    """Something smooth in which no two corners are alike."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    red, green = 255 * x / max(size[0] - 1, 1), 255 * y / max(size[1] - 1, 1)
    return Image.fromarray(np.stack([red, green, np.full_like(red, 60)], axis=2).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def put(folder: Path, data: bytes, name: str = "picture") -> str:
    (folder / name).write_bytes(data)
    return str(folder / name)


def png_with(*chunks: tuple[bytes, bytes], size: tuple[int, int] = (4, 3), tail: bool = False) -> bytes:
    """A PNG made by hand: black, greyscale, with more chunks before (or after) its pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0))
    rows = zlib.compress(bytes(min(size[1], 100) * (size[0] + 1)))
    more = b"".join(chunk(*c) for c in chunks)
    pixels = chunk(b"IDAT", rows)
    return start + (pixels + more if tail else more + pixels) + chunk(b"IEND", b"")


SAMPLES = {kind: encoded(scene(), kind) for kind in ("JPEG", "PNG", "WebP", "TIFF", "BMP", "GIF")}
