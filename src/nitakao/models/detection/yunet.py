"""YuNet, a fast detector, through OpenCV's FaceDetectorYN.

Source: Wu, Peng, Yu 2023, "YuNet: A Tiny Millisecond-level Face Detector"; weights of opencv_zoo, MIT.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from nitakao import geometry
from nitakao.errors import DeviceError, WeightsError
from nitakao.models.onnx.session import Device
from nitakao.models.weights import files
from nitakao.values import DetectorSettings, Face, Floats, Photo, WeightsFile

WEIGHTS = WeightsFile(
    name="face_detection_yunet_2023mar.onnx",
    urls=(
        "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/face_detection_yunet_2023mar.onnx",
        "https://huggingface.co/opencv/face_detection_yunet/resolve/main/face_detection_yunet_2023mar.onnx",
    ),
    sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    size=232_589,
)

# Measured with faces of 39 photographs reduced to a given width: 97% of 20 and 16 px faces are found at this score,
# 93% of 14 px, 74% of 12 px, 33% of 10 px. So nine in ten faces a sixth larger than the smallest requested are found;
# 16 px would find more of the smallest but take 1.8 times as long.
MIN_FACE = 12.0  # px in the network's input
MIN_INPUT = 6  # px, half a face; in pictures of one or two pixels OpenCV 4.8 finds endless faces, some infinite
# For large faces: all up to 400 px, 90% of 500 px, 67% of 600 px are found. Photographs whose input is larger than
# MAX_FACE in both directions are therefore processed a second time at COARSE_SIDE, which takes 4 ms on one core.
MAX_FACE = 400
COARSE_SIDE = 320  # px, shorter side; up to this size scores are near their best
SCORE = (
    0.7  # no false face on the 39 photographs at 320 px, two at 640 px; OpenCV's default 0.9 misses faces under 40 px
)
OVERLAP = 0.3  # OpenCV's default for non-maximum suppression
TOP = 5000  # OpenCV's default number of boxes before suppression


class YuNet:
    """The YuNet detector. Thread-safe: each thread has its own network."""

    def __init__(self, settings: DetectorSettings, path: Path) -> None:
        self.settings = settings
        self._path = path
        self._local = threading.local()
        self._network()  # a damaged file is reported now, not at the first photograph

    def __call__(self, photos: Sequence[Photo], *, min_size_factor: float = 1.0) -> list[list[Face]]:
        return [self._faces(photo, min_size_factor) for photo in photos]

    def _faces(self, photo: Photo, min_size_factor: float) -> list[Face]:
        rows = [self._detect(photo, scale) for scale in self._scales(photo, min_size_factor)]
        return _merge(np.concatenate(rows))

    def _scales(self, photo: Photo, min_size_factor: float) -> list[float]:
        """One or two scales in network pixels per photograph pixel."""
        fine = MIN_FACE / (self.settings.smallest_in(photo.size) * min_size_factor)
        if photo.scale < 1:
            fine = min(fine, photo.scale)  # enlarging decoded pixels adds no detail
        shorter = min(photo.size)
        return [fine] if fine * shorter <= MAX_FACE else [fine, COARSE_SIDE / shorter]

    def _detect(self, photo: Photo, scale: float) -> Floats:
        """Rows (n, 15) of FaceDetectorYN in full-scale photograph pixels, with corners instead of width and height."""
        width, height = (max(1, round(side * scale)) for side in photo.size)
        if min(width, height) < MIN_INPUT:
            return np.zeros((0, 15), np.float32)
        shrink = width < photo.pixels.shape[1]
        small = cv2.resize(photo.pixels, (width, height), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_LINEAR)
        network = self._network()
        network.setInputSize((width, height))
        detections = network.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))[1]
        if detections is None:
            return np.zeros((0, 15), np.float32)
        rows = np.array(detections, np.float32)  # x, y, width, height, five points, score
        rows = rows[np.isfinite(rows).all(axis=1)]
        rows[:, 2:4] += rows[:, 0:2]
        rows[:, 0:14:2] *= photo.size[0] / width
        rows[:, 1:14:2] *= photo.size[1] / height
        return rows

    def _network(self) -> Any:
        if not hasattr(self._local, "network"):
            self._local.network = _open(self._path)
        return self._local.network


def load(settings: DetectorSettings, device: Device | None = None) -> YuNet:
    """Load the detector; downloads its weights if needed. Raises DeviceError for other devices than the CPU."""
    if device is not None and device.name != "cpu":
        raise DeviceError(f"YuNet runs on the CPU only, not on {device.name}: use --detector mtcnn, or --device cpu")
    return YuNet(settings, files.locate(WEIGHTS))


def _open(path: Path) -> Any:
    arguments = ((320, 320), SCORE, OVERLAP, TOP)
    try:
        with _quiet():
            if str(path).isascii():
                return cv2.FaceDetectorYN.create(str(path), "", *arguments)
            # On Windows OpenCV cannot open non-ASCII paths; buffers are supported from OpenCV 4.9.
            content = np.frombuffer(path.read_bytes(), np.uint8)
            return cv2.FaceDetectorYN.create("onnx", content, np.zeros(0, np.uint8), *arguments)
    except (cv2.error, OSError) as error:
        raise WeightsError(f"OpenCV cannot load YuNet from '{path}': delete it to download it again") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence OpenCV 5.0's warning about the 'preferable target' when a network is loaded."""
    logging = getattr(getattr(cv2, "utils", None), "logging", None)
    if logging is None:
        yield
        return
    level = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_ERROR)
    try:
        yield
    finally:
        logging.setLogLevel(level)


def _merge(rows: Floats) -> list[Face]:
    """Merge detections of two scales: best first, without duplicates."""
    rows = rows[np.argsort(-rows[:, 14], kind="stable")]
    rows = rows[(rows[:, 2] > rows[:, 0]) & (rows[:, 3] > rows[:, 1])]
    shared = geometry.iou(rows[:, :4], rows[:, :4])
    kept: list[int] = []
    for number in range(len(rows)):
        if not any(shared[number, better] > OVERLAP for better in kept):
            kept.append(number)
    return [_face(rows[number]) for number in kept]


def _face(row: Floats) -> Face:
    # YuNet's points begin with the person's right eye, the viewer's left, as in our order.
    x1, y1, x2, y2 = (float(v) for v in row[:4])
    return Face((x1, y1, x2, y2), min(float(row[14]), 1.0), np.ascontiguousarray(row[4:14].reshape(5, 2)))
