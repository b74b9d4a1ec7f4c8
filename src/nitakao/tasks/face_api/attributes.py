"""Face attributes of the Face API that can be measured from pixels and five landmarks.

headPose               `photos.measure_quality`'s pose: degrees, good to about ten; left out without landmarks
blur                   1 - sharpness; low below 0.25, high from 0.75, the Face API's bounds
exposure               mean grey of the box, 0 black to 1 white; its bounds likewise
qualityForRecognition  the quality's score: high and medium as measured below

Everything else the Face API knows would be a guess here: see `UNSUPPORTED`.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

from nitakao import photos
from nitakao.values import Chip, Face, Quality

SUPPORTED = ("headPose", "blur", "exposure", "qualityForRecognition")
UNSUPPORTED = ("accessories", "glasses", "mask", "noise", "occlusion")  # not measured here
RETIRED = ("age", "emotion", "facialHair", "gender", "hair", "makeup", "smile")  # Azure refuses them too

# On LFW (500 pictures, MTCNN) a third of the faces scores below 0.59 and 5% below 0.43; pairs in the lowest third have
# twice the error rate: see `photos.measure_quality`.
HIGH, MEDIUM = 0.59, 0.43
LOW_BELOW, HIGH_FROM = 0.25, 0.75  # learn.microsoft.com, 'Face detection, attributes, and input data'


def measure(face: Face, quality: Quality, chip: Chip, requested: frozenset[str]) -> dict[str, Any]:
    """The requested attributes of `SUPPORTED`, as JSON."""
    values: dict[str, Any] = {}
    if "headPose" in requested and not math.isnan(quality.yaw):
        values["headPose"] = {
            "pitch": round(quality.pitch, 1),
            "roll": round(quality.roll, 1),
            "yaw": round(quality.yaw, 1),
        }
    if "blur" in requested:
        value = 1 - quality.sharpness
        values["blur"] = {"blurLevel": _level(value, "low", "medium", "high"), "value": round(value, 3)}
    if "exposure" in requested:
        value = brightness(face, chip)
        level = _level(value, "underExposure", "goodExposure", "overExposure")
        values["exposure"] = {"exposureLevel": level, "value": round(value, 3)}
    if "qualityForRecognition" in requested:
        score = quality.score
        values["qualityForRecognition"] = "high" if score >= HIGH else "medium" if score >= MEDIUM else "low"
    return values


def _level(value: float, low: str, medium: str, high: str) -> str:
    return low if value < LOW_BELOW else medium if value < HIGH_FROM else high


def brightness(face: Face, chip: Chip) -> float:
    """Mean grey of the face's box, 0 to 1, from its chip."""
    photo, shifted = photos.photo_from_chip(chip, face)
    height, width = photo.pixels.shape[:2]
    left, top, right, bottom = (round(v * photo.scale) for v in shifted.box)
    part = photo.pixels[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
    if not part.size:
        return math.nan
    return float(np.mean(cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2GRAY))) / 255
