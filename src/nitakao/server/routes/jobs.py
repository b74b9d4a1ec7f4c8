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
from nitakao.server.routes.parameters import Id, ServiceDep, accept
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


class RequestBody(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ClusterRequest(RequestBody):
    """Settings of a grouping. `method`: null for nitakao's own."""

    model_config = example({"method": None, "threshold": 0.55})

    method: Literal["dbscan", "hdbscan", "agglomerative"] | None = None
    threshold: Annotated[float, Field(gt=0, le=1000)] | None = None
    min_faces: Annotated[int, Field(ge=2, le=1000)] = 3


class IndexRequest(RequestBody):
    """What to index. `paths`: absolute paths on the server's machine."""

    model_config = example({"paths": ["/home/ada/Pictures"], "prune": True})

    paths: Annotated[list[Annotated[str, Field(min_length=1, max_length=4000)]], Field(min_length=1, max_length=100)]
    prune: bool = False
    labels_from: Literal["folder"] | None = None
    rescan: Literal["problems", "all"] | None = None


class ReindexRequest(RequestBody):
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
async def cluster(service: ServiceDep, body: Annotated[ClusterRequest | None, Body()] = None) -> dict[str, Any]:
    """Group the gallery's faces by person. It can be undone."""
    settings = body or ClusterRequest()
    return await accept(
        service, "cluster", job_kinds.cluster(service, settings.method, settings.threshold, settings.min_faces)
    )


@router.post("/jobs/index", status_code=202, response_model=schemas.Job, dependencies=[Depends(require("admin"))])
async def index(service: ServiceDep, body: Annotated[IndexRequest, Body()]) -> dict[str, Any]:
    """Index files and folders on the server's machine."""
    await service.run(_check_paths, body.paths)
    function = job_kinds.index(service, body.paths, prune=body.prune, labels_from=body.labels_from, rescan=body.rescan)
    return await accept(service, "index", function)


@router.post("/jobs/reindex", status_code=202, response_model=schemas.Job, dependencies=[Depends(require("admin"))])
async def reindex(service: ServiceDep, body: Annotated[ReindexRequest, Body()]) -> dict[str, Any]:
    """Recompute the gallery's vectors with another model."""
    from nitakao.models.cards import registry

    known = await service.run(lambda: [card.name for card in (*registry.cards(), *registry.user_cards()[0])])
    if body.model not in known:
        raise MisuseError(
            f"there is no model of this name here: choose one of {', '.join(known)}",
            code="unknown-model",
            model=body.model,
        )
    return await accept(service, "reindex", job_kinds.reindex(service, body.model, body.from_photographs))


@router.post("/jobs/map", status_code=202, response_model=schemas.Job, dependencies=[Depends(require("write"))])
async def lay_out(service: ServiceDep) -> dict[str, Any]:
    """Compute the face map."""
    return await accept(service, "map", job_kinds.make_map(service))


@router.get("/map", response_model=FaceMap)
async def mapped(service: ServiceDep) -> dict[str, Any]:
    """Return the latest face map."""
    return await service.run(_face_map, service)


def _face_map(service: Service) -> dict[str, Any]:
    from nitakao.gallery.browse import lists

    layout = face_map.load(service.gallery)
    if layout is None:
        raise not_found("no-map", "there is no face map yet: POST /api/v1/jobs/map creates one")
    people = lists.people_of_faces(service.gallery)
    present = [n for n, face in enumerate(layout.faces.tolist()) if face in people]
    points = {
        "face": layout.faces[present].tolist(),
        "x": [round(float(v), DIGITS) for v in layout.x[present]],
        "y": [round(float(v), DIGITS) for v in layout.y[present]],
        "person": [people[int(layout.faces[n])] for n in present],
    }
    stale = face_map.is_stale(service.gallery, layout)
    return {"points": points, "method": layout.method, "made": layout.created, "stale": stale}


@router.get("/jobs", response_model=JobList)
async def jobs(service: ServiceDep, limit: Annotated[int, Query(ge=1, le=200)] = 100) -> dict[str, Any]:
    """List jobs, newest first."""
    return {"jobs": [schemas.job(job) for job in await service.run(service.jobs.latest, limit)]}


@router.get("/jobs/{id}", response_model=schemas.Job)
async def job(id: Id, service: ServiceDep) -> dict[str, Any]:
    """Return one job."""
    return schemas.job(await _find_job(service, id))


@router.delete("/jobs/{id}", status_code=202, response_model=schemas.Job, dependencies=[Depends(require("write"))])
async def stop(id: Id, service: ServiceDep) -> dict[str, Any]:
    """Stop a job. What it has done so far stays."""
    await _find_job(service, id)
    await service.run(service.jobs.stop, id)
    return schemas.job(await _find_job(service, id))


@router.get("/jobs/{id}/events", response_class=StreamingResponse, responses=STREAM)
async def events(id: Id, service: ServiceDep) -> StreamingResponse:
    """Stream a job's progress as server-sent events."""
    current = await _find_job(service, id)
    if service.streams >= MAX_STREAMS:
        raise ProblemError(429, "too-many-streams", "too many event streams: try again later", {"Retry-After": "5"})
    return StreamingResponse(_events(service, current), media_type="text/event-stream")


async def _events(service: Service, job: Job) -> AsyncIterator[str]:
    service.streams += 1
    sent: Job | None = None
    quiet = 0.0
    try:
        while not service.ending:
            if job != sent or quiet >= KEEPALIVE_SECONDS:
                sent, quiet = job, 0.0
                yield f"event: {'done' if job.is_finished else 'progress'}\ndata: {json.dumps(schemas.job(job))}\n\n"
            if job.is_finished:
                return
            await asyncio.sleep(POLL_SECONDS)
            quiet += POLL_SECONDS
            job = await _find_job(service, job.id)
    finally:
        service.streams -= 1


async def _find_job(service: Service, number: int) -> Job:
    current = await service.run(service.jobs.get, number)
    if current is None:
        raise not_found("unknown-job", f"there is no job {number}", job=number)
    return current


def _check_paths(paths: list[str]) -> None:
    for path in paths:
        if not os.path.isabs(path) or "\x00" in path:
            raise MisuseError("paths must be absolute, on the server's machine", code="path-not-absolute", path=path)
        if not os.path.exists(path):
            raise MisuseError("a path does not exist", code="path-missing", path=path)
