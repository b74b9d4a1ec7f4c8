"""The server's jobs, stored so that they can be listed after a restart."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

from sqlalchemy import Row, delete, insert, select, update

from nitakao.gallery import schema
from nitakao.gallery.store import GalleryStore

State = Literal["waiting", "running", "done", "failed", "cancelled"]
Result: TypeAlias = "dict[str, Any] | None"

OPEN: tuple[State, ...] = ("waiting", "running")
MAX_JOBS = 200  # stored
INTERRUPTED = "the server ended before the job did"
INTERRUPTED_CODE = "server-stopped"


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        created, started, finished: Seconds since 1970.
        done, total: Progress, in the job's own unit.
        problem: Why it failed, as a sentence.
        code: The stable code of the problem.
        values: What the problem names.
    """

    id: int
    kind: str
    state: State
    created: float
    started: float | None = None
    finished: float | None = None
    done: int = 0
    total: int | None = None
    message: str = ""
    result: Result = None
    problem: str | None = None
    code: str | None = None
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def is_finished(self) -> bool:
        return self.state not in OPEN


def add(gallery: GalleryStore, kind: str) -> Job:
    """Add a waiting job; deletes the oldest finished jobs beyond MAX_JOBS."""
    table, now = schema.jobs, time.time()
    values = {"kind": kind, "state": "waiting", "created": now, "done": 0, "message": ""}
    with gallery.write("job") as connection:
        made = int(connection.execute(insert(table).values(values).returning(table.c.id)).scalar_one())
        connection.execute(delete(table).where(table.c.id <= made - MAX_JOBS, table.c.state.not_in(OPEN)))
    return Job(made, kind, "waiting", now)


def save(gallery: GalleryStore, job: Job) -> None:
    """Keep the job as it stands now."""
    values = {
        name: getattr(job, name) for name in ("state", "started", "finished", "done", "total", "message", "problem")
    }
    kept = job.result if job.code is None else {"code": job.code, "values": job.values}
    values["result"] = None if kept is None else json.dumps(kept, ensure_ascii=False)
    with gallery.write("job") as connection:
        connection.execute(update(schema.jobs).where(schema.jobs.c.id == job.id).values(values))


def job(gallery: GalleryStore, number: int) -> Job | None:
    with gallery.read() as connection:
        row = connection.execute(select(schema.jobs).where(schema.jobs.c.id == number)).first()
    return None if row is None else _job(row)


def jobs(gallery: GalleryStore, limit: int = 100) -> list[Job]:
    """The latest jobs, the newest first."""
    with gallery.read() as connection:
        asked = select(schema.jobs).order_by(schema.jobs.c.id.desc()).limit(limit)
        return [_job(row) for row in connection.execute(asked)]


def fail_interrupted(gallery: GalleryStore) -> int:
    """Mark unfinished jobs of a stopped server as failed; returns how many."""
    table = schema.jobs
    change = update(table).where(table.c.state.in_(OPEN))
    with gallery.read() as connection:
        if connection.execute(select(table.c.id).where(table.c.state.in_(OPEN)).limit(1)).first() is None:
            return 0
    with gallery.write("job") as connection:
        result = json.dumps({"code": INTERRUPTED_CODE, "values": {}})
        values = {"state": "failed", "finished": time.time(), "problem": INTERRUPTED, "result": result}
        return connection.execute(change.values(values)).rowcount


def _job(row: Row[Any]) -> Job:
    kept = None if row.result is None else json.loads(row.result)
    failed = (kept or {}) if row.state == "failed" else {}
    return Job(
        id=int(row.id),
        kind=str(row.kind),
        state=cast(State, row.state),
        created=float(row.created),
        started=row.started,
        finished=row.finished,
        done=int(row.done),
        total=row.total,
        message=str(row.message),
        result=None if row.state == "failed" else kept,
        problem=row.problem,
        code=failed.get("code"),
        values=failed.get("values", {}),
    )
