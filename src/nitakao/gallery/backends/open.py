"""Chooses the database of a gallery by its path or address."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeAlias

from nitakao.errors import GalleryError
from nitakao.gallery.backends.base import Backend
from nitakao.gallery.backends.sqlite import SqliteBackend
from nitakao.system import dirs

Location: TypeAlias = "str | os.PathLike[str] | None"


def open_backend(location: Location, wait: float) -> Backend:
    """The backend of the gallery at `location`; see `GalleryStore`."""
    address = os.fspath(location) if location is not None else os.environ.get("NITAKAO_GALLERY") or default_path()
    if address.startswith(("postgresql://", "postgres://", "postgresql+")):
        from nitakao.gallery.backends.postgres import PostgresBackend

        return PostgresBackend(address, wait)
    if "://" in address:
        raise GalleryError(f"'{address.split('@')[-1]}' is no gallery: give a file or a postgresql:// address")
    return SqliteBackend(Path(address), wait)


def default_path() -> str:
    """The path of the default gallery; creates its folder if needed."""
    path = dirs.gallery()
    path.parent.mkdir(parents=True, exist_ok=True)
    return str(path)
