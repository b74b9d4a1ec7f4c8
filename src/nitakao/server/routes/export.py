"""Routes that delete data for good and export it."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from nitakao.errors import MisuseError
from nitakao.gallery.browse import lists
from nitakao.gallery.forget.forget import Receipt
from nitakao.server import schemas
from nitakao.server.auth import require
from nitakao.server.problems import not_found, responses
from nitakao.server.routes.parameters import MAX_ID, ServiceDep
from nitakao.server.schemas import example
from nitakao.server.service import Service
from nitakao.tasks.gallery.export import export as export_task
from nitakao.tasks.gallery.forget import forget as forget_task

KINDS = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv",
    "npz": "application/octet-stream",
    "jsonl": "application/x-ndjson",
}
CHUNK_BYTES = 1 << 18  # bytes per read
One = Annotated[int, Field(ge=1, le=MAX_ID)]
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in KINDS.values()},
    }
}

router = APIRouter(
    prefix="/api/v1", tags=["export"], dependencies=[Depends(require("admin"))], responses=responses(404)
)


class ForgetRequest(BaseModel):
    """What to delete: one of `person`, `photo` and `face`.

    `confirm`: the person's name, or '#12'. `tombstone`: never index the photographs again.
    """

    model_config = ConfigDict(extra="forbid") | example({"person": 12, "confirm": "Ada", "tombstone": True})

    person: One | None = None
    photo: One | None = None
    face: One | None = None
    confirm: Annotated[str, Field(max_length=600)] = ""
    tombstone: bool = False


@router.post("/forget", response_model=Receipt)
async def forget(service: ServiceDep, body: Annotated[ForgetRequest, Body()]) -> Receipt:
    """Delete a person, photograph or face for good. It cannot be undone."""
    return await service.run_to_end(_forget, service, body)


def _forget(service: Service, body: ForgetRequest) -> Receipt:
    targets = {"person": body.person, "photo": body.photo, "face": body.face}
    if sum(number is not None for number in targets.values()) != 1:
        raise MisuseError("name exactly one of person, photo and face", code="forget-one")
    if body.person is not None:
        record = lists.person(service.gallery, body.person)
        if record is None:
            raise not_found(
                "unknown-person", f"there is no person #{body.person} in the gallery", name=f"#{body.person}"
            )
        if body.confirm not in (record.display_name, f"#{record.id}"):
            raise MisuseError(
                "to delete a person, repeat the name, or the number as '#12', in 'confirm'",
                code="confirmation-mismatch",
                person=body.person,
            )
    person = None if body.person is None else f"#{body.person}"
    receipt = forget_task(service.gallery, person=person, photo=body.photo, face=body.face, tombstone=body.tombstone)
    return replace(receipt, gallery=schemas.printable(receipt.gallery))


class TemporaryFile(Response):
    """Sends a file, then deletes its folder."""

    def __init__(self, path: Path, media_type: str) -> None:
        self.path, self.media_type, self.background = path, media_type, None
        self.status_code = 200
        headers = {
            "content-length": str(path.stat().st_size),
            "content-disposition": f'attachment; filename="{path.name}"',
        }
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            with open(self.path, "rb") as file:
                while chunk := await run_in_threadpool(file.read, CHUNK_BYTES):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        finally:
            shutil.rmtree(self.path.parent, ignore_errors=True)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@router.get("/export", response_class=Response, responses=FILE)
async def export(
    service: ServiceDep, format: Annotated[Literal["parquet", "csv", "npz", "jsonl"], Query()]
) -> Response:
    """Export all faces with vectors, boxes and names as a file."""
    folder = Path(tempfile.mkdtemp(prefix="nitakao-export-"))  # readable by this user only
    path = folder / f"faces.{format}"
    try:
        await service.run_to_end(export_task, service.gallery, path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return TemporaryFile(path, KINDS[format])
