"""Errors as problem documents (RFC 9457)."""

from __future__ import annotations

import http
from collections.abc import Callable
from typing import Annotated, Any, TypeAlias

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from nitakao.errors import MissingExtraError, NitakaoError
from nitakao.server.problem_codes import described, status_and_code

MEDIA = "application/problem+json"
Value: TypeAlias = "str | int | float | None"
RETRY = {"Retry-After": "1"}


class ProblemError(Exception):
    """Raised anywhere in a request, and answered as a problem document.

    Args:
        status: HTTP status.
        code: One of `problem_codes.CODES`.
        detail: The sentence for people.
        headers: Headers of the response.
        values: What the sentence names; see `Code.values`.
    """

    def __init__(
        self, status: int, code: str, detail: str, headers: dict[str, str] | None = None, **values: Value
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, code, detail, headers or {}
        self.values = values


class Document(BaseModel):
    """A problem document (RFC 9457).

    `code` is stable; programs may rely on it. `values` holds what `detail` names, so that it can be translated.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Not Found",
                "status": 404,
                "detail": "there is no face 12 in the gallery",
                "code": "unknown-face",
                "values": {"face": 12},
            }
        }
    )

    type: str
    title: str
    status: int
    detail: str
    code: Annotated[str, Field(json_schema_extra=described())]
    values: dict[str, Value]


DESCRIPTIONS = {
    400: "The request is invalid.",
    401: "A valid access key is required.",
    403: "The key's role, the Origin or the Host does not allow this.",
    404: "Not found.",
    405: "Method not allowed.",
    408: "The request took too long to arrive.",
    409: "The request conflicts with the state of the gallery.",
    413: "The body or the picture is too large.",
    415: "The content type is not supported.",
    422: "A parameter is invalid, or a picture cannot be used.",
    429: "Too many concurrent requests: retry after Retry-After seconds.",
    500: "Internal error, or the gallery is damaged.",
    501: "An optional package is not installed; `detail` names it.",
    503: "Timeout, or temporarily unavailable.",
}


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses: these statuses, and those that every route may return."""
    common = (400, 401, 403, 405, 408, 409, 413, 422, 429, 500, 501, 503)
    schema = {"schema": {"$ref": "#/components/schemas/Document"}}
    return {
        status: {"description": DESCRIPTIONS[status], "model": Document, "content": {MEDIA: schema}}
        for status in sorted({*common, *statuses})
    }


def not_found(code: str, detail: str, **values: Value) -> ProblemError:
    return ProblemError(404, code, detail, None, **values)


def from_error(error: ProblemError | NitakaoError) -> ProblemError:
    """The problem for one of nitakao's errors."""
    if isinstance(error, ProblemError):
        return error
    status, code = status_and_code(error)
    values = error.values | ({"extra": error.extra} if isinstance(error, MissingExtraError) else {})
    return ProblemError(status, code, str(error), RETRY if status == 503 else None, **values)


def document(problem: ProblemError) -> Response:
    """The response with the problem document."""
    body = {
        "type": "about:blank",
        "title": http.HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": _text(problem.detail),
        "code": problem.code,
        "values": {name: _text(value) for name, value in problem.values.items()},
    }
    return JSONResponse(body, problem.status, problem.headers, media_type=MEDIA)


def _text(value: Value) -> Value:
    """The value with undecodable bytes escaped, so that it can be JSON."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


# Other formats by path prefix: the Face API has its own.
FORMATS: dict[str, Callable[[ProblemError], Response]] = {}


def respond(path: str, problem: ProblemError) -> Response:
    """The problem in the format for this path."""
    return next((format for prefix, format in FORMATS.items() if path.startswith(prefix)), document)(problem)


def describe_problems(app: FastAPI) -> None:
    """Remove FastAPI's default media type from problems in the OpenAPI document."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        description = describe()
        for methods in description["paths"].values():
            for operation in methods.values():
                for response in operation["responses"].values():
                    if MEDIA in response.get("content", {}):
                        response["content"] = {MEDIA: response["content"][MEDIA]}
        return description

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's docs do


def install(app: FastAPI) -> None:
    """Add exception handlers for all errors of a request."""
    describe_problems(app)

    @app.exception_handler(ProblemError)
    def _problem(request: Request, error: ProblemError) -> Response:
        return respond(request.url.path, error)

    @app.exception_handler(NitakaoError)
    def _own(request: Request, error: NitakaoError) -> Response:
        return respond(request.url.path, from_error(error))

    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: RequestValidationError) -> Response:
        wrong = {".".join(map(str, one["loc"])): one["msg"] for one in error.errors()[:5]}
        detail = "; ".join(f"{name}: {message}" for name, message in wrong.items())
        return respond(request.url.path, ProblemError(422, "invalid-parameters", detail, parameters=", ".join(wrong)))

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> Response:
        code = {404: "unknown-route", 405: "method-not-allowed"}.get(error.status_code, "invalid-request")
        return respond(
            request.url.path, ProblemError(error.status_code, code, str(error.detail), dict(error.headers or {}))
        )
