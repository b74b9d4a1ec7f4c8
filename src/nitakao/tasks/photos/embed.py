"""Embed the faces of photos, one by one or into a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from nitakao.errors import MisuseError, PhotoError
from nitakao.pipeline import PipelineOptions
from nitakao.report import drawing
from nitakao.tasks.arguments import EncodedLike, PhotoLike, find_photos, load_card, pipeline_runner
from nitakao.values import Choice, ModelCard, Outcome, Photo

if TYPE_CHECKING:  # these load ONNX Runtime and OpenCV
    from nitakao.photos import Encoded
    from nitakao.pipeline import Pipeline
    from nitakao.vectors import KeyKind


def embed(
    photos: Iterable[EncodedLike],
    *,
    model: str | ModelCard | None = None,
    options: PipelineOptions = PipelineOptions(),
    keep_crops: bool = False,
    stdin: BinaryIO | None = None,
    pipeline: Pipeline | None = None,
) -> Iterator[Outcome]:
    """Detect and embed the faces of each photo.

    Args:
        photos: Files, folders, globs and photos in memory; also addresses, with `options.allow_urls`.
        model: Name, path or card of the embedding model. None uses dlib-resnet.
        options: How to read photos, and to detect and embed faces.
        keep_crops: Keep the aligned crops in the outcomes.
        stdin: Where to read the list of photos that '-' stands for.
        pipeline: A pipeline with loaded networks. None loads them for this call.

    Yields:
        One outcome per photo, in order, with a vector per face. A photo that cannot be used gives an outcome with its
        problem.
    """
    card = load_card(model)
    found = find_photos(photos, allow_urls=options.allow_urls, stdin=stdin)
    return pipeline_runner(pipeline)(found, card=card, options=options, keep_crops=keep_crops)


@dataclass
class PhotoCounts:
    """Numbers of photos and faces processed so far.

    Attributes:
        kept: Number of vectors in the file.
        saved: Path of the file, once it is complete.
    """

    photos: int = 0
    with_faces: int = 0
    without_faces: int = 0
    unreadable: int = 0
    faces: int = 0
    kept: int = 0
    saved: Path | None = None

    def add(self, outcome: Outcome) -> None:
        """Count one photo."""
        self.photos += 1
        self.faces += len(outcome.faces)
        if outcome.faces:
            self.with_faces += 1
        elif outcome.status == "unreadable":
            self.unreadable += 1
        else:
            self.without_faces += 1


@dataclass(frozen=True)
class EmbedOutput:
    """The files that `embed_to_file` writes.

    Attributes:
        path: The vectors file; its ending sets the format (.npz, .parquet, .csv, .jsonl or .pkl).
        key: Whether a vector's key is its photo's path or base name. None: the base name in a .pkl, else the path.
        crops: Folder for the aligned crops. None writes no crops.
    """

    path: str | os.PathLike[str]
    key: KeyKind | None = None
    crops: str | os.PathLike[str] | None = None


def embed_to_file(
    output: EmbedOutput,
    photos: Iterable[PhotoLike],
    *,
    model: str | ModelCard | None = None,
    options: PipelineOptions = PipelineOptions(),
    stdin: BinaryIO | None = None,
    prepare: Callable[[], None] = lambda: None,
    watch: Callable[[Outcome], None] = lambda outcome: None,
    counts: PhotoCounts | None = None,
) -> PhotoCounts:
    """Embed the faces of photos and write their vectors to a file.

    An interruption leaves a complete file of the photos processed so far.

    Args:
        output: The files to write.
        photos: Files, folders, globs and photos in memory.
        model: Name, path or card of the embedding model. None uses dlib-resnet.
        options: How to read photos, and to detect and embed faces. A .pkl holds one face per photo: by default the
            first, as in the article.
        stdin: Where to read the list of photos that '-' stands for.
        prepare: Called once the output is open, before the first photo.
        watch: Called with each outcome once it is in the file.
        counts: Updated in place, to be read after an interruption.

    Returns:
        The counts.

    Raises:
        PhotoError: If no photo could be read; no file is written then.
    """
    from nitakao.vectors import VectorsWriter, suffix_of

    counts = PhotoCounts() if counts is None else counts
    card = load_card(model)
    options = replace(options, faces=_faces(options.faces, suffix_of(output.path)))
    found = find_photos(photos, allow_urls=options.allow_urls, stdin=stdin)
    file = VectorsWriter(output.path, model=card.name, dimension=card.dimension, key=output.key)
    try:
        with file:
            if file.key == "name":
                found = _check_names(found)
            folder = None if output.crops is None else drawing.make_folder(output.crops)
            prepare()
            outcomes = embed((source for source in found), model=card, options=options, keep_crops=folder is not None)
            with closing(cast("Generator[Outcome, None, None]", outcomes)):  # ends its threads first on Ctrl-C
                for outcome in outcomes:
                    file.add(outcome)
                    counts.add(outcome)
                    if folder is not None:
                        _save_crops(folder, outcome)
                    watch(outcome)
            if counts.unreadable and counts.unreadable == counts.photos:
                raise PhotoError(f"none of the {counts.photos} photographs could be read: nothing was written")
    finally:
        counts.kept, counts.saved = file.count, file.saved_path
    return counts


def _faces(faces: Choice | None, ending: str) -> Choice:
    if ending == ".pkl" and faces == "all":
        raise MisuseError(
            "a .pkl holds one face for each picture: choose which, or write .npz, .parquet, .csv or .jsonl"
        )
    return faces or ("first" if ending == ".pkl" else "all")


def _check_names(found: Iterator[str | Photo | Encoded]) -> Iterator[str | Photo | Encoded]:
    """Return the same photos, after checking that no two of them share a base name."""
    from nitakao.vectors.write import check_unique_names

    listed = list(found)
    names = check_unique_names(item for item in listed if isinstance(item, str))
    return iter([*names, *(item for item in listed if not isinstance(item, str))])


def _save_crops(folder: Path, outcome: Outcome) -> None:
    for number, crop in enumerate(outcome.crops if outcome.crops is not None else ()):
        drawing.save(folder / drawing.picture_name(outcome, f"-{number}.png"), crop)


def with_crop(card: ModelCard, *, size: int | None = None, margin: float | None = None) -> ModelCard:
    """Return the card with another crop size or margin, as the article's options set them.

    Raises:
        MisuseError: If the card crops faces by landmarks.
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
