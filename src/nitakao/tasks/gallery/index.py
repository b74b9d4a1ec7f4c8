"""Photographs and videos into a gallery: what it has not seen yet is looked through, and kept."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, Literal, cast

from nitakao.errors import MisuseError
from nitakao.tasks.arguments import Named, Place, card_for, card_of, opened, sources
from nitakao.tasks.gallery.background import aside
from nitakao.values import Choice, DetectorSettings, ModelCard, Photo

if TYPE_CHECKING:  # these load SQLAlchemy, ONNX Runtime and OpenCV: not before there is work
    from nitakao.gallery import GalleryStore
    from nitakao.gallery.enrol import Indexed, ScannedFile
    from nitakao.models.onnx.session import Device
    from nitakao.photos import Limits
    from nitakao.photos.watch import FileChanges
    from nitakao.pipeline import Pipeline
    from nitakao.tasks.gallery.ingest import Again, How

TOGETHER, FACES_TOGETHER = 64, 2000  # files and faces that are written in one transaction at most,
LONGEST = 1.0  # and seconds until it is: each one waits for the disk
AHEAD = 64  # of what was looked at, or found unchanged, that may wait to be written or told


@dataclass
class Tally:
    """What became of the files so far.  faces: written in this run; became: how many files became what."""

    faces: int = 0
    without_face: int = 0
    unreadable: int = 0
    became: dict[str, int] = field(default_factory=dict)

    @property
    def photos(self) -> int:
        """Files that were named, whatever became of them."""
        return sum(count for what, count in self.became.items() if what != "pruned")

    def of(self, what: str) -> int:
        return self.became.get(what, 0)

    def add(self, one: Indexed) -> None:
        self.became[one.status] = self.of(one.status) + 1
        self.faces += len(one.faces)
        self.unreadable += one.photo is None and bool(one.problem)
        self.without_face += one.photo is not None and bool(one.problem) and not one.faces


def index(
    gallery: Place,
    photos: Iterable[Named],
    *,
    model: str | ModelCard | None = None,
    flip: bool = False,
    detector: DetectorSettings | None = None,
    choice: Choice = "all",
    again: Again | None = None,
    prune: bool = False,
    watch: bool = False,
    labels_from: Literal["folder"] | None = None,
    person: str | None = None,
    every: float = 1.0,
    device: Device | None = None,
    batch_size: int = 32,
    allow_urls: bool = False,
    limits: Limits | None = None,
    stdin: BinaryIO | None = None,
    eyes: Pipeline | None = None,
    prepare: Callable[[ModelCard], None] = lambda card: None,
    tally: Tally | None = None,
) -> Generator[Indexed, None, None]:
    """What became of each file, told once it is kept: what was told survives a crash and a power cut.

    gallery: made where there is none, for `model` (dlib-resnet) and `flip`; one that is there keeps its own.
    photos: files, folders, globs, videos, photographs in memory; addresses where `allow_urls`.  choice: which faces.
    again: 'problems' looks anew at files with problems and photographs without a face, 'all' at every one.
    prune: at the end, take out files that are gone from what was named.  watch: go on as files arrive, without end.
    labels_from: 'folder' gives the most central face of each photograph to the person called as its folder is.
    person: gives it to this one.  Faces that were given to somebody by hand stay there.
    every: seconds between the frames of a video that are looked at.
    prepare: called with the card before anything is looked at.  tally: counted in place.  eyes: networks, loaded.
    Files come back in the order in which they are done.  Nothing is done before the first is asked for.
    """
    from nitakao.tasks.gallery.ingest import How

    settings = detector or DetectorSettings()
    how = How(settings, choice, device, batch_size, limits, allow_urls, again, every, labels_from, person, eyes)
    roots: list[str] = []
    if prune or watch:
        photos = list(photos)
        roots = _roots(photos)
    found: Iterator[str | Photo]
    if watch:
        found = chain.from_iterable(_standing(named, allow_urls) for named in photos)
    else:
        found = cast("Iterator[str | Photo]", sources(photos, allow_urls=allow_urls, videos=True, stdin=stdin))
    run = _Run(gallery, model, flip, how, roots, prune, watch, prepare)
    return run.counted(found, Tally() if tally is None else tally)


def _roots(photos: Iterable[Named]) -> list[str]:
    """The files and folders that were named outright, absolute. Raises MisuseError where there are none."""
    paths = [os.fspath(named) for named in photos if not isinstance(named, Photo)]
    roots = [os.path.abspath(path) for path in paths if path != "-" and os.path.lexists(path)]
    if not roots:
        raise MisuseError("what is gone, or arrives, is looked for in files and folders: name at least one")
    return roots


def _standing(named: Named, allow_urls: bool) -> Iterator[str | Photo]:
    """What is there already; nothing in a folder that is still empty."""
    if not isinstance(named, Photo) and os.path.isdir(named) and not any(os.scandir(named)):
        return iter(())
    return cast("Iterator[str | Photo]", sources([named], allow_urls=allow_urls, videos=True))


@dataclass(frozen=True)
class _Run:
    """One call of `index`."""

    place: Place
    model: str | ModelCard | None
    flip: bool
    how: How
    roots: list[str]
    prune: bool
    watch: bool
    prepare: Callable[[ModelCard], None]

    def counted(self, found: Iterator[str | Photo], tally: Tally) -> Generator[Indexed, None, None]:
        with _opened(self.place, self.model, self.flip) as gallery:
            if self.flip and not gallery.flip:
                raise MisuseError(
                    f"gallery '{gallery.location}' was created without flip: omit flip, or create another"
                )
            for one in self._all(gallery, card_for(gallery, self.model), found):
                tally.add(one)
                yield one

    def _all(self, gallery: GalleryStore, card: ModelCard, found: Iterator[str | Photo]) -> Iterator[Indexed]:
        arriving = self._arriving()
        yield from _written(gallery, card, self.how, found, self.prepare)
        yield from self._pruned(gallery)
        for arrived in arriving:
            yield from _written(gallery, card, self.how, arrived.files, self.prepare)
            if arrived.removed:
                yield from self._pruned(gallery)

    def _arriving(self) -> Iterator[FileChanges]:
        """What arrives from now on, also while what is there is looked at."""
        if not self.watch:
            return iter(())
        from nitakao.photos.watch import watch_files

        arriving = watch_files(self.roots)
        next(arriving)
        return arriving

    def _pruned(self, gallery: GalleryStore) -> Iterator[Indexed]:
        if self.prune:
            from nitakao.gallery.prune import prune

            yield from prune(gallery, self.roots)


@contextmanager
def _opened(place: Place, model: str | ModelCard | None, flip: bool) -> Iterator[GalleryStore]:
    """The gallery that is meant; made where there is none yet."""
    from nitakao.gallery import GalleryStore

    is_there = isinstance(place, GalleryStore) or GalleryStore.exists(place)
    card = card_of(model) if model is not None or not is_there else None
    with opened(place, card=card, flip=flip) as gallery:
        yield gallery


def _written(
    gallery: GalleryStore, card: ModelCard, how: How, named: Iterable[str | Photo], prepare: Callable[[ModelCard], None]
) -> Iterator[Indexed]:
    """What became of each file, once it is kept: many are written together, and none waits longer than a second."""
    from nitakao.gallery.enrol import enrol
    from nitakao.tasks.gallery.ingest import Inflow

    waiting: list[ScannedFile] = []
    due = 0.0

    def flow(give: Callable[[list[Indexed] | ScannedFile], None]) -> None:
        Inflow(gallery, card, how, give, prepare).run(named)

    with aside(flow, AHEAD) as given:
        for item in given:
            if isinstance(item, list):
                yield from item
            elif item is not None:
                due = due if waiting else time.monotonic() + LONGEST
                waiting.append(item)
            if waiting and (_many(waiting) or time.monotonic() >= due):
                yield from enrol(gallery, waiting)
                waiting = []
        if waiting:
            yield from enrol(gallery, waiting)


def _many(waiting: list[ScannedFile]) -> bool:
    return len(waiting) >= TOGETHER or sum(len(looked.faces) for looked in waiting) >= FACES_TOGETHER
