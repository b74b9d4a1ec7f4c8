"""Pictures changed a little, as other photographs of the same face would be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from nitakao.values import Pixels

SHIFT, TURN, GROWTH = 0.05, 8.0, 0.08  # of the side, degrees, of the scale; either way, at most
LIGHT, CONTRAST, TINT, GREY = 0.2, 0.25, 0.08, 0.1  # either way at most, GREY: how often all colour goes
OFTEN = {"jpeg": 0.3, "blur": 0.2, "cutout": 0.3}
QUALITY = (30, 95)  # JPEG's
SIGMA = (0.4, 1.2)  # px at a side of 112, of a Gaussian
HOLE = (0.15, 0.4)  # of the side


def augmented(crops: Pixels, how: Sequence[str], chance: np.random.Generator) -> Pixels:
    """(n, S, S, 3) uint8 changed as `how` says, words of AUGMENTATIONS; the same for the same state of chance."""
    return np.stack([_changed(crop, how, chance) for crop in crops]) if how else crops


def _changed(crop: Pixels, how: Sequence[str], chance: np.random.Generator) -> Pixels:
    picture: Any = crop
    flip = "flip" in how and chance.random() < 0.5
    if "jitter" in how:
        picture = _moved(picture, flip, chance)
    elif flip:
        picture = np.ascontiguousarray(picture[:, ::-1])
    if "colour" in how:
        picture = _coloured(picture, chance)
    if "blur" in how and chance.random() < OFTEN["blur"]:
        picture = cv2.GaussianBlur(picture, (0, 0), chance.uniform(*SIGMA) * picture.shape[0] / 112)
    if "jpeg" in how and chance.random() < OFTEN["jpeg"]:
        quality = int(chance.integers(*QUALITY))
        _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        picture = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    if "cutout" in how and chance.random() < OFTEN["cutout"]:
        picture = _with_hole(picture, chance)
    return np.asarray(picture, np.uint8)


def _moved(picture: Any, flip: bool, chance: np.random.Generator) -> Any:
    """Turned, grown and shifted about its middle in one step; what comes in from outside mirrors the edge."""
    side = picture.shape[0]
    middle = (side - 1) / 2
    turn, growth = chance.uniform(-TURN, TURN), 1 + chance.uniform(-GROWTH, GROWTH)
    matrix = cv2.getRotationMatrix2D((middle, middle), turn, growth)
    matrix[:, 2] += chance.uniform(-SHIFT, SHIFT, 2) * side
    if flip:
        matrix[0] = -matrix[0]
        matrix[0, 2] += side - 1
    return cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def _coloured(picture: Any, chance: np.random.Generator) -> Any:
    values = picture.astype(np.float32)
    if chance.random() < GREY:
        values[:] = values.mean(2, keepdims=True)
    mean = values.mean()
    values = (values - mean) * (1 + chance.uniform(-CONTRAST, CONTRAST)) + mean * (1 + chance.uniform(-LIGHT, LIGHT))
    values *= (1 + chance.uniform(-TINT, TINT, 3)).astype(np.float32)
    return values.clip(0, 255).astype(np.uint8)


def _with_hole(picture: Any, chance: np.random.Generator) -> Any:
    """A grey square somewhere, as a hand or glasses would hide what is there."""
    side = picture.shape[0]
    hole = max(1, int(side * chance.uniform(*HOLE)))
    top, left = chance.integers(0, side - hole + 1, 2)
    picture = picture.copy()
    picture[top : top + hole, left : left + hole] = 127
    return picture
