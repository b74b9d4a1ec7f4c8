"""Selects faces of a photograph as the Face API does: large enough, largest first, or by targetFace."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nitakao import geometry
from nitakao.errors import FaceApiError
from nitakao.geometry import Size
from nitakao.values import Face

MIN_SIDE, MAX_SIDE = 36, 4096  # px, side of a face; learn.microsoft.com, 'Add face'
MAX_FACES = 100  # faces of one photograph
SAME_FACE = 0.3  # IoU of targetFace and a detected box; detectors draw boxes differently

Rectangle = tuple[int, int, int, int]  # left, top, width, height


def large_enough(faces: Sequence[Face]) -> list[int]:
    """Positions of the faces that the Face API returns: largest first, at most `MAX_FACES`."""
    rows = [n for n, face in enumerate(faces) if min(face.width, face.height) >= MIN_SIDE]
    return sorted(rows, key=lambda n: -faces[n].area)[:MAX_FACES]


def rectangle(face: Face, size: Size) -> Rectangle:
    """The face's box in whole pixels, clipped to a photograph of this (width, height)."""
    left, top = (min(max(round(v), 0), side - 1) for v, side in zip(face.box[:2], size, strict=True))
    right, bottom = (min(max(round(v), 1), side) for v, side in zip(face.box[2:], size, strict=True))
    return left, top, max(1, right - left), max(1, bottom - top)


def select_face(faces: Sequence[Face], target: Rectangle | None, size: Size) -> int:
    """Position of the only face, or of the one at `target`.

    Raises:
        FaceApiError: If there is no face, several without a target, or the face is too small or too large.
    """
    if target is not None:
        return _select_target(faces, target, size)
    rows = large_enough(faces)
    if not rows:
        raise FaceApiError(400, "InvalidImage", "No face detected in the image.")
    if len(rows) > 1:
        raise FaceApiError(
            400, "InvalidImage", f"There are {len(rows)} faces in the image: select one with targetFace."
        )
    return _check_size(faces, rows[0])


def _select_target(faces: Sequence[Face], target: Rectangle, size: Size) -> int:
    left, top, width, height = target
    if left < 0 or top < 0 or width < 1 or height < 1 or left + width > size[0] or top + height > size[1]:
        raise FaceApiError(400, "BadArgument", f"targetFace is outside the image of {size[0]} x {size[1]}.")
    if not faces:
        raise FaceApiError(400, "InvalidImage", "No face detected in the image.")
    overlaps = geometry.iou([(left, top, left + width, top + height)], [face.box for face in faces])[0]
    best = int(np.argmax(overlaps))
    if overlaps[best] < SAME_FACE:
        raise FaceApiError(400, "InvalidImage", "No face detected at targetFace.")
    return _check_size(faces, best)


def _check_size(faces: Sequence[Face], row: int) -> int:
    sides = faces[row].width, faces[row].height
    if min(sides) < MIN_SIDE or max(sides) > MAX_SIDE:
        raise FaceApiError(
            400,
            "InvalidImage",
            f"The face is {sides[0]:.0f} x {sides[1]:.0f} pixels: {MIN_SIDE} to {MAX_SIDE} are supported.",
        )
    return row
