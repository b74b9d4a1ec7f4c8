"""Reads uploaded pictures from a raw body or a multipart form, in memory only."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from nitakao.server.problems import ProblemError

MAX_PARTS = 32  # of a form
RAW = ("image/", "application/octet-stream")

# OpenAPI description for routes that read their pictures from the request.
BODY: dict[str, Any] = {
    "requestBody": {
        "required": False,
        "content": {
            "image/*": {"schema": {"type": "string", "format": "binary"}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"image": {"type": "array", "items": {"type": "string", "format": "binary"}}},
                }
            },
        },
    }
}


class _InMemory(MultiPartParser):
    spool_max_size = 1 << 40  # bytes: never spool to disk; the limit on bodies is far below


async def pictures(request: Request) -> dict[str, list[bytes]]:
    """The pictures of a request by part name; a raw body is called 'image'. Empty without a body."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _parts(request)
    body = await request.body()
    if not body:
        return {}
    if not kind.startswith(RAW):
        raise ProblemError(
            415, "content-type", "send a picture as image/*, application/octet-stream or a part of multipart/form-data"
        )
    return {"image": [body]}


async def _parts(request: Request) -> dict[str, list[bytes]]:
    parser = _InMemory(request.headers, request.stream(), max_files=MAX_PARTS, max_fields=MAX_PARTS)
    parts: dict[str, list[bytes]] = defaultdict(list)
    try:
        form = await parser.parse()
    except (MultiPartException, UnicodeError, ValueError, KeyError) as error:
        raise ProblemError(
            400, "invalid-form", f"the form cannot be read: {getattr(error, 'message', type(error).__name__)}"
        ) from None
    try:
        for name, part in form.multi_items():
            if not isinstance(part, UploadFile):
                raise ProblemError(400, "invalid-form", f"form part '{name[:50]}' is not a file: give it a filename")
            parts[name].append(await part.read())
    finally:
        await form.close()
    return dict(parts)


async def one_picture(request: Request) -> bytes:
    """The only picture of a request."""
    images = (await pictures(request)).get("image", [])
    if len(images) != 1:
        raise ProblemError(
            400,
            "picture-required",
            f"send exactly one picture, as the body or as part 'image' of a form, not {len(images)}",
            pictures=len(images),
        )
    return images[0]
