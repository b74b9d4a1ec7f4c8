"""Choosing a detector, looking again where nothing was found, and choosing among the faces."""

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

PADDING = 0.5  # of the photograph's side, added on each side: a face that fills the picture then fills half of it
PADDING_GREY = 127  # the middle of the range, which every detector's normalisation takes to about zero
TURNS: tuple[Turn, ...] = (90, 180, 270)

# Detectors find many faces that lie on their side or stand on their head, with a lower score, a box that is off and
# landmarks as if they stood upright. So a photograph whose best face stays below this score is turned, too. Measured on
# 100 LFW pictures and 39 photographs, each turned by 90, 180 and 270 degrees; put right were, of these:
#   mtcnn  99%, 96%, 95% (73%, 43%, 62% if only those without any face were turned); upright ones looked at again: 1.4%
#   yunet  100%, 99%, 100% (84%, 26%, 84%);                                           upright ones looked at again: none
CONFIDENT_SCORE = {"mtcnn": 0.99, "yunet": 0.90}

# Pixels that the smallest face needs once the photograph is decoded: what MTCNN's second network looks at, and YuNet's
# smallest input. A picture that is one face as a whole is wanted whole.
MIN_FACE_PIXELS = {"mtcnn": 24.0, "yunet": 12.0, "none": math.inf}

DetectFunction: TypeAlias = Callable[[list[Photo]], list[list[Face]]]


# A second look is for faces that are there to be seen: it leaves out the smallest, which are most of the work.
PADDED_MIN_SIZE_FACTOR, TURNED_MIN_SIZE_FACTOR = (
    4.0,
    2.0,
)


class Detector(Protocol):
    def __call__(self, photos: Sequence[Photo], *, min_size_factor: float = 1.0) -> list[list[Face]]:
        """For each photograph its faces, best score first, in pixels of the upright photograph at full scale.

        min_size_factor: how many times larger the smallest face is that is looked for.
        """
        ...


def load(settings: DetectorSettings, device: Device | None = None, executor: Executor | None = None) -> Detector:
    """The detector that the settings name, its weights found or fetched. executor: see `Mtcnn`."""
    if settings.name == "none":
        return whole_photo
    detector = _load_network(settings, device, executor)
    return RetryingDetector(detector, sure=CONFIDENT_SCORE[settings.name]) if settings.retry else detector


def _load_network(settings: DetectorSettings, device: Device | None, executor: Executor | None) -> Detector:
    # Imported here, so that one detector's absence or start-up time is not felt by those who use the other.
    if settings.name == "yunet":
        from nitakao.models.detection import yunet

        return yunet.load(settings, device)
    from nitakao.models.detection.mtcnn import Mtcnn

    return Mtcnn(settings, device, executor)


def decode_scale(settings: DetectorSettings, size: tuple[int, int]) -> float:
    """The scale, 1.0 or less, at which a photograph of this (width, height) has to be decoded for the detector."""
    return min(1.0, MIN_FACE_PIXELS[settings.name] / settings.smallest_in(size))


def whole_photo(photos: Sequence[Photo], *, min_size_factor: float = 1.0) -> list[list[Face]]:
    """Each picture taken for one face as it is: the detector 'none', for crops and for things other than faces."""
    return [[Face((0.0, 0.0, float(photo.size[0]), float(photo.size[1])), 1.0)] for photo in photos]


class RetryingDetector:
    """A detector that looks again: padded where it found nothing, for close-ups, then turned by 90, 180 and 270.

    Turned are photographs without a face whose score reaches `sure`; of the four ways up the one with the best score
    counts. Costs four more looks at such photographs, coarser ones, and none at the others.
    """

    def __init__(self, detector: Detector, *, sure: float) -> None:
        self.detector = detector
        self.sure = sure

    def __call__(self, photos: Sequence[Photo], *, min_size_factor: float = 1.0) -> list[list[Face]]:
        found = self.detector(photos, min_size_factor=min_size_factor)
        self._again(self._padded, photos, found, least=0.0)
        self._again(self._turned, photos, found, least=self.sure)
        return found

    def _again(self, look: DetectFunction, photos: Sequence[Photo], found: list[list[Face]], *, least: float) -> None:
        """Look again at photographs without a face of at least this score, and keep what is found with a better one."""
        weak = [number for number, faces in enumerate(found) if not faces or faces[0].score < least]
        if not weak:
            return
        for number, faces in zip(weak, look([photos[n] for n in weak]), strict=True):
            if faces and (not found[number] or faces[0].score > found[number][0].score):
                found[number] = faces

    def _padded(self, photos: list[Photo]) -> list[list[Face]]:
        seen = self.detector([_pad(photo) for photo in photos], min_size_factor=PADDED_MIN_SIZE_FACTOR)
        return [[_unpad(face, photo) for face in faces] for photo, faces in zip(photos, seen, strict=True)]

    def _turned(self, photos: list[Photo]) -> list[list[Face]]:
        best: list[list[Face]] = [[] for _ in photos]
        for turn in TURNS:
            seen = self.detector([_turn(photo, turn) for photo in photos], min_size_factor=TURNED_MIN_SIZE_FACTOR)
            for number, (photo, faces) in enumerate(zip(photos, seen, strict=True)):
                if faces and (not best[number] or faces[0].score > best[number][0].score):
                    best[number] = [geometry.unrotate_face(face, turn, photo.size) for face in faces]
        return best


def select_faces(faces: Sequence[Face], choice: Choice, size: tuple[int, int]) -> list[Face]:
    """All faces, or the one that is largest, most central in a photograph of `size`, best scored, or first found.

    'first' is what the article takes: the first box in the detector's own order, which falls by score.
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
    """The face in the photograph's own frame; its box may stick out, as a close-up's face does."""
    height, width = photo.pixels.shape[:2]
    across, down = _padding(photo)
    left, top = across * photo.size[0] / width, down * photo.size[1] / height
    x1, y1, x2, y2 = face.box
    marks: Floats | None = None
    if face.landmarks is not None:
        marks = (face.landmarks - np.array([left, top])).astype(np.float32)
    return dataclasses.replace(face, box=(x1 - left, y1 - top, x2 - left, y2 - top), landmarks=marks)


def _padding(photo: Photo) -> tuple[int, int]:
    """Decoded pixels added at each of the left and right sides, and at top and bottom."""
    height, width = photo.pixels.shape[:2]
    return round(PADDING * width), round(PADDING * height)


def _turn(photo: Photo, turn: Turn) -> Photo:
    pixels = np.ascontiguousarray(np.rot90(photo.pixels, turn // 90))  # counter-clockwise, as Face.turn
    return dataclasses.replace(photo, pixels=pixels, size=geometry.rotated_size(photo.size, turn))
