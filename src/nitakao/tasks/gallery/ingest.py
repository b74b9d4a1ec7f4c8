"""Find the files that a gallery does not have yet, and detect and embed their faces.

    path -> size, time -> [ in the gallery ]                           -> unchanged
                       -> content hash -> [ in the gallery ]           -> moved, duplicate
                                       -> pipeline: faces and vectors  -> new, changed

A file whose size and time are unchanged costs a share of one database query; known content costs reading the file.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain, groupby
from typing import TYPE_CHECKING, TypeAlias

from nitakao import photos, tracking
from nitakao.errors import MissingExtraError, PhotoError, UnreadablePhotoError
from nitakao.gallery import GalleryStore, enrol
from nitakao.gallery.enrol import FileInfo, Indexed, ScannedFile, StoredFile
from nitakao.gallery.forget import tombstones
from nitakao.gallery.people import labels
from nitakao.photos import Encoded
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.arguments import pipeline_runner
from nitakao.tasks.gallery.index_options import IndexOptions
from nitakao.values import NO_FACE, DetectorSettings, ModelCard, NewFace, Outcome, Photo

if TYPE_CHECKING:  # loads ONNX Runtime
    from nitakao.pipeline import Pipeline

Put: TypeAlias = "Callable[[list[Indexed] | ScannedFile], None]"

BLOCK = 512  # files per database query
PIECE = 1 << 20  # bytes of a video that are hashed at a time
NO_SIZE = -1  # the size of a file whose size cannot be read


def detector_note(options: PipelineOptions) -> str:
    """The detector and its settings other than the defaults, as the gallery stores them with each photo."""
    default, words = DetectorSettings(), [str(options.detector.name)]
    for name in ("smallest_face", "thresholds", "factor", "retry"):
        if (value := getattr(options.detector, name)) != getattr(default, name):
            words.append(f"{name}={value}")
    return " ".join(words if options.faces in (None, "all") else [*words, f"faces={options.faces}"])


@dataclass(eq=False)
class PendingFile:
    """A file in the pipeline; for a video, details are added with each frame."""

    looked: ScannedFile


@dataclass(frozen=True, eq=False)
class Frame:
    """A photo in the pipeline, or the frame of a video at `time` seconds."""

    file: PendingFile
    time: float | None = None


class Ingest:
    """Processes named photos for a gallery.

    Args:
        gallery: The gallery.
        card: Its model.
        options: How to read photos, and to detect and embed faces; the gallery decides about `flip`.
        indexing: What to rescan and name.
        pipeline: A pipeline with loaded networks, or None.
        put: Called with lists of finished files, and with files to store.
        prepare: Called once, before the first photo is processed.
    """

    def __init__(
        self,
        gallery: GalleryStore,
        card: ModelCard,
        options: PipelineOptions,
        indexing: IndexOptions,
        pipeline: Pipeline | None,
        put: Put,
        prepare: Callable[[ModelCard], None],
    ) -> None:
        self.gallery = gallery
        self.card = card
        self.options = replace(options, flip=gallery.flip)
        self.indexing = indexing
        self.pipeline = pipeline
        self.put = put
        self.prepare = prepare
        self.start = time.time()
        self.frames: deque[Frame] = deque()

    def run(self, named: Iterable[str | Photo]) -> None:
        """Process all photos."""
        new = self._new_photos(named)
        first = next(new, None)
        if first is None:
            return  # without loading the networks
        self.prepare(self.card)
        sources = chain([first], new)
        outcomes = pipeline_runner(self.pipeline)(sources, card=self.card, options=self.options, keep_chips=True)
        with closing(outcomes):  # on an early end, its threads end before this one does
            framed = ((self.frames.popleft(), outcome) for outcome in outcomes)
            for file, frames in groupby(framed, key=lambda pair: pair[0].file):
                looked = self._of_video if file.looked.video else self._of_photo
                self.put(looked(file, frames))

    def _new_photos(self, named: Iterable[str | Photo]) -> Iterator[Encoded | Photo]:
        """The photos to process; all others are put at once."""
        for block in _blocks(named):
            files = [item if isinstance(item, Photo) else file_of(item) for item in block]
            paths = [file.path for file in files if isinstance(file, FileInfo)]
            known = enrol.stored_files(self.gallery, paths) if paths else {}
            for item, file in self._changed(block, files, known):
                yield from self._load(item, file)

    def _changed(
        self, block: list[str | Photo], files: list[FileInfo | Photo], known: dict[str, StoredFile]
    ) -> list[tuple[str | Photo, FileInfo | None]]:
        """The photos whose size or time differ from the gallery's."""
        changed: list[tuple[str | Photo, FileInfo | None]] = []
        unchanged: list[Indexed] = []
        for item, file in zip(block, files, strict=True):
            if isinstance(file, Photo):
                changed.append((item, None))
                continue
            had = known.get(file.path)
            if had is None or (had.size, had.mtime_ns) != file[1:] or self._rescans(had.problem):
                changed.append((item, file))
            else:
                unchanged.append(Indexed(file.path, "unchanged", had.photo, problem=had.problem))
        if unchanged:
            self.put(self._label(unchanged))
        return changed

    def _rescans(self, problem: str) -> bool:
        return self.indexing.rescan == "all" or (self.indexing.rescan == "problems" and bool(problem))

    def _label(self, unchanged: list[Indexed]) -> list[Indexed]:
        """Name the faces of unchanged photos that have no name yet."""
        if not self.indexing.has_labels:
            return unchanged
        names = {file.photo: self.indexing.label(file.path) for file in unchanged if file.photo is not None}
        missing = labels.unlabelled(self.gallery, {photo: name for photo, name in names.items() if name})
        labelled = labels.label(self.gallery, missing) if missing else set()
        return [replace(file, status="labelled") if file.photo in labelled else file for file in unchanged]

    def _load(self, item: str | Photo, file: FileInfo | None) -> Iterator[Encoded | Photo]:
        """The photo, or the frames of the video, if the gallery does not have its content."""
        try:
            if isinstance(item, Photo):
                yield from self._in_memory(item)
            elif not photos.is_url(item) and photos.looks_like_video(item):
                yield from self._frames(item, file)
            else:
                yield from self._encoded(item, file)
        except (PhotoError, MissingExtraError) as error:
            self.put(ScannedFile(file, problem=str(error)))

    def _in_memory(self, photo: Photo) -> Iterator[Photo]:
        sha256 = photo.sha256 or hashlib.sha256(repr(photo.size).encode() + photo.pixels.tobytes()).hexdigest()
        file = FileInfo(photo.source, photo.pixels.nbytes, 0) if photo.source else None
        pending = self._pending(ScannedFile(file, sha256, photo.size))
        if pending is not None:
            self.frames.append(Frame(pending))
            yield replace(photo, sha256=sha256)

    def _encoded(self, source: str, file: FileInfo | None) -> Iterator[Encoded]:
        encoded = photos.load(source, limits=self.options.limits, allow_urls=self.options.allow_urls)
        if file is not None and photos.is_url(source):
            file = file._replace(size=len(encoded.data))
        pending = self._pending(ScannedFile(file, encoded.sha256, encoded.size, taken=photos.capture_time(encoded)))
        if pending is not None:
            self.frames.append(Frame(pending))
            yield encoded

    def _frames(self, source: str, file: FileInfo | None) -> Iterator[Photo]:
        looked = ScannedFile(file, _sha256(source), taken=photos.video_capture_time(source), video=True)
        pending = self._pending(looked)
        if pending is None:
            return
        try:
            for at, photo in photos.read_frames(source, every=self.indexing.frame_interval):
                pending.looked = replace(pending.looked, size=photo.size)
                self.frames.append(Frame(pending, at))
                yield photo
        except PhotoError as error:
            if pending.looked.size == (0, 0):  # no frame could be read
                raise
            pending.looked = replace(pending.looked, problem=str(error))

    def _pending(self, looked: ScannedFile) -> PendingFile | None:
        """The file to process; None if the gallery has its content or has forgotten it for good."""
        looked = replace(looked, label=self.indexing.label(looked.file.path if looked.file else ""))
        if tombstones.is_tombstoned(self.gallery, looked.sha256):
            self.put(looked)
            return None
        place = enrol.stored_photo(self.gallery, looked.sha256)
        if place is None:
            return PendingFile(replace(looked, detector=detector_note(self.options)))
        if place.indexed < self.start and self._rescans(place.problem):  # once per run, however many files hold it
            return PendingFile(replace(looked, detector=detector_note(self.options), replace=True))
        here = looked.file.path if looked.file else ""
        others = [path for path in place.paths if path != here]
        gone = tuple(path for path in others if not photos.is_url(path) and not os.path.lexists(path))
        self.put(replace(looked, old_paths=gone if len(gone) == len(others) else ()))
        return None

    def _of_photo(self, pending: PendingFile, frames: Iterable[tuple[Frame, Outcome]]) -> ScannedFile:
        ((_, outcome),) = frames
        looked = pending.looked
        if outcome.status == "unreadable":  # its bytes were read, but its pixels are damaged
            return ScannedFile(looked.file, problem=outcome.problem)
        return replace(looked, faces=tuple(_enrolled(outcome, None)), problem=outcome.problem)

    def _of_video(self, pending: PendingFile, frames: Iterable[tuple[Frame, Outcome]]) -> ScannedFile:
        """The best faces of each track, by time."""
        rules = tracking.Rules(self.card.threshold, self.card.metric)
        timed = ((frame.time or 0.0, list(_enrolled(outcome, frame.time))) for frame, outcome in frames)
        shots = [shot for track in tracking.tracks(timed, rules) for shot in track.shots]
        shots.sort(key=lambda shot: shot.time or 0.0)
        problem = pending.looked.problem or ("" if shots else NO_FACE)
        return replace(pending.looked, faces=tuple(shots), problem=problem)


def file_of(source: str) -> FileInfo:
    """A file's size and time before it is read. An address is its own path and has no time."""
    if photos.is_url(source):
        return FileInfo(source, NO_SIZE, 0)
    path = os.path.abspath(source)
    try:
        state = os.stat(path)
    except (OSError, ValueError):
        return FileInfo(path, NO_SIZE, 0)
    return FileInfo(path, state.st_size, state.st_mtime_ns)


def _enrolled(outcome: Outcome, at: float | None) -> Iterator[NewFace]:
    rows = zip(outcome.faces, outcome.vectors, outcome.qualities, outcome.chips, strict=True)
    for face, vector, quality, chip in rows:
        yield NewFace(face, vector, quality, chip, at)


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while piece := file.read(PIECE):
                digest.update(piece)
    except OSError as error:
        raise UnreadablePhotoError(f"'{path}': it cannot be read ({error.strerror or error})") from error
    return digest.hexdigest()


def _blocks(named: Iterable[str | Photo]) -> Iterator[list[str | Photo]]:
    """Split into blocks; the first are small, so that a list that arrives slowly is processed at once."""
    block: list[str | Photo] = []
    size = 1
    for item in named:
        block.append(item)
        if len(block) >= size:
            yield block
            block, size = [], min(2 * size, BLOCK)
    if block:
        yield block
