"""Small pictures of faces that are kept, and crops taken from them again as if from the photograph.

A chip shows half the face's side more on each side, so that a template crop of a face whose head leans by 45 degrees
lies within it, and never less than the article's margin. What it costs was measured as the length of the difference
between a face's vector from its photograph and from its chip (all vectors have length 1; facenet's threshold on LFW is
near 1.1, dlib's near 0.6), median and 99th percentile:

                                                     dlib-resnet     facenet-vggface2
    3,811 LFW faces, boxes near 90 px, 17 KiB each   0.018  0.031    0.016  0.028
    49 larger ones, up to 1,600 px, 21 KiB each      0.041  0.066    0.042  0.086

LFW folds 1-5 verified from chips: 98.60% and 99.37%, where photographs give 98.80% and 99.33% (3,000 pairs: 0.03 points
are one pair). The distance of a pair changes by 0.002 in the median and 0.010 at the 99th percentile.

Other choices, facenet on the larger faces: JPEG quality 90 0.051 and 0.145, at 15 KiB; 4:2:0 colour at 95 0.068 and
0.119 where 4:4:4 gave 0.057 and 0.115; reduction by Pillow's bilinear filter, those 0.057 and 0.115, by its box filter
0.079 and 0.177. A quarter of the side as context gives 0.029 and 0.071, but dlib's template on faces turned by 30 or 45
degrees then loses more (0.064 and 0.061 at the 99th percentile, where half the side gives 0.041 and 0.046).
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

MAX_SIDE = 256  # px, of a chip's longer side
CONTEXT = 0.5  # of the box's side, on each side
MIN_CONTEXT = 24.0  # px of the photograph on each side: the article's 22, with a rim for rounding
QUALITY = 95  # JPEG's, with colour at full resolution
_LIMITS = Limits(bytes=1 << 20, pixels=MAX_SIDE * MAX_SIDE)


def make_chip(photo: Photo, face: Face) -> Chip:
    """The face with its context in sRGB, clipped to the photograph, its longer side at most 256 pixels, never enlarged.

    A photograph decoded below `chip_scale` gives fewer pixels.  Raises GeometryError if the box lies outside.
    """
    frame = left, top, right, bottom = _frame(face, photo.size)
    scale = min(photo.scale, chip_scale(face, photo.size))
    size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    encoded = io.BytesIO()
    shown = Image.fromarray(icc.to_srgb(np.asarray(_shown(photo, frame, size)), photo.profile))
    shown.save(encoded, "JPEG", quality=QUALITY, subsampling="4:4:4", optimize=True)
    return Chip(encoded.getvalue(), frame)


def chip_scale(face: Face, size: Size) -> float:
    """The scale, up to 1, from which on a photograph of `size` has a pixel for each pixel of this face's chip."""
    left, top, right, bottom = _frame(face, size)
    return min(1.0, MAX_SIDE / max(right - left, bottom - top))


def photo_from_chip(chip: Chip, face: Face) -> tuple[Photo, Face]:
    """A photograph of just what the chip shows, and the face where it lies in it, for `cut` and `enough`.

    face: in the frame of the photograph that the chip was cut from.  Raises UnreadablePhotoError.
    """
    encoded = parse("chip", chip.jpeg, limits=_LIMITS)
    if encoded.kind != "JPEG" or min(chip.size) < 1:
        raise UnreadablePhotoError(f"a chip is a JPEG that shows some pixels, not a {encoded.kind} of {chip.size}")
    left, top = chip.frame[:2]
    x1, y1, x2, y2 = face.box
    marks = None if face.landmarks is None else (face.landmarks - (left, top)).astype(np.float32)
    shifted = replace(face, box=(x1 - left, y1 - top, x2 - left, y2 - top), landmarks=marks)
    return replace(decode(encoded), size=chip.size, sha256=""), shifted


def _frame(face: Face, size: Size) -> tuple[int, int, int, int]:
    """Whole pixels of a photograph of `size` that the face's chip shows."""
    across, down = (2 * max(CONTEXT * side, MIN_CONTEXT) for side in (face.width, face.height))
    return geometry.expand_box(face.box, across, down, size)


def _shown(photo: Photo, frame: tuple[int, int, int, int], size: Size) -> Image.Image:
    """The part of the photograph that `frame` names, in pixels at full scale, as a picture of `size`."""
    height, width = photo.pixels.shape[:2]
    left, top, right, bottom = (v * photo.scale for v in frame)
    x, y = min(math.floor(left), width - 1), min(math.floor(top), height - 1)
    part = Image.fromarray(np.ascontiguousarray(photo.pixels[y : math.ceil(bottom), x : math.ceil(right)]))
    inner = (left - x, top - y, min(right, width) - x, min(bottom, height) - y)
    return part if part.size == size else part.resize(size, Image.Resampling.LANCZOS, box=inner)
