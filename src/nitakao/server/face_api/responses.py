"""Responses of the Face API: JSON, empty, 202, and errors."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from nitakao.errors import FaceApiError


class Json(JSONResponse):
    """JSON with Azure's media type."""

    media_type = "application/json; charset=utf-8"


def empty_response() -> Response:
    """An empty 200: the clients do not accept 204."""
    return Response(status_code=200)


def accepted_response(request: Request, path: str, content: Any = None, place: str = "") -> Response:
    """202 with the URL of the operation.

    Args:
        request: The request.
        path: The operation's path below the version, as in '/operations/..'.
        content: The JSON body, if any.
        place: The created resource's path below the version, if any.
    """
    headers = {"operation-Location": address(request, path)} | ({"Location": address(request, place)} if place else {})
    if content is None:
        return Response(status_code=202, headers=headers)
    return Json(content, status_code=202, headers=headers)


def address(request: Request, path: str) -> str:
    """The full URL of a path below the version, with the host that the client used."""
    return f"{request.url.scheme}://{request.url.netloc}{request.scope['root_path']}{path}"


def from_error(error: FaceApiError) -> Response:
    """The response for an error."""
    return error_json(error.status, error.code, str(error))


def error_json(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """An error in the Face API's format."""
    content = {"error": {"code": code, "message": message}}
    return Json(content, status_code=status, headers={"x-ms-error-code": code, **(headers or {})})


def timestamp(seconds: float) -> str:
    """Seconds since 1970 as an RFC 3339 timestamp in UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
