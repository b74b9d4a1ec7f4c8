"""Detect and embed the faces of photos and videos and store them in a gallery. Skips what is already there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, cast

from nitakao.errors import MisuseError
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.arguments import GalleryLike, PhotoLike, find_photos, gallery_card, load_card, open_gallery
from nitakao.tasks.gallery.background import run_in_background
from nitakao.tasks.gallery.index_options import IndexOptions
from nitakao.values import ModelCard, Photo

if TYPE_CHECKING:  # these load SQLAlchemy, ONNX Runtime and OpenCV
    from nitakao.gallery import GalleryStore
    from nitakao.gallery.enrol import Indexed, ScannedFile
    from nitakao.photos.watch import FileChanges
    from nitakao.pipeline import Pipeline

MAX_FILES, MAX_FACES = 64, 2000  # files and faces per transaction, at most,
MAX_SECONDS = 1.0  # and seconds until it is written: each transaction waits for the disk
QUEUE_SIZE = 64  # processed or unchanged files that wait to be written or reported, at most


@dataclass
class IndexCounts:
    """Numbers of files and faces indexed so far.

    Attributes:
        faces: Faces written.
        without_face: Photos without a face.
        unreadable: Files that could not be read.
        statuses: Number of files with each status.
    """

    faces: int = 0
    without_face: int = 0
    unreadable: int = 0
    statuses: dict[str, int] = field(default_factory=dict)

    @property
    def photos(self) -> int:
        """Number of files indexed, whatever their status."""
        return sum(count for status, count in self.statuses.items() if status != "pruned")

    def of(self, status: str) -> int:
        """Number of files with this status."""
        return self.statuses.get(status, 0)

    def add(self, file: Indexed) -> None:
        """Count one file."""
        self.statuses[file.status] = self.of(file.status) + 1
        self.faces += len(file.faces)
        self.unreadable += file.photo is None and bool(file.problem)
        self.without_face += file.photo is not None and bool(file.problem) and not file.faces


def index(
    gallery: GalleryLike,
    photos: Iterable[PhotoLike],
    *,
    model: str | ModelCard | None = None,
    options: PipelineOptions = PipelineOptions(),
    indexing: IndexOptions = IndexOptions(),
    stdin: BinaryIO | None = None,
    pipeline: Pipeline | None = None,
    prepare: Callable[[ModelCard], None] = lambda card: None,
) -> Generator[Indexed, None, None]:
    """Detect and embed the faces of photos and videos and store them in a gallery.

    Nothing happens before the first result is requested.

    Args:
        gallery: The gallery; created if it does not exist.
        photos: Files, folders, globs, videos and photos in memory; also addresses, with `options.allow_urls`.
        model: Name, path or card of a new gallery's model. None uses dlib-resnet. An existing gallery keeps its model.
        options: How to read photos, and to detect and embed faces. `flip` sets how a new gallery embeds faces.
        indexing: What to rescan, prune, watch and name.
        stdin: Where to read the list of photos that '-' stands for.
        pipeline: A pipeline with loaded networks. None loads them for this call.
        prepare: Called with the gallery's card before the first photo is processed.

    Yields:
        The status of each file, in the order in which files are finished, once it is stored durably.

    Raises:
        MisuseError: If the options contradict the gallery or each other.
        GalleryError: If the gallery holds another model's vectors.
    """
    roots: list[str] = []
    if indexing.prune or indexing.watch:
        photos = list(photos)
        roots = _roots(photos)
    found: Iterator[str | Photo]
    if indexing.watch:
        found = chain.from_iterable(_existing(named, options.allow_urls) for named in photos)
    else:
        found = cast(
            "Iterator[str | Photo]", find_photos(photos, allow_urls=options.allow_urls, videos=True, stdin=stdin)
        )
    return _Run(gallery, model, options, indexing, pipeline, roots, prepare).index(found)


def _roots(photos: Iterable[PhotoLike]) -> list[str]:
    """Absolute paths of the files and folders among `photos`. Raises MisuseError if there are none."""
    paths = [os.fspath(named) for named in photos if not isinstance(named, Photo)]
    roots = [os.path.abspath(path) for path in paths if path != "-" and os.path.lexists(path)]
    if not roots:
        raise MisuseError("prune and watch need files or folders: name at least one")
    return roots


def _existing(named: PhotoLike, allow_urls: bool) -> Iterator[str | Photo]:
    """The photos that exist already; nothing for an empty folder."""
    if not isinstance(named, Photo) and os.path.isdir(named) and not any(os.scandir(named)):
        return iter(())
    return cast("Iterator[str | Photo]", find_photos([named], allow_urls=allow_urls, videos=True))


@dataclass(frozen=True)
class _Run:
    """One call of `index`."""

    place: GalleryLike
    model: str | ModelCard | None
    options: PipelineOptions
    indexing: IndexOptions
    pipeline: Pipeline | None
    roots: list[str]
    prepare: Callable[[ModelCard], None]

    def index(self, found: Iterator[str | Photo]) -> Generator[Indexed, None, None]:
        with _opened(self.place, self.model, self.options.flip) as gallery:
            if self.options.flip and not gallery.flip:
                raise MisuseError(
                    f"gallery '{gallery.location}' was created without flip: omit flip, or create another"
                )
            card = gallery_card(gallery, self.model)
            changes = self._watch()
            yield from self._write(gallery, card, found)
            yield from self._prune(gallery)
            for change in changes:
                yield from self._write(gallery, card, change.files)
                if change.removed:
                    yield from self._prune(gallery)

    def _watch(self) -> Iterator[FileChanges]:
        """Files that arrive from now on, including while existing files are processed."""
        if not self.indexing.watch:
            return iter(())
        from nitakao.photos.watch import watch_files

        changes = watch_files(self.roots)
        next(changes)
        return changes

    def _prune(self, gallery: GalleryStore) -> Iterator[Indexed]:
        if self.indexing.prune:
            from nitakao.gallery.prune import prune

            yield from prune(gallery, self.roots)

    def _write(self, gallery: GalleryStore, card: ModelCard, named: Iterable[str | Photo]) -> Iterator[Indexed]:
        """Store files in batches; none waits longer than a second."""
        from nitakao.gallery.enrol import enrol
        from nitakao.tasks.gallery.ingest import Ingest

        waiting: list[ScannedFile] = []
        deadline = 0.0

        def work(put: Callable[[list[Indexed] | ScannedFile], None]) -> None:
            Ingest(gallery, card, self.options, self.indexing, self.pipeline, put, self.prepare).run(named)

        with run_in_background(work, QUEUE_SIZE) as items:
            for item in items:
                if isinstance(item, list):
                    yield from item
                elif item is not None:
                    deadline = deadline if waiting else time.monotonic() + MAX_SECONDS
                    waiting.append(item)
                if waiting and (_is_full(waiting) or time.monotonic() >= deadline):
                    yield from enrol(gallery, waiting)
                    waiting = []
            if waiting:
                yield from enrol(gallery, waiting)


@contextmanager
def _opened(place: GalleryLike, model: str | ModelCard | None, flip: bool) -> Iterator[GalleryStore]:
    """Open the gallery; create it if it does not exist."""
    from nitakao.gallery import GalleryStore

    is_there = isinstance(place, GalleryStore) or GalleryStore.exists(place)
    card = load_card(model) if model is not None or not is_there else None
    with open_gallery(place, card=card, flip=flip) as gallery:
        yield gallery


def _is_full(waiting: list[ScannedFile]) -> bool:
    return len(waiting) >= MAX_FILES or sum(len(looked.faces) for looked in waiting) >= MAX_FACES
