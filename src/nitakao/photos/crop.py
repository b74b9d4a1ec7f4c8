"""Crop faces from photographs by the crop rule of a model card."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from PIL import Image

from nitakao import geometry
from nitakao.errors import GeometryError
from nitakao.geometry import Box, Matrix, Size
from nitakao.photos import icc
from nitakao.values import CropRule, Face, Photo, Pixels


def crop_face(photo: Photo, face: Face, rule: CropRule) -> Pixels:
    """Crop a face by a model's crop rule.

    If the whole picture is the face (detector 'none'), there are no landmarks for a template, and the whole picture is
    stretched to the crop's size.

    Args:
        photo: Decoded at `crop_scale` or more; a smaller one gives the same crop, less sharp.
        face: In pixels of the upright photograph at full scale. Its `turn` is undone.
        rule: The crop rule of the model card.

    Returns:
        (S, S, 3) uint8 sRGB. Pixels outside the photograph are black.

    Raises:
        GeometryError: If the crop is empty.
    """
    if rule.kind == "template" and not (face.landmarks is None and _is_whole(face, photo.size)):
        return icc.to_srgb(_aligned(photo, face, rule), photo.profile)
    box = _region(face, rule, photo.size)
    crop = icc.to_srgb(_stretched(photo, box, rule.size), photo.profile)
    return crop if face.turn == 0 else np.ascontiguousarray(np.rot90(crop, face.turn // 90))


def crop_scale(face: Face, rule: CropRule, size: Size) -> float:
    """Smallest scale (at most 1) at which to decode a photograph of `size` (width, height) for this face's crop."""
    if rule.kind == "template" and face.landmarks is not None:
        return min(1.0, geometry.scale_of(geometry.fit_similarity(face.landmarks, rule.template)))
    left, top, right, bottom = _region(face, rule, size)
    return min(1.0, rule.size / min(right - left, bottom - top))


def _is_whole(face: Face, size: Size) -> bool:
    x1, y1, x2, y2 = face.box
    return x1 <= 0 and y1 <= 0 and x2 >= size[0] and y2 >= size[1]


def _region(face: Face, rule: CropRule, size: Size) -> tuple[int, int, int, int]:
    if rule.kind == "margin":
        return geometry.margin_box(face.box, rule.margin, rule.size, size)
    return geometry.article_box(face.box, rule.margin if rule.kind == "article" else 0.0, size)


def _stretched(photo: Photo, box: Box, side: int) -> Pixels:
    """Resample a region, in full-scale pixels of the photograph, to a square.

    Pillow's bilinear filter antialiases. The article's scipy.misc.imresize used Pillow as well.
    """
    height, width = photo.pixels.shape[:2]
    left, top, right, bottom = (v * photo.scale for v in box)
    x, y = min(math.floor(left), width - 1), min(math.floor(top), height - 1)
    part = photo.pixels[y : math.ceil(bottom), x : math.ceil(right)]
    inner = (left - x, top - y, min(right, width) - x, min(bottom, height) - y)
    image = Image.fromarray(np.ascontiguousarray(part))
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR, box=inner))


def _aligned(photo: Photo, face: Face, rule: CropRule) -> Pixels:
    if face.landmarks is None:
        raise GeometryError(
            "this model's crop needs five landmarks, but the detector gives none: "
            "use a detector with landmarks (mtcnn, yunet), or a model with a margin crop"
        )
    matrix = geometry.fit_similarity(face.landmarks, rule.template)
    return _warped(photo.pixels, matrix @ _from_decoded(photo.scale), rule.size)


def _from_decoded(scale: float) -> Matrix:
    """(3, 3) transform from decoded pixel centres to the full-scale photograph."""
    return _scaling(1 / scale)


def _scaling(by: float) -> Matrix:
    """(3, 3) scaling about the corner of the first pixel, (-0.5, -0.5)."""
    shift = (by - 1) / 2
    return np.array([[by, 0, shift], [0, by, shift], [0, 0, 1.0]])


def _warped(pixels: Pixels, matrix: Matrix, side: int) -> Pixels:
    """Warp pixels by a similarity transform (2, 3) between pixel centres, to (side, side, 3)."""
    shrink = max(1, math.floor(1 / geometry.scale_of(matrix)))
    x1, y1, x2, y2 = _source_region(pixels, matrix, side, shrink)
    part: Any = pixels[y1:y2, x1:x2]
    matrix = matrix @ np.array([[1.0, 0, x1], [0, 1.0, y1], [0, 0, 1.0]])
    if shrink > 1:  # average whole blocks first: bilinear alone would skip most pixels
        down, right = -part.shape[0] % shrink, -part.shape[1] % shrink
        if down or right:  # the photograph ends within a block
            part = cv2.copyMakeBorder(part, 0, down, 0, right, cv2.BORDER_REPLICATE)
        part = cv2.resize(part, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA)
        matrix = matrix @ _scaling(shrink)
    crop = cv2.warpAffine(part, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(crop, dtype=np.uint8)


def _source_region(pixels: Pixels, matrix: Matrix, side: int, shrink: int) -> tuple[int, int, int, int]:
    """The source region of a crop, with a border for interpolation, in whole blocks of `shrink` pixels."""
    height, width = pixels.shape[:2]
    edge = side - 0.5
    corners = geometry.transform_points(
        geometry.invert(matrix), [(-0.5, -0.5), (edge, -0.5), (-0.5, edge), (edge, edge)]
    )
    border = 2 * shrink
    x1, y1 = (max(0, math.floor(v) - border) for v in corners.min(axis=0))
    x2, y2 = (math.ceil(v) + border for v in corners.max(axis=0))
    x2, y2 = min(width, x1 + shrink * -(-(x2 - x1) // shrink)), min(height, y1 + shrink * -(-(y2 - y1) // shrink))
    if x2 <= x1 or y2 <= y1:
        raise GeometryError("the crop is entirely outside the photograph: its landmarks are wrong")
    return x1, y1, x2, y2
