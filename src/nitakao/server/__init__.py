"""The server: REST, the page, and Microsoft's Face API, over the tasks that the commands call, too."""

from __future__ import annotations

from nitakao.server.app import create_app
from nitakao.server.settings import Settings

__all__ = ["Settings", "create_app"]
