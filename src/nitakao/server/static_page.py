"""The page: files of a built bundle, as they are. Its sources lie in web/; 'make web' builds them."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).with_name("page")
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "cache-control": "no-cache",  # the names stay the same; an ETag spares what has not changed
}
NEVER = ("api/", "face/")  # what is asked for below these is no view of the page


class Page(StaticFiles):
    """The bundle's files; what is no file is the page itself, which knows its own addresses."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != 404 or path.startswith(NEVER):
                raise
            response = await super().get_response("index.html", scope)
        response.headers.update(HEADERS)
        return response


def mount_page(app: FastAPI) -> None:
    """Serve the page at /, below everything else."""
    if (FOLDER / "index.html").is_file():
        app.mount("/", Page(directory=FOLDER, html=True), name="page")
