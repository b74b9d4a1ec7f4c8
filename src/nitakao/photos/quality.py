"""Face quality: sharpness from pixels, pose from five landmarks, and a score that combines both with size.

Effect of the score on LFW folds 1-5, pairs in thirds by the lower score of the two, lowest third first: error rate 1.0,
0.4 and 0.3% with facenet-vggface2 (dlib-resnet 1.5, 0.9, 1.1); false non-match rate at a false match rate of 1%: 0.9,
0.4, 0.2% (2.5, 1.3, 1.2). For facenet, sharpness alone gives the same result.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

from nitakao.values import Face, Floats, Photo, Quality

SIDE = 96  # px; faces are resized to this before sharpness is measured, about the input size of the networks
HALF_SHARP = 0.03  # detail at which sharpness is 1/2; LFW's median is 0.085, and 0.035 after a Gaussian blur of 1 px
MIN_CONTRAST = 100.0  # levels squared; below it the variation is mostly 8-bit rounding
HALF_SIZE = 30.0  # px, side of the box at which the size factor is 1/2

# A head, in eye distances: height from eyes to mouth, position of the nose tip along it, and how
# far the nose protrudes. From MTCNN landmarks of 5,112 LFW pictures: medians over frontal faces; depth is fitted from
# (height / eye distance) squared, which grows with the nose offset squared by 1 / depth squared, because the eye
# distance shrinks by cos(yaw) while the nose moves by depth * tan(yaw).
HEIGHT, NOSE, DEPTH = 1.07, 0.54, 0.60


def measure_quality(photo: Photo, face: Face) -> Quality:
    """Measure sharpness and pose, and combine them into a score.

    The score is the product of sharpness, size (side^2 / (side^2 + 30^2), full-scale pixels), cos^2 of yaw and pitch,
    and the detector's score. Roll is not included, because crops undo it.

    Args:
        photo: Decoded at `chip_scale` or more.
        face: In pixels of the upright photograph at full scale.
    """
    sharp = sharpness(photo, face)
    yaw, pitch, roll = (math.nan,) * 3 if face.landmarks is None else pose(face.landmarks)
    frontal = 1.0 if math.isnan(yaw) else math.cos(math.radians(yaw)) * math.cos(math.radians(pitch))
    size = face.area / (face.area + HALF_SIZE**2)
    return Quality(sharp, yaw, pitch, roll, min(1.0, max(0.0, face.score * size * sharp * frontal**2)))


def sharpness(photo: Photo, face: Face) -> float:
    """Share of the contrast in the finest details of the face, resized to 96 x 96 pixels, from 0 to 1.

    It is based on the variance of the Laplacian over the variance of grey levels, which does not depend on brightness
    or contrast. Strong JPEG blocks count as detail. 0 if the box is outside the photograph.
    """
    grey = _grey(photo, face)
    if not grey.size:
        return 0.0
    shrink = cv2.INTER_AREA if min(grey.shape) > SIDE else cv2.INTER_LINEAR
    small: Any = cv2.resize(grey, (SIDE, SIDE), interpolation=shrink)
    detail = float(cv2.Laplacian(small, cv2.CV_32F).var()) / max(float(small.var()), MIN_CONTRAST)
    return detail / (detail + HALF_SHARP)


def pose(landmarks: Floats) -> tuple[float, float, float]:
    """Estimate head pose from landmarks; yaw and pitch are accurate to about ten degrees.

    Roll is the slope of the eyes. With the eyes level, in parallel projection, the nose's offset from the line between
    the centres of eyes and mouth is depth * sin(yaw) and the eye distance is cos(yaw); the nose's height as a share of
    the mouth's is nose - depth / height * tan(pitch).

    Args:
        landmarks: (5, 2) pixels.

    Returns:
        (yaw, pitch, roll) in degrees: positive if the nose points to the viewer's right, up, and the head tilts
        clockwise. NaN if the points do not form a face.
    """
    left, right, nose, *mouth = landmarks.astype(np.float64)
    across, middle = right - left, (left + right) / 2
    level = np.array([across, (-across[1], across[0])]) / max(float(across @ across), 1e-9)  # in eye distances
    nose_x, nose_y = level @ (nose - middle)
    mouth_x, mouth_y = level @ (np.mean(mouth, axis=0) - middle)
    if not across.any() or not mouth_y > 0:
        return math.nan, math.nan, math.nan
    share = nose_y / mouth_y
    yaw, pitch = math.atan((nose_x - share * mouth_x) / DEPTH), math.atan((NOSE - share) * HEIGHT / DEPTH)
    return math.degrees(yaw), math.degrees(pitch), math.degrees(math.atan2(across[1], across[0]))


def _grey(photo: Photo, face: Face) -> Floats:
    """Grey levels (h, w) float32 inside the box; empty if it is outside the photograph."""
    height, width = photo.pixels.shape[:2]
    left, top, right, bottom = (min(max(round(v * photo.scale), 0), 1 << 30) for v in face.box)
    part = photo.pixels[top : min(bottom, height), left : min(right, width)]
    if not part.size:
        return np.zeros((0, 0), np.float32)
    return np.asarray(cv2.cvtColor(part.astype(np.float32), cv2.COLOR_RGB2GRAY), np.float32)
