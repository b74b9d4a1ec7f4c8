"""Photographs to vectors, one by one or into a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from nitakao.errors import MisuseError, PhotoError
from nitakao.pipeline.options import BATCH_SIZE, PipelineOptions
from nitakao.report import drawing
from nitakao.tasks.arguments import Given, Named, card_of, looking, sources
from nitakao.values import Choice, DetectorSettings, ModelCard, Outcome, Photo

if TYPE_CHECKING:  # these load ONNX Runtime and OpenCV: not before there is work
    from nitakao.models.onnx.session import Device
    from nitakao.photos import Encoded, Limits
    from nitakao.pipeline import Pipeline
    from nitakao.vectors import KeyKind


def embed(
    photos: Iterable[Given],
    *,
    model: str | ModelCard | None = None,
    detector: DetectorSettings | None = None,
    choice: Choice = "all",
    flip: bool = False,
    device: Device | None = None,
    batch_size: int = BATCH_SIZE,
    keep_crops: bool = False,
    allow_urls: bool = False,
    limits: Limits | None = None,
    stdin: BinaryIO | None = None,
    eyes: Pipeline | None = None,
) -> Iterator[Outcome]:
    """The faces in each photograph with their vectors, in order; a bad photograph gives an outcome with its problem.

    photos: files, folders, globs, photographs in memory; addresses where `allow_urls`.  model: a card's name, its
    path, or a card; dlib-resnet unless told otherwise.  choice: which faces to keep.  flip: average each vector with
    that of the mirrored crop.  keep_crops: outcomes carry what the network saw.
    stdin: where the list is read that '-' stands for.  eyes: networks that are loaded.
    """
    card = card_of(model)
    found = sources(photos, allow_urls=allow_urls, stdin=stdin)
    return looking(eyes)(
        found,
        card=card,
        options=PipelineOptions(detector or DetectorSettings(), choice, device, flip, batch_size, limits, allow_urls),
        keep_crops=keep_crops,
    )


@dataclass
class Tally:
    """What became of the photographs so far.  saved: where the vectors are; kept: how many there are."""

    photos: int = 0
    with_faces: int = 0
    without_faces: int = 0
    unreadable: int = 0
    faces: int = 0
    kept: int = 0
    saved: Path | None = None

    def add(self, outcome: Outcome) -> None:
        self.photos += 1
        self.faces += len(outcome.faces)
        if outcome.faces:
            self.with_faces += 1
        elif was_read(outcome):
            self.without_faces += 1
        else:
            self.unreadable += 1


def was_read(outcome: Outcome) -> bool:
    """Whether the photograph itself was fine, whatever was found in it."""
    return outcome.status != "unreadable"


def save(
    path: str | os.PathLike[str],
    photos: Iterable[Named],
    *,
    model: str | ModelCard | None = None,
    detector: DetectorSettings | None = None,
    choice: Choice | None = None,
    flip: bool = False,
    device: Device | None = None,
    batch_size: int = BATCH_SIZE,
    key: KeyKind | None = None,
    crops: str | os.PathLike[str] | None = None,
    allow_urls: bool = False,
    stdin: BinaryIO | None = None,
    prepare: Callable[[], None] = lambda: None,
    watch: Callable[[Outcome], None] = lambda outcome: None,
    tally: Tally | None = None,
) -> Tally:
    """What became of the photographs, whose vectors are now in the file `path`; its ending tells the kind.

    choice: all faces unless told otherwise; for a .pkl, which has one face for each picture, the article's first.
    key: whether a face stands under its photo's path, or its base name, as in a .pkl unless told otherwise.
    crops: a folder for the aligned crops.  prepare: runs when the output is open, before the first photograph.
    watch: is shown every outcome once it is in the file.
    tally: counted in place, so that it can be looked at after Ctrl-C, which leaves a complete file of what was done.
    Raises PhotoError, and writes nothing, where not one photograph could be read.
    """
    from nitakao.vectors import VectorsWriter, suffix_of

    tally = Tally() if tally is None else tally
    card = card_of(model)
    choice = _choice(choice, suffix_of(path))
    found = sources(photos, allow_urls=allow_urls, stdin=stdin)
    output = VectorsWriter(path, model=card.name, dimension=card.dimension, key=key)
    try:
        with output:
            if output.key == "name":
                found = _checked(found)
            folder = None if crops is None else drawing.make_folder(crops)
            prepare()
            outcomes = embed(
                (source for source in found),
                model=card,
                detector=detector,
                choice=choice,
                flip=flip,
                device=device,
                batch_size=batch_size,
                keep_crops=folder is not None,
                allow_urls=allow_urls,
            )
            with closing(cast("Generator[Outcome, None, None]", outcomes)):  # on Ctrl-C, its threads end before we do
                for outcome in outcomes:
                    output.add(outcome)
                    tally.add(outcome)
                    if folder is not None:
                        _save_crops(folder, outcome)
                    watch(outcome)
            if tally.unreadable and tally.unreadable == tally.photos:
                raise PhotoError(f"none of the {tally.photos} photographs could be read: nothing was written")
    finally:
        tally.kept, tally.saved = output.count, output.saved_path
    return tally


def _choice(choice: Choice | None, suffix: str) -> Choice:
    if suffix == ".pkl" and choice == "all":
        raise MisuseError(
            "a .pkl holds one face for each picture: choose which, or write .npz, .parquet, .csv or .jsonl"
        )
    return choice or ("first" if suffix == ".pkl" else "all")


def _checked(found: Iterator[str | Photo | Encoded]) -> Iterator[str | Photo | Encoded]:
    """The same photographs, once it is known that no two of them share a base name."""
    from nitakao.vectors.write import check_unique_names

    listed = list(found)
    names = check_unique_names(item for item in listed if isinstance(item, str))
    return iter([*names, *(item for item in listed if not isinstance(item, str))])


def _save_crops(folder: Path, outcome: Outcome) -> None:
    for number, crop in enumerate(outcome.crops if outcome.crops is not None else ()):
        drawing.save(folder / drawing.picture_name(outcome, f"-{number}.png"), crop)


def with_crop(card: ModelCard, *, size: int | None = None, margin: float | None = None) -> ModelCard:
    """The card with the size or margin of its crop changed, as the article's options do; threshold and all stay.

    Raises MisuseError where the card cuts faces by landmarks, which a margin or another size would belie.
    """
    crop = card.crop
    crop = replace(crop, size=crop.size if size is None else size, margin=crop.margin if margin is None else margin)
    if crop == card.crop:
        return card
    if card.crop.kind == "template":
        raise MisuseError(
            f"{card.name} takes crops of {card.crop.size} pixels laid out by landmarks: "
            "an image size or margin of one's own belongs to FaceNet models"
        )
    return replace(card, crop=crop)
