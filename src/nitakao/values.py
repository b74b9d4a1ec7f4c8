"""The nouns of nitakao: frozen values that every layer speaks in, checked once, when they are made."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import CardError, MisuseError

Pixels: TypeAlias = NDArray[np.uint8]
Floats: TypeAlias = NDArray[np.float32]

Turn = Literal[0, 90, 180, 270]
CropKind = Literal["article", "margin", "template"]
NormalisationKind = Literal["fixed", "per-picture", "per-channel"]
Metric = Literal["euclidean", "cosine"]
Commercial = Literal["allowed", "forbidden", "unclear"]
DetectorName = Literal["mtcnn", "yunet", "none"]
Choice = Literal["all", "largest", "central", "best", "first"]


@dataclass(frozen=True, eq=False)
class Photo:
    """One decoded photograph, upright.

    source: where it came from, as given.  pixels: (h, w, 3) uint8 RGB, upright.
    size: (width, height) of the whole photograph at full scale, upright; `pixels` may have been decoded smaller.
    sha256: of the encoded bytes, lower-case hex; empty for pictures that never had any.
    """

    source: str
    pixels: Pixels
    size: tuple[int, int]
    sha256: str = ""

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.dtype != np.uint8:
            raise MisuseError(
                f"a photo's pixels are (height, width, 3) uint8 RGB, not {self.pixels.shape} {self.pixels.dtype}"
            )

    @property
    def scale(self) -> float:
        """Decoded pixels per photograph pixel: 1.0 at full scale.

        A JPEG decoded smaller has 1/2, 1/4 or 1/8, exactly: its last row and column may stand for fewer pixels.
        """
        across, down = self.size
        for part in (1, 2, 4, 8):
            if self.pixels.shape[:2] == (-(-down // part), -(-across // part)):
                return 1.0 / part
        return float(self.pixels.shape[1]) / across


@dataclass(frozen=True, eq=False)
class Face:
    """One face as found.

    box: x1, y1, x2, y2, pixels of the upright photograph at full scale.  score: 0..1, large when sure.
    landmarks: (5, 2) float32 x, y in the same frame (left eye, right eye, nose, left and right mouth corner, as the
    viewer sees them), or None where the detector gives none.
    turn: degrees counter-clockwise by which the photograph must be turned for the face to stand upright.
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
class DetectorSettings:
    """How faces are looked for.

    smallest_face: side in photograph pixels, or None for the everyday default, `EVERYDAY_SHARE` of the photograph's
    shorter side (and never under `ARTICLE_SMALLEST_FACE`).  thresholds, factor: MTCNN's three scores and pyramid step.
    retry: where no face is found, try again with padding and at 90, 180 and 270 degrees.
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
        """Side in pixels of the smallest face looked for in a photograph of this (width, height)."""
        if self.smallest_face is not None:
            return self.smallest_face
        return max(ARTICLE_SMALLEST_FACE, EVERYDAY_SHARE * min(size))


ARTICLE_SMALLEST_FACE = 20.0  # px; facenet's align_dataset_mtcnn.py
EVERYDAY_SHARE = 1 / 50  # of the shorter side; recall by face size is measured in benchmarks/


@dataclass(frozen=True)
class CropRule:
    """How a face is cut out for one network.

    article:  box + margin/2 photograph pixels on each side, clipped, stretched bilinearly (the article's 44 px).
    margin:   the margin counted in pixels of the crop, so that it scales with the face (facenet-pytorch's way).
    template: five landmarks laid on `template` ((5, 2) in crop pixels) by a least-squares similarity transform.
    size: side of the square crop in pixels.
    """

    kind: CropKind
    size: int
    margin: float = 0.0
    template: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in get_args(CropKind):
            raise CardError(f"no crop kind '{self.kind}': choose one of {', '.join(get_args(CropKind))}")
        if not 8 <= self.size <= 2048:
            raise CardError(f"a crop's side is 8 to 2048 pixels, not {self.size}")
        if not math.isfinite(self.margin) or not 0 <= self.margin < 10_000:
            raise CardError(f"a crop's margin is 0 or more pixels, not {self.margin}")
        if self.kind == "margin" and self.margin >= self.size:
            raise CardError(f"a margin of {self.margin:g} leaves nothing of a crop of {self.size} pixels")
        if self.kind == "template" and len(self.template) != 5:
            raise CardError(f"a template crop needs five landmark points, not {len(self.template)}")
        if not all(len(p) == 2 and all(math.isfinite(v) for v in p) for p in self.template):
            raise CardError("a template's points are pairs of finite numbers")


@dataclass(frozen=True)
class Normalisation:
    """How pixel values are prepared: fixed and per-channel are (x - mean) / scale, per-picture is prewhitening.

    mean: one number, or three in the card's channel order.  scale: likewise.  Unused by 'per-picture', which is
    (x - mean of the picture) / max(std of the picture, 1/sqrt(number of values)).
    """

    kind: NormalisationKind
    mean: tuple[float, ...] = (127.5,)
    scale: tuple[float, ...] = (128.0,)

    def __post_init__(self) -> None:
        if self.kind not in get_args(NormalisationKind):
            raise CardError(f"no normalisation '{self.kind}': choose one of {', '.join(get_args(NormalisationKind))}")
        for name, values in (("mean", self.mean), ("scale", self.scale)):
            if len(values) not in (1, 3) or not all(math.isfinite(v) for v in values):
                raise CardError(f"a normalisation's {name} is one or three finite numbers, not {values}")
        if any(v == 0 for v in self.scale):
            raise CardError("a normalisation's scale may not be zero")


@dataclass(frozen=True)
class WeightsFile:
    """One file that a network is built from, and where it may come from.

    urls: https only; one that ends in .bz2 where `name` does not is unpacked after fetching.
    sha256: lower-case hex, or empty where no hash is known for certain (then recorded at first use).
    known: hashes that public sources agree on without the publisher having stated one; a file with one of them is
    taken as it is, any other is recorded at first use.
    size: bytes, 0 where unknown.  package, inside: an installed package that carries it, and the path within it.
    folder: where the card that names this file lies, looked in first; no part of the card itself.
    """

    name: str
    urls: tuple[str, ...] = ()
    sha256: str = ""
    known: tuple[str, ...] = ()
    size: int = 0
    package: str = ""
    inside: str = ""
    folder: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not _is_plain(self.name, 128, "._-+ ()"):
            raise CardError(f"a weights file's name is letters, digits and any of ._-+ (), not {self.name[:140]!r}")
        for url in self.urls:
            if not _HTTPS.fullmatch(url):
                raise CardError(f"weights are fetched over https only, not from {url[:200]!r}")
        for digest in (*self.known, *([self.sha256] if self.sha256 else [])):
            if not _SHA256.fullmatch(digest):
                raise CardError(f"a sha256 is 64 lower-case hex digits, not {digest[:80]!r}")
        if not 0 <= self.size <= MAX_WEIGHTS:
            raise CardError(f"a weights file has 0 to {MAX_WEIGHTS} bytes, not {self.size}")
        if bool(self.package) != bool(self.inside) or (self.package and not self.package.isidentifier()):
            raise CardError(f"a package and a path inside it go together, not {self.package!r} and {self.inside!r}")
        if self.inside and not all(_is_plain(part, 128) for part in self.inside.split("/")):
            raise CardError(f"a path inside a package has plain names between '/', not {self.inside[:140]!r}")


MAX_WEIGHTS = 4 * 1024**3  # bytes; the largest face networks published are near 0.3 GiB
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HTTPS = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]+)?/[!-~]*")


def _is_plain(name: str, longest: int, marks: str = "._-+") -> bool:
    """A name that is one path component on every system: no separators, no leading dot."""
    return (
        0 < len(name) <= longest
        and (name[0].isalnum() or name[0] == "_")
        and name[-1] not in ". "  # Windows drops both
        and all(c.isalnum() or c in marks for c in name)
    )


@dataclass(frozen=True)
class ModelCard:
    """Everything that must travel with a network's weights for its numbers to mean anything."""

    name: str
    title: str
    network: str  # which file of nitakao.models builds it: facenet, dlib_resnet, onnx
    crop: CropRule
    normalisation: Normalisation
    dimension: int
    files: tuple[WeightsFile, ...]
    metric: Metric = "euclidean"
    threshold: float = math.nan
    threshold_source: str = ""
    unit_length: bool = True
    channels: Literal["RGB", "BGR"] = "RGB"
    weights_licence: str = "not stated"
    data_licence: str = "not stated"
    commercial: Commercial = "unclear"
    origin: str = ""
    note: str = ""  # what was not tried, what to know
    input_tensor: str = ""  # network 'onnx' only; empty: the graph's only input
    output_tensor: str = ""  # network 'onnx' only; may name an inner tensor; empty: the graph's first output
    golden: tuple[float, ...] = field(default=(), repr=False)  # its vector of models.golden.picture; made elsewhere

    def __post_init__(self) -> None:
        if not _is_plain(self.name, 80):
            raise CardError(f"a model's name is up to 80 letters, digits and any of ._-+, not {self.name[:80]!r}")
        if self.metric not in get_args(Metric):
            raise CardError(f"no metric '{self.metric}': choose one of {', '.join(get_args(Metric))}")
        if self.commercial not in get_args(Commercial):
            raise CardError(f"commercial use is one of {', '.join(get_args(Commercial))}, not '{self.commercial}'")
        if self.channels not in ("RGB", "BGR"):
            raise CardError(f"channels are RGB or BGR, not '{self.channels}'")
        if not 1 <= self.dimension <= 65_536:
            raise CardError(f"a model's dimension is 1 to 65536, not {self.dimension}")
        if math.isinf(self.threshold):
            raise CardError("a model's threshold is a finite number, or left out")
        if len(self.golden) not in (0, self.dimension) or not all(math.isfinite(v) for v in self.golden):
            raise CardError(f"a golden vector is {self.dimension} finite numbers, not {len(self.golden)}, or left out")

    @property
    def has_threshold(self) -> bool:
        return not math.isnan(self.threshold)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one photograph: its faces with their vectors, or the reason why there are none.

    vectors: (n, D) float32, one row a face, or (n, 0) where no network was asked.
    crops: (n, S, S, 3) uint8 aligned crops, only where asked for.  problem: empty if all is well.
    """

    source: str
    size: tuple[int, int] = (0, 0)
    sha256: str = ""
    faces: tuple[Face, ...] = ()
    vectors: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    crops: Pixels | None = None
    problem: str = ""

    @property
    def complaint(self) -> str:
        """The problem, naming its photograph once: those of reading name it themselves."""
        return self.problem if f"'{self.source}'" in self.problem else f"'{self.source}': {self.problem}"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at, for 'nitakao doctor' and 'nitakao models verify'.

    needed: whether nitakao is unwell without it; what only some users need is told, and fails nothing.
    """

    name: str
    ok: bool
    detail: str
    needed: bool = True


@dataclass(frozen=True)
class Verdict:
    """Are two faces the same person: the distance and what it was held against.

    distance: in the model's metric; small is alike.  same: distance below threshold.
    """

    distance: float
    threshold: float
    metric: Metric
    model: str
    threshold_source: str

    @property
    def has_threshold(self) -> bool:
        return not math.isnan(self.threshold)

    @property
    def same(self) -> bool:
        return self.distance < self.threshold


def rows(vectors: Sequence[Any] | Floats, dimension: int) -> Floats:
    """(n, dimension) float32, finite, C-contiguous. Raises MisuseError otherwise."""
    array = np.ascontiguousarray(vectors, dtype=np.float32).reshape(len(vectors), -1)
    if len(array) and array.shape[1] != dimension:
        raise MisuseError(f"vectors of {array.shape[1]} numbers where {dimension} are expected")
    if not np.isfinite(array).all():
        raise MisuseError("vectors hold numbers that are not finite")
    return array.reshape(len(array), dimension)
