"""The HTTP server: REST API, web page and Microsoft's Face API."""

from __future__ import annotations

from nitakao.server.app import create_app
from nitakao.server.settings import Settings

__all__ = ["Settings", "create_app"]
