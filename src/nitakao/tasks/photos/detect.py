"""Detect the faces of photos."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from nitakao.pipeline import PipelineOptions
from nitakao.report import drawing
from nitakao.tasks.arguments import EncodedLike, find_photos, pipeline_runner
from nitakao.values import Outcome

if TYPE_CHECKING:  # loads ONNX Runtime
    from nitakao.pipeline import Pipeline


def detect(
    photos: Iterable[EncodedLike],
    *,
    options: PipelineOptions = PipelineOptions(),
    stdin: BinaryIO | None = None,
    pipeline: Pipeline | None = None,
) -> Iterator[Outcome]:
    """Detect the faces of each photo.

    Args:
        photos: Files, folders, globs and photos in memory; also addresses, with `options.allow_urls`.
        options: How to read photos and detect faces.
        stdin: Where to read the list of photos that '-' stands for.
        pipeline: A pipeline with loaded networks. None loads them for this call.

    Yields:
        One outcome per photo, in order, with its faces sorted by score. A photo that cannot be used gives an outcome
        with its problem.
    """
    return pipeline_runner(pipeline)(find_photos(photos, allow_urls=options.allow_urls, stdin=stdin), options=options)


make_folder = drawing.make_folder


def draw(folder: Path, outcome: Outcome, *, allow_urls: bool = False) -> Path:
    """Save a copy of the photo with its faces marked, and return its path."""
    from nitakao import photos

    path = folder / drawing.picture_name(outcome, "-faces.jpg")
    drawing.save(path, drawing.draw_faces(photos.read(outcome.source, allow_urls=allow_urls), outcome.faces))
    return path
