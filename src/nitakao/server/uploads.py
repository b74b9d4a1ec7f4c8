"""Pictures as they come with a request: the raw body, or parts of a form. They are held in memory, never on a disk."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from nitakao.server.problems import ProblemError

MOST_PARTS = 32  # of a form
RAW = ("image/", "application/octet-stream")

# For a route's documentation, as its picture is read from the request itself.
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
    spool_max_size = 1 << 40  # bytes: the body's own limit is far below, and no picture goes to a disk


async def pictures(request: Request) -> dict[str, list[bytes]]:
    """The pictures of a request by the names of their parts; a raw body is called 'image'. None: an empty dict."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _parts(request)
    body = await request.body()
    if not body:
        return {}
    if not kind.startswith(RAW):
        raise ProblemError(
            415, "content-type", "a picture is image/*, application/octet-stream or a part of multipart/form-data"
        )
    return {"image": [body]}


async def _parts(request: Request) -> dict[str, list[bytes]]:
    parser = _InMemory(request.headers, request.stream(), max_files=MOST_PARTS, max_fields=MOST_PARTS)
    found: dict[str, list[bytes]] = defaultdict(list)
    try:
        form = await parser.parse()
    except (MultiPartException, UnicodeError, ValueError, KeyError) as error:
        raise ProblemError(
            400, "invalid-form", f"the form cannot be read: {getattr(error, 'message', type(error).__name__)}"
        ) from None
    try:
        for name, part in form.multi_items():
            if not isinstance(part, UploadFile):
                raise ProblemError(400, "invalid-form", f"the form's part '{name[:50]}' is no file: give it a filename")
            found[name].append(await part.read())
    finally:
        await form.close()
    return dict(found)


async def one_picture(request: Request) -> bytes:
    """The one picture of a request."""
    found = (await pictures(request)).get("image", [])
    if len(found) != 1:
        raise ProblemError(
            400,
            "picture-required",
            f"one picture is needed, as the body or the part 'image', not {len(found)}",
            pictures=len(found),
        )
    return found[0]
