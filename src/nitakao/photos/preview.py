"""Previews: small upright JPEGs without the photograph's metadata, such as its location."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

from nitakao.photos.read import Encoded, decode
from nitakao.values import Pixels

QUALITY = 88  # JPEG


def render_preview(encoded: Encoded, side: int) -> bytes:
    """Encode a JPEG preview whose longer side is at most `side` pixels; never enlarged."""
    scale = min(1.0, side / max(encoded.size))
    pixels = decode(encoded, scale=scale).pixels
    width, height = (max(1, round(length * scale)) for length in encoded.size)
    if pixels.shape[:2] != (height, width):
        smaller = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        pixels = np.asarray(smaller, np.uint8)
    return encode_jpeg(pixels)


def encode_jpeg(pixels: Pixels) -> bytes:
    """Encode (h, w, 3) uint8 RGB as a JPEG without metadata."""
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "JPEG", quality=QUALITY)
    return encoded.getvalue()
