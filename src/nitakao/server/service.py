"""What routes share: the gallery, loaded networks, and a thread pool for tasks."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from fastapi import Request

from nitakao.errors import GalleryChangedError
from nitakao.gallery.search.open import searcher
from nitakao.photos import Encoded, Limits, from_pixels, parse
from nitakao.pipeline import Pipeline, PipelineOptions
from nitakao.server.jobs import Jobs
from nitakao.server.logs import log
from nitakao.server.problems import RETRY, ProblemError
from nitakao.server.schemas import CalibrationKind, ThresholdKind
from nitakao.server.settings import Settings
from nitakao.system.cpu import cores
from nitakao.tasks.arguments import CALIBRATION, gallery_card
from nitakao.tasks.probes import SearchOptions
from nitakao.tasks.scoring import PRIOR
from nitakao.values import Choice, DetectorSettings, ModelCard, Outcome

if TYPE_CHECKING:
    from nitakao.gallery import GalleryStore

Result = TypeVar("Result")

THRESHOLD = "serving.threshold"  # key of the gallery's setting


class Service:
    """Shared state of one server.

    Args:
        settings: How to serve.
        gallery: The open gallery; `close` closes it.
        card: The gallery's model, if it was given as a card.
        pipeline: A pipeline with loaded networks; it batches the pictures of concurrent requests.
    """

    def __init__(
        self, settings: Settings, gallery: GalleryStore, card: ModelCard | None = None, pipeline: Pipeline | None = None
    ) -> None:
        self.settings = settings
        self.gallery = gallery
        self.pipeline = pipeline or Pipeline()
        self.limits = Limits(bytes=settings.body, pixels=settings.pixels)
        self.threads = ThreadPoolExecutor(settings.requests, "nitakao-request")
        self.active_requests = 0
        self.abandoned_requests = 0  # timed out, but still running on a thread
        self.buffered_bytes = 0  # of request bodies
        self.render_slots = threading.Semaphore(cores())  # whole photographs take much memory
        self.ready = True  # whether networks and the search index are loaded
        self.streams = 0  # open event streams
        self.ending = False  # whether the server is shutting down
        self.jobs = Jobs(gallery)
        self._card = card

    @property
    def card(self) -> ModelCard:
        """The gallery's model."""
        if self._card is None or self._card.name != self.gallery.model:
            self._card = gallery_card(self.gallery)
        return self._card

    @property
    def uploads(self) -> Path:
        """Folder of uploaded photographs."""
        if self.settings.uploads is not None:
            return self.settings.uploads
        from nitakao.system import dirs

        where = Path(self.gallery.location)
        return where.with_name(f"{where.name}-uploads") if where.is_file() else dirs.gallery().parent / "uploads"

    @property
    def is_full(self) -> bool:
        return self.active_requests + self.abandoned_requests >= self.settings.requests

    async def run(self, task: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Run the task on a thread and return its result. Raises ProblemError if it takes too long."""
        future = asyncio.get_running_loop().run_in_executor(self.threads, self._call(task, args, kwargs))
        try:
            return await asyncio.wait_for(asyncio.shield(future), self.settings.seconds)
        except asyncio.TimeoutError:
            self.abandoned_requests += 1
            future.add_done_callback(self._abandoned_done)
            detail = f"no answer within {self.settings.seconds:g} seconds: try again, or request less"
            raise ProblemError(503, "answer-timeout", detail, RETRY, seconds=self.settings.seconds) from None

    async def run_to_end(self, task: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Like `run`, without a time limit."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, self._call(task, args, kwargs))

    def _call(self, task: Callable[..., Result], args: Any, kwargs: Any) -> Callable[[], Result]:
        """The call of a task in the context of the current caller."""
        return partial(copy_context().run, self.call_with_reload, task, *args, **kwargs)

    def _abandoned_done(self, future: asyncio.Future[Any]) -> None:
        self.abandoned_requests -= 1
        if not future.cancelled():
            future.exception()  # mark it as retrieved

    def call_with_reload(self, task: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Run the task; reload the gallery and retry if another process changed its model."""
        try:
            return task(*args, **kwargs)
        except GalleryChangedError:
            self.gallery.reload()
            return task(*args, **kwargs)

    def threshold(self) -> float | None:
        """The threshold in the gallery's settings, None if there is none."""
        stored = self.gallery.cached(THRESHOLD, lambda: self.gallery.setting(THRESHOLD))
        return None if stored is None else float(json.loads(stored))

    def set_threshold(self, threshold: float | None) -> None:
        """Store the threshold in the gallery's settings; None for the model's."""
        self.gallery.set_setting(THRESHOLD, None if threshold is None else json.dumps(threshold))

    def threshold_kind(self, requested: float | None) -> ThresholdKind:
        """Where the threshold of an answer comes from."""
        if requested is not None:
            return "request"
        if self.threshold() is not None:
            return "gallery"
        return "model" if self.card.has_threshold else "none"

    def calibration_kind(self) -> CalibrationKind:
        """Where the calibration of an answer comes from."""
        own = self.gallery.cached(CALIBRATION, lambda: self.gallery.setting(CALIBRATION))
        return "model" if own is None else "gallery"

    def parse_picture(self, name: str, data: bytes) -> Encoded:
        """An uploaded picture with its header parsed, checked against the limits."""
        return parse(name, data, limits=self.limits)

    def search_options(
        self,
        detector: DetectorSettings | None = None,
        faces: Choice | None = None,
        *,
        each: bool = False,
        threshold: float | None = None,
        prior: float = PRIOR,
    ) -> SearchOptions:
        """Options of tasks that search, with the loaded networks."""
        photos = PipelineOptions(detector or self.settings.detector, faces)
        return SearchOptions(self.card, photos, each, threshold, prior, self.pipeline)

    def with_threshold(self, options: SearchOptions) -> SearchOptions:
        """The options, with the gallery's threshold if they have none."""
        return options if options.threshold is not None else replace(options, threshold=self.threshold())

    def find_faces(
        self,
        picture: Encoded,
        *,
        detector: DetectorSettings | None = None,
        choice: Choice = "all",
        vectors: bool = True,
        chips: bool = False,
    ) -> Outcome:
        """The faces in a picture. Concurrent requests share network batches; call it inside `run`."""
        card = self.card if vectors or chips else None
        outcomes = self.pipeline.run(
            [picture],
            card=card,
            options=PipelineOptions(detector or self.settings.detector, choice, flip=self.gallery.flip),
            keep_chips=chips,
        )
        return next(outcomes)

    def warm_up(self) -> None:
        """Load the networks and the search index in the background."""

        def load() -> None:
            blank = from_pixels(np.zeros((64, 64, 3), np.uint8))
            options = PipelineOptions(self.settings.detector, flip=self.gallery.flip)
            list(self.pipeline.run([blank], card=self.card, options=options))
            searcher(self.gallery).search(np.zeros((1, self.gallery.dimension), np.float32), 1)

        def run() -> None:
            try:
                load()
            except Exception as error:  # the first request reports it
                log("warm-up", error=error)
            self.ready = True

        self.ready = False
        threading.Thread(target=run, name="nitakao-warm-up", daemon=True).start()

    def close(self) -> None:
        """Finish accepted requests, then close everything."""
        self.ending = True
        self.jobs.close()
        self.threads.shutdown()
        self.pipeline.close()
        self.gallery.close()


def open_service(settings: Settings, pipeline: Pipeline | None = None) -> Service:
    """The service for these settings. Creates the gallery if there is none and a model is named."""
    from nitakao.gallery import GalleryStore
    from nitakao.tasks.arguments import load_card

    exists = GalleryStore.exists(settings.gallery)
    card = None if exists and settings.model is None else load_card(settings.model)
    return Service(settings, GalleryStore(settings.gallery, card=card), card, pipeline)


async def get_service(request: Request) -> Service:
    """The app's service, as a dependency. A coroutine, because FastAPI runs plain functions on threads."""
    shared: Service = request.app.state.service
    return shared
