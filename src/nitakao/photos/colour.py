"""Convert any pixel format to 8-bit RGB, and any EXIF orientation to upright.

Colour profiles are not applied here; see `icc`.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nitakao.values import Pixels

_WITH_ALPHA = {"RGBA", "RGBa", "LA", "La", "PA"}


def to_rgb(image: Image.Image) -> Pixels:
    """Convert an image to (h, w, 3) uint8 RGB, with transparency on white."""
    if image.mode.startswith("I") or image.mode == "F":
        grey = _to_bytes(np.asarray(image), image.mode)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        over = image.convert("RGBA")
        image = Image.new("RGB", over.size, "white")
        image.paste(over, mask=over.getchannel("A"))
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _to_bytes(values: NDArray[Any], mode: str) -> Pixels:
    """Convert high bit depth greyscale to 8 bits.

    16 bits (I;16): the upper eight bits, as Pillow does for 16-bit colour. 32 bits (I) and floats (F) define no white
    level: the range is 1 (floats), 255 or 65535, the first that covers all values, or else the image's own minimum to
    maximum.
    """
    if mode.startswith("I;16"):
        return (values.astype(np.uint16) >> 8).astype(np.uint8)
    numbers = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(numbers.min()), float(numbers.max())
    whites = [white for white in ((1.0, 255.0, 65535.0) if mode == "F" else (255.0, 65535.0)) if high <= white]
    if low >= 0 and whites:
        low, high = 0.0, whites[0]
    span = high - low or 1.0
    return np.asarray(np.rint((numbers - low) * (255.0 / span)), dtype=np.uint8)


def apply_orientation(pixels: Pixels, orientation: int) -> Pixels:
    """Rotate and flip (h, w, 3) pixels by an EXIF orientation (1 to 8; TIFF 6.0, tag 274). Returns C-contiguous."""
    result: Any = pixels
    if orientation == 2:
        result = cv2.flip(pixels, 1)
    elif orientation == 3:
        result = cv2.rotate(pixels, cv2.ROTATE_180)
    elif orientation == 4:
        result = cv2.flip(pixels, 0)
    elif orientation == 5:
        result = cv2.transpose(pixels)
    elif orientation == 6:
        result = cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE)
    elif orientation == 7:
        result = cv2.rotate(cv2.transpose(pixels), cv2.ROTATE_180)
    elif orientation == 8:
        result = cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE)
    return np.ascontiguousarray(result, dtype=np.uint8)
