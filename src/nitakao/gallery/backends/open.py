"""The database of a gallery, chosen by its path or address in this one place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeAlias

from nitakao.errors import GalleryError
from nitakao.gallery.backends.base import Backend
from nitakao.gallery.backends.sqlite import SqliteBackend
from nitakao.system import dirs

Place: TypeAlias = "str | os.PathLike[str] | None"


def open_backend(place: Place, wait: float) -> Backend:
    """The backend of the gallery at `place`; see `GalleryStore`."""
    named = os.fspath(place) if place is not None else os.environ.get("NITAKAO_GALLERY") or default()
    if named.startswith(("postgresql://", "postgres://", "postgresql+")):
        from nitakao.gallery.backends.postgres import PostgresBackend

        return PostgresBackend(named, wait)
    if "://" in named:
        raise GalleryError(f"'{named.split('@')[-1]}' is no gallery: give a file, or a postgresql:// address")
    return SqliteBackend(Path(named), wait)


def default() -> str:
    """The path of the gallery that is meant where none is named; its folder is made where it is not there."""
    path = dirs.gallery()
    path.parent.mkdir(parents=True, exist_ok=True)
    return str(path)
