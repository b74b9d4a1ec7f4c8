"""Serves the built web page. Its sources are in web/; 'make web' builds it."""

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
    "cache-control": "no-cache",  # file names stay the same, so browsers revalidate by ETag
}
API_PREFIXES = ("api/", "face/")  # unknown paths below these are 404, not the page


class Page(StaticFiles):
    """The page's files; any other path gets the page, which does its own routing."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != 404 or path.startswith(API_PREFIXES):
                raise
            response = await super().get_response("index.html", scope)
        response.headers.update(HEADERS)
        return response


def mount_page(app: FastAPI) -> None:
    """Serve the page at /, after all other routes."""
    if (FOLDER / "index.html").is_file():
        app.mount("/", Page(directory=FOLDER, html=True), name="page")
