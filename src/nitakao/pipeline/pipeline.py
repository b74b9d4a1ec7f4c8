"""From photos to faces to vectors, many at a time.

    sources -> load -> [ decode -> detect -> choose faces -> crop ] -> [ embed ] -> outcomes, in the sources' order

The bracketed steps run on a pool with one thread per core, and each network uses one thread, so decoding one photo
overlaps with running networks on another. Small photos go through detection in groups, and crops through the embedding
network in batches that cross photos. Every queue is bounded: memory does not grow with the number of sources.

A `Pipeline` keeps its networks between runs, and several threads may run it at once: photos that wait for the same
network are batched together, whichever thread they come from.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from threading import Lock
from typing import TypeVar

import numpy as np

from nitakao.models import embedder
from nitakao.models.detection import detectors
from nitakao.models.onnx.session import Device
from nitakao.photos import Encoded
from nitakao.pipeline import stages
from nitakao.pipeline.batching import BatchingExecutor, in_order
from nitakao.pipeline.options import PipelineOptions
from nitakao.pipeline.stages import LoadedPhoto
from nitakao.system.cpu import cores
from nitakao.values import CropRule, DetectorSettings, Floats, ModelCard, Outcome, Photo, Pixels

Batch = TypeVar("Batch")
Executor = TypeVar("Executor")

MAX_NETWORKS = 8  # detectors, and embedding networks, that a pipeline keeps loaded


def run(
    sources: Iterable[str | Photo | Encoded],
    *,
    card: ModelCard | None = None,
    rule: CropRule | None = None,
    options: PipelineOptions = PipelineOptions(),
    keep_crops: bool = False,
    keep_chips: bool = False,
) -> Generator[Outcome, None, None]:
    """Detect, crop and embed the faces of each photo with networks loaded for this run. See `Pipeline.run`."""
    with Pipeline() as pipeline:
        yield from pipeline.run(
            sources, card=card, rule=rule, options=options, keep_crops=keep_crops, keep_chips=keep_chips
        )


class Pipeline:
    """Networks that are loaded at first use and kept for any number of runs, from any number of threads."""

    def __init__(self) -> None:
        self._workers = cores()
        self._pool = ThreadPoolExecutor(self._workers, "nitakao")
        self._lanes = ThreadPoolExecutor(self._workers, "nitakao-lane")
        self._lock = Lock()
        self._detectors: dict[object, BatchingExecutor[LoadedPhoto, Outcome]] = {}
        self._embedders: dict[object, BatchingExecutor[Outcome, Outcome]] = {}

    def run(
        self,
        sources: Iterable[str | Photo | Encoded],
        *,
        card: ModelCard | None = None,
        rule: CropRule | None = None,
        options: PipelineOptions = PipelineOptions(),
        keep_crops: bool = False,
        keep_chips: bool = False,
    ) -> Generator[Outcome, None, None]:
        """Detect, crop and embed the faces of each photo.

        Args:
            sources: File names, addresses (with `options.allow_urls`), or photos in memory, decoded or not.
            card: The embedding model. None: detect only.
            rule: How to crop faces when there is no card; the crops are kept and no network embeds them.
            options: How to read photos, and to detect and embed faces.
            keep_crops: Keep the aligned crops in the outcomes.
            keep_chips: Keep each face's chip and quality in the outcomes.

        Yields:
            One outcome per source, in order. A photo that cannot be used gives an outcome with its status and problem.

        Raises:
            NitakaoError: For any problem other than a single photo's.
        """
        device, ahead = options.device or Device(), self._workers + 1
        # A larger batch would leave cores idle at the end.
        batch_size = min(options.batch_size, embedder.BATCH[device.name])
        embedding = None if card is None else self._embedder(card, device, options.flip, batch_size)
        detecting = self._detector(options.detector, device)
        rule, keep_crops = (rule, keep_crops or rule is not None) if card is None else (card.crop, keep_crops)
        loaded = (_load(source, options, rule, keep_chips) for source in sources)
        results = in_order(detecting.submit, stages.groups(loaded), ahead)
        if embedding is not None:
            results = in_order(embedding.submit, stages.batches(results, batch_size), ahead)
        with closing(results):  # closing early waits for running work only, and cancels the rest
            for outcomes in results:
                yield from outcomes if keep_crops else (replace(outcome, crops=None) for outcome in outcomes)

    def _detector(self, settings: DetectorSettings, device: Device) -> BatchingExecutor[LoadedPhoto, Outcome]:
        def load() -> BatchingExecutor[LoadedPhoto, Outcome]:
            detector = detectors.load(settings, device, self._lanes if self._workers > 1 else None)
            return BatchingExecutor(
                self._pool, lambda group: stages.detect(group, detector), lambda item: item.group_share
            )

        return self._cached(self._detectors, (settings, device), load)

    def _embedder(
        self, card: ModelCard, device: Device, flip: bool, batch_size: int
    ) -> BatchingExecutor[Outcome, Outcome]:
        def load() -> BatchingExecutor[Outcome, Outcome]:
            network = embedder.load(card, device=device, flip=flip)
            return BatchingExecutor(
                self._pool,
                lambda batch: stages.embed(batch, network),
                lambda outcome: stages.batch_share(outcome, batch_size),
            )

        return self._cached(self._embedders, (card.name, card.fingerprint, device, flip, batch_size), load)

    def _cached(self, cache: dict[object, Executor], key: object, load: Callable[[], Executor]) -> Executor:
        """Return the cached network, or load it and drop the least recently used one if there are too many."""
        with self._lock:
            executor = cache.pop(key, None) or load()
            cache[key] = executor
            if len(cache) > MAX_NETWORKS:
                del cache[next(iter(cache))]
            return executor

    def close(self) -> None:
        """Finish running work, cancel what waits, and stop the threads."""
        for pool in (self._pool, self._lanes):
            pool.shutdown(cancel_futures=True)

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _load(
    source: str | Photo | Encoded, options: PipelineOptions, rule: CropRule | None, keep_chips: bool
) -> LoadedPhoto:
    loaded = stages.load(source, options.limits, options.allow_urls)
    scale = detectors.decode_scale(options.detector, loaded.size)
    return replace(loaded, faces=options.faces or "all", rule=rule, keep_chips=keep_chips, scale=scale)


def embed_crops(
    batches: Iterable[Batch],
    crops: Callable[[Batch], Pixels],
    card: ModelCard,
    *,
    device: Device | None = None,
    flip: bool = False,
) -> Iterator[tuple[Batch, Floats]]:
    """Embed batches of crops of faces that were detected earlier.

    Args:
        batches: Whatever `crops` takes.
        crops: Returns a batch's crops, (n, S, S, 3) uint8, cropped by the card's rule. Called on the pool's threads.
        card: The embedding model.
        device: Where the network runs. None uses the CPU.
        flip: Average each embedding with that of the mirrored crop.

    Yields:
        Each batch with its vectors (n, D) float32, in order.
    """
    network = embedder.load(card, device=device or Device(), flip=flip)
    workers = cores()

    def work(batch: Batch) -> tuple[Batch, Floats]:
        pixels = crops(batch)
        return batch, network(pixels) if len(pixels) else np.zeros((0, card.dimension), np.float32)

    with (
        ThreadPoolExecutor(workers, "nitakao") as pool,
        closing(in_order(lambda batch: pool.submit(work, batch), batches, workers + 1)) as results,
    ):
        yield from results
