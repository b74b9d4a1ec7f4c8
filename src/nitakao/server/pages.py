"""The page: files of a built bundle, as they are."""

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
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HASHED = "assets/"  # names that hold a hash of what is in them: such a file never changes


class Page(StaticFiles):
    """The bundle's files; what is no file is the page itself, which knows its own addresses."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != 404 or path.startswith(("api/", "face/", HASHED)):
                raise
            response = await super().get_response("index.html", scope)
        response.headers["content-security-policy"] = POLICY
        response.headers["cache-control"] = (
            "public, max-age=31536000, immutable" if path.startswith(HASHED) else "no-cache"
        )
        return response


def mount_page(app: FastAPI) -> None:
    """Serve the page at /, below everything else."""
    if (FOLDER / "index.html").is_file():
        app.mount("/", Page(directory=FOLDER, html=True), name="page")
