"""What went wrong, as RFC 9457 problem documents."""

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
AGAIN = "1"  # seconds after which one may come again


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


SAID = {
    400: "The request means nothing, or asks for what cannot be.",
    401: "A key is needed, and none was given that opens anything.",
    403: "The key's role, the Origin or the Host does not allow this.",
    404: "What is named is not there.",
    405: "There is no such method here.",
    408: "The request took too long to arrive.",
    409: "Things stand otherwise than the request takes for granted.",
    413: "The body or the picture is larger than the limit.",
    415: "The body's content type is none that is read here.",
    422: "A value is out of bounds, or a picture cannot be used.",
    429: "Too many requests at once: come again after Retry-After seconds.",
    500: "The gallery is damaged, or nitakao has a fault.",
    501: "An optional part of nitakao is not installed; the detail names the pip line.",
    503: "It took too long, or something is not to be had just now.",
}


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's documentation: these problems, and those that every route may answer."""
    common = (400, 401, 403, 405, 408, 409, 413, 422, 429, 500, 501, 503)
    schema = {"schema": {"$ref": "#/components/schemas/Document"}}
    return {
        status: {"description": SAID[status], "model": Document, "content": {MEDIA: schema}}
        for status in sorted({*common, *statuses})
    }


def not_found(code: str, detail: str, **values: Value) -> ProblemError:
    return ProblemError(404, code, detail, None, **values)


def of_error(error: ProblemError | NitakaoError) -> ProblemError:
    """What one of nitakao's own errors is answered with."""
    if isinstance(error, ProblemError):
        return error
    status, code = status_and_code(error)
    values = error.values | ({"extra": error.extra} if isinstance(error, MissingExtraError) else {})
    return ProblemError(status, code, str(error), {"Retry-After": AGAIN} if status == 503 else None, **values)


def document(problem: ProblemError) -> Response:
    """The answer."""
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
    """The value as JSON can hold it: bytes that are no text are escaped."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


# How problems are told under another prefix than /api/v1, by prefix: the Face API has a form of its own.
FORMS: dict[str, Callable[[ProblemError], Response]] = {}


def answer(path: str, problem: ProblemError) -> Response:
    """The problem in the form that callers under this path know."""
    return next((form for prefix, form in FORMS.items() if path.startswith(prefix)), document)(problem)


def describe_problems(app: FastAPI) -> None:
    """Let the app's description say that problems come as problem documents, and as nothing else."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        found = describe()
        for methods in found["paths"].values():
            for operation in methods.values():
                for answer in operation["responses"].values():
                    if MEDIA in answer.get("content", {}):
                        answer["content"] = {MEDIA: answer["content"][MEDIA]}
        return found

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way


def install(app: FastAPI) -> None:
    """Let every error of a request become an answer."""
    describe_problems(app)

    @app.exception_handler(ProblemError)
    def _problem(request: Request, error: ProblemError) -> Response:
        return answer(request.url.path, error)

    @app.exception_handler(NitakaoError)
    def _own(request: Request, error: NitakaoError) -> Response:
        return answer(request.url.path, of_error(error))

    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: RequestValidationError) -> Response:
        wrong = {".".join(map(str, one["loc"])): one["msg"] for one in error.errors()[:5]}
        detail = "; ".join(f"{name}: {message}" for name, message in wrong.items())
        return answer(request.url.path, ProblemError(422, "invalid-parameters", detail, parameters=", ".join(wrong)))

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> Response:
        code = {404: "unknown-route", 405: "method-not-allowed"}.get(error.status_code, "invalid-request")
        return answer(
            request.url.path, ProblemError(error.status_code, code, str(error.detail), dict(error.headers or {}))
        )
