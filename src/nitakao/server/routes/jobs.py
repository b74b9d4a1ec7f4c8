"""Routes for background jobs and the face map."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from nitakao.errors import MisuseError
from nitakao.gallery import face_map
from nitakao.gallery.jobs import Job
from nitakao.server import job_kinds, schemas
from nitakao.server.auth import require
from nitakao.server.problems import ProblemError, not_found, responses
from nitakao.server.routes.parameters import Id, Serving, accept
from nitakao.server.schemas import example
from nitakao.server.service import Service

POLL_SECONDS = 0.25  # seconds between two checks of a job
KEEPALIVE_SECONDS = 15.0  # seconds between events, so that proxies keep the stream open
MAX_STREAMS = 64
DIGITS = 3  # decimals of map coordinates

router = APIRouter(prefix="/api/v1", tags=["jobs"], dependencies=[Depends(require("read"))], responses=responses(404))
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "`event: progress` while the job runs, `event: done` at the end; `data` is the job.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ClusterRequest(Strict):
    """Settings of a grouping. `method`: null for nitakao's own."""

    model_config = example({"method": None, "threshold": 0.55})

    method: Literal["dbscan", "hdbscan", "agglomerative"] | None = None
    threshold: Annotated[float, Field(gt=0, le=1000)] | None = None
    smallest: Annotated[int, Field(ge=2, le=1000)] = 3


class IndexRequest(Strict):
    """What to index. `paths`: absolute paths on the server's machine."""

    model_config = example({"paths": ["/home/ada/Pictures"], "prune": True})

    paths: Annotated[list[Annotated[str, Field(min_length=1, max_length=4000)]], Field(min_length=1, max_length=100)]
    prune: bool = False
    labels_from: Literal["folder"] | None = None
    rescan: Literal["problems", "all"] | None = None


class ReindexRequest(Strict):
    model_config = example({"model": "facenet-vggface2", "from_photographs": True})

    model: Annotated[str, Field(min_length=1, max_length=80)]
    from_photographs: bool = False


class JobList(BaseModel):
    jobs: list[schemas.Job]


class MapPoints(BaseModel):
    face: list[int]
    x: list[float]
    y: list[float]
    person: list[int | None]


class FaceMap(BaseModel):
    """The face map, as columns. `stale`: whether faces were added or removed since it was made."""

    points: MapPoints
    method: str
    made: float
    stale: bool


@router.post("/clusters", status_code=202, response_model=schemas.Job, dependencies=[Depends(require("write"))])
async def cluster(serving: Serving, wanted: Annotated[ClusterRequest | None, Body()] = None) -> dict[str, Any]:
    """Group the gallery's faces by person. It can be undone."""
    asked = wanted or ClusterRequest()
    return await accept(serving, "cluster", job_kinds.cluster(serving, asked.method, asked.threshold, asked.smallest))


@router.post("/jobs/index", status_code=202, response_model=schemas.Job, dependencies=[Depends(require("admin"))])
async def index(serving: Serving, wanted: Annotated[IndexRequest, Body()]) -> dict[str, Any]:
    """Index files and folders on the server's machine."""
    await serving.run(_check_paths, wanted.paths)
    doing = job_kinds.index(
        serving, wanted.paths, prune=wanted.prune, labels_from=wanted.labels_from, rescan=wanted.rescan
    )
    return await accept(serving, "index", doing)


@router.post("/jobs/reindex", status_code=202, response_model=schemas.Job, dependencies=[Depends(require("admin"))])
async def reindex(serving: Serving, wanted: Annotated[ReindexRequest, Body()]) -> dict[str, Any]:
    """Recompute the gallery's vectors with another model."""
    from nitakao.models.cards import registry

    known = await serving.run(lambda: [card.name for card in (*registry.cards(), *registry.user_cards()[0])])
    if wanted.model not in known:
        raise MisuseError(
            f"there is no model of this name here: choose one of {', '.join(known)}",
            code="unknown-model",
            model=wanted.model,
        )
    return await accept(serving, "reindex", job_kinds.reindex(serving, wanted.model, wanted.from_photographs))


@router.post("/jobs/map", status_code=202, response_model=schemas.Job, dependencies=[Depends(require("write"))])
async def lay_out(serving: Serving) -> dict[str, Any]:
    """Compute the face map."""
    return await accept(serving, "map", job_kinds.make_map(serving))


@router.get("/map", response_model=FaceMap)
async def mapped(serving: Serving) -> dict[str, Any]:
    """Return the latest face map."""
    return await serving.run(_mapped, serving)


def _mapped(serving: Service) -> dict[str, Any]:
    from nitakao.gallery.browse import lists

    made = face_map.load(serving.gallery)
    if made is None:
        raise not_found("no-map", "there is no face map yet: POST /api/v1/jobs/map creates one")
    people = lists.people_of_faces(serving.gallery)
    there = [n for n, face in enumerate(made.faces.tolist()) if face in people]
    points = {
        "face": made.faces[there].tolist(),
        "x": [round(float(v), DIGITS) for v in made.x[there]],
        "y": [round(float(v), DIGITS) for v in made.y[there]],
        "person": [people[int(made.faces[n])] for n in there],
    }
    stale = face_map.is_stale(serving.gallery, made)
    return {"points": points, "method": made.method, "made": made.created, "stale": stale}


@router.get("/jobs", response_model=JobList)
async def jobs(serving: Serving, limit: Annotated[int, Query(ge=1, le=200)] = 100) -> dict[str, Any]:
    """List jobs, newest first."""
    return {"jobs": [schemas.job(job) for job in await serving.run(serving.jobs.latest, limit)]}


@router.get("/jobs/{id}", response_model=schemas.Job)
async def job(id: Id, serving: Serving) -> dict[str, Any]:
    """Return one job."""
    return schemas.job(await _there(serving, id))


@router.delete("/jobs/{id}", status_code=202, response_model=schemas.Job, dependencies=[Depends(require("write"))])
async def stop(id: Id, serving: Serving) -> dict[str, Any]:
    """Stop a job. What it has done so far stays."""
    await _there(serving, id)
    await serving.run(serving.jobs.stop, id)
    return schemas.job(await _there(serving, id))


@router.get("/jobs/{id}/events", response_class=StreamingResponse, responses=STREAM)
async def events(id: Id, serving: Serving) -> StreamingResponse:
    """Stream a job's progress as server-sent events."""
    found = await _there(serving, id)
    if serving.streams >= MAX_STREAMS:
        raise ProblemError(429, "too-many-streams", "too many event streams: try again later", {"Retry-After": "5"})
    return StreamingResponse(_events(serving, found), media_type="text/event-stream")


async def _events(serving: Service, job: Job) -> AsyncIterator[str]:
    serving.streams += 1
    sent: Job | None = None
    quiet = 0.0
    try:
        while not serving.ending:
            if job != sent or quiet >= KEEPALIVE_SECONDS:
                sent, quiet = job, 0.0
                yield f"event: {'done' if job.is_finished else 'progress'}\ndata: {json.dumps(schemas.job(job))}\n\n"
            if job.is_finished:
                return
            await asyncio.sleep(POLL_SECONDS)
            quiet += POLL_SECONDS
            job = await _there(serving, job.id)
    finally:
        serving.streams -= 1


async def _there(serving: Service, number: int) -> Job:
    found = await serving.run(serving.jobs.get, number)
    if found is None:
        raise not_found("unknown-job", f"there is no job {number}", job=number)
    return found


def _check_paths(paths: list[str]) -> None:
    for path in paths:
        if not os.path.isabs(path) or "\x00" in path:
            raise MisuseError("paths must be absolute, on the server's machine", code="path-not-absolute", path=path)
        if not os.path.exists(path):
            raise MisuseError("a path does not exist", code="path-missing", path=path)
