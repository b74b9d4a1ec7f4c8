"""Chips: small stored pictures of faces, from which another model can crop again.

A chip extends the face box by half its side on each side, so that a template crop of a head tilted by 45 degrees fits
inside, and by at least the article's margin. The loss was measured as the distance between a face's vector from its
photograph and from its chip (all vectors have length 1; the LFW threshold is near 1.1 for facenet and 0.6 for dlib),
median and 99th percentile:

                                                     dlib-resnet     facenet-vggface2
    3,811 LFW faces, boxes near 90 px, 17 KiB each   0.018  0.031    0.016  0.028
    49 larger ones, up to 1,600 px, 21 KiB each      0.041  0.066    0.042  0.086

LFW folds 1-5 verified from chips: 98.60% and 99.37%; from photographs: 98.80% and 99.33% (3,000 pairs: 0.03 points are
one pair). The distance of a pair changes by 0.002 in the median and 0.010 at the 99th percentile.

Alternatives, facenet on the larger faces: JPEG quality 90: 0.051 and 0.145 at 15 KiB; 4:2:0 colour at quality 95:
0.068 and 0.119 (4:4:4: 0.057 and 0.115); Pillow's bilinear filter: 0.057 and 0.115, its box filter: 0.079 and 0.177. A
quarter of the side as context gives 0.029 and 0.071, but with faces rotated by 30 or 45 degrees dlib's template loses
more (0.064 and 0.061 at the 99th percentile; with half the side 0.041 and 0.046).
"""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
from PIL import Image

from nitakao import geometry
from nitakao.errors import UnreadablePhotoError
from nitakao.geometry import Size
from nitakao.photos import icc
from nitakao.photos.read import Limits, decode, parse
from nitakao.values import Chip, Face, Photo

MAX_SIDE = 256  # px, longer side of a chip
CONTEXT = 0.5  # share of the box side added on each side
MIN_CONTEXT = 24.0  # photograph px on each side: the article's 22, plus rounding
QUALITY = 95  # JPEG, with 4:4:4 colour
_LIMITS = Limits(bytes=1 << 20, pixels=MAX_SIDE * MAX_SIDE)


def make_chip(photo: Photo, face: Face) -> Chip:
    """Make the chip of a face: sRGB, clipped to the photograph, longer side at most 256 pixels, never enlarged.

    Args:
        photo: Decoded at `chip_scale` or more; a smaller one gives a smaller chip.
        face: In pixels of the upright photograph at full scale.

    Raises:
        GeometryError: If the box is outside the photograph.
    """
    frame = left, top, right, bottom = _frame(face, photo.size)
    scale = min(photo.scale, chip_scale(face, photo.size))
    size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    encoded = io.BytesIO()
    picture = Image.fromarray(icc.to_srgb(np.asarray(_resampled(photo, frame, size)), photo.profile))
    picture.save(encoded, "JPEG", quality=QUALITY, subsampling="4:4:4", optimize=True)
    return Chip(encoded.getvalue(), frame)


def chip_scale(face: Face, size: Size) -> float:
    """Smallest scale (at most 1) at which to decode a photograph of `size` for this face's chip."""
    left, top, right, bottom = _frame(face, size)
    return min(1.0, MAX_SIDE / max(right - left, bottom - top))


def photo_from_chip(chip: Chip, face: Face) -> tuple[Photo, Face]:
    """Decode a chip as a photograph of its own, for `crop_face` and `crop_scale`.

    Args:
        chip: As made by `make_chip`.
        face: In pixels of the photograph that the chip is from.

    Returns:
        The chip's photograph, and the face in pixels of it.

    Raises:
        UnreadablePhotoError: If the chip is not a valid JPEG.
    """
    encoded = parse("chip", chip.jpeg, limits=_LIMITS)
    if encoded.kind != "JPEG" or min(chip.size) < 1:
        raise UnreadablePhotoError(f"a chip must be a JPEG that is not empty, not a {encoded.kind} of {chip.size}")
    left, top = chip.frame[:2]
    x1, y1, x2, y2 = face.box
    marks = None if face.landmarks is None else (face.landmarks - (left, top)).astype(np.float32)
    shifted = replace(face, box=(x1 - left, y1 - top, x2 - left, y2 - top), landmarks=marks)
    return replace(decode(encoded), size=chip.size, sha256=""), shifted


def _frame(face: Face, size: Size) -> tuple[int, int, int, int]:
    """The chip's region in whole pixels of a photograph of `size`."""
    across, down = (2 * max(CONTEXT * side, MIN_CONTEXT) for side in (face.width, face.height))
    return geometry.expand_box(face.box, across, down, size)


def _resampled(photo: Photo, frame: tuple[int, int, int, int], size: Size) -> Image.Image:
    """Resample a region, in full-scale pixels of the photograph, to `size`."""
    height, width = photo.pixels.shape[:2]
    left, top, right, bottom = (v * photo.scale for v in frame)
    x, y = min(math.floor(left), width - 1), min(math.floor(top), height - 1)
    part = Image.fromarray(np.ascontiguousarray(photo.pixels[y : math.ceil(bottom), x : math.ceil(right)]))
    inner = (left - x, top - y, min(right, width) - x, min(bottom, height) - y)
    return part if part.size == size else part.resize(size, Image.Resampling.LANCZOS, box=inner)
