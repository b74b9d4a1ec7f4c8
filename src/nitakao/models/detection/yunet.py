"""YuNet, the fast detector, through OpenCV's FaceDetectorYN.

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

# Measured with faces of 39 photographs shrunk to a given width: of 20 and 16 px 97% are found at the score below, of
# 14 px 93%, of 12 px 74%, of 10 px 33%. So of faces a sixth larger than the smallest asked for, nine in ten are found;
# 16 px here would be surer of the smallest and take 1.8 times as long.
SMALLEST_SEEN = 12.0  # px in the network's input
TOO_NARROW = 6  # px, half a face; in pictures of a pixel or two OpenCV 4.8 finds faces without end, some infinite
# The same way upwards: all faces up to 400 px, 90% of 500 px, 67% of 600 px. Photographs whose input is taller and
# wider than LARGEST_SEEN are therefore looked at a second time at COARSE_SIDE, at 4 ms on one core.
LARGEST_SEEN = 400
COARSE_SIDE = 320  # px, shorter side; the width up to which scores stay near their best
SCORE = 0.7  # no false face on the 39 photographs at 320 px, two at 640 px; OpenCV's own 0.9 loses faces under 40 px
OVERLAP = 0.3  # OpenCV's default for non-maximum suppression
TOP = 5000  # OpenCV's default number of boxes kept before it


class YuNet:
    """Faces of photographs by YuNet, best first. May be called from several threads: each has its own network."""

    def __init__(self, settings: DetectorSettings, path: Path) -> None:
        self.settings = settings
        self._path = path
        self._local = threading.local()
        self._network()  # a damaged file is reported now, not at the first photograph

    def __call__(self, photos: Sequence[Photo], *, min_size_factor: float = 1.0) -> list[list[Face]]:
        return [self._faces(photo, min_size_factor) for photo in photos]

    def _faces(self, photo: Photo, min_size_factor: float) -> list[Face]:
        rows = [self._look(photo, scale) for scale in self._scales(photo, min_size_factor)]
        return _merge(np.concatenate(rows))

    def _scales(self, photo: Photo, min_size_factor: float) -> list[float]:
        """One or two scales, network pixels per photograph pixel."""
        fine = SMALLEST_SEEN / (self.settings.smallest_in(photo.size) * min_size_factor)
        if photo.scale < 1:
            fine = min(fine, photo.scale)  # enlarging what was decoded small shows nothing new
        shorter = min(photo.size)
        return [fine] if fine * shorter <= LARGEST_SEEN else [fine, COARSE_SIDE / shorter]

    def _look(self, photo: Photo, scale: float) -> Floats:
        """FaceDetectorYN's rows (n, 15), in pixels of the whole photograph, corners instead of width and height."""
        width, height = (max(1, round(side * scale)) for side in photo.size)
        if min(width, height) < TOO_NARROW:
            return np.zeros((0, 15), np.float32)
        shrink = width < photo.pixels.shape[1]
        small = cv2.resize(photo.pixels, (width, height), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_LINEAR)
        network = self._network()
        network.setInputSize((width, height))
        found = network.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))[1]
        if found is None:
            return np.zeros((0, 15), np.float32)
        rows = np.array(found, np.float32)  # x, y, width, height, five points, score
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
    """The detector with its weights found or fetched. It runs on the CPU only."""
    if device is not None and device.name != "cpu":
        raise DeviceError(f"YuNet runs on the CPU only, not on {device.name}: use --detector mtcnn, or --device cpu")
    return YuNet(settings, files.locate(WEIGHTS))


def _open(path: Path) -> Any:
    arguments = ((320, 320), SCORE, OVERLAP, TOP)
    try:
        with _quiet():
            if str(path).isascii():
                return cv2.FaceDetectorYN.create(str(path), "", *arguments)
            # On Windows OpenCV opens no path in another script; the buffer form is there from OpenCV 4.9 on.
            content = np.frombuffer(path.read_bytes(), np.uint8)
            return cv2.FaceDetectorYN.create("onnx", content, np.zeros(0, np.uint8), *arguments)
    except (cv2.error, OSError) as error:
        raise WeightsError(f"OpenCV cannot load YuNet from '{path}': delete it, then it is fetched") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """OpenCV 5.0 warns of each network's 'preferable target' while loading, on our own default; nothing else is hid."""
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
    """Faces, best first, each of those that two scales found once."""
    rows = rows[np.argsort(-rows[:, 14], kind="stable")]
    rows = rows[(rows[:, 2] > rows[:, 0]) & (rows[:, 3] > rows[:, 1])]
    shared = geometry.iou(rows[:, :4], rows[:, :4])
    kept: list[int] = []
    for number in range(len(rows)):
        if not any(shared[number, better] > OVERLAP for better in kept):
            kept.append(number)
    return [_face(rows[number]) for number in kept]


def _face(row: Floats) -> Face:
    # YuNet's points begin with the person's right eye, which is the viewer's left one: our own order.
    x1, y1, x2, y2 = (float(v) for v in row[:4])
    return Face((x1, y1, x2, y2), min(float(row[14]), 1.0), np.ascontiguousarray(row[4:14].reshape(5, 2)))
