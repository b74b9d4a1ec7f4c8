"""Photographs to faces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from nitakao.pipeline import PipelineOptions
from nitakao.report import drawing
from nitakao.tasks.arguments import Given, looking, sources
from nitakao.values import Choice, DetectorSettings, Outcome

if TYPE_CHECKING:  # these load ONNX Runtime and OpenCV: not before there is work
    from nitakao.models.onnx.session import Device
    from nitakao.photos import Limits
    from nitakao.pipeline import Pipeline


def detect(
    photos: Iterable[Given],
    *,
    detector: DetectorSettings | None = None,
    choice: Choice = "all",
    device: Device | None = None,
    allow_urls: bool = False,
    limits: Limits | None = None,
    stdin: BinaryIO | None = None,
    eyes: Pipeline | None = None,
) -> Iterator[Outcome]:
    """The faces in each photograph, in order, best score first; a bad photograph gives an outcome with its problem.

    photos: files, folders, globs, photographs in memory; addresses where `allow_urls`.
    choice: which faces to keep.  stdin: where the list is read that '-' stands for.  eyes: networks that are
    loaded.
    """
    found = sources(photos, allow_urls=allow_urls, stdin=stdin)
    return looking(eyes)(
        found,
        options=PipelineOptions(detector or DetectorSettings(), choice, device, limits=limits, allow_urls=allow_urls),
    )


folder = drawing.make_folder


def draw(into: Path, outcome: Outcome, *, allow_urls: bool = False) -> Path:
    """The path of a copy of the photograph with its faces marked, in the folder `into`; the original stays as it is."""
    from nitakao import photos

    path = into / drawing.picture_name(outcome, "-faces.jpg")
    drawing.save(path, drawing.draw_faces(photos.read(outcome.source, allow_urls=allow_urls), outcome.faces))
    return path
