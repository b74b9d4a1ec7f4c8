"""From photographs to faces to vectors, many at a time.

    names -> load -> [ decode -> detect -> choose -> cut ] -> [ embed ] -> outcomes, in the order of the names

What stands in brackets runs on a pool of one thread a core, each network on one thread, so that decoding one
photograph overlaps with networks on another. Small photographs go through detection in groups, crops through the
network in batches that cross photographs. Every queue has a bound: memory does not grow with the number of names.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from nitakao import photos
from nitakao.errors import GeometryError, MissingExtraError, PhotoError
from nitakao.models import detectors, embedder
from nitakao.models.session import Device, cores
from nitakao.photos import Encoded, Limits
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

GROUP_PIXELS, GROUP_PHOTOS = 1_000_000, 8  # decoded pixels and photographs that go through detection together
BATCH_PHOTOS = 64  # photographs that wait for one batch of crops, where few have faces
NO_FACE = "no face found"


@dataclass(frozen=True, eq=False)
class Loaded:
    """A photograph on its way in: encoded bytes, or pixels that were in memory already, or why there are neither."""

    source: str
    content: Encoded | Photo | None
    problem: str = ""

    @property
    def size(self) -> tuple[int, int]:
        return (0, 0) if self.content is None else self.content.size


def run(
    sources: Iterable[str | Photo | Encoded],
    *,
    detector: DetectorSettings | None = None,
    choice: Choice = "all",
    card: ModelCard | None = None,
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
    keep_crops, keep_chips: outcomes carry what the network saw; each face's chip and quality.
    A photograph that cannot be used gives an Outcome with its problem; everything else that is wrong raises.
    """
    settings, device = detector or DetectorSettings(), device or Device()
    network = None if card is None else embedder.load(card, device=device, flip=flip)
    batch_size = min(
        batch_size, embedder.BATCH[device.name]
    )  # more at once would leave the other cores idle at the end
    workers = cores()
    with ThreadPoolExecutor(workers, "nitakao") as pool, ThreadPoolExecutor(workers, "nitakao-lane") as lanes:
        detect = detectors.load(settings, device, lanes if workers > 1 else None)

        def see(group: list[Loaded]) -> list[Outcome]:
            return _see(group, settings, detect, choice, card.crop if card else None, keep_chips)

        def embed(batch: list[Outcome]) -> list[Outcome]:
            return batch if network is None else _embed(batch, network, keep_crops)

        loaded = (_load(source, limits, allow_urls) for source in sources)
        seen = _in_order(pool, see, _groups(loaded, settings), workers + 1)
        try:
            yield from _in_order_flat(pool, embed, _batches(seen, batch_size), workers + 1)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # an early end waits for what runs, not for what is queued


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

    with ThreadPoolExecutor(workers, "nitakao") as pool:
        try:
            yield from _in_order(pool, work, batches, workers + 1)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _load(source: str | Photo | Encoded, limits: Limits | None, allow_urls: bool) -> Loaded:
    if not isinstance(source, str):
        return Loaded(source.source, source)
    try:
        return Loaded(source, photos.load(source, limits=limits, allow_urls=allow_urls))
    except (PhotoError, MissingExtraError) as error:
        return Loaded(source, None, str(error))


def _groups(loaded: Iterable[Loaded], settings: DetectorSettings) -> Iterator[list[Loaded]]:
    """Photographs that go through detection together: several small ones, or one large one."""
    group: list[Loaded] = []
    pixels = 0.0
    for item in loaded:
        weight = item.size[0] * item.size[1] * detectors.scale(settings, item.size) ** 2
        if group and (pixels + weight > GROUP_PIXELS or len(group) >= GROUP_PHOTOS):
            yield group
            group, pixels = [], 0.0
        group.append(item)
        pixels += weight
    if group:
        yield group


def _see(
    group: list[Loaded],
    settings: DetectorSettings,
    detect: detectors.Detector,
    choice: Choice,
    rule: CropRule | None,
    keep_chips: bool,
) -> list[Outcome]:
    """Each photograph's faces, and their crops and chips where a rule is given."""
    outcomes = [Outcome(item.source, item.size, problem=item.problem) for item in group]
    decoded: dict[int, Photo] = {}
    for number, item in enumerate(group):
        try:
            if item.content is not None:
                decoded[number] = _decoded(item.content, detectors.scale(settings, item.size))
        except PhotoError as error:
            outcomes[number] = replace(outcomes[number], problem=str(error))
    for number, found in zip(decoded, detect(list(decoded.values())), strict=True):
        photo, item = decoded[number], group[number]
        faces = detectors.choose(found, choice, photo.size)
        problem = "" if faces else NO_FACE
        outcome = replace(outcomes[number], sha256=photo.sha256, faces=tuple(faces), problem=problem, found=len(found))
        outcomes[number] = outcome if rule is None or not faces else _with_crops(outcome, item, photo, rule, keep_chips)
    return outcomes


def _decoded(content: Encoded | Photo, scale: float) -> Photo:
    return content if isinstance(content, Photo) else photos.decode(content, scale=scale)


def _with_crops(outcome: Outcome, item: Loaded, photo: Photo, rule: CropRule, keep_chips: bool) -> Outcome:
    """The outcome with a crop a face, from the photograph decoded again where the crops need more than detection did.

    A face that cannot be cut (all of it outside the photograph) is left out.
    """
    faces: list[Face] = []
    crops: list[Pixels] = []
    kept: list[tuple[Quality, Chip]] = []
    problem = ""
    for face in outcome.faces:
        try:
            need = photos.enough(face, rule, photo.size)
            need = max(need, photos.chip_scale(face, photo.size)) if keep_chips else need
            if need > photo.scale and isinstance(item.content, Encoded):
                photo = photos.decode(item.content, scale=need)
            crop = photos.cut(photo, face, rule)
            kept.extend([(photos.quality(photo, face), photos.chip(photo, face))] if keep_chips else [])
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


def _embed(batch: list[Outcome], network: embedder.Embedder, keep_crops: bool) -> list[Outcome]:
    crops = [outcome.crops for outcome in batch if outcome.crops is not None]
    vectors = network(np.concatenate(crops)) if crops else np.zeros((0, network.card.dimension), np.float32)
    done, start = [], 0
    for outcome in batch:
        stop = start + len(outcome.faces)
        done.append(replace(outcome, vectors=vectors[start:stop], crops=outcome.crops if keep_crops else None))
        start = stop
    return done


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item], ahead: int
) -> Iterator[Result]:
    """work(item) for each item, in order, with up to `ahead` of them under way."""
    running: deque[Future[Result]] = deque()
    for item in items:
        running.append(pool.submit(work, item))
        while running and (len(running) >= ahead or running[0].done()):
            yield running.popleft().result()
    while running:
        yield running.popleft().result()


def _in_order_flat(
    pool: ThreadPoolExecutor, work: Callable[[Item], list[Result]], items: Iterable[Item], ahead: int
) -> Iterator[Result]:
    for results in _in_order(pool, work, items, ahead):
        yield from results
