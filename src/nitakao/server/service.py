"""What stands behind the routes: the gallery, loaded networks, and threads on which tasks run."""

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
from nitakao.server.logs import note
from nitakao.server.problems import AGAIN, ProblemError
from nitakao.server.schemas import CalibrationKind, ThresholdKind
from nitakao.server.settings import Settings
from nitakao.system.cpu import cores
from nitakao.tasks.arguments import CALIBRATION, card_for
from nitakao.tasks.probes import SearchOptions
from nitakao.tasks.scoring import PRIOR
from nitakao.values import Choice, DetectorSettings, ModelCard, Outcome

if TYPE_CHECKING:
    from nitakao.gallery import GalleryStore

Result = TypeVar("Result")

THRESHOLD = "serving.threshold"  # the gallery's setting


class Service:
    """One for the life of the server.

    gallery: open.  eyes: networks that stay loaded; requests that wait for them are looked at together.
    """

    def __init__(
        self, settings: Settings, gallery: GalleryStore, card: ModelCard | None = None, eyes: Pipeline | None = None
    ) -> None:
        self.settings = settings
        self.gallery = gallery
        self.eyes = eyes or Pipeline()
        self.limits = Limits(bytes=settings.body, pixels=settings.pixels)
        self.threads = ThreadPoolExecutor(settings.requests, "nitakao-request")
        self.at_work = 0  # requests that are being answered
        self.given_up = 0  # of which nobody waits for the answer any more, though a thread is still at it
        self.held = 0  # bytes of bodies
        self.drawing = threading.Semaphore(cores())  # for whole photographs, which take much memory
        self.ready = True  # whether everything is loaded that the first question needs
        self.streams = 0  # of jobs' progress, that are listened to
        self.ending = False  # whether the server is about to end
        self.jobs = Jobs(gallery)
        self._card = card

    @property
    def card(self) -> ModelCard:
        """The gallery's model."""
        if self._card is None or self._card.name != self.gallery.model:
            self._card = card_for(self.gallery)
        return self._card

    @property
    def uploads(self) -> Path:
        """Where photographs are kept that are handed in."""
        if self.settings.uploads is not None:
            return self.settings.uploads
        from nitakao.system import dirs

        where = Path(self.gallery.location)
        return where.with_name(f"{where.name}-uploads") if where.is_file() else dirs.gallery().parent / "uploads"

    @property
    def is_full(self) -> bool:
        return self.at_work + self.given_up >= self.settings.requests

    async def do(self, task: Callable[..., Result], *given: Any, **named: Any) -> Result:
        """What the task gives, worked out on a thread. Raises ProblemError where it takes too long."""
        future = asyncio.get_running_loop().run_in_executor(self.threads, self._call(task, given, named))
        try:
            return await asyncio.wait_for(asyncio.shield(future), self.settings.seconds)
        except asyncio.TimeoutError:
            self.given_up += 1
            future.add_done_callback(self._done)
            detail = f"no answer within {self.settings.seconds:g} seconds: come again, or ask for less"
            raise ProblemError(
                503, "answer-timeout", detail, {"Retry-After": AGAIN}, seconds=self.settings.seconds
            ) from None

    async def finish(self, task: Callable[..., Result], *given: Any, **named: Any) -> Result:
        """As `do`, for what is worth waiting for however long it takes."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, self._call(task, given, named))

    def _call(self, task: Callable[..., Result], given: Any, named: Any) -> Callable[[], Result]:
        """The call of a task, in the name of whoever asks."""
        return partial(copy_context().run, self.afresh, task, *given, **named)

    def _done(self, future: asyncio.Future[Any]) -> None:
        self.given_up -= 1
        if not future.cancelled():
            future.exception()  # nobody asks for it any more

    def afresh(self, task: Callable[..., Result], *given: Any, **named: Any) -> Result:
        """The task; once more where another process has given the gallery another model meanwhile."""
        try:
            return task(*given, **named)
        except GalleryChangedError:
            self.gallery.reload()
            return task(*given, **named)

    def threshold(self) -> float | None:
        """Below which distance two are one person, where the gallery's settings say so."""
        kept = self.gallery.cached(THRESHOLD, lambda: self.gallery.setting(THRESHOLD))
        return None if kept is None else float(json.loads(kept))

    def set_threshold(self, threshold: float | None) -> None:
        """Keep it in the gallery's settings; None: the model's own."""
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

    def parsed(self, name: str, data: bytes) -> Encoded:
        """A picture whose bytes came with a request, held to the limits."""
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
        return SearchOptions(self.card, photos, each, threshold, prior, self.eyes)

    def with_threshold(self, options: SearchOptions) -> SearchOptions:
        """The options, with the gallery's threshold if they have none."""
        return options if options.threshold is not None else replace(options, threshold=self.threshold())

    def see(
        self,
        picture: Encoded,
        *,
        detector: DetectorSettings | None = None,
        choice: Choice = "all",
        vectors: bool = True,
        chips: bool = False,
    ) -> Outcome:
        """What is in one picture, seen together with those of other requests; call it within `do`."""
        card = self.card if vectors or chips else None
        seen = self.eyes.run(
            [picture],
            card=card,
            options=PipelineOptions(detector or self.settings.detector, choice, flip=self.gallery.flip),
            keep_chips=chips,
        )
        return next(seen)

    def warm_up(self) -> None:
        """Load the networks and the search's index, in the background, so that the first question does not wait."""

        def load() -> None:
            blank = from_pixels(np.zeros((64, 64, 3), np.uint8))
            options = PipelineOptions(self.settings.detector, flip=self.gallery.flip)
            list(self.eyes.run([blank], card=self.card, options=options))
            searcher(self.gallery).search(np.zeros((1, self.gallery.dimension), np.float32), 1)

        def run() -> None:
            try:
                load()
            except Exception as error:  # whoever asks first is told
                note("warm-up", error=error)
            self.ready = True

        self.ready = False
        threading.Thread(target=run, name="nitakao-warm-up", daemon=True).start()

    def close(self) -> None:
        """Finish what was accepted, and put everything away."""
        self.ending = True
        self.jobs.close()
        self.threads.shutdown()
        self.eyes.close()
        self.gallery.close()


def opened_service(settings: Settings, eyes: Pipeline | None = None) -> Service:
    """The service of these settings; its gallery is made where there is none and a model is named."""
    from nitakao.gallery import GalleryStore
    from nitakao.tasks.arguments import card_of

    is_there = GalleryStore.exists(settings.gallery)
    card = None if is_there and settings.model is None else card_of(settings.model)
    return Service(settings, GalleryStore(settings.gallery, card=card), card, eyes)


async def service(request: Request) -> Service:
    """For routes: the service of the app.

    As all dependencies it is a coroutine: FastAPI would call a plain function on a thread, and wait for it.
    """
    found: Service = request.app.state.service
    return found
