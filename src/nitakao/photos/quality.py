"""How much a face has to show: sharpness from its pixels, pose from its five landmarks, and both with its size.

What the score is worth, on LFW's folds 1-5, the pairs in thirds by the lower score of the two, lowest third first:
wrong verdicts 1.0, 0.4 and 0.3% with facenet-vggface2 (dlib-resnet 1.5, 0.9, 1.1), pairs of one person missed where 1%
of pairs of two people are let through 0.9, 0.4, 0.2% (2.5, 1.3, 1.2). Sharpness by itself does the same for facenet.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

from nitakao.values import Face, Floats, Photo, Quality

SIDE = 96  # px to which a face is brought before its sharpness is measured: about what networks see of it
HALF_SHARP = 0.03  # detail at which sharpness is 1/2; LFW's median is 0.085, and 0.035 after a Gaussian blur of 1 px
MIN_CONTRAST = 100.0  # levels squared: with less, what varies is mostly the rounding to 8 bits
HALF_SIZE = 30.0  # px, side of the box at which size counts 1/2

# A head in units of the distance between its eyes: from the eyes down to the mouth, where along that the nose tip
# lies, and how far it stands out. All three from MTCNN's landmarks on 5,112 LFW pictures: medians of those that look
# straight ahead; and depth from (height / distance of the eyes) squared, which grows with the nose's offset squared by
# 1 / depth squared, since the eyes come closer as 1 / cos(yaw) while the nose moves by depth * tan(yaw).
HEIGHT, NOSE, DEPTH = 1.07, 0.54, 0.60


def measure_quality(photo: Photo, face: Face) -> Quality:
    """Sharpness, pose and the score of it all.

    score: the product of sharpness, size (side^2 / (side^2 + 30^2), pixels at full scale), cos^2 of yaw and of pitch,
    and the detector's score.  Roll is left out, since crops undo it.  photo: decoded at `chip_scale` or above.
    """
    sharp = sharpness(photo, face)
    yaw, pitch, roll = (math.nan,) * 3 if face.landmarks is None else pose(face.landmarks)
    ahead = 1.0 if math.isnan(yaw) else math.cos(math.radians(yaw)) * math.cos(math.radians(pitch))
    size = face.area / (face.area + HALF_SIZE**2)
    return Quality(sharp, yaw, pitch, roll, min(1.0, max(0.0, face.score * size * sharp * ahead**2)))


def sharpness(photo: Photo, face: Face) -> float:
    """0..1: how much of the contrast within the box lies in details of a pixel or two of a picture of 96 x 96.

    That is the variance of the Laplacian over the variance of grey values, which neither light nor contrast changes.
    Strong JPEG blocks count as detail.  0 where the box shows nothing.
    """
    grey = _grey(photo, face)
    if not grey.size:
        return 0.0
    shrink = cv2.INTER_AREA if min(grey.shape) > SIDE else cv2.INTER_LINEAR
    small: Any = cv2.resize(grey, (SIDE, SIDE), interpolation=shrink)
    detail = float(cv2.Laplacian(small, cv2.CV_32F).var()) / max(float(small.var()), MIN_CONTRAST)
    return detail / (detail + HALF_SHARP)


def pose(landmarks: Floats) -> tuple[float, float, float]:
    """(yaw, pitch, roll) in degrees, positive where the nose turns to the viewer's right, up, and the head clockwise.

    landmarks: (5, 2), pixels.  Roll is the slope of the eyes.  With the eyes brought level, under parallel projection:
    the nose's offset from the line between the middles of eyes and mouth is depth * sin(yaw), the eyes are cos(yaw)
    apart; its height as a share of the mouth's is nose - depth / height * tan(pitch).  People's noses differ, and
    landmarks are off by a pixel or two, so take yaw and pitch for good to about ten degrees.  NaN where the points make
    no face.
    """
    left, right, nose, *mouth = landmarks.astype(np.float64)
    across, middle = right - left, (left + right) / 2
    level = np.array([across, (-across[1], across[0])]) / max(float(across @ across), 1e-9)  # in distances of the eyes
    nose_x, nose_y = level @ (nose - middle)
    mouth_x, mouth_y = level @ (np.mean(mouth, axis=0) - middle)
    if not across.any() or not mouth_y > 0:
        return math.nan, math.nan, math.nan
    share = nose_y / mouth_y
    yaw, pitch = math.atan((nose_x - share * mouth_x) / DEPTH), math.atan((NOSE - share) * HEIGHT / DEPTH)
    return math.degrees(yaw), math.degrees(pitch), math.degrees(math.atan2(across[1], across[0]))


def _grey(photo: Photo, face: Face) -> Floats:
    """Levels of grey within the box; none where it lies outside."""
    height, width = photo.pixels.shape[:2]
    left, top, right, bottom = (min(max(round(v * photo.scale), 0), 1 << 30) for v in face.box)
    part = photo.pixels[top : min(bottom, height), left : min(right, width)]
    if not part.size:
        return np.zeros((0, 0), np.float32)
    return np.asarray(cv2.cvtColor(part.astype(np.float32), cv2.COLOR_RGB2GRAY), np.float32)
