"""The Face API as an ASGI app: routers, errors, case-insensitive paths and authentication."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from nitakao.errors import FaceApiError, NitakaoError
from nitakao.gallery.face_api import ids
from nitakao.server import problems
from nitakao.server.auth import Caller
from nitakao.server.face_api import detect, directory, face_lists, person_groups, recognition, responses, unsupported
from nitakao.server.face_api.context import FaceApiContext
from nitakao.server.face_api.parameters import RECOGNITION
from nitakao.server.logs import log
from nitakao.server.problems import ProblemError

PREFIX = "/face/"
ROUTERS = (
    detect.router,
    recognition.router,
    face_lists.small,
    face_lists.large,
    person_groups.small,
    person_groups.large,
    directory.router,
    unsupported.router,
)
SWEEP_SECONDS = 60.0  # between two deletions of expired face ids
VERSION = re.compile(r"v\d{1,3}(\.\d{1,3})?(-preview(\.\d{1,3})?)?", re.ASCII)

# Face API codes for the server's own refusals; without one, the status is the code.
CODES = {403: "UnsupportedFeature", 413: "InvalidImageSize", 500: "Unspecified", 503: "ServiceUnavailable"}
MESSAGES = {
    401: "Access denied: send a key as Ocp-Apim-Subscription-Key. Create one with 'nitakao serve keys create'.",
    404: "Resource not found.",
    405: "The method is not allowed here.",
}


def mount(app: FastAPI, context: FaceApiContext) -> None:
    """Serve the Face API under /face/ and each of its versions."""
    problems.FORMATS[PREFIX] = from_problem
    app.mount(PREFIX + "{version}", build(context))


def build(context: FaceApiContext) -> FastAPI:
    """The Face API as an app of its own, with the error format that its clients read."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.state.context = context
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(FaceApiError, _on_face_api_error)
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(NitakaoError, _on_nitakao_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(Exception, _on_exception)
    app.add_middleware(Gatekeeper, fixed_parts=_fixed_parts())
    return app


def _fixed_parts() -> frozenset[str]:
    """The fixed parts of paths, as opposed to ids that callers choose."""
    paths = [getattr(route, "path", "") for router in ROUTERS for route in router.routes]
    return frozenset(part for path in paths for part in path.split("/") if part and "{" not in part) | {*RECOGNITION}


def from_problem(problem: ProblemError) -> Response:
    """A problem of the server in the Face API's format."""
    status = 400 if problem.status == 413 else problem.status
    code = CODES.get(problem.status, str(problem.status))
    return responses.error_json(status, code, MESSAGES.get(problem.status, problem.detail), problem.headers)


def _on_face_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, FaceApiError)
    return responses.from_error(error)


def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return from_problem(error)


def _on_nitakao_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, NitakaoError)
    return from_problem(problems.from_error(error))


def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return from_problem(ProblemError(error.status_code, "", str(error.detail), dict(error.headers or {})))


def _on_validation_error(request: Request, error: Exception) -> Response:
    return responses.error_json(400, "BadArgument", "The request is malformed.")


def _on_exception(request: Request, error: Exception) -> Response:
    return from_problem(ProblemError(500, "", "Internal error: the server's log says where."))


READ_OPERATIONS = ("detect", "findsimilars", "verify", "group", "identify")  # POST, but allowed to role read


class Gatekeeper:
    """Checks the version and the caller, and ignores the case of fixed path parts, as in /PersistedFaces."""

    def __init__(self, app: ASGIApp, fixed_parts: frozenset[str]) -> None:
        self.app = app
        self.fixed_parts = fixed_parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        root: str = scope.get("root_path", "")
        path_parts = scope["path"].removeprefix(root).split("/")
        parts = [part.lower() if part.lower() in self.fixed_parts else part for part in path_parts]
        problem = _find_refusal(scope, parts)
        if problem is not None:
            await from_problem(problem)(scope, receive, send)
            return
        await self.app({**scope, "path": root + "/".join(parts)}, receive, send)


def _find_refusal(scope: Scope, parts: list[str]) -> ProblemError | None:
    """Why the request is refused; None if it is not."""
    caller: Caller = scope["state"]["caller"]
    if caller.role is None:
        return ProblemError(401, "", "")
    if not VERSION.fullmatch(str(scope["path_params"].get("version", ""))):
        return ProblemError(404, "", "")
    reads = scope["method"] in ("GET", "HEAD") or (parts[1:2] and parts[1] in READ_OPERATIONS)
    if not caller.has_role("read" if reads else "write"):
        return ProblemError(403, "", f"this needs the role 'write', and the access key has '{caller.role}'")
    return None


@asynccontextmanager
async def sweep_expired_faces(context: FaceApiContext) -> AsyncIterator[None]:
    """While this context is open, expired face ids are deleted every minute."""
    stopping = asyncio.Event()

    async def sweep() -> None:
        while not stopping.is_set():
            try:
                await context.service.run(ids.sweep, context.gallery)
            except (NitakaoError, ProblemError) as error:  # the next round tries again
                log("sweep", error=error)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(stopping.wait(), SWEEP_SECONDS)

    task = asyncio.create_task(sweep())
    try:
        yield
    finally:
        stopping.set()  # not task.cancel(): before Python 3.12 the `wait_for` inside could swallow it
        await task
