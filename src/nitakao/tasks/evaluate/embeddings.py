"""What the tasks that measure a model share: the vectors of pictures, made now or read from a file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import MisuseError, PhotoError, VectorsError
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.arguments import card_of
from nitakao.tasks.scoring import BY_HAND
from nitakao.values import Choice, DetectorSettings, Face, Floats, Metric, ModelCard, Outcome, Photo

if TYPE_CHECKING:  # these load ONNX Runtime and OpenCV: not before there is work
    from nitakao.models.onnx.session import Device
    from nitakao.photos import Encoded
    from nitakao.vectors import Vectors

Model: TypeAlias = "str | os.PathLike[str] | ModelCard | None"
Picture: TypeAlias = "str | Encoded"
Watch: TypeAlias = Callable[[Outcome], None]

THUMBNAIL = 256  # px, as a face's chip has at most


@dataclass(frozen=True)
class Measuring:
    """How pictures are turned into vectors.

    choice: of the faces in a picture, which is the one that counts.  flip: average with the mirrored crop.
    centre_crop: pictures are aligned faces already: the middle of each, as large as the model takes it, is the crop.
    """

    detector: DetectorSettings = field(default_factory=DetectorSettings)
    choice: Choice = "central"
    flip: bool = False
    centre_crop: bool = False
    device: Device | None = None
    batch_size: int = 32

    def __post_init__(self) -> None:
        if self.choice == "all":
            raise MisuseError("one face of each picture counts, not all: choose the central, largest, best or first")
        if self.batch_size < 1:
            raise MisuseError(f"a batch holds 1 face or more, not {self.batch_size}")


@dataclass(frozen=True, eq=False)
class Measured:
    """The vectors of pictures, and what makes their distances readable.

    vectors: (n, D), a row a picture, not-a-number where there is no face or the picture cannot be read.
    pictures: where each lies, or its bytes; empty where that is not known.  faces: the one in each that counted.
    card: None where the vectors came from a file whose model is not known here.
    faceless: pictures that were read and have no face.  problems: of pictures that could not be read.
    """

    vectors: Floats
    pictures: tuple[Picture, ...]
    faces: tuple[Face | None, ...]
    model: str
    card: ModelCard | None
    metric: Metric
    flip: bool = False
    faceless: int = 0
    problems: tuple[str, ...] = ()

    @property
    def there(self) -> NDArray[np.bool_]:
        """(n,) whether there is a vector."""
        return np.asarray(np.isfinite(self.vectors).all(axis=1))


def embedded(
    pictures: Sequence[Picture],
    model: Model = None,
    how: Measuring | None = None,
    metric: Metric | None = None,
    watch: Watch = lambda outcome: None,
) -> Measured:
    """The vectors of these pictures. Raises PhotoError where not one of them could be read.

    metric: in place of the model's own.  watch: is shown every picture's outcome.
    """
    from nitakao import pipeline

    how, card = how or Measuring(), card_of(model)
    vectors = np.full((len(pictures), card.dimension), np.nan, np.float32)
    faces: list[Face | None] = [None] * len(pictures)
    problems: list[str] = []
    detector = DetectorSettings("none") if how.centre_crop else how.detector or DetectorSettings()
    outcomes = pipeline.run(
        _cropped(pictures, card.crop.size) if how.centre_crop else pictures,
        card=card,
        options=PipelineOptions(detector, how.choice, how.device, how.flip, how.batch_size),
    )
    with closing(outcomes):  # on Ctrl-C, its threads end before we do
        for row, outcome in enumerate(outcomes):
            if outcome.faces:
                vectors[row], faces[row] = outcome.vectors[0], outcome.faces[0]
            elif outcome.status != "no-face":
                problems.append(outcome.complaint)
            watch(outcome)
    if problems and len(problems) == len(pictures):
        raise PhotoError(f"none of the {len(pictures)} pictures could be read: {problems[0]}")
    faceless = sum(face is None for face in faces) - len(problems)
    where = tuple(pictures)
    used = metric or card.metric
    return Measured(vectors, where, tuple(faces), card.name, card, used, how.flip, faceless, tuple(problems))


def _cropped(pictures: Sequence[Picture], side: int) -> Iterator[Picture | Photo]:
    """The middle of each picture; what cannot be read is passed on, and found out by the pipeline."""
    from nitakao import photos

    for picture in pictures:
        try:
            encoded = photos.load(picture) if isinstance(picture, str) else picture
            photo = photos.decode(encoded)
        except PhotoError:
            yield picture
            continue
        pixels = photo.pixels
        high, wide = (max(0, (length - side) // 2) for length in pixels.shape[:2])
        middle = pixels[high : high + side, wide : wide + side]
        down, right = (side - length for length in middle.shape[:2])
        edges = ((down // 2, down - down // 2), (right // 2, right - right // 2), (0, 0))
        yield photos.from_pixels(np.pad(middle, edges), photo.source)


def from_file(
    path: str | os.PathLike[str], names: Sequence[str], *, model: Model = None, metric: Metric | None = None
) -> tuple[Measured, list[bool]]:
    """The vectors of these pictures in a file that `embed` left, and which of them the file does not have.

    names: as 'PERSON/PICTURE', with or without the ending, or whole paths; of a picture with several faces in the file
    the first counts.  Raises VectorsError where nothing fits.
    """
    found, of = _opened(path, model, metric)
    chosen = _found(found.names, names)
    missing = [row is None for row in chosen]
    if all(missing):
        hint = f" (it has '{found.names[0]}')" if found.names else ""
        raise VectorsError(f"'{found.path}' has none of the {len(names)} pictures, such as '{names[0]}'{hint}")
    vectors = np.full((len(names), found.dimension), np.nan, np.float32)
    for place, row in enumerate(chosen):
        if row is not None:
            vectors[place] = found.vectors[row]
    pictures = tuple("" if row is None else found.names[row] for row in chosen)
    faces = tuple(found.faces[row] if found.faces and row is not None else None for row in chosen)
    return of(vectors, pictures, faces), missing


def chosen(measured: Measured, rows: Sequence[int], pictures: tuple[Picture, ...]) -> Measured:
    """Only these rows, with their pictures where they lie now."""
    faces = tuple(measured.faces[row] for row in rows)
    return replace(measured, vectors=measured.vectors[rows], pictures=pictures, faces=faces)


def whole_file(
    path: str | os.PathLike[str], *, model: Model = None, metric: Metric | None = None
) -> tuple[Measured, tuple[str, ...]]:
    """Everything in a file that `embed` left, in its order, and whose each is; '' where the file does not say."""
    found, of = _opened(path, model, metric)
    faces = found.faces or (None,) * len(found.names)
    return of(found.vectors, found.names, faces), found.persons or ("",) * len(found.names)


def _opened(
    path: str | os.PathLike[str], model: Model, metric: Metric | None
) -> tuple[Vectors, Callable[[Floats, tuple[Picture, ...], tuple[Face | None, ...]], Measured]]:
    """A file that `embed` left, held to its model's card where that is here; and what is measured by some of it."""
    from nitakao.vectors import read

    found = read(path)
    card = _card(found.model, model)
    if card is not None:
        found.check(card)
    named = found.model or (card.name if card else "")
    used = metric or (card.metric if card else "euclidean")
    return found, partial(Measured, model=named, card=card, metric=used)


def _card(named: str, model: Model) -> ModelCard | None:
    """The card that is given, else the one that a file names, where it is here."""
    from nitakao.errors import ModelError

    if model is not None:
        return card_of(model)
    try:
        return card_of(named) if named else None
    except ModelError:
        return None


def _found(known: Sequence[str], asked: Sequence[str]) -> list[int | None]:
    """The row of each name: by the whole of it, by its last two parts, or by the last where that cannot be mistaken."""
    found: list[int | None] = [None] * len(asked)
    for view in (_whole, _two, _last):
        rows: dict[str, int] = {}
        names: dict[str, str] = {}  # of each key, the name that has it; empty where several have
        for row, name in enumerate(known):
            for key in {view(name), os.path.splitext(view(name))[0]}:
                rows.setdefault(key, row)
                names[key] = name if names.get(key, name) == name else ""
        times = Counter(view(name) for name in asked)
        for place, name in enumerate(asked):
            key = view(name)
            if found[place] is None and names.get(key) and (view is not _last or times[key] == 1):
                found[place] = rows[key]
    return found


def _whole(name: str) -> str:
    return name


def _two(name: str) -> str:
    return "/".join(Path(name).parts[-2:])


def _last(name: str) -> str:
    return os.path.basename(name)


def threshold_of(measured: Measured, by_hand: float | None) -> tuple[float, str]:
    """The threshold that is given, else the card's. Raises MisuseError where there is none in this metric."""
    card, metric = measured.card, measured.metric
    if by_hand is not None:
        if not (np.isfinite(by_hand) and by_hand > 0):
            raise MisuseError(f"a threshold is a number above 0, not {by_hand}")
        return by_hand, BY_HAND
    if card is None or not card.has_threshold or card.metric != metric:
        named = measured.model or "these vectors"
        raise MisuseError(f"no threshold of {metric} distances is known for {named}: give --threshold")
    return card.threshold, card.threshold_source


def thumbnail(picture: Picture, face: Face | None) -> bytes:
    """A small JPEG of the face in a picture, or of the whole picture; empty where it can no longer be read."""
    from nitakao import photos
    from nitakao.errors import GeometryError

    try:
        encoded = photos.load(picture) if isinstance(picture, str) else picture
        return (
            photos.render_preview(encoded, THUMBNAIL)
            if face is None
            else photos.make_chip(photos.decode(encoded), face).jpeg
        )
    except (PhotoError, GeometryError):
        return b""
