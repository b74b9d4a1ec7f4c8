"""Match the faces of two detectors by overlap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BUCKETS = ((0, 20), (20, 40), (40, 80), (80, 160), (160, 320), (320, 10**9))  # px of face width
SHARES = (
    (0, 0.02),
    (0.02, 0.05),
    (0.05, 0.1),
    (0.1, 0.2),
    (0.2, 0.5),
    (0.5, 10**9),
)  # of the photo's shorter side


@dataclass(frozen=True)
class Match:
    """One face of the reference, and the other side's face for it.

    width: px.  score: the reference's.  iou: of the best box, 0 where none touches.  landmarks: distances of the five
    points in face widths; empty where nothing was found.
    """

    picture: str
    width: float
    score: float
    iou: float
    landmarks: tuple[float, ...]


def matches(reference: dict[str, Any], other: dict[str, Any]) -> Iterator[Match]:
    """Both: picture to [[box, score, landmarks], ...]."""
    for picture, faces in reference.items():
        boxes = np.array([f[0] for f in other[picture]], float).reshape(-1, 4)
        for box, score, points in faces:
            width = box[2] - box[0]
            overlaps = iou(np.array(box, float), boxes)
            if not len(overlaps) or overlaps.max() <= 0:
                yield Match(picture, width, score, 0.0, ())
                continue
            best = int(overlaps.argmax())
            far = np.linalg.norm(np.array(other[picture][best][2], float) - np.array(points, float), axis=1) / width
            yield Match(picture, width, score, float(overlaps[best]), tuple(far.tolist()))


def iou(box: Floats, boxes: Floats) -> Floats:
    """Intersection over union of one box (4,) with each of (n, 4)."""
    size = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    inter = np.prod(np.clip(size, 0, None), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return np.asarray(inter / (np.prod(box[2:] - box[:2]) + areas - inter))


def bucket(value: float, edges: tuple[tuple[float, float], ...]) -> int:
    return next(i for i, (low, high) in enumerate(edges) if low <= value < high or high == edges[-1][1])


def names(edges: tuple[tuple[float, float], ...], unit: str, factor: float = 1) -> list[str]:
    shown = [f"{low * factor:g}-{high * factor:g}{unit}" for low, high in edges]
    return [f"< {edges[0][1] * factor:g}{unit}", *shown[1:-1], f"{edges[-1][0] * factor:g}{unit} and more"]
