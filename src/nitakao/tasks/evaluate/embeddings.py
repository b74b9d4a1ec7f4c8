"""Vectors of pictures for evaluation, computed by a model or read from a file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from nitakao.errors import MisuseError, PhotoError, VectorsError
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.arguments import load_card
from nitakao.tasks.scoring import BY_HAND
from nitakao.values import DetectorSettings, Face, Flags, Floats, Metric, ModelCard, Outcome, Photo

if TYPE_CHECKING:  # these load ONNX Runtime and OpenCV: not before there is work
    from nitakao.photos import Encoded
    from nitakao.vectors import Vectors

Model: TypeAlias = "str | os.PathLike[str] | ModelCard | None"
Picture: TypeAlias = "str | Encoded"

THUMBNAIL = 256  # px, the largest side of a face's chip


@dataclass(frozen=True)
class Progress:
    """Callbacks while pictures are embedded.

    Args:
        on_start: Called once, with the number of pictures.
        on_outcome: Called after each picture, with its outcome.
    """

    on_start: Callable[[int], None] = lambda pictures: None
    on_outcome: Callable[[Outcome], None] = lambda outcome: None


@dataclass(frozen=True, eq=False)
class Embedded:
    """The vectors of pictures.

    Attributes:
        vectors: (n, D) float32, one row per picture; NaN where there is no face or the picture is unreadable.
        pictures: Path or encoded bytes of each picture; empty where unknown.
        faces: The face that was embedded in each picture.
        model: Name of the model; empty where unknown.
        card: The model's card; None where vectors come from a file of a model that is not installed.
        metric: Distance in which the vectors are compared.
        flip: Whether vectors are averaged with those of the mirrored crops.
        faceless: Number of readable pictures without a face.
        problems: Messages of unreadable pictures.
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
    def has_vector(self) -> Flags:
        """(n,) whether each picture has a vector."""
        return np.asarray(np.isfinite(self.vectors).all(axis=1))

    def select(self, rows: Sequence[int], pictures: tuple[Picture, ...]) -> Embedded:
        """Only these rows, with these pictures in place of theirs."""
        faces = tuple(self.faces[row] for row in rows)
        return replace(self, vectors=self.vectors[rows], pictures=pictures, faces=faces)


def embed_pictures(
    pictures: Sequence[Picture],
    model: Model = None,
    *,
    options: PipelineOptions | None = None,
    metric: Metric | None = None,
    aligned: bool = False,
    progress: Progress | None = None,
) -> Embedded:
    """Embed one face of each picture.

    Args:
        pictures: Paths or encoded pictures.
        model: Name, path or card of the model. None: the default model.
        options: How faces are detected and embedded. The default face is the most central.
        metric: Distance to compare them in. None: the model's.
        aligned: Whether pictures are aligned faces; the centre of each is then the crop.
        progress: Callbacks.

    Raises:
        PhotoError: If no picture is readable.
        MisuseError: If the options ask for all faces of a picture.
    """
    from nitakao import pipeline

    options, progress, card = options or PipelineOptions(), progress or Progress(), load_card(model)
    if options.faces == "all":
        raise MisuseError("one face of each picture counts, not all: choose the central, largest, best or first")
    options = replace(options, faces=options.faces or "central")
    if aligned:
        options = replace(options, detector=DetectorSettings("none"))
    vectors = np.full((len(pictures), card.dimension), np.nan, np.float32)
    faces: list[Face | None] = [None] * len(pictures)
    problems: list[str] = []
    progress.on_start(len(pictures))
    outcomes = pipeline.run(
        _centre_crops(pictures, card.crop.size) if aligned else pictures,
        card=card,
        options=options,
    )
    with closing(outcomes):  # on Ctrl-C, its threads end before we do
        for row, outcome in enumerate(outcomes):
            if outcome.faces:
                vectors[row], faces[row] = outcome.vectors[0], outcome.faces[0]
            elif outcome.status != "no-face":
                problems.append(outcome.complaint)
            progress.on_outcome(outcome)
    if problems and len(problems) == len(pictures):
        raise PhotoError(f"none of the {len(pictures)} pictures could be read: {problems[0]}")
    return Embedded(
        vectors,
        tuple(pictures),
        tuple(faces),
        model=card.name,
        card=card,
        metric=metric or card.metric,
        flip=options.flip,
        faceless=sum(face is None for face in faces) - len(problems),
        problems=tuple(problems),
    )


def _centre_crops(pictures: Sequence[Picture], side: int) -> Iterator[Picture | Photo]:
    """The centre of each picture, `side` pixels square; unreadable pictures pass through for the pipeline to report."""
    from nitakao import photos

    for picture in pictures:
        try:
            encoded = photos.load(picture) if isinstance(picture, str) else picture
            photo = photos.decode(encoded)
        except PhotoError:
            yield picture
            continue
        pixels = photo.pixels
        top, left = (max(0, (length - side) // 2) for length in pixels.shape[:2])
        centre = pixels[top : top + side, left : left + side]
        down, right = (side - length for length in centre.shape[:2])
        padding = ((down // 2, down - down // 2), (right // 2, right - right // 2), (0, 0))
        yield photos.from_pixels(np.pad(centre, padding), photo.source)


def read_some(
    path: str | os.PathLike[str], names: Sequence[str], *, model: Model = None, metric: Metric | None = None
) -> tuple[Embedded, list[bool]]:
    """Read the vectors of some pictures from a file that `embed` wrote.

    Args:
        path: The file.
        names: The pictures as 'PERSON/PICTURE', with or without the file ending, or as paths. Where a picture has
            several faces in the file, the first counts.
        model: The model of the file's vectors. None: the one that the file names.
        metric: Distance to compare them in. None: the model's.

    Returns:
        The vectors, and for each name whether the file lacks it.

    Raises:
        VectorsError: If the file has none of the pictures.
    """
    file, embedded = _open(path, model, metric)
    matches = _match(file.names, names)
    missing = [row is None for row in matches]
    if all(missing):
        hint = f" (it has '{file.names[0]}')" if file.names else ""
        raise VectorsError(f"'{file.path}' has none of the {len(names)} pictures, such as '{names[0]}'{hint}")
    vectors = np.full((len(names), file.dimension), np.nan, np.float32)
    for place, row in enumerate(matches):
        if row is not None:
            vectors[place] = file.vectors[row]
    pictures = tuple("" if row is None else file.names[row] for row in matches)
    faces = tuple(file.faces[row] if file.faces and row is not None else None for row in matches)
    return embedded(vectors, pictures, faces), missing


def read_all(
    path: str | os.PathLike[str], *, model: Model = None, metric: Metric | None = None
) -> tuple[Embedded, tuple[str, ...]]:
    """Read all vectors of a file that `embed` wrote, and the person of each; '' where the file does not name one."""
    file, embedded = _open(path, model, metric)
    faces = file.faces or (None,) * len(file.names)
    return embedded(file.vectors, file.names, faces), file.persons or ("",) * len(file.names)


def _open(
    path: str | os.PathLike[str], model: Model, metric: Metric | None
) -> tuple[Vectors, Callable[[Floats, tuple[Picture, ...], tuple[Face | None, ...]], Embedded]]:
    """A file of vectors, checked against its model's card, and a constructor of `Embedded` for some of its rows."""
    from nitakao.vectors import read

    file = read(path)
    card = _installed_card(file.model, model)
    if card is not None:
        file.check(card)
    name = file.model or (card.name if card else "")
    metric = metric or (card.metric if card else "euclidean")
    return file, partial(Embedded, model=name, card=card, metric=metric)


def _installed_card(name: str, model: Model) -> ModelCard | None:
    """The card of `model`, else the card of this name; None where it is not installed."""
    from nitakao.errors import ModelError

    if model is not None:
        return load_card(model)
    try:
        return load_card(name) if name else None
    except ModelError:
        return None


def _match(names: Sequence[str], wanted: Sequence[str]) -> list[int | None]:
    """The row of each wanted name: by its whole, by its last two parts, or by the last where that is unambiguous."""
    matches: list[int | None] = [None] * len(wanted)
    for view in (_whole, _last_two, _last):
        rows: dict[str, int] = {}
        owners: dict[str, str] = {}  # of each key, the name that has it; empty where several have
        for row, name in enumerate(names):
            for key in {view(name), os.path.splitext(view(name))[0]}:
                rows.setdefault(key, row)
                owners[key] = name if owners.get(key, name) == name else ""
        times = Counter(view(name) for name in wanted)
        for place, name in enumerate(wanted):
            key = view(name)
            if matches[place] is None and owners.get(key) and (view is not _last or times[key] == 1):
                matches[place] = rows[key]
    return matches


def _whole(name: str) -> str:
    return name


def _last_two(name: str) -> str:
    return "/".join(Path(name).parts[-2:])


def _last(name: str) -> str:
    return os.path.basename(name)


def choose_threshold(embedded: Embedded, threshold: float | None) -> tuple[float, str]:
    """The given threshold, else the card's, and its source. Raises MisuseError where there is none in this metric."""
    card, metric = embedded.card, embedded.metric
    if threshold is not None:
        if not (np.isfinite(threshold) and threshold > 0):
            raise MisuseError(f"a threshold is a number above 0, not {threshold}")
        return threshold, BY_HAND
    if card is None or not card.has_threshold or card.metric != metric:
        name = embedded.model or "these vectors"
        raise MisuseError(f"{name} has no threshold for {metric} distances: give --threshold")
    return card.threshold, card.threshold_source


def thumbnail(picture: Picture, face: Face | None) -> bytes:
    """A small JPEG of the face, or of the whole picture; empty where the picture is no longer readable."""
    from nitakao import photos
    from nitakao.errors import GeometryError

    try:
        encoded = photos.load(picture) if isinstance(picture, str) else picture
        if face is None:
            return photos.render_preview(encoded, THUMBNAIL)
        return photos.make_chip(photos.decode(encoded), face).jpeg
    except (PhotoError, GeometryError):
        return b""
