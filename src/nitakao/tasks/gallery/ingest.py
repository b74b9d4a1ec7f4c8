"""What flows towards a gallery: files that it does not know yet read and looked through, on a thread of their own.

    names -> marks -> [ known ]                                  -> unchanged
                   -> bytes -> [ content known ]                 -> moved, duplicate
                            -> pipeline: faces, vectors, chips   -> new, changed

A name whose size and time are as the gallery has them costs a share of one question to the database; a content that it
has costs reading the file; only what is left is looked through.
"""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Literal, TypeAlias

from nitakao import photos, tracking
from nitakao.errors import MissingExtraError, MisuseError, PhotoError, UnreadablePhotoError
from nitakao.gallery import GalleryStore, enrol, people
from nitakao.gallery.enrol import FileInfo, Indexed, ScannedFile, StoredFile
from nitakao.gallery.forget import tombstones
from nitakao.gallery.people import labels
from nitakao.photos import Encoded, Limits
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.arguments import looking
from nitakao.values import NO_FACE, Choice, DetectorSettings, ModelCard, NewFace, Outcome, Photo

if TYPE_CHECKING:  # which loads ONNX Runtime
    from nitakao.models.onnx.session import Device
    from nitakao.pipeline import Pipeline

Again: TypeAlias = Literal["problems", "all"]
Emit: TypeAlias = "Callable[[list[Indexed] | ScannedFile], None]"

BLOCK = 512  # files whose marks are looked up together
PIECE = 1 << 20  # bytes of a video that are hashed at a time
NOT_THERE = -1  # the size of a file that could not even be asked for its size


@dataclass(frozen=True)
class How:
    """How photographs are looked at on their way into a gallery; see `index`."""

    detector: DetectorSettings = field(default_factory=DetectorSettings)
    choice: Choice = "all"
    device: Device | None = None
    batch_size: int = 32
    limits: Limits | None = None
    allow_urls: bool = False
    again: Again | None = None
    every: float = 1.0
    labels_from: Literal["folder"] | None = None
    person: str | None = None
    eyes: Pipeline | None = None

    def __post_init__(self) -> None:
        if self.person is not None:
            people.clean_name(self.person)
            if self.labels_from is not None:
                raise MisuseError("a label comes from the folder or is given with its name, not both")
        if not (math.isfinite(self.every) and self.every > 0):
            raise MisuseError(f"frames of a video are taken every so many seconds, more than 0, not {self.every:g}")
        if self.batch_size < 1:
            raise MisuseError(f"a batch holds 1 face or more, not {self.batch_size}")

    @property
    def labels(self) -> bool:
        return self.person is not None or self.labels_from is not None

    @property
    def looked_with(self) -> str:
        """The detector's settings, as the gallery keeps them with each photograph."""
        default, words = DetectorSettings(), [str(self.detector.name)]
        for name in ("smallest_face", "thresholds", "factor", "retry"):
            if (value := getattr(self.detector, name)) != getattr(default, name):
                words.append(f"{name}={value}")
        return " ".join(words if self.choice == "all" else [*words, f"faces={self.choice}"])

    def label(self, path: str) -> str:
        """Who the face in the file at `path` is, as the user said; empty where nothing that can be a name is said."""
        if self.person is not None:
            return people.clean_name(self.person)
        if self.labels_from is None:
            return ""
        try:
            return people.clean_name(os.path.basename(os.path.dirname(path)))
        except MisuseError:
            return ""


@dataclass(eq=False)
class Arrival:
    """A file on its way through the pipeline; of a video more becomes known with each frame."""

    looked: ScannedFile


@dataclass(frozen=True, eq=False)
class Frame:
    """What the pipeline was given: a photograph, or a frame of a video, seen at `time` seconds."""

    arrival: Arrival
    time: float | None = None


class Inflow:
    """Names to what becomes of them, given to `emit` as it is known: lists of what is done, and what is to be written.

    prepare: called once, before the first photograph is looked through.
    """

    def __init__(
        self, gallery: GalleryStore, card: ModelCard, how: How, emit: Emit, prepare: Callable[[ModelCard], None]
    ) -> None:
        self.gallery = gallery
        self.card = card
        self.how = how
        self.emit = emit
        self.prepare = prepare
        self.start = time.time()
        self.waiting: deque[Frame] = deque()

    def run(self, named: Iterable[str | Photo]) -> None:
        """All of it, to the end."""
        fresh = self._fresh(named)
        first = next(fresh, None)
        if first is None:
            return  # networks are loaded only where there is something to look at
        self.prepare(self.card)
        how = self.how
        outcomes = looking(how.eyes)(
            _after(first, fresh),
            card=self.card,
            options=PipelineOptions(
                how.detector, how.choice, how.device, self.gallery.flip, how.batch_size, how.limits
            ),
            keep_chips=True,
        )
        with closing(outcomes):  # where nobody wants more, its threads end before this one does
            seen = ((self.waiting.popleft(), outcome) for outcome in outcomes)
            for arrival, frames in groupby(seen, key=lambda pair: pair[0].arrival):
                of = self._of_video if arrival.looked.video else self._of_photo
                self.emit(of(arrival, frames))

    def _fresh(self, named: Iterable[str | Photo]) -> Iterator[Encoded | Photo]:
        """What must be looked through; all else is told at once."""
        for block in _blocks(named):
            files = [item if isinstance(item, Photo) else seen(item) for item in block]
            asked = [file.path for file in files if isinstance(file, FileInfo)]
            known = enrol.stored_files(self.gallery, asked) if asked else {}
            for item, file in self._unknown(block, files, known):
                yield from self._opened(item, file, known)

    def _unknown(
        self, block: list[str | Photo], files: list[FileInfo | Photo], known: dict[str, StoredFile]
    ) -> list[tuple[str | Photo, FileInfo | None]]:
        """Those of which the gallery's marks do not say that nothing has changed."""
        unknown: list[tuple[str | Photo, FileInfo | None]] = []
        done: list[Indexed] = []
        for item, file in zip(block, files, strict=True):
            if isinstance(file, Photo):
                unknown.append((item, None))
                continue
            had = known.get(file.path)
            if had is None or (had.size, had.mtime_ns) != file[1:] or self._is_wanted_again(had):
                unknown.append((item, file))
            else:
                done.append(Indexed(file.path, "unchanged", had.photo, problem=had.problem))
        if done:
            self.emit(self._labelled(done))
        return unknown

    def _is_wanted_again(self, had: StoredFile) -> bool:
        return self.how.again == "all" or (self.how.again == "problems" and bool(had.problem))

    def _labelled(self, done: list[Indexed]) -> list[Indexed]:
        """The same, where labels are asked for with those labels given that were not before."""
        if not self.how.labels:
            return done
        wanted = {one.photo: self.how.label(one.path) for one in done if one.photo is not None}
        lacking = labels.unlabelled(self.gallery, {photo: name for photo, name in wanted.items() if name})
        given = labels.label(self.gallery, lacking) if lacking else set()
        return [replace(one, status="labelled") if one.photo in given else one for one in done]

    def _opened(
        self, item: str | Photo, file: FileInfo | None, known: dict[str, StoredFile]
    ) -> Iterator[Encoded | Photo]:
        """The photograph, or the frames of the video, where the gallery does not have its content."""
        try:
            if isinstance(item, Photo):
                yield from self._in_memory(item)
            elif not photos.is_url(item) and photos.looks_like_video(item):
                yield from self._frames(item, file)
            else:
                yield from self._encoded(item, file)
        except (PhotoError, MissingExtraError) as error:
            self.emit(ScannedFile(file, problem=str(error)))

    def _in_memory(self, photo: Photo) -> Iterator[Photo]:
        sha256 = photo.sha256 or hashlib.sha256(repr(photo.size).encode() + photo.pixels.tobytes()).hexdigest()
        file = FileInfo(photo.source, photo.pixels.nbytes, 0) if photo.source else None
        arrival = self._arrival(ScannedFile(file, sha256, photo.size))
        if arrival is not None:
            self.waiting.append(Frame(arrival))
            yield replace(photo, sha256=sha256)

    def _encoded(self, source: str, file: FileInfo | None) -> Iterator[Encoded]:
        encoded = photos.load(source, limits=self.how.limits, allow_urls=self.how.allow_urls)
        if file is not None and photos.is_url(source):
            file = file._replace(size=len(encoded.data))
        arrival = self._arrival(ScannedFile(file, encoded.sha256, encoded.size, taken=photos.capture_time(encoded)))
        if arrival is not None:
            self.waiting.append(Frame(arrival))
            yield encoded

    def _frames(self, source: str, file: FileInfo | None) -> Iterator[Photo]:
        looked = ScannedFile(file, _sha256(source), taken=photos.video_capture_time(source), video=True)
        arrival = self._arrival(looked)
        if arrival is None:
            return
        try:
            for at, photo in photos.read_frames(source, every=self.how.every):
                arrival.looked = replace(arrival.looked, size=photo.size)
                self.waiting.append(Frame(arrival, at))
                yield photo
        except PhotoError as error:
            if arrival.looked.size == (0, 0):  # not one frame
                raise
            arrival.looked = replace(arrival.looked, problem=str(error))

    def _arrival(self, looked: ScannedFile) -> Arrival | None:
        """The file, to be looked through; None where its content is known, or must not come back."""
        looked = replace(looked, label=self.how.label(looked.file.path if looked.file else ""))
        if tombstones.is_tombstoned(self.gallery, looked.sha256):
            self.emit(looked)
            return None
        place = enrol.stored_photo(self.gallery, looked.sha256)
        if place is None:
            return Arrival(replace(looked, detector=self.how.looked_with))
        if self._again(place):
            return Arrival(replace(looked, detector=self.how.looked_with, replace=True))
        here = looked.file.path if looked.file else ""
        others = [path for path in place.paths if path != here]
        gone = tuple(path for path in others if not photos.is_url(path) and not os.path.lexists(path))
        self.emit(replace(looked, old_paths=gone if len(gone) == len(others) else ()))
        return None

    def _again(self, place: enrol.StoredPhoto) -> bool:
        """Whether a known content is to be looked through again; once a run, however many files hold it."""
        if self.how.again is None or place.indexed >= self.start:
            return False
        return self.how.again == "all" or bool(place.problem)

    def _of_photo(self, arrival: Arrival, frames: Iterable[tuple[Frame, Outcome]]) -> ScannedFile:
        ((_, outcome),) = frames
        looked = arrival.looked
        if outcome.status == "unreadable":  # its bytes were read, but its pixels are damaged
            return ScannedFile(looked.file, problem=outcome.problem)
        return replace(looked, faces=tuple(_enrolled(outcome, None)), problem=outcome.problem)

    def _of_video(self, arrival: Arrival, frames: Iterable[tuple[Frame, Outcome]]) -> ScannedFile:
        """The best shots of each track, in the order in which they are seen."""
        rules = tracking.Rules(self.card.threshold, self.card.metric)
        seen = ((frame.time or 0.0, list(_enrolled(outcome, frame.time))) for frame, outcome in frames)
        shots = [shot for track in tracking.tracks(seen, rules) for shot in track.shots]
        shots.sort(key=lambda shot: shot.time or 0.0)
        problem = arrival.looked.problem or ("" if shots else NO_FACE)
        return replace(arrival.looked, faces=tuple(shots), problem=problem)


def seen(source: str) -> FileInfo:
    """What the disk says of a file now, before it is read.  An address is its own path, and has no time."""
    if photos.is_url(source):
        return FileInfo(source, NOT_THERE, 0)
    path = os.path.abspath(source)
    try:
        state = os.stat(path)
    except (OSError, ValueError):
        return FileInfo(path, NOT_THERE, 0)
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
    """Names by the block, the first blocks small: a list that comes slowly, and networks, need not wait for many."""
    block: list[str | Photo] = []
    size = 1
    for item in named:
        block.append(item)
        if len(block) >= size:
            yield block
            block, size = [], min(2 * size, BLOCK)
    if block:
        yield block


def _after(first: Encoded | Photo, rest: Iterator[Encoded | Photo]) -> Iterator[Encoded | Photo]:
    yield first
    yield from rest
