"""Pictures to faces, to vectors, and one against another."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from nitakao.errors import MisuseError, UnreadablePhotoError
from nitakao.pipeline import NO_FACE
from nitakao.server import shapes
from nitakao.server.auth import may
from nitakao.server.pictures import BODY, one_picture, pictures
from nitakao.server.problems import responses
from nitakao.server.routes.asking import Detector, Faces, Prior, Serving, Threshold, check_kept
from nitakao.server.service import Service
from nitakao.tasks.judging import PRIOR
from nitakao.tasks.verify_known import verify_known
from nitakao.values import Choice, DetectorSettings, Outcome

router = APIRouter(prefix="/api/v1", tags=["pictures"], dependencies=[Depends(may("read"))], responses=responses(415))


class Detected(BaseModel):
    width: int
    height: int
    faces: list[shapes.Seen]
    problem: str
    detector: str
    smallest_face: float


class Embedded(shapes.Seen):
    vector: list[float]


class WithVectors(Detected):
    faces: list[Embedded]  # type: ignore[assignment]  # each with its vector
    model: str
    dimension: int
    metric: str


class Verified(BaseModel):
    """same: null where the model has no threshold."""

    a: shapes.Probe
    b: shapes.Probe
    distance: float
    threshold: float | None
    same: bool | None
    probability: float | None
    model: str
    metric: str
    threshold_source: str
    prior: float | None


@router.post("/detect", response_model=Detected, openapi_extra=BODY)
async def detect(request: Request, serving: Serving, settings: Detector, faces: Faces = None) -> dict[str, Any]:
    """The faces in a picture, best first."""
    data = await one_picture(request)
    return await serving.do(_detected, serving, data, settings, faces or "all", False)


@router.post("/embed", response_model=WithVectors, openapi_extra=BODY)
async def embed(request: Request, serving: Serving, settings: Detector, faces: Faces = None) -> dict[str, Any]:
    """The faces in a picture, each with its vector of the gallery's model."""
    data = await one_picture(request)
    return await serving.do(_detected, serving, data, settings, faces or "all", True)


def _detected(
    serving: Service, data: bytes, settings: DetectorSettings, choice: Choice, vectors: bool
) -> dict[str, Any]:
    outcome = serving.see(serving.parsed("image", data), detector=settings, choice=choice, vectors=vectors)
    if outcome.problem not in ("", NO_FACE):
        raise UnreadablePhotoError(outcome.problem)
    told = _told(outcome, settings)
    if vectors:
        card = serving.card
        for face, vector in zip(told["faces"], outcome.vectors, strict=True):
            face["vector"] = shapes.of_vector(vector)
        told |= {"model": card.name, "dimension": card.dimension, "metric": card.metric}
    return told


def _told(outcome: Outcome, settings: DetectorSettings) -> dict[str, Any]:
    return {
        "width": outcome.size[0],
        "height": outcome.size[1],
        "faces": [shapes.of_seen(face, number) for number, face in enumerate(outcome.faces)],
        "problem": outcome.problem,
        "detector": settings.name,
        "smallest_face": round(settings.smallest_in(outcome.size), 1),
    }


@router.post("/verify", response_model=Verified, openapi_extra=BODY)
async def verify(
    request: Request,
    serving: Serving,
    settings: Detector,
    a: Annotated[
        str | None, Query(max_length=600, description="face:12, person:Ada or #12 in place of part a.")
    ] = None,
    b: Annotated[str | None, Query(max_length=600, description="In place of part b.")] = None,
    faces: Faces = None,
    threshold: Threshold = None,
    prior: Prior = PRIOR,
) -> dict[str, Any]:
    """Whether two are one person: parts `a` and `b` of a form, or somebody of the gallery in place of either."""
    parts = await pictures(request)
    return await serving.do(_verified, serving, parts, {"a": a, "b": b}, settings, faces, threshold, prior)


def _verified(
    serving: Service,
    parts: dict[str, list[bytes]],
    named: dict[str, str | None],
    settings: DetectorSettings,
    choice: Choice | None,
    threshold: float | None,
    prior: float,
) -> dict[str, Any]:
    both = []
    for side, name in named.items():
        given = parts.get(side, [])
        if len(given) + (name is not None) != 1:
            raise MisuseError(f"'{side}' is one picture, as a part of the form, or {side}=face:12, person:Ada or #12")
        if name is not None:
            check_kept(name)
        both += [serving.parsed(side, given[0]) if name is None else name]
    threshold = serving.threshold() if threshold is None else threshold
    found = verify_known(serving.gallery, *both, threshold=threshold, prior=prior, look=serving.look(settings, choice))
    verdict = found.verdict
    a, b = (
        shapes.of_probe(probe, None if isinstance(one, str) else one.size)
        for probe, one in zip(found.probes, both, strict=True)
    )
    return {
        "a": a,
        "b": b,
        "distance": verdict.distance,
        "threshold": shapes.number(verdict.threshold),
        "same": verdict.same if verdict.has_threshold else None,
        "probability": shapes.number(found.probability),
        "model": verdict.model,
        "metric": verdict.metric,
        "threshold_source": verdict.threshold_source,
        "prior": shapes.number(found.basis.prior),
    }
