"""Folders that nitakao uses on this machine. These functions only name folders; they create none."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def models() -> Path:
    """The user's models: imported networks, their cards, and weights added by hand."""
    return (_home() or platformdirs.user_data_path("nitakao", appauthor=False)) / "models"


def gallery() -> Path:
    """The default gallery file."""
    return (_home() or platformdirs.user_data_path("nitakao", appauthor=False)) / "gallery.db"


def config() -> Path:
    """The configuration file of the command line."""
    return (_home() or platformdirs.user_config_path("nitakao", appauthor=False)) / "config.toml"


def cache() -> Path:
    """Downloaded or derived files, which can be deleted at any time."""
    if path := os.environ.get("NITAKAO_CACHE"):
        return Path(path)
    return home / "cache" if (home := _home()) else platformdirs.user_cache_path("nitakao", appauthor=False)


def state() -> Path:
    """Small state files, such as which notices were shown."""
    return home / "state" if (home := _home()) else platformdirs.user_state_path("nitakao", appauthor=False)


def extra_models() -> list[Path]:
    """The folders in NITAKAO_MODELS, in order."""
    return [Path(p) for p in os.environ.get("NITAKAO_MODELS", "").split(os.pathsep) if p]


def _home() -> Path | None:
    """NITAKAO_HOME, one folder for everything."""
    home = os.environ.get("NITAKAO_HOME")
    return Path(home) if home else None
