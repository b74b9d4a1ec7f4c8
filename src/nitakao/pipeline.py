"""From photographs to faces to vectors, many at a time.

    names -> load -> [ decode -> detect -> choose -> cut ] -> [ embed ] -> outcomes, in the order of the names

What stands in brackets runs on a pool of one thread a core, each network on one thread, so that decoding one
photograph overlaps with networks on another. Small photographs go through detection in groups, crops through the
network in batches that cross photographs. Every queue has a bound: memory does not grow with the number of names.

A `Pipeline` keeps its networks between runs, and may be run by many threads at once: what waits for the same network is
done together, whoever brought it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from threading import Lock
from typing import Generic, TypeVar

import numpy as np

from nitakao import photos
from nitakao.errors import GeometryError, MissingExtraError, PhotoError
from nitakao.models import embedder
from nitakao.models.detection import detectors
from nitakao.models.onnx.session import Device
from nitakao.photos import Encoded, Limits
from nitakao.system.cpu import cores
from nitakao.values import (
    Chip,
    Choice,
    CropRule,
    DetectorSettings,
    Face,
    Floats,
    ModelCard,
    Outcome,
    Photo,
    Pixels,
    Quality,
)

Item = TypeVar("Item")
Result = TypeVar("Result")
Made = TypeVar("Made")

GROUP_PIXELS, GROUP_PHOTOS = 1_000_000, 8  # decoded pixels and photographs that go through detection together
BATCH_PHOTOS = 64  # photographs that wait for one batch of crops, where few have faces
MOST_NETWORKS = 8  # detectors, and networks, that a pipeline keeps: settings differ from run to run
NO_FACE = "no face found"


@dataclass(frozen=True, eq=False)
class Loaded:
    """A photograph on its way in: encoded bytes, or pixels that were in memory already, or why there are neither.

    choice, rule, keep_chips: what its faces are wanted for, see `run`.  scale: at which it is decoded for detection.
    """

    source: str
    content: Encoded | Photo | None
    problem: str = ""
    choice: Choice = "all"
    rule: CropRule | None = None
    keep_chips: bool = False
    scale: float = 1.0

    @property
    def size(self) -> tuple[int, int]:
        return (0, 0) if self.content is None else self.content.size

    @property
    def weight(self) -> float:
        """Pixels that detection decodes."""
        return self.size[0] * self.size[1] * self.scale**2


def run(
    sources: Iterable[str | Photo | Encoded],
    *,
    detector: DetectorSettings | None = None,
    choice: Choice = "all",
    card: ModelCard | None = None,
    rule: CropRule | None = None,
    device: Device | None = None,
    flip: bool = False,
    batch_size: int = 32,
    keep_crops: bool = False,
    keep_chips: bool = False,
    limits: Limits | None = None,
    allow_urls: bool = False,
) -> Generator[Outcome, None, None]:
    """What became of each photograph, in the order of the sources.

    sources: names of files, or addresses where allow_urls, or photographs, decoded or not.  card: None to detect only.
    rule: how faces are cut out where there is no card; their crops are kept then, and no network is asked.
    keep_crops, keep_chips: outcomes carry what the network saw; each face's chip and quality.
    A photograph that cannot be used gives an Outcome with its problem; everything else that is wrong raises.
    """
    with Pipeline() as pipeline:
        yield from pipeline.run(
            sources,
            detector=detector,
            choice=choice,
            card=card,
            rule=rule,
            device=device,
            flip=flip,
            batch_size=batch_size,
            keep_crops=keep_crops,
            keep_chips=keep_chips,
            limits=limits,
            allow_urls=allow_urls,
        )


class Pipeline:
    """Networks that are loaded once, when they are first needed, for any number of runs, side by side or in turn."""

    def __init__(self) -> None:
        self._workers = cores()
        self._pool = ThreadPoolExecutor(self._workers, "nitakao")
        self._lanes = ThreadPoolExecutor(self._workers, "nitakao-lane")
        self._lock = Lock()
        self._seeing: dict[object, _Together[Loaded, Outcome]] = {}
        self._embedding: dict[object, _Together[Outcome, Outcome]] = {}

    def run(
        self,
        sources: Iterable[str | Photo | Encoded],
        *,
        detector: DetectorSettings | None = None,
        choice: Choice = "all",
        card: ModelCard | None = None,
        rule: CropRule | None = None,
        device: Device | None = None,
        flip: bool = False,
        batch_size: int = 32,
        keep_crops: bool = False,
        keep_chips: bool = False,
        limits: Limits | None = None,
        allow_urls: bool = False,
    ) -> Generator[Outcome, None, None]:
        """As the function `run`."""
        settings, device, ahead = detector or DetectorSettings(), device or Device(), self._workers + 1
        batch_size = min(batch_size, embedder.BATCH[device.name])  # more in one run would leave cores idle at the end
        embedding = None if card is None else self._embedder(card, device, flip, batch_size)
        seeing = self._detector(settings, device)
        rule, keep_crops = (rule, keep_crops or rule is not None) if card is None else (card.crop, keep_crops)
        loaded = (_load(source, limits, allow_urls) for source in sources)
        wanted = (
            replace(
                item, choice=choice, rule=rule, keep_chips=keep_chips, scale=detectors.decode_scale(settings, item.size)
            )
            for item in loaded
        )
        seen = _in_order(seeing.submit, _groups(wanted), ahead)
        if embedding is not None:
            seen = _in_order(embedding.submit, _batches(seen, batch_size), ahead)
        with closing(seen):  # an early end waits for what runs, not for what is queued
            for outcomes in seen:
                yield from outcomes if keep_crops else (replace(outcome, crops=None) for outcome in outcomes)

    def _detector(self, settings: DetectorSettings, device: Device) -> _Together[Loaded, Outcome]:
        def made() -> _Together[Loaded, Outcome]:
            detect = detectors.load(settings, device, self._lanes if self._workers > 1 else None)

            def share(item: Loaded) -> float:
                return max(item.weight / GROUP_PIXELS, 1 / GROUP_PHOTOS)

            return _Together(self._pool, lambda group: _see(group, detect), share)

        return self._kept(self._seeing, (settings, device), made)

    def _embedder(self, card: ModelCard, device: Device, flip: bool, size: int) -> _Together[Outcome, Outcome]:
        def made() -> _Together[Outcome, Outcome]:
            network = embedder.load(card, device=device, flip=flip)

            def share(outcome: Outcome) -> float:
                return max(len(outcome.faces) / size, 1 / BATCH_PHOTOS)

            return _Together(self._pool, lambda batch: _embed(batch, network), share)

        return self._kept(self._embedding, (card.name, card.fingerprint, device, flip, size), made)

    def _kept(self, kept: dict[object, Made], key: object, made: Callable[[], Made]) -> Made:
        """What was loaded for `key`, loaded now where it was not; the oldest goes where there are many."""
        with self._lock:
            found = kept.pop(key, None) or made()
            kept[key] = found
            if len(kept) > MOST_NETWORKS:
                del kept[next(iter(kept))]
            return found

    def close(self) -> None:
        """End the threads, with what they are at; what still waits is not begun."""
        for pool in (self._pool, self._lanes):
            pool.shutdown(cancel_futures=True)

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Together(Generic[Item, Result]):
    """Work on lists, on a pool; short lists that wait are put together, as long as their shares come to 1 at most.

    work: one result for each item, in order.
    """

    def __init__(
        self, pool: ThreadPoolExecutor, work: Callable[[list[Item]], list[Result]], share: Callable[[Item], float]
    ) -> None:
        self._pool, self._work, self._share = pool, work, share
        self._waiting: deque[tuple[list[Item], Future[list[Result]]]] = deque()
        self._lock = Lock()

    def submit(self, items: list[Item]) -> Future[list[Result]]:
        future: Future[list[Result]] = Future()
        with self._lock:
            self._waiting.append((items, future))
        self._pool.submit(self._next)
        return future

    def _next(self) -> None:
        taken = self._taken()
        if not taken:
            return  # another thread had it with its own
        try:
            results = iter(self._work([item for items, _ in taken for item in items]))
            for items, future in taken:
                future.set_result(list(islice(results, len(items))))
        except BaseException as error:
            for _, future in taken:
                if not future.done():
                    future.set_exception(error)

    def _taken(self) -> list[tuple[list[Item], Future[list[Result]]]]:
        """The lists that have waited longest, and go together; those that nobody wants any more are passed over."""
        taken: list[tuple[list[Item], Future[list[Result]]]] = []
        share = 0.0
        with self._lock:
            while self._waiting:
                items, future = self._waiting[0]
                share += sum(map(self._share, items))
                if taken and share > 1:
                    break
                self._waiting.popleft()
                if future.set_running_or_notify_cancel():
                    taken.append((items, future))
                elif not taken:
                    share = 0.0
        return taken


def embed_again(
    batches: Iterable[Item],
    crops: Callable[[Item], Pixels],
    card: ModelCard,
    *,
    device: Device | None = None,
    flip: bool = False,
) -> Iterator[tuple[Item, Floats]]:
    """Each batch with the vectors (n, D) of its crops, in order, for faces that were found before.

    crops: (n, S, S, 3) of a batch, as the card's rule says; called on the pool's threads.
    """
    network = embedder.load(card, device=device or Device(), flip=flip)
    workers = cores()

    def work(batch: Item) -> tuple[Item, Floats]:
        cut = crops(batch)
        return batch, network(cut) if len(cut) else np.zeros((0, card.dimension), np.float32)

    with (
        ThreadPoolExecutor(workers, "nitakao") as pool,
        closing(_in_order(lambda batch: pool.submit(work, batch), batches, workers + 1)) as done,
    ):
        yield from done


def _load(source: str | Photo | Encoded, limits: Limits | None, allow_urls: bool) -> Loaded:
    if not isinstance(source, str):
        return Loaded(source.source, source)
    try:
        return Loaded(source, photos.load(source, limits=limits, allow_urls=allow_urls))
    except (PhotoError, MissingExtraError) as error:
        return Loaded(source, None, str(error))


def _groups(loaded: Iterable[Loaded]) -> Iterator[list[Loaded]]:
    """Photographs that go through detection together: several small ones, or one large one."""
    group: list[Loaded] = []
    pixels = 0.0
    for item in loaded:
        if group and (pixels + item.weight > GROUP_PIXELS or len(group) >= GROUP_PHOTOS):
            yield group
            group, pixels = [], 0.0
        group.append(item)
        pixels += item.weight
    if group:
        yield group


def _see(group: list[Loaded], detect: detectors.Detector) -> list[Outcome]:
    """Each photograph's faces, and their crops and chips where a rule is given."""
    outcomes = [Outcome(item.source, item.size, problem=item.problem) for item in group]
    decoded: dict[int, Photo] = {}
    for number, item in enumerate(group):
        try:
            if item.content is not None:
                decoded[number] = _decoded(item.content, item.scale)
        except PhotoError as error:
            outcomes[number] = replace(outcomes[number], problem=str(error))
    for number, found in zip(decoded, detect(list(decoded.values())), strict=True):
        photo, item = decoded[number], group[number]
        faces = detectors.select_faces(found, item.choice, photo.size)
        problem = "" if faces else NO_FACE
        outcome = replace(outcomes[number], sha256=photo.sha256, faces=tuple(faces), problem=problem, found=len(found))
        outcomes[number] = outcome if item.rule is None or not faces else _with_crops(outcome, item, photo, item.rule)
    return outcomes


def _decoded(content: Encoded | Photo, scale: float) -> Photo:
    return content if isinstance(content, Photo) else photos.decode(content, scale=scale)


def _with_crops(outcome: Outcome, item: Loaded, photo: Photo, rule: CropRule) -> Outcome:
    """The outcome with a crop a face, from the photograph decoded again where the crops need more than detection did.

    A face that cannot be cut (all of it outside the photograph) is left out.
    """
    faces: list[Face] = []
    crops: list[Pixels] = []
    kept: list[tuple[Quality, Chip]] = []
    problem = ""
    for face in outcome.faces:
        try:
            need = photos.crop_scale(face, rule, photo.size)
            need = max(need, photos.chip_scale(face, photo.size)) if item.keep_chips else need
            if need > photo.scale and isinstance(item.content, Encoded):
                photo = photos.decode(item.content, scale=need)
            crop = photos.crop_face(photo, face, rule)
            kept.extend(
                [(photos.measure_quality(photo, face), photos.make_chip(photo, face))] if item.keep_chips else []
            )
        except (GeometryError, PhotoError) as error:
            problem = str(error)
            continue
        faces.append(face)
        crops.append(crop)
    if not crops:
        return replace(outcome, faces=(), problem=problem)
    qualities, chips = zip(*kept, strict=True) if kept else ((), ())
    return replace(outcome, faces=tuple(faces), crops=np.stack(crops), qualities=qualities, chips=chips)


def _batches(seen: Iterable[list[Outcome]], size: int) -> Iterator[list[Outcome]]:
    """Photographs with `size` faces or more between them."""
    batch: list[Outcome] = []
    faces = 0
    for group in seen:
        for outcome in group:
            batch.append(outcome)
            faces += len(outcome.faces)
            if faces >= size or len(batch) >= BATCH_PHOTOS:
                yield batch
                batch, faces = [], 0
    if batch:
        yield batch


def _embed(batch: list[Outcome], network: embedder.Embedder) -> list[Outcome]:
    crops = [outcome.crops for outcome in batch if outcome.crops is not None]
    vectors = network(np.concatenate(crops)) if crops else np.zeros((0, network.card.dimension), np.float32)
    done, start = [], 0
    for outcome in batch:
        stop = start + len(outcome.faces)
        done.append(replace(outcome, vectors=vectors[start:stop]))
        start = stop
    return done


def _in_order(
    submit: Callable[[Item], Future[Result]], items: Iterable[Item], ahead: int
) -> Generator[Result, None, None]:
    """What comes of each item, in order, with up to `ahead` of them under way; an early end takes back the others."""
    running: deque[Future[Result]] = deque()
    try:
        for item in items:
            running.append(submit(item))
            while running and (len(running) >= ahead or running[0].done()):
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        for future in running:
            future.cancel()
        wait(running)
