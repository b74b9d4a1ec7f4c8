"""Where nitakao keeps and looks for things on this machine. Naming a folder here never makes it."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def models() -> Path:
    """The user's own models: imported networks, their cards, weights put there by hand."""
    return (_home() or platformdirs.user_data_path("nitakao", appauthor=False)) / "models"


def gallery() -> Path:
    """The gallery that is meant where none is named."""
    return (_home() or platformdirs.user_data_path("nitakao", appauthor=False)) / "gallery.db"


def cache() -> Path:
    """What was fetched or built, and can be again."""
    if extra_models := os.environ.get("NITAKAO_CACHE"):
        return Path(extra_models)
    return home / "cache" if (home := _home()) else platformdirs.user_cache_path("nitakao", appauthor=False)


def state() -> Path:
    """Small marks, such as which notices were shown."""
    return home / "state" if (home := _home()) else platformdirs.user_state_path("nitakao", appauthor=False)


def extra_models() -> list[Path]:
    """The folders named by NITAKAO_MODELS, in order."""
    return [Path(p) for p in os.environ.get("NITAKAO_MODELS", "").split(os.pathsep) if p]


def _home() -> Path | None:
    """NITAKAO_HOME, which gathers everything in one folder."""
    home = os.environ.get("NITAKAO_HOME")
    return Path(home) if home else None
