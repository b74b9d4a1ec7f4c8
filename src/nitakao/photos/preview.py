"""Pictures as they may be shown: upright, small, and without what their files say besides, such as where it was."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

from nitakao.photos.read import Encoded, decode
from nitakao.values import Pixels

QUALITY = 88  # JPEG's


def render_preview(encoded: Encoded, side: int) -> bytes:
    """A JPEG of the picture whose longer side has `side` pixels, or as many as it has where these are fewer."""
    scale = min(1.0, side / max(encoded.size))
    pixels = decode(encoded, scale=scale).pixels
    width, height = (max(1, round(length * scale)) for length in encoded.size)
    if pixels.shape[:2] != (height, width):
        smaller = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        pixels = np.asarray(smaller, np.uint8)
    return encode_jpeg(pixels)


def encode_jpeg(pixels: Pixels) -> bytes:
    """(h, w, 3) RGB as a JPEG without anything but the picture."""
    told = io.BytesIO()
    Image.fromarray(pixels).save(told, "JPEG", quality=QUALITY)
    return told.getvalue()
