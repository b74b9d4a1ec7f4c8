"""Photographs, the faces in them, and the result for each photograph."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from nitakao.errors import MisuseError
from nitakao.values.arrays import Floats, Pixels
from nitakao.values.tables import Row, Table

Turn = Literal[0, 90, 180, 270]
DetectorName = Literal["mtcnn", "yunet", "none"]
Choice = Literal["all", "largest", "central", "best", "first"]
PhotoStatus = Literal["ok", "no-face", "no-crop", "unreadable"]

NO_FACE = "no face found"  # the problem of photos whose status is 'no-face', also as galleries store it


@dataclass(frozen=True, eq=False)
class Photo:
    """One decoded photograph, upright.

    Attributes:
        source: Path, address or name of the photograph.
        pixels: (H, W, 3) uint8 RGB, upright.
        size: (width, height) of the upright photograph at full scale; `pixels` may be decoded smaller.
        sha256: SHA-256 of the encoded bytes, lower-case hex; empty if there are none.
        profile: ICC profile, which crops convert from; empty if there is none.
    """

    source: str
    pixels: Pixels
    size: tuple[int, int]
    sha256: str = ""
    profile: bytes = b""

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.dtype != np.uint8:
            raise MisuseError(
                f"a photo's pixels are (height, width, 3) uint8 RGB, not {self.pixels.shape} {self.pixels.dtype}"
            )

    @property
    def scale(self) -> float:
        """Decoded pixels per photograph pixel; 1.0 at full scale.

        Exactly 1/2, 1/4 or 1/8 for a JPEG decoded smaller, although its last row and column may cover fewer pixels.
        """
        across, down = self.size
        for part in (1, 2, 4, 8):
            if self.pixels.shape[:2] == (-(-down // part), -(-across // part)):
                return 1.0 / part
        return float(self.pixels.shape[1]) / across


@dataclass(frozen=True, eq=False)
class Face:
    """One detected face.

    Attributes:
        box: x1, y1, x2, y2, in pixels of the upright photograph at full scale.
        score: Detection score, 0 to 1.
        landmarks: (5, 2) float32 x, y in the same frame: left eye, right eye, nose, left and right mouth corner, as the
            viewer sees them. None if the detector gives none.
        turn: Degrees counter-clockwise by which to rotate the photograph for an upright face.
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: Floats | None = None
    turn: Turn = 0

    @property
    def width(self) -> float:
        return self.box[2] - self.box[0]

    @property
    def height(self) -> float:
        return self.box[3] - self.box[1]

    @property
    def area(self) -> float:
        return max(self.width, 0.0) * max(self.height, 0.0)


@dataclass(frozen=True)
class Quality:
    """Quality of a face.

    Attributes:
        sharpness: 0 to 1.
        yaw, pitch, roll: Approximate degrees, from the five landmarks; 0 faces the camera. NaN without landmarks.
        score: 0 to 1; combines all of these with the face's size and detection score.
    """

    sharpness: float = math.nan
    yaw: float = math.nan
    pitch: float = math.nan
    roll: float = math.nan
    score: float = math.nan


@dataclass(frozen=True, eq=False)
class Chip:
    """A small picture of a face with a margin of half its size, from which any model can crop again.

    Attributes:
        jpeg: Encoded JPEG.
        frame: x1, y1, x2, y2 of what it shows, in whole pixels of the upright photograph.
    """

    jpeg: bytes
    frame: tuple[int, int, int, int]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of what the chip shows, in pixels of the photograph."""
        return self.frame[2] - self.frame[0], self.frame[3] - self.frame[1]


@dataclass(frozen=True)
class DetectorSettings:
    """Settings of the face detector.

    Attributes:
        name: 'mtcnn', 'yunet', or 'none' if each photograph is one face.
        smallest_face: Side of the smallest face to detect, in pixels. None: `EVERYDAY_SHARE` of the photograph's
            shorter side, but at least `ARTICLE_SMALLEST_FACE`.
        thresholds: Score thresholds of MTCNN's three stages.
        factor: Scale step of MTCNN's pyramid.
        retry: If there is no face, detect again with padding and at 90, 180 and 270 degrees.
    """

    name: DetectorName = "mtcnn"
    smallest_face: float | None = None
    thresholds: tuple[float, float, float] = (0.6, 0.7, 0.7)  # the article's, facenet's align_dataset_mtcnn.py
    factor: float = 0.709  # the article's: about 1/sqrt(2), so each level has half the area
    retry: bool = True

    def __post_init__(self) -> None:
        if self.name not in get_args(DetectorName):
            raise MisuseError(f"no detector '{self.name}': choose one of {', '.join(get_args(DetectorName))}")
        if self.smallest_face is not None and not 12 <= self.smallest_face <= 100_000:
            raise MisuseError(f"the smallest face is 12 to 100000 pixels, not {self.smallest_face:g}")
        if not all(0 < t < 1 for t in self.thresholds) or len(self.thresholds) != 3:
            raise MisuseError(f"MTCNN takes three thresholds between 0 and 1, not {self.thresholds}")
        if not 0.1 <= self.factor <= 0.95:
            raise MisuseError(f"the pyramid factor lies between 0.1 and 0.95, not {self.factor:g}")

    def smallest_in(self, size: tuple[int, int]) -> float:
        """Side of the smallest face to detect in a photograph of this (width, height), in pixels."""
        if self.smallest_face is not None:
            return self.smallest_face
        return max(ARTICLE_SMALLEST_FACE, EVERYDAY_SHARE * min(size))


ARTICLE_SMALLEST_FACE = 20.0  # px; facenet's align_dataset_mtcnn.py
EVERYDAY_SHARE = 1 / 50  # of the shorter side; recall by face size is measured in benchmarks/


@dataclass(frozen=True, eq=False)
class Outcome(Table):
    """The result for one photo: its faces and their vectors, or the reason why there are none.

    Attributes:
        source: The photo's path, address or name.
        size: (width, height) in pixels, upright, at full scale.
        sha256: Of the encoded bytes; empty if the photo could not be read or has none.
        faces: The faces found, best score first.
        vectors: (n, D) float32, one row per face; (n, 0) if faces were only detected.
        crops: (n, S, S, 3) uint8 aligned crops, if kept.
        status: 'ok'; 'no-face'; 'no-crop' if faces were found but none could be cropped; 'unreadable'.
        problem: A sentence for every status other than 'ok'; else empty.
        qualities: One per face, if kept.
        chips: One per face, if kept.
        found: Number of faces found, before choosing among them.
    """

    source: str
    size: tuple[int, int] = (0, 0)
    sha256: str = ""
    faces: tuple[Face, ...] = ()
    vectors: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    crops: Pixels | None = None
    status: PhotoStatus = "ok"
    problem: str = ""
    qualities: tuple[Quality, ...] = ()
    chips: tuple[Chip, ...] = ()
    found: int = 0

    def to_dicts(self) -> list[Row]:
        """One dict per face, or one without a face for a photo with a problem."""
        row: Row = {"source": self.source, "face": None, "box": None, "score": None, "problem": self.problem}
        if not self.faces:
            return [row]
        return [
            row | {"face": number, "box": tuple(round(v, 1) for v in face.box), "score": face.score}
            for number, face in enumerate(self.faces)
        ]

    @property
    def complaint(self) -> str:
        """The problem, naming its photograph once: those of reading name it themselves."""
        return self.problem if f"'{self.source}'" in self.problem else f"'{self.source}': {self.problem}"
