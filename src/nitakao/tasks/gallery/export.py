"""Export a gallery's faces and names to a vectors file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nitakao.tasks.arguments import GalleryLike, open_gallery
from nitakao.values import FaceFilter, FaceRecord, Outcome

if TYPE_CHECKING:  # these load SQLAlchemy: not before there is work
    from nitakao.gallery.photos import PhotoRecord
    from nitakao.vectors import KeyKind

EVERYBODY = FaceFilter(hidden=True)


@dataclass
class ExportCounts:
    """Numbers of photos and faces exported so far.  saved: path of the file, once it is complete."""

    photos: int = 0
    faces: int = 0
    saved: Path | None = None


def export(
    gallery: GalleryLike,
    path: str | os.PathLike[str],
    *,
    where: FaceFilter = EVERYBODY,
    key: KeyKind | None = None,
    watch: Callable[[str], None] = lambda source: None,
    told: ExportCounts | None = None,
) -> ExportCounts:
    """The gallery's faces, whose vectors, boxes and names are now in the file `path`; its ending tells the kind.

    key: whether a face stands under its photograph's path or base name, as in a .pkl unless told otherwise; of a
    photograph that lies nowhere it is the sha256.  In a .pkl, which knows one face for each name, those of a photograph
    with several are called 'name.jpg#0' and so on.  watch: is told of every photograph.  told: counted in place.
    """
    from nitakao.gallery.faces import vectors
    from nitakao.gallery.photos import stream_photos
    from nitakao.vectors import VectorsWriter

    told = ExportCounts() if told is None else told
    with open_gallery(gallery) as found:
        output = VectorsWriter(path, model=found.model, dimension=found.dimension, key=key, persons=True)
        try:
            with output:
                for one in stream_photos(found, where):
                    rows = vectors(found, [kept.id for kept in one.faces])
                    whole = Outcome(_source(one), one.size, one.sha256, tuple(k.face for k in one.faces), rows)
                    for part, kept in _parts(whole, one, output.path.suffix.lower() == ".pkl"):
                        output.add(part, numbers=[k.number for k in kept], persons=[k.name for k in kept])
                    told.photos, told.faces = told.photos + 1, told.faces + len(one.faces)
                    watch(whole.source)
        finally:
            told.saved = output.saved_path
    return told


def _source(one: PhotoRecord) -> str:
    return one.paths[0] if one.paths else one.sha256


def _parts(whole: Outcome, one: PhotoRecord, apart: bool) -> Iterator[tuple[Outcome, list[FaceRecord]]]:
    """The photograph as it is, or, where one name means one face, face by face."""
    if not apart or len(one.faces) < 2:
        yield whole, list(one.faces)
        return
    for row, kept in enumerate(one.faces):
        name = f"{whole.source}#{kept.number}"
        yield Outcome(name, one.size, one.sha256, (kept.face,), whole.vectors[row : row + 1]), [kept]
