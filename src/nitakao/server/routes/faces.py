"""Routes that detect, embed and compare faces in pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from nitakao.errors import MisuseError, UnreadablePhotoError
from nitakao.server import schemas
from nitakao.server.auth import require
from nitakao.server.problems import responses
from nitakao.server.routes.parameters import Detector, Faces, Prior, ServiceDep, Threshold, check_gallery_probe, of
from nitakao.server.service import Service
from nitakao.server.uploads import BODY, one_picture, pictures
from nitakao.tasks.probes import ProbeLike, SearchOptions, with_face
from nitakao.tasks.scoring import PRIOR
from nitakao.tasks.search.verify_person import verify_known
from nitakao.values import Choice, DetectorSettings, Face, Outcome, Probe

router = APIRouter(
    prefix="/api/v1", tags=["pictures"], dependencies=[Depends(require("read"))], responses=responses(415)
)

Number: TypeAlias = Annotated[
    int | None, Query(ge=0, le=100_000, description="Use the face with this number, as returned by /detect.")
]


class DetectResponse(BaseModel):
    """Detected faces. `problem` and `problem_code` say why there are none."""

    width: int
    height: int
    faces: list[schemas.DetectedFace]
    problem: str
    problem_code: str
    detector: str
    smallest_face: float


class EmbeddedFace(schemas.DetectedFace):
    vector: list[float]


class EmbedResponse(DetectResponse):
    """Detected faces with their vectors."""

    faces: list[EmbeddedFace]  # type: ignore[assignment]  # each with its vector
    model: str
    dimension: int
    metric: str


class VerifyResponse(BaseModel):
    """The comparison of two faces. `same` is null if the model has no threshold."""

    a: schemas.Probe
    b: schemas.Probe
    distance: float
    threshold: float | None
    same: bool | None
    probability: float | None
    model: str
    metric: str
    threshold_kind: schemas.ThresholdKind
    threshold_source: str
    prior: float | None


@router.post("/detect", response_model=DetectResponse, openapi_extra=BODY)
async def detect(request: Request, service: ServiceDep, settings: Detector, faces: Faces = None) -> dict[str, Any]:
    """Detect the faces in a picture, best first."""
    data = await one_picture(request)
    return await service.run(_detect, service, data, settings, faces or "all", False)


@router.post("/embed", response_model=EmbedResponse, openapi_extra=BODY)
async def embed(request: Request, service: ServiceDep, settings: Detector, faces: Faces = None) -> dict[str, Any]:
    """Detect the faces in a picture and compute their embeddings with the gallery's model."""
    data = await one_picture(request)
    return await service.run(_detect, service, data, settings, faces or "all", True)


def _detect(service: Service, data: bytes, settings: DetectorSettings, choice: Choice, vectors: bool) -> dict[str, Any]:
    outcome = service.find_faces(
        service.parse_picture("image", data), detector=settings, choice=choice, vectors=vectors
    )
    if outcome.status in ("unreadable", "no-crop"):
        raise UnreadablePhotoError(outcome.problem)
    shape = _shape(outcome, settings)
    if vectors:
        card = service.card
        for face, vector in zip(shape["faces"], outcome.vectors, strict=True):
            face["vector"] = schemas.vector(vector)
        shape |= {"model": card.name, "dimension": card.dimension, "metric": card.metric}
    return shape


def _shape(outcome: Outcome, settings: DetectorSettings) -> dict[str, Any]:
    return {
        "width": outcome.size[0],
        "height": outcome.size[1],
        "faces": [schemas.detected_face(face, number) for number, face in enumerate(outcome.faces)],
        "problem": outcome.problem,
        "problem_code": schemas.photo_problem_code(outcome.problem),
        "detector": settings.name,
        "smallest_face": round(settings.smallest_in(outcome.size), 1),
    }


@dataclass(frozen=True)
class Sides:
    """Query parameters that name the two sides."""

    a: Annotated[
        str | None,
        Query(max_length=600, description="Instead of part a: face:12, person:Ada or #12."),
    ] = None
    b: Annotated[str | None, Query(max_length=600, description="Instead of part b.")] = None
    a_face: Number = None
    b_face: Number = None


@router.post("/verify", response_model=VerifyResponse, openapi_extra=BODY)
async def verify(
    request: Request,
    service: ServiceDep,
    settings: Detector,
    sides: Annotated[Sides, Depends(of(Sides))],
    faces: Faces = None,
    threshold: Threshold = None,
    prior: Prior = PRIOR,
) -> dict[str, Any]:
    """Compare two faces: parts `a` and `b` of a form, or faces or people of the gallery.

    A picture with several faces counts with its largest, unless `faces` or a face number says otherwise.
    """
    parts = await pictures(request)
    pair = [
        _Side("a", parts.get("a", []), sides.a, sides.a_face),
        _Side("b", parts.get("b", []), sides.b, sides.b_face),
    ]
    options = service.search_options(settings, faces, threshold=threshold, prior=prior)
    return await service.run(_verify, service, pair, options)


def _verify(service: Service, sides: list[_Side], options: SearchOptions) -> dict[str, Any]:
    a, b = (side.resolve(service, options) for side in sides)
    kind = service.threshold_kind(options.threshold)
    result = verify_known(service.gallery, a.probe, b.probe, options=service.with_threshold(options))
    verdict = result.verdict
    return {
        "a": a.probe_shape(result.probes[0]),
        "b": b.probe_shape(result.probes[1]),
        "distance": verdict.distance,
        "threshold": schemas.finite(verdict.threshold),
        "same": verdict.same if verdict.has_threshold else None,
        "probability": schemas.finite(result.probability),
        "model": verdict.model,
        "metric": verdict.metric,
        "threshold_kind": kind,
        "threshold_source": verdict.threshold_source,
        "prior": schemas.finite(result.basis.prior),
    }


@dataclass(frozen=True)
class _Side:
    """One side of a comparison: a picture, with a face number if given, or a name from the gallery."""

    side: str
    pictures: list[bytes]
    name: str | None
    number: int | None

    def resolve(self, service: Service, options: SearchOptions) -> _ResolvedSide:
        side, name = self.side, self.name
        if len(self.pictures) + (name is not None) != 1:
            raise MisuseError(
                f"'{side}' must be exactly one picture, as a form part, or {side}=face:12, person:Ada or #12",
                code="side-required",
                side=side,
            )
        if name is not None:
            check_gallery_probe(name)
            if self.number is not None:
                raise MisuseError(
                    f"'{side}_face' needs a picture, but '{side}' is a name",
                    code="side-not-a-picture",
                    side=side,
                )
            return _ResolvedSide(name)
        picture = service.parse_picture(side, self.pictures[0])
        if self.number is None:
            return _ResolvedSide(picture, size=picture.size)
        outcome = with_face(service.find_faces(picture, detector=options.photos.detector))
        if self.number >= len(outcome.faces):
            raise MisuseError(
                f"'{side}' has no face {self.number}: /detect finds {len(outcome.faces)} in it",
                code="no-such-face",
                picture=side,
                number=self.number,
                faces=len(outcome.faces),
            )
        return _ResolvedSide(outcome.vectors[self.number], picture.size, side, outcome.faces[self.number], self.number)


@dataclass(frozen=True, eq=False)
class _ResolvedSide:
    """A probe for the task, with the size of its picture and the chosen face, if any."""

    probe: ProbeLike
    size: tuple[int, int] | None = None
    name: str = ""
    face: Face | None = None
    number: int = 0

    def probe_shape(self, probe: Probe) -> dict[str, Any]:
        if self.face is not None:
            probe = replace(probe, name=self.name, face=self.face, number=self.number)
        return schemas.probe(probe, self.size)
