"""The map of a gallery's faces that was made last: a file beside the gallery, which can be made again."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import GalleryError
from nitakao.gallery import faces
from nitakao.gallery.backends.sqlite import SqliteBackend
from nitakao.gallery.store import GalleryStore
from nitakao.system import dirs
from nitakao.system.atomic_write import open_atomic
from nitakao.values import Ids


@dataclass(frozen=True, eq=False)
class Map:
    """Points on a plane, one for each face: faces, x, y (n,).

    method: how it was made, in words.  made: seconds since 1970.  last, count: of the gallery's faces, the newest and
    how many there were.
    """

    faces: Ids
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    method: str
    made: float
    last: int
    count: int


def keep(gallery: GalleryStore, made: Map) -> None:
    """Put the map in the place of the one before."""
    path = where(gallery)
    told = json.dumps({"method": made.method, "made": made.made, "last": made.last, "count": made.count})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_atomic(path) as file:
            np.savez_compressed(file, faces=made.faces, x=made.x, y=made.y, told=told)
    except OSError as error:
        raise GalleryError(f"the map could not be kept in '{path}': {error.strerror or error}") from error


def read(gallery: GalleryStore) -> Map | None:
    """The map that was made last; None where there is none, or it cannot be read."""
    try:
        with np.load(where(gallery), allow_pickle=False) as kept:
            told = json.loads(str(kept["told"]))
            return Map(kept["faces"], kept["x"], kept["y"], told["method"], told["made"], told["last"], told["count"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_stale(gallery: GalleryStore, made: Map) -> bool:
    """Whether faces came or went since it was made."""
    every = faces.ids(gallery)
    return len(every) != made.count or (len(every) > 0 and int(every[-1]) != made.last)


def forget(gallery: GalleryStore) -> None:
    """Remove it."""
    with suppress(OSError):
        where(gallery).unlink(missing_ok=True)


def where(gallery: GalleryStore) -> Path:
    if isinstance(gallery.backend, SqliteBackend):
        return gallery.backend.path.with_name(f"{gallery.backend.path.name}-map.npz")
    return dirs.cache() / "maps" / f"{gallery.id}.npz"
