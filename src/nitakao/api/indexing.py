"""Adds photographs, embeddings and names to a gallery."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from nitakao.api.base import GalleryBase
from nitakao.api.inputs import to_photos
from nitakao.errors import PhotoError
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.gallery.index_options import IndexOptions
from nitakao.values import Photo
from nitakao.values.tables import Row, Table

if TYPE_CHECKING:  # these load SQLAlchemy, ONNX Runtime and OpenCV: not before there is work
    from nitakao.api.inputs import Photos as PhotosInput
    from nitakao.gallery.enrol import Indexed
    from nitakao.tasks.gallery.matching import ImportSummary
    from nitakao.values import ModelCard


@dataclass(frozen=True)
class IndexSummary(Table):
    """What `Gallery.index` did.

    Attributes:
        photos: Number of files and photographs processed.
        faces: Number of faces stored.
        statuses: Number of files by status: 'new', 'unchanged', 'moved', 'duplicate', 'changed', 'rescanned',
            'problem', ...
        problems: (path, problem) of each photograph that has no face or cannot be read.
    """

    photos: int
    faces: int
    statuses: dict[str, int]
    problems: tuple[tuple[str, str], ...]

    def to_dicts(self) -> list[Row]:
        """One dict."""
        return [{"photos": self.photos, "faces": self.faces, **self.statuses, "problems": len(self.problems)}]

    def __str__(self) -> str:
        statuses = ", ".join(f"{count} {status}" for status, count in self.statuses.items())
        parts = (("photo", self.photos), ("face", self.faces), ("problem", len(self.problems)))
        photos, faces, problems = (f"{count} {word}{'' if count == 1 else 's'}" for word, count in parts)
        return f"{photos} ({statuses}), {faces}, {problems}"


class Indexing(GalleryBase):
    """Methods of `Gallery` that add to it."""

    def index(
        self,
        photos: PhotosInput,
        *,
        model: str | ModelCard | None = None,
        options: PipelineOptions = PipelineOptions(),
        rescan: Literal["problems", "all"] | None = None,
        prune: bool = False,
        labels_from: Literal["folder"] | None = None,
        person: str | None = None,
        frame_interval: float = 1.0,
    ) -> IndexSummary:
        """Detect and embed the faces of photographs and videos and store them.

        Skips unchanged files. Use `index_iter` for progress.

        Args:
            photos: One photograph or an iterable of them: files, folders, globs and videos; arrays of upright RGB
                pixels, (H, W, 3) uint8; Pillow images; bytes; binary file objects; addresses with
                `options.allow_urls`.
            model: Name, path or card of a new gallery's model. None uses dlib-resnet. An existing gallery keeps its
                model.
            options: How to read photographs, and to detect and embed faces. `flip` sets how a new gallery embeds faces.
            rescan: Process again: 'problems' for files with problems and photographs without a face, 'all' for all.
            prune: Remove files that no longer exist in the indexed files and folders.
            labels_from: 'folder' names the most central face of each photograph after the photograph's folder.
            person: Names it so instead.
            frame_interval: Seconds between the frames of a video to process.

        Returns:
            Counts, and the problem of each photograph that has one.
        """
        indexing = IndexOptions(
            rescan=rescan, prune=prune, labels_from=labels_from, person=person, frame_interval=frame_interval
        )
        statuses: Counter[str] = Counter()
        problems, faces = [], 0
        for file in self.index_iter(photos, model=model, options=options, indexing=indexing):
            statuses[file.status] += 1
            faces += len(file.faces)
            if file.problem:
                problems.append((file.path, file.problem))
        photos_count = sum(count for status, count in statuses.items() if status != "pruned")
        return IndexSummary(photos_count, faces, dict(statuses), tuple(problems))

    def index_iter(
        self,
        photos: PhotosInput,
        *,
        model: str | ModelCard | None = None,
        options: PipelineOptions = PipelineOptions(),
        indexing: IndexOptions = IndexOptions(),
    ) -> Iterator[Indexed]:
        """Like `index`, one file at a time, each as soon as it is stored. With `indexing.watch` it never ends.

        Yields:
            The path, status, number of faces and problem of each file, in the order in which files are finished.
        """
        from nitakao.tasks.gallery.index import index

        store = self._create(model, flip=options.flip)
        damaged: list[Indexed] = []
        items = _decoded(to_photos(photos, options.limits), damaged)
        for file in index(store, items, model=model, options=options, indexing=indexing, pipeline=self._pipeline()):
            yield from _drain(damaged)
            yield file
        yield from _drain(damaged)

    def import_vectors(
        self,
        path: str | os.PathLike[str],
        *,
        model: str | ModelCard | None = None,
        folder: str | os.PathLike[str] = "",
    ) -> ImportSummary:
        """Import a file of embeddings (.npz, .parquet, .csv, .jsonl or .pkl).

        Args:
            path: The file.
            model: The model of the embeddings, if the file does not name it.
            folder: Folder that relative names of photographs start from.
        """
        from nitakao.tasks.gallery.import_vectors import import_vectors

        return import_vectors(self._existing() or self._location, path, model=model, folder=folder)

    def import_xmp(self, photos: Any = None, *, dry_run: bool = False) -> ImportSummary:
        """Import names from XMP side-cars, and from photographs with embedded XMP.

        Args:
            photos: Files, folders and globs. None: all photographs of the gallery.
            dry_run: Only count.
        """
        from nitakao.tasks.gallery.xmp_sidecars import import_xmp

        return import_xmp(self.store, None if photos is None else to_photos(photos, None), dry_run=dry_run)


def _decoded(photos: Any, damaged: list[Indexed]) -> Any:
    """Decode encoded photographs in memory; indexing takes paths and pixels. Adds those that fail to `damaged`."""
    return photos if isinstance(photos, (list, tuple)) else _decode_each(photos, damaged)


def _decode_each(photos: Any, damaged: list[Indexed]) -> Iterator[str | Photo]:
    from nitakao.gallery.enrol import Indexed
    from nitakao.photos import Encoded, Unreadable, decode

    for photo in photos:
        if isinstance(photo, Unreadable):
            damaged.append(Indexed(photo.source, "problem", problem=photo.problem))
        elif isinstance(photo, Encoded):
            try:
                yield _in_memory(decode(photo))
            except PhotoError as error:
                damaged.append(Indexed(photo.source, "problem", problem=str(error)))
        else:
            yield photo if isinstance(photo, str) else _in_memory(photo)


def _in_memory(photo: Photo) -> Photo:
    """A photograph without a path is stored without one: a made-up name would stand for a file."""
    return replace(photo, source="") if photo.source.startswith("<") else photo


def _drain(damaged: list[Indexed]) -> Iterator[Indexed]:
    while damaged:
        yield damaged.pop(0)
