"""Routes for photographs, faces and uploads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from nitakao.errors import MisuseError, PhotoError
from nitakao.gallery import faces
from nitakao.gallery.browse import lists
from nitakao.gallery.browse.lists import PhotoFilter, PhotoOrder
from nitakao.gallery.photos import photo_records
from nitakao.server import job_kinds, schemas
from nitakao.server.auth import require
from nitakao.server.problems import ProblemError, not_found, responses
from nitakao.server.routes.parameters import After, Id, Limit, ServiceDep, accept, of
from nitakao.server.service import Service
from nitakao.server.uploads import BODY, pictures
from nitakao.tasks.gallery import thumbnails

FOREVER = "private, max-age=31536000, immutable"
ENDINGS = {"JPEG": ".jpg", "PNG": ".png", "WebP": ".webp", "TIFF": ".tif", "BMP": ".bmp", "GIF": ".gif"}
SECONDS = 1e12  # since 1970, either way
JPEG: dict[int | str, dict[str, Any]] = {
    200: {"description": "A JPEG.", "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "Not modified."},
}

router = APIRouter(prefix="/api/v1", tags=["photos"], dependencies=[Depends(require("read"))], responses=responses(404))


class Photo(BaseModel):
    """A photograph or video. `taken`, `indexed`: seconds since 1970. `problem`: why it has no faces, or empty."""

    id: int
    paths: list[str]
    width: int
    height: int
    video: bool
    taken: float | None
    indexed: float
    problem: str
    problem_code: str
    faces: list[schemas.Face]


class PhotoList(BaseModel):
    photos: list[Photo]
    next: str | None
    total: int


@router.get("/faces/{id}", response_model=schemas.Face)
async def face(id: Id, service: ServiceDep) -> dict[str, Any]:
    """One face."""
    record = (await service.run(faces.records, service.gallery, [id])).get(id)
    if record is None:
        raise not_found("unknown-face", f"there is no face {id} in the gallery", face=id)
    return schemas.face(record)


@router.get("/faces/{id}/chip", response_class=Response, responses=JPEG)
async def chip(
    id: Id,
    request: Request,
    service: ServiceDep,
    side: Annotated[int, Query(ge=16, le=thumbnails.CHIP)] = thumbnails.CHIP,
) -> Response:
    """A small picture of a face with its surroundings. It never changes."""
    tag = f'"{service.gallery.id[:8]}-{id}-{side}"'
    headers = {"ETag": tag, "Cache-Control": FOREVER, "Vary": "Authorization, Cookie"}
    data = await service.run(thumbnails.chip, service.gallery, id, side)
    if data is None:
        raise not_found("no-chip", f"there is no picture of a face {id} in the gallery", face=id)
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type="image/jpeg", headers=headers)


@dataclass(frozen=True)
class PhotoQuery:
    """Query parameters that restrict the listed photographs."""

    person: Annotated[list[int] | None, Query(max_length=20, description="Only photos with all of these people.")] = (
        None
    )
    folder: Annotated[str, Query(max_length=4000)] = ""
    since: Annotated[float | None, Query(ge=-SECONDS, le=SECONDS, description="Seconds since 1970.")] = None
    until: Annotated[float | None, Query(ge=-SECONDS, le=SECONDS)] = None
    problem: Annotated[bool | None, Query(description="Only photos with, or without, a problem.")] = None


@router.get("/photos", response_model=PhotoList)
async def photos(
    service: ServiceDep,
    filters: Annotated[PhotoQuery, Depends(of(PhotoQuery))],
    after: After = None,
    limit: Limit = 100,
    order: PhotoOrder = "taken",
) -> dict[str, Any]:
    """List photographs and videos, newest first."""
    people = tuple(filters.person or ())
    if any(abs(one) >= 2**63 for one in people):
        raise MisuseError("no person has such a number", code="unknown-person", name=f"#{max(people, key=abs)}")
    photo_filter = PhotoFilter(people, filters.folder, filters.since, filters.until, filters.problem)
    page = await service.run(lists.photos, service.gallery, photo_filter, order=order, after=after, limit=limit)
    return {"photos": [_photo(one) for one in page.items], "next": page.next, "total": page.total}


@router.get("/photos/{id}", response_model=Photo)
async def photo(id: Id, service: ServiceDep) -> dict[str, Any]:
    """Return one photograph with its faces."""
    record = (await service.run(photo_records, service.gallery, [id])).get(id)
    if record is None:
        raise not_found("unknown-photo", f"there is no photograph {id} in the gallery", photo=id)
    return _photo(record)


@router.get("/photos/{id}/image", response_class=Response, responses=JPEG)
async def image(
    id: Id,
    service: ServiceDep,
    side: Annotated[int, Query(ge=64, le=4096, description="Longer side in pixels.")] = 2048,
) -> Response:
    """Return the photograph as an upright JPEG without metadata."""
    try:
        data = await service.run(_image, service, id, side)
    except PhotoError as error:
        raise not_found(error.code or "photo-file-missing", str(error), **(error.values or {"photo": id})) from None
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


def _image(service: Service, number: int, side: int) -> bytes:
    with service.render_slots:
        return thumbnails.photograph(service.gallery, number, side)


@router.post("/photos", status_code=202, response_model=schemas.Job, openapi_extra=BODY, responses=responses(404, 415))
async def add(
    request: Request, service: ServiceDep, caller: Annotated[Any, Depends(require("write"))]
) -> dict[str, Any]:
    """Upload photographs: the server stores and indexes them in the background."""
    uploaded = (await pictures(request)).get("image", [])
    if not uploaded:
        raise ProblemError(
            400,
            "picture-required",
            "send pictures as the body or as parts 'image' of a form",
            pictures=0,
        )
    paths = await service.run(_store_uploads, service, uploaded)
    return await accept(service, "index", job_kinds.index(service, paths))


def _store_uploads(service: Service, uploaded: list[bytes]) -> list[str]:
    parsed = [service.parse_picture("image", data) for data in uploaded]  # refuse all if one is not a picture
    return [
        job_kinds.store_upload(
            service.uploads, picture.data, picture.sha256 + ENDINGS.get(picture.kind, f".{picture.kind.lower()}")
        )
        for picture in parsed
    ]


def _photo(record: Any) -> dict[str, Any]:
    return {
        "id": record.photo,
        "paths": [schemas.printable(path) for path in record.paths],
        "width": record.size[0],
        "height": record.size[1],
        "video": record.video,
        "taken": record.taken,
        "indexed": record.indexed,
        "problem": schemas.printable(record.problem),
        "problem_code": schemas.photo_problem_code(record.problem),
        "faces": [schemas.face(face) for face in record.faces],
    }
