"""The routes of nitakao's own REST, one file a subject."""

from __future__ import annotations

from fastapi import APIRouter

PREFIX = "/api/v1"


def routers() -> list[APIRouter]:
    """All of them."""
    from nitakao.server.routes import gallery, looking, searching

    return [looking.router, searching.router, gallery.router]
