"""Model cards: everything that belongs to a network's weights."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass, field
from typing import Literal, get_args

from nitakao.errors import CardError

CropKind = Literal["article", "margin", "template"]
NormalisationKind = Literal["fixed", "per-picture", "per-channel"]
Metric = Literal["euclidean", "cosine"]
Commercial = Literal["allowed", "forbidden", "unclear"]


@dataclass(frozen=True)
class CropRule:
    """How a face is cropped for one network.

    Attributes:
        kind: 'article': the box with margin/2 photograph pixels on each side, clipped, resized bilinearly (the
            article's 44 px). 'margin': with the margin in pixels of the crop, so that it scales with the face, as in
            facenet-pytorch. 'template': a least-squares similarity transform from five landmarks to `template`.
        size: Side of the square crop in pixels.
        margin: Margin in pixels, for 'article' and 'margin'.
        template: Five (x, y) points in pixels of the crop, for 'template'.
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
    """How pixel values are normalised.

    Attributes:
        kind: 'fixed' and 'per-channel' are (x - mean) / scale. 'per-picture' is prewhitening: (x - mean of the picture)
            / max(std of the picture, 1/sqrt(number of values)).
        mean: One number, or three in the card's channel order.
        scale: Likewise.
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
    """One file of a network's weights, and where to get it.

    Attributes:
        name: File name.
        urls: https addresses; one that ends in .bz2, unlike `name`, is decompressed after download.
        sha256: Lower-case hex; empty if the publisher states none (then recorded at first use).
        known: Hashes that public sources agree on but the publisher does not state. A file with one is accepted;
            any other hash is recorded at first use.
        size: Bytes; 0 if unknown.
        package: An installed package that contains the file.
        inside: Path of the file in that package.
        folder: Folder of the card, searched first; not part of the card itself.
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
    """Whether the name is one path component on every system: no separators, no leading dot."""
    return (
        0 < len(name) <= longest
        and (name[0].isalnum() or name[0] == "_")
        and name[-1] not in ". "  # Windows drops both
        and all(c.isalnum() or c in marks for c in name)
    )


@dataclass(frozen=True)
class Calibration:
    """Converts a distance to a probability, for one model.

    The log likelihood ratio of same person to different people is intercept - slope * distance (natural logarithm).

    Attributes:
        slope: See above.
        intercept: See above.
        limit: Clips the log likelihood ratio to +-limit, the range that the data support.
        false_matches: (rate, distance) pairs with falling rates: the share of pairs of different people below each
            distance.
        source: The data it was fitted on, in words.
    """

    slope: float
    intercept: float
    limit: float
    false_matches: tuple[tuple[float, float], ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and self.slope > 0 and math.isfinite(self.intercept) and self.limit > 0):
            raise CardError("a calibration has a slope and a limit above 0 and a finite intercept")
        rates = [rate for rate, _ in self.false_matches]
        apart = [distance for _, distance in self.false_matches]
        if any(not 0 < rate < 1 for rate in rates) or rates != sorted(rates, reverse=True):
            raise CardError("a calibration's rates of false matches lie between 0 and 1 and fall")
        if not all(math.isfinite(d) for d in apart) or apart != sorted(apart, reverse=True):
            raise CardError("a calibration's distances fall with the rates of false matches")


@dataclass(frozen=True)
class ModelCard:
    """Everything needed to use a network's weights correctly: crop, normalisation, metric, threshold and licences."""

    name: str
    title: str
    network: str  # module of nitakao.models.networks that builds it, or onnx
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
    note: str = ""  # limitations
    input_tensor: str = ""  # network 'onnx' only; empty: the graph's only input
    output_tensor: str = ""  # network 'onnx' only; may name an inner tensor; empty: the graph's first output
    calibration: Calibration | None = None
    golden: tuple[float, ...] = field(default=(), repr=False)  # embedding of models.golden.picture by a reference

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

    @property
    def fingerprint(self) -> str:
        """64 hex digits; equal for cards whose networks give the same embeddings, whatever their thresholds."""
        files = [(f.name, f.sha256) for f in self.files]
        numbers = (self.network, self.crop, self.normalisation, self.dimension, self.metric, self.unit_length)
        text = repr((numbers, self.channels, files, self.input_tensor, self.output_tensor))
        return hashlib.sha256(text.encode()).hexdigest()
