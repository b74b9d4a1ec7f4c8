"""Load a detector, retry photographs without a clear face, and select faces."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Protocol, TypeAlias, get_args

import numpy as np

from nitakao import geometry
from nitakao.errors import MisuseError
from nitakao.models.onnx.session import Device
from nitakao.values import Choice, DetectorSettings, Face, Floats, Photo, Turn

PADDING = 0.5  # share of the side added on each side: a face that fills the picture then fills half of it
PADDING_GREY = 127  # mid-range, which every detector normalises to about zero
TURNS: tuple[Turn, ...] = (90, 180, 270)

# Detectors find many sideways or upside-down faces with a lower score, an inaccurate box and wrong landmarks. So a
# photograph whose best score is below this value is also tried rotated. Measured on 100 LFW pictures and 39
# photographs, each rotated by 90, 180 and 270 degrees; share of correct orientations:
#   mtcnn  99%, 96%, 95% (73%, 43%, 62% if only photographs without any face are retried); upright ones retried: 1.4%
#   yunet  100%, 99%, 100% (84%, 26%, 84%);                                                upright ones retried: none
CONFIDENT_SCORE = {"mtcnn": 0.99, "yunet": 0.90}

# Decoded pixels that the smallest face needs: the input of MTCNN's second network, and YuNet's smallest face. Without a
# detector, the picture is needed at full size.
MIN_FACE_PIXELS = {"mtcnn": 24.0, "yunet": 12.0, "none": math.inf}

DetectFunction: TypeAlias = Callable[[list[Photo]], list[list[Face]]]


# Retries skip the smallest faces, which are most of the work. These factors multiply the smallest face size; both
# retries together then cost about as much as the first run.
PADDED_MIN_SIZE_FACTOR, TURNED_MIN_SIZE_FACTOR = (
    4.0,
    2.0,
)


class Detector(Protocol):
    """A face detector."""

    def __call__(self, photos: Sequence[Photo], *, min_size_factor: float = 1.0) -> list[list[Face]]:
        """Detect faces.

        Args:
            photos: Decoded photographs.
            min_size_factor: Multiplies the size of the smallest face to find.

        Returns:
            For each photograph its faces, best score first, in pixels of the upright photograph at full scale.
        """
        ...


def load(settings: DetectorSettings, device: Device | None = None, executor: Executor | None = None) -> Detector:
    """Load the detector in the settings; downloads its weights if needed. executor: see `Mtcnn`."""
    if settings.name == "none":
        return whole_photo
    detector = _load_network(settings, device, executor)
    return RetryingDetector(detector, confident_score=CONFIDENT_SCORE[settings.name]) if settings.retry else detector


def _load_network(settings: DetectorSettings, device: Device | None, executor: Executor | None) -> Detector:
    # Imported here, so that only the detector in use needs to be available and loaded.
    if settings.name == "yunet":
        from nitakao.models.detection import yunet

        return yunet.load(settings, device)
    from nitakao.models.detection.mtcnn import Mtcnn

    return Mtcnn(settings, device, executor)


def decode_scale(settings: DetectorSettings, size: tuple[int, int]) -> float:
    """Smallest scale (at most 1) at which to decode a photograph of `size` (width, height) for the detector."""
    return min(1.0, MIN_FACE_PIXELS[settings.name] / settings.smallest_in(size))


def whole_photo(photos: Sequence[Photo], *, min_size_factor: float = 1.0) -> list[list[Face]]:
    """The detector 'none': treat each picture as one face, for crops and images that are not faces."""
    return [[Face((0.0, 0.0, float(photo.size[0]), float(photo.size[1])), 1.0)] for photo in photos]


class RetryingDetector:
    """A detector that retries photographs: padded if no face was found (close-ups), then rotated by 90, 180 and 270.

    Photographs whose best score is below `confident_score` are tried rotated; the orientation with the best score is
    used. This costs four coarser runs for such photographs, and nothing for others.
    """

    def __init__(self, detector: Detector, *, confident_score: float) -> None:
        self.detector = detector
        self.confident_score = confident_score

    def __call__(self, photos: Sequence[Photo], *, min_size_factor: float = 1.0) -> list[list[Face]]:
        faces = self.detector(photos, min_size_factor=min_size_factor)
        self._retry(self._detect_padded, photos, faces, min_score=0.0)
        self._retry(self._detect_rotated, photos, faces, min_score=self.confident_score)
        return faces

    def _retry(
        self, detect: DetectFunction, photos: Sequence[Photo], results: list[list[Face]], *, min_score: float
    ) -> None:
        """Retry photographs whose best score is below `min_score`, and keep better results."""
        weak = [number for number, faces in enumerate(results) if not faces or faces[0].score < min_score]
        if not weak:
            return
        for number, faces in zip(weak, detect([photos[n] for n in weak]), strict=True):
            if faces and (not results[number] or faces[0].score > results[number][0].score):
                results[number] = faces

    def _detect_padded(self, photos: list[Photo]) -> list[list[Face]]:
        detections = self.detector([_pad(photo) for photo in photos], min_size_factor=PADDED_MIN_SIZE_FACTOR)
        return [[_unpad(face, photo) for face in faces] for photo, faces in zip(photos, detections, strict=True)]

    def _detect_rotated(self, photos: list[Photo]) -> list[list[Face]]:
        best: list[list[Face]] = [[] for _ in photos]
        for turn in TURNS:
            detections = self.detector(
                [_rotate(photo, turn) for photo in photos], min_size_factor=TURNED_MIN_SIZE_FACTOR
            )
            for number, (photo, faces) in enumerate(zip(photos, detections, strict=True)):
                if faces and (not best[number] or faces[0].score > best[number][0].score):
                    best[number] = [geometry.unrotate_face(face, turn, photo.size) for face in faces]
        return best


def select_faces(faces: Sequence[Face], choice: Choice, size: tuple[int, int]) -> list[Face]:
    """Select faces of a photograph.

    Args:
        faces: In the detector's order.
        choice: 'all', 'largest', 'central', 'best' (score), or 'first', the article's: first in the detector's order.
        size: (width, height) of the photograph.

    Raises:
        MisuseError: If the choice is unknown.
    """
    if choice not in get_args(Choice):
        raise MisuseError(f"no choice of face '{choice}': choose one of {', '.join(get_args(Choice))}")
    if choice == "all" or not faces:
        return list(faces)
    if choice == "largest":
        return [max(faces, key=lambda face: face.area)]
    if choice == "central":
        return [min(faces, key=lambda face: _off_centre(face, size))]
    if choice == "best":
        return [max(faces, key=lambda face: face.score)]
    return [faces[0]]


def _off_centre(face: Face, size: tuple[int, int]) -> float:
    x1, y1, x2, y2 = face.box
    return math.hypot((x1 + x2 - size[0]) / 2, (y1 + y2 - size[1]) / 2)


def _pad(photo: Photo) -> Photo:
    height, width = photo.pixels.shape[:2]
    across, down = _padding(photo)
    edges = ((down, down), (across, across), (0, 0))
    pixels = np.pad(photo.pixels, edges, constant_values=PADDING_GREY)
    size = (round(photo.size[0] * (1 + 2 * across / width)), round(photo.size[1] * (1 + 2 * down / height)))
    return dataclasses.replace(photo, pixels=pixels, size=size)


def _unpad(face: Face, photo: Photo) -> Face:
    """Map a face from the padded photograph to the original; its box may extend beyond it."""
    height, width = photo.pixels.shape[:2]
    across, down = _padding(photo)
    left, top = across * photo.size[0] / width, down * photo.size[1] / height
    x1, y1, x2, y2 = face.box
    marks: Floats | None = None
    if face.landmarks is not None:
        marks = (face.landmarks - np.array([left, top])).astype(np.float32)
    return dataclasses.replace(face, box=(x1 - left, y1 - top, x2 - left, y2 - top), landmarks=marks)


def _padding(photo: Photo) -> tuple[int, int]:
    """Decoded pixels added on the left and right each, and at the top and bottom each."""
    height, width = photo.pixels.shape[:2]
    return round(PADDING * width), round(PADDING * height)


def _rotate(photo: Photo, turn: Turn) -> Photo:
    pixels = np.ascontiguousarray(np.rot90(photo.pixels, turn // 90))  # counter-clockwise, as Face.turn
    return dataclasses.replace(photo, pixels=pixels, size=geometry.rotated_size(photo.size, turn))
