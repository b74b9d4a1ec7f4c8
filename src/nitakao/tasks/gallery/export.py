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
    """Export faces with their vectors, boxes and names to a vectors file.

    Args:
        gallery: The gallery.
        path: The file; its ending sets the format. A .pkl holds one face per name: those of a photo with several faces
            are named 'name.jpg#0' and so on.
        where: Which faces to export.
        key: Whether a vector's key is its photo's path or base name. None: the base name in a .pkl, else the path. A
            photo without a file has its sha256.
        watch: Called with the path of each photo.
        told: Counts to update in place.

    Returns:
        The counts.
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
    """The photo as a whole, or face by face if each needs its own name."""
    if not apart or len(one.faces) < 2:
        yield whole, list(one.faces)
        return
    for row, kept in enumerate(one.faces):
        name = f"{whole.source}#{kept.number}"
        yield Outcome(name, one.size, one.sha256, (kept.face,), whole.vectors[row : row + 1]), [kept]
