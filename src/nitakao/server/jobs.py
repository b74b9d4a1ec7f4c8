"""Long work in the background: one job at a time, told of while it runs, stopped on request."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from nitakao.errors import NitakaoError
from nitakao.gallery import jobs as kept
from nitakao.gallery.jobs import INTERRUPTED, INTERRUPTED_CODE, Job
from nitakao.server.logs import note
from nitakao.server.problems import of_error

if TYPE_CHECKING:
    from nitakao.gallery import GalleryStore

KEEP_EVERY = 2.0  # seconds from one writing down of how far a job is to the next
MOST_WAITING = 20
STOPPED: dict[str, Any] = {"state": "failed", "problem": INTERRUPTED, "code": INTERRUPTED_CODE}

Watch: TypeAlias = "Callable[..., None]"
Work: TypeAlias = "Callable[[Watch], dict[str, Any]]"


class StoppedError(Exception):
    """Raised within a job that shall go no further."""


class Jobs:
    """The jobs of this process. Work is told of through `watch(done, total, message)`, which raises to stop it."""

    def __init__(self, gallery: GalleryStore) -> None:
        self.gallery = gallery
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._waiting: deque[tuple[int, Work]] = deque()
        self._now: dict[int, Job] = {}  # those that are not over
        self._stop: set[int] = set()
        self._ending = False
        self._written = 0.0
        kept.fail_interrupted(self.gallery)
        self._thread = threading.Thread(target=self._run, name="nitakao-jobs", daemon=True)
        self._thread.start()

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= MOST_WAITING

    def add(self, kind: str, work: Work) -> Job:
        """A job that will be done when those before it are, in the name of whoever asks now."""
        job = kept.add(self.gallery, kind)
        with self._wake:
            self._now[job.id] = job
            self._waiting.append((job.id, partial(_within, copy_context(), work)))
            self._wake.notify()
        return job

    def get(self, number: int) -> Job | None:
        """The job as it stands now."""
        with self._lock:
            if (job := self._now.get(number)) is not None:
                return job
        return kept.job(self.gallery, number)

    def listed(self, most: int) -> list[Job]:
        """The latest jobs, the newest first."""
        found = kept.jobs(self.gallery, most)
        with self._lock:
            return [self._now.get(job.id, job) for job in found]

    def stop(self, number: int) -> None:
        """Ask a job to go no further; one that waits is over at once."""
        with self._lock:
            job = self._now.get(number)
            self._stop.add(number)
            waits = job is not None and job.state == "waiting"
            self._waiting = deque(one for one in self._waiting if one[0] != number)
        if job is not None and waits:
            self._end(replace(job, state="cancelled", finished=time.time()))

    def close(self) -> None:
        """Stop what runs, and tell that it was broken off."""
        with self._wake:
            self._ending = True
            self._stop.update(self._now)
            self._wake.notify()
        self._thread.join()
        for job in list(self._now.values()):
            self._end(replace(job, finished=time.time(), **STOPPED))

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._ending:
                    self._wake.wait()
                if self._ending:
                    return
                number, work = self._waiting.popleft()
                job = self._now[number] = replace(self._now[number], state="running", started=time.time())
            self._end(self._done(job, work))

    def _done(self, job: Job, work: Work) -> Job:
        """The job once its work has ended, however it did."""
        error: BaseException | None = None
        ended: dict[str, Any]
        try:
            kept.save(self.gallery, job)
            result = work(lambda *told: self._watch(job.id, *told))
            ended = {"state": "done", "result": result}
        except StoppedError:
            ended = {"state": "cancelled"} if not self._ending else STOPPED
        except NitakaoError as refused:
            problem = of_error(refused)
            ended = {"state": "failed", "problem": problem.detail, "code": problem.code, "values": problem.values}
        except Exception as fault:
            error = fault
            detail = f"a fault in nitakao ({type(fault).__name__}): the log says where"
            ended = {"state": "failed", "problem": detail, "code": "internal-error"}
        note("job", error=error, id=job.id, kind=job.kind, state=ended["state"])
        return replace(self._now[job.id], finished=time.time(), **ended)

    def _watch(self, number: int, done: int, total: int | None = None, message: str = "") -> None:
        with self._lock:
            job = self._now[number] = replace(self._now[number], done=done, total=total, message=message)
            if number in self._stop:
                raise StoppedError
        if time.monotonic() - self._written > KEEP_EVERY:
            self._written = time.monotonic()
            kept.save(self.gallery, job)

    def _end(self, job: Job) -> None:
        try:
            kept.save(self.gallery, job)
        except NitakaoError as error:
            note("job", error=error, id=job.id, kind=job.kind, state=job.state)
        with self._lock:
            self._now.pop(job.id, None)
            self._stop.discard(job.id)


def _within(context: Context, work: Work, watch: Watch) -> dict[str, Any]:
    return context.run(work, watch)
