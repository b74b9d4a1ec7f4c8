"""Background jobs: one at a time, with progress, and stopped on request."""

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
from nitakao.gallery import jobs as stored_jobs
from nitakao.gallery.jobs import INTERRUPTED, INTERRUPTED_CODE, Job
from nitakao.server.logs import log
from nitakao.server.problems import from_error

if TYPE_CHECKING:
    from nitakao.gallery import GalleryStore

SAVE_SECONDS = 2.0  # between two writes of a job's progress to the gallery
MAX_WAITING = 20
STOPPED: dict[str, Any] = {"state": "failed", "problem": INTERRUPTED, "code": INTERRUPTED_CODE}

Watch: TypeAlias = "Callable[..., None]"
JobFunction: TypeAlias = "Callable[[Watch], dict[str, Any]]"


class StoppedError(Exception):
    """Raised inside a job that was asked to stop."""


class Jobs:
    """The jobs of this process. A job reports progress with `watch(done, total, message)`, which raises to stop it."""

    def __init__(self, gallery: GalleryStore) -> None:
        self.gallery = gallery
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._waiting: deque[tuple[int, JobFunction]] = deque()
        self._open: dict[int, Job] = {}  # jobs that are not finished
        self._to_stop: set[int] = set()
        self._ending = False
        self._saved_at = 0.0
        stored_jobs.fail_interrupted(self.gallery)
        self._thread = threading.Thread(target=self._run, name="nitakao-jobs", daemon=True)
        self._thread.start()

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= MAX_WAITING

    def add(self, kind: str, function: JobFunction) -> Job:
        """Queue a job in the name of the current caller."""
        job = stored_jobs.add(self.gallery, kind)
        with self._wake:
            self._open[job.id] = job
            self._waiting.append((job.id, partial(_run_in, copy_context(), function)))
            self._wake.notify()
        return job

    def get(self, number: int) -> Job | None:
        """The job with its current progress."""
        with self._lock:
            if (job := self._open.get(number)) is not None:
                return job
        return stored_jobs.job(self.gallery, number)

    def latest(self, limit: int) -> list[Job]:
        """The latest jobs, newest first."""
        jobs = stored_jobs.jobs(self.gallery, limit)
        with self._lock:
            return [self._open.get(job.id, job) for job in jobs]

    def stop(self, number: int) -> None:
        """Ask a job to stop; one that still waits is cancelled at once."""
        with self._lock:
            job = self._open.get(number)
            self._to_stop.add(number)
            waiting = job is not None and job.state == "waiting"
            self._waiting = deque(item for item in self._waiting if item[0] != number)
        if job is not None and waiting:
            self._finish(replace(job, state="cancelled", finished=time.time()))

    def close(self) -> None:
        """Stop all jobs and mark them as failed."""
        with self._wake:
            self._ending = True
            self._to_stop.update(self._open)
            self._wake.notify()
        self._thread.join()
        for job in list(self._open.values()):
            self._finish(replace(job, finished=time.time(), **STOPPED))

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._ending:
                    self._wake.wait()
                if self._ending:
                    return
                number, function = self._waiting.popleft()
                job = self._open[number] = replace(self._open[number], state="running", started=time.time())
            self._finish(self._execute(job, function))

    def _execute(self, job: Job, function: JobFunction) -> Job:
        """Run the function and return the finished job."""
        error: BaseException | None = None
        outcome: dict[str, Any]
        try:
            stored_jobs.save(self.gallery, job)
            result = function(lambda *progress: self._watch(job.id, *progress))
            outcome = {"state": "done", "result": result}
        except StoppedError:
            outcome = {"state": "cancelled"} if not self._ending else STOPPED
        except NitakaoError as nitakao_error:
            problem = from_error(nitakao_error)
            outcome = {"state": "failed", "problem": problem.detail, "code": problem.code, "values": problem.values}
        except Exception as fault:
            error = fault
            detail = f"internal error ({type(fault).__name__}): the server's log says where"
            outcome = {"state": "failed", "problem": detail, "code": "internal-error"}
        log("job", error=error, id=job.id, kind=job.kind, state=outcome["state"])
        return replace(self._open[job.id], finished=time.time(), **outcome)

    def _watch(self, number: int, done: int, total: int | None = None, message: str = "") -> None:
        with self._lock:
            job = self._open[number] = replace(self._open[number], done=done, total=total, message=message)
            if number in self._to_stop:
                raise StoppedError
        if time.monotonic() - self._saved_at > SAVE_SECONDS:
            self._saved_at = time.monotonic()
            stored_jobs.save(self.gallery, job)

    def _finish(self, job: Job) -> None:
        try:
            stored_jobs.save(self.gallery, job)
        except NitakaoError as error:
            log("job", error=error, id=job.id, kind=job.kind, state=job.state)
        with self._lock:
            self._open.pop(job.id, None)
            self._to_stop.discard(job.id)


def _run_in(context: Context, function: JobFunction, watch: Watch) -> dict[str, Any]:
    return context.run(function, watch)
