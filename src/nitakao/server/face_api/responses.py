"""What goes back to a client of the Face API: JSON, nothing, 'accepted', and errors in its own form."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from nitakao.errors import FaceApiError


class Json(JSONResponse):
    """As Azure labels it."""

    media_type = "application/json; charset=utf-8"


def empty() -> Response:
    """Done, and nothing to say: its clients take 200 for that, and not 204."""
    return Response(status_code=200)


def accepted(request: Request, path: str, content: Any = None, place: str = "") -> Response:
    """Will be done, which `path` tells of; here it is done already.

    path, place: below the version, as in '/operations/..'.  place: where what was made can be seen.
    """
    headers = {"operation-Location": address(request, path)} | ({"Location": address(request, place)} if place else {})
    if content is None:
        return Response(status_code=202, headers=headers)
    return Json(content, status_code=202, headers=headers)


def address(request: Request, path: str) -> str:
    """The whole address of a path below the version, under the host by which the client found us."""
    return f"{request.url.scheme}://{request.url.netloc}{request.scope['root_path']}{path}"


def refusal(error: FaceApiError) -> Response:
    """An error as every client of the Face API reads it."""
    return said(error.status, error.code, str(error))


def said(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """As `refusal`."""
    content = {"error": {"code": code, "message": message}}
    return Json(content, status_code=status, headers={"x-ms-error-code": code, **(headers or {})})


def moment(seconds: float) -> str:
    """Seconds since 1970 as RFC 3339 has them, in UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
