"""The last computed face map of a gallery, stored in a file that can be computed again."""

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
class FaceMap:
    """One point on a plane for each face.

    Attributes:
        faces: (n,) face ids.
        x: (n,) float32.
        y: (n,) float32.
        method: How it was computed.
        created: Seconds since 1970.
        last: The largest face id in the gallery at that time.
        count: The number of faces in the gallery at that time.
    """

    faces: Ids
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    method: str
    created: float
    last: int
    count: int


def save(gallery: GalleryStore, face_map: FaceMap) -> None:
    """Store the map, replacing the previous one. Raises GalleryError if it cannot be written."""
    path = map_path(gallery)
    fields = {"method": face_map.method, "made": face_map.created, "last": face_map.last, "count": face_map.count}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_atomic(path) as file:
            np.savez_compressed(file, faces=face_map.faces, x=face_map.x, y=face_map.y, told=json.dumps(fields))
    except OSError as error:
        raise GalleryError(f"cannot write the face map '{path}': {error.strerror or error}") from error


def load(gallery: GalleryStore) -> FaceMap | None:
    """The stored map; None if there is none, or it cannot be read."""
    try:
        with np.load(map_path(gallery), allow_pickle=False) as file:
            fields = json.loads(str(file["told"]))
            method, created = fields["method"], fields["made"]
            return FaceMap(file["faces"], file["x"], file["y"], method, created, fields["last"], fields["count"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_stale(gallery: GalleryStore, face_map: FaceMap) -> bool:
    """Whether faces were added or deleted since the map was computed."""
    ids = faces.ids(gallery)
    return len(ids) != face_map.count or (len(ids) > 0 and int(ids[-1]) != face_map.last)


def delete(gallery: GalleryStore) -> None:
    """Delete the stored map."""
    with suppress(OSError):
        map_path(gallery).unlink(missing_ok=True)


def map_path(gallery: GalleryStore) -> Path:
    """The map's file: beside a SQLite gallery, else in the cache folder."""
    if isinstance(gallery.backend, SqliteBackend):
        return gallery.backend.path.with_name(f"{gallery.backend.path.name}-map.npz")
    return dirs.cache() / "maps" / f"{gallery.id}.npz"
