"""Routes that search and identify faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from nitakao.server import schemas
from nitakao.server.auth import require
from nitakao.server.problems import responses
from nitakao.server.routes.parameters import (
    Detector,
    Faces,
    Names,
    Prior,
    ServiceDep,
    Threshold,
    check_gallery_probe,
    of,
    parse_probes,
    sizes,
)
from nitakao.server.service import Service
from nitakao.server.uploads import BODY, pictures
from nitakao.tasks.probes import ProbeLike, SearchOptions, face_filter
from nitakao.tasks.scoring import PRIOR
from nitakao.tasks.search.identify import identify as identify_task
from nitakao.tasks.search.search import search as search_task
from nitakao.values import Choice, DetectorSettings, Probe, ResultInfo

MAX_HITS = 1000
MAX_SECONDS = 1e12  # since 1970, positive or negative

router = APIRouter(prefix="/api/v1", tags=["search"], dependencies=[Depends(require("read"))], responses=responses(415))


@dataclass(frozen=True)
class SearchQuery:
    """Query parameters of the search."""

    k: Annotated[int | None, Query(ge=1, le=MAX_HITS)] = None
    max_distance: Annotated[float | None, Query(ge=0, le=1000, description="Only hits below this distance.")] = None
    same_person: bool = False
    different_people: bool = False
    each: bool = False
    threshold: Threshold = None
    prior: Prior = PRIOR

    @property
    def most(self) -> int:
        near = self.max_distance is not None or self.same_person
        return self.k or (MAX_HITS if near else 10)


@dataclass(frozen=True)
class FilterQuery:
    """Query parameters that restrict the searched faces."""

    person: Names = ()  # type: ignore[assignment]
    folder: Annotated[str, Query(max_length=4000)] = ""
    since: Annotated[float | None, Query(ge=-MAX_SECONDS, le=MAX_SECONDS, description="Seconds since 1970.")] = None
    until: Annotated[float | None, Query(ge=-MAX_SECONDS, le=MAX_SECONDS)] = None
    min_quality: Annotated[float, Query(ge=0, le=1)] = 0.0
    hidden: bool = False


@router.post("/search", response_model=schemas.SearchResponse, openapi_extra=BODY)
async def search(
    request: Request,
    service: ServiceDep,
    settings: Detector,
    query: Annotated[SearchQuery, Depends(of(SearchQuery))],
    filters: Annotated[FilterQuery, Depends(of(FilterQuery))],
    probe: Annotated[list[str] | None, Query(description="face:12, person:Ada or #12")] = None,
    exclude: Annotated[
        list[str] | None,
        Query(description="Faces or people to move away from: face:12, person:Ada or #12."),
    ] = None,
    faces: Faces = None,
) -> dict[str, Any]:
    """Search the gallery for the faces nearest to each probe.

    A picture with several faces gives one answer per face. Several pictures count as one person, unless `each` is set.
    """
    uploaded = (await pictures(request)).get("image", [])
    return await service.run(_search, service, uploaded, probe or [], exclude or [], settings, faces, query, filters)


def _search(
    service: Service,
    uploaded: list[bytes],
    named: list[str],
    exclude: list[str],
    settings: DetectorSettings,
    choice: Choice | None,
    query: SearchQuery,
    filters: FilterQuery,
) -> dict[str, Any]:
    probes = parse_probes(service, uploaded, named)
    for name in exclude:
        check_gallery_probe(name)
    found = search_task(
        service.gallery,
        *probes,
        k=query.most,
        where=face_filter(
            service.gallery,
            list(filters.person),
            folder=filters.folder,
            since=filters.since,
            until=filters.until,
            min_quality=filters.min_quality,
            hidden=filters.hidden,
        ),
        exclude=exclude,
        max_distance=query.max_distance,
        same_person=query.same_person,
        different_people=query.different_people,
        options=service.with_threshold(
            service.search_options(settings, choice, each=query.each, threshold=query.threshold, prior=query.prior)
        ),
    )
    answers = [
        {"probe": _probe(answer.probe, probes), "hits": [schemas.hit(hit) for hit in answer.hits]}
        for answer in found.answers
    ]
    return {"answers": answers, "info": _info(service, found.info, query.threshold), "problems": list(found.problems)}


@dataclass(frozen=True)
class IdentifyQuery:
    """Query parameters of the identification."""

    k: Annotated[int, Query(ge=1, le=100, description="Candidates per probe.")] = 5
    each: bool = False
    threshold: Threshold = None
    prior: Prior = PRIOR


@router.post("/identify", response_model=schemas.IdentifyResponse, openapi_extra=BODY)
async def identify(
    request: Request,
    service: ServiceDep,
    settings: Detector,
    query: Annotated[IdentifyQuery, Depends(of(IdentifyQuery))],
    probe: Annotated[list[str] | None, Query(description="face:12, person:Ada or #12")] = None,
    faces: Faces = None,
) -> dict[str, Any]:
    """Identify each probe among the named people of the gallery."""
    uploaded = (await pictures(request)).get("image", [])
    options = service.search_options(settings, faces, each=query.each, threshold=query.threshold, prior=query.prior)
    return await service.run(_identify, service, uploaded, probe or [], query.k, options)


def _identify(
    service: Service, uploaded: list[bytes], named: list[str], k: int, options: SearchOptions
) -> dict[str, Any]:
    probes = parse_probes(service, uploaded, named)
    found = identify_task(service.gallery, *probes, k=k, options=service.with_threshold(options))
    identities = [
        {
            "probe": _probe(one.probe, probes),
            "match": None if one.match is None else schemas.candidate(one.match),
            "candidates": [schemas.candidate(candidate) for candidate in one.candidates],
            "unknown": schemas.finite(one.unknown),
        }
        for one in found.identities
    ]
    info = _info(service, found.info, options.threshold)
    return {"identities": identities, "people": found.people, "info": info, "problems": list(found.problems)}


def _info(service: Service, info: ResultInfo, requested: float | None) -> dict[str, Any]:
    return schemas.result_info(info, service.threshold_kind(requested), service.calibration_kind())


def _probe(probe: Probe, probes: Sequence[ProbeLike]) -> dict[str, Any]:
    """The probe, with the size of its picture, found by the start of the probe's name."""
    name = (probe.parts[0] if probe.parts else probe).name.partition("#")[0]
    return schemas.probe(probe, sizes(list(probes)).get(name))
