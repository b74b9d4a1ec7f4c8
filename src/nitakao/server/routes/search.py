"""Which faces of the gallery are alike, and who it is."""

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
    Serving,
    Threshold,
    asked,
    check_kept,
    of,
    sizes,
)
from nitakao.server.service import Service
from nitakao.server.uploads import BODY, pictures
from nitakao.tasks.probes import ProbeLike, SearchOptions, face_filter
from nitakao.tasks.scoring import PRIOR
from nitakao.tasks.search.identify import identify as identify_task
from nitakao.tasks.search.search import search as search_task
from nitakao.values import Choice, DetectorSettings, Probe, ResultInfo

MOST = 1000  # faces in one answer
SECONDS = 1e12  # since 1970, either way

router = APIRouter(prefix="/api/v1", tags=["search"], dependencies=[Depends(require("read"))], responses=responses(415))


@dataclass(frozen=True)
class Wanted:
    """What is searched for; the names of the query's parameters."""

    k: Annotated[int | None, Query(ge=1, le=MOST)] = None
    max_distance: Annotated[float | None, Query(ge=0, le=1000, description="Only faces nearer than this.")] = None
    same_person: bool = False
    different_people: bool = False
    each: bool = False
    threshold: Threshold = None
    prior: Prior = PRIOR

    @property
    def most(self) -> int:
        near = self.max_distance is not None or self.same_person
        return self.k or (MOST if near else 10)


@dataclass(frozen=True)
class Among:
    """Which faces may answer."""

    person: Names = ()  # type: ignore[assignment]
    folder: Annotated[str, Query(max_length=4000)] = ""
    since: Annotated[float | None, Query(ge=-SECONDS, le=SECONDS, description="Seconds since 1970.")] = None
    until: Annotated[float | None, Query(ge=-SECONDS, le=SECONDS)] = None
    min_quality: Annotated[float, Query(ge=0, le=1)] = 0.0
    hidden: bool = False


@router.post("/search", response_model=schemas.SearchResponse, openapi_extra=BODY)
async def search(
    request: Request,
    serving: Serving,
    settings: Detector,
    wanted: Annotated[Wanted, Depends(of(Wanted))],
    among: Annotated[Among, Depends(of(Among))],
    probe: Annotated[list[str] | None, Query(description="face:12, person:Ada or #12")] = None,
    exclude: Annotated[
        list[str] | None,
        Query(description="Faces or people to move away from: face:12, person:Ada or #12."),
    ] = None,
    faces: Faces = None,
) -> dict[str, Any]:
    """The faces of the gallery nearest to each face that is asked about.

    A picture with several faces has an answer for each. Several pictures are of one person, unless `each`.
    """
    given = (await pictures(request)).get("image", [])
    return await serving.run(_search, serving, given, probe or [], exclude or [], settings, faces, wanted, among)


def _search(
    serving: Service,
    given: list[bytes],
    named: list[str],
    exclude: list[str],
    settings: DetectorSettings,
    choice: Choice | None,
    wanted: Wanted,
    among: Among,
) -> dict[str, Any]:
    who = asked(serving, given, named)
    for name in exclude:
        check_kept(name)
    found = search_task(
        serving.gallery,
        *who,
        k=wanted.most,
        where=face_filter(
            serving.gallery,
            list(among.person),
            folder=among.folder,
            since=among.since,
            until=among.until,
            min_quality=among.min_quality,
            hidden=among.hidden,
        ),
        exclude=exclude,
        max_distance=wanted.max_distance,
        same_person=wanted.same_person,
        different_people=wanted.different_people,
        options=serving.with_threshold(
            serving.search_options(settings, choice, each=wanted.each, threshold=wanted.threshold, prior=wanted.prior)
        ),
    )
    answers = [
        {"probe": _probe(answer.probe, who), "hits": [schemas.hit(match) for match in answer.hits]}
        for answer in found.answers
    ]
    return {"answers": answers, "info": _info(serving, found.info, wanted.threshold), "problems": list(found.problems)}


@router.post("/identify", response_model=schemas.IdentifyResponse, openapi_extra=BODY)
async def identify(
    request: Request,
    serving: Serving,
    settings: Detector,
    k: Annotated[int, Query(ge=1, le=100)] = 5,
    each: bool = False,
    threshold: Threshold = None,
    prior: Prior = PRIOR,
    probe: Annotated[list[str] | None, Query(description="face:12, person:Ada or #12")] = None,
    faces: Faces = None,
) -> dict[str, Any]:
    """Who it is, of the people in the gallery who have a name, or nobody known."""
    given = (await pictures(request)).get("image", [])
    options = serving.search_options(settings, faces, each=each, threshold=threshold, prior=prior)
    return await serving.run(_identify, serving, given, probe or [], k, options)


def _identify(serving: Service, given: list[bytes], named: list[str], k: int, options: SearchOptions) -> dict[str, Any]:
    who = asked(serving, given, named)
    found = identify_task(serving.gallery, *who, k=k, options=serving.with_threshold(options))
    identities = [
        {
            "probe": _probe(one.probe, who),
            "match": None if one.match is None else schemas.candidate(one.match),
            "candidates": [schemas.candidate(candidate) for candidate in one.candidates],
            "unknown": schemas.finite(one.unknown),
        }
        for one in found.identities
    ]
    info = _info(serving, found.info, options.threshold)
    return {"identities": identities, "people": found.people, "info": info, "problems": list(found.problems)}


def _info(serving: Service, info: ResultInfo, requested: float | None) -> dict[str, Any]:
    return schemas.result_info(info, serving.threshold_kind(requested), serving.calibration_kind())


def _probe(probe: Probe, who: Sequence[ProbeLike]) -> dict[str, Any]:
    """The probe, with the size of its picture, which its name begins with."""
    name = (probe.parts[0] if probe.parts else probe).name.partition("#")[0]
    return schemas.probe(probe, sizes(list(who)).get(name))
