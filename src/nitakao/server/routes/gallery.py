"""The route that describes the gallery."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from nitakao.server import schemas
from nitakao.server.auth import require
from nitakao.server.problems import responses
from nitakao.server.routes.parameters import ServiceDep
from nitakao.server.service import Service

router = APIRouter(prefix="/api/v1", tags=["gallery"], dependencies=[Depends(require("read"))], responses=responses())


class Gallery(BaseModel):
    """The gallery: where it is, its model, and how much it holds."""

    where: str
    model: str
    dimension: int
    metric: str
    threshold: float | None
    faces: int
    photos: int
    people: int
    named: int
    videos: int
    unassigned: int
    reviews: int
    problems: int
    version: str


@router.get("/gallery", response_model=Gallery)
async def gallery(service: ServiceDep) -> dict[str, Any]:
    """Return the gallery's model and counts."""
    return await service.run(_describe, service)


def _describe(service: Service) -> dict[str, Any]:
    from nitakao.gallery.browse import counts

    found = service.gallery
    shape = {"where": schemas.printable(found.location), "model": found.model, "dimension": found.dimension}
    shape |= {
        "metric": found.metric,
        "threshold": service.threshold() or schemas.finite(service.card.threshold),
        "version": version("nitakao"),
    }
    return shape | counts.counts(found)
