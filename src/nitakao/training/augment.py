"""Augmentation: random small changes to crops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from nitakao.values import Pixels

SHIFT, ROTATION, SCALE = 0.05, 8.0, 0.08  # largest shift by share of the side, rotation in degrees, scaling
BRIGHTNESS, CONTRAST, TINT = 0.2, 0.25, 0.08  # largest changes
GREY = 0.1  # probability
PROBABILITY = {"jpeg": 0.3, "blur": 0.2, "cutout": 0.3}
QUALITY = (30, 95)  # JPEG's
SIGMA = (0.4, 1.2)  # px at a side of 112, of a Gaussian
HOLE = (0.15, 0.4)  # of the side


def augment_crops(crops: Pixels, names: Sequence[str], rng: np.random.Generator) -> Pixels:
    """Augment crops, (n, S, S, 3) uint8, with changes of AUGMENTATIONS; the same for the same state of `rng`."""
    return np.stack([_augment(crop, names, rng) for crop in crops]) if names else crops


def _augment(crop: Pixels, names: Sequence[str], rng: np.random.Generator) -> Pixels:
    picture: Any = crop
    flip = "flip" in names and rng.random() < 0.5
    if "jitter" in names:
        picture = _warp(picture, flip, rng)
    elif flip:
        picture = np.ascontiguousarray(picture[:, ::-1])
    if "colour" in names:
        picture = _jitter_colour(picture, rng)
    if "blur" in names and rng.random() < PROBABILITY["blur"]:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(*SIGMA) * picture.shape[0] / 112)
    if "jpeg" in names and rng.random() < PROBABILITY["jpeg"]:
        quality = int(rng.integers(*QUALITY))
        _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        picture = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    if "cutout" in names and rng.random() < PROBABILITY["cutout"]:
        picture = _cut_out(picture, rng)
    return np.asarray(picture, np.uint8)


def _warp(picture: Any, flip: bool, rng: np.random.Generator) -> Any:
    """Rotate, scale, shift and flip in one step; pixels from outside mirror the edge."""
    side = picture.shape[0]
    centre = (side - 1) / 2
    angle, scale = rng.uniform(-ROTATION, ROTATION), 1 + rng.uniform(-SCALE, SCALE)
    matrix = cv2.getRotationMatrix2D((centre, centre), angle, scale)
    matrix[:, 2] += rng.uniform(-SHIFT, SHIFT, 2) * side
    if flip:
        matrix[0] = -matrix[0]
        matrix[0, 2] += side - 1
    return cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def _jitter_colour(picture: Any, rng: np.random.Generator) -> Any:
    values = picture.astype(np.float32)
    if rng.random() < GREY:
        values[:] = values.mean(2, keepdims=True)
    mean = values.mean()
    values = (values - mean) * (1 + rng.uniform(-CONTRAST, CONTRAST)) + mean * (
        1 + rng.uniform(-BRIGHTNESS, BRIGHTNESS)
    )
    values *= (1 + rng.uniform(-TINT, TINT, 3)).astype(np.float32)
    return values.clip(0, 255).astype(np.uint8)


def _cut_out(picture: Any, rng: np.random.Generator) -> Any:
    """Cover a random square with grey, as a hand or glasses cover part of a face."""
    side = picture.shape[0]
    hole = max(1, int(side * rng.uniform(*HOLE)))
    top, left = rng.integers(0, side - hole + 1, 2)
    picture = picture.copy()
    picture[top : top + hole, left : left + hole] = 127
    return picture
