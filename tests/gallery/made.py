"""Faces put into a gallery by hand: rows as enrolling would write them, without photographs or networks.

    first, second = photograph(gallery, "photos/beach.jpg", "ada", "bob")   # two faces, their numbers
    ada = person(gallery, "Ada", first)                                     # her number

Faces of one seed are near each other, those of different seeds far apart: about 0.14 and 1.4 in a gallery of the
fake model, whose threshold is 1. The same arguments always give the same rows, bytes included.
"""

from __future__ import annotations

import hashlib
import io
import time

import numpy as np
from PIL import Image
from sqlalchemy import insert
from tests import fakes

from nitakao.gallery import GalleryStore, people, schema
from nitakao.gallery.columns import pack

WIDTH, HEIGHT = 4000, 3000
CHIP_SIDE = 48  # px


def sha256(path: str) -> str:
    """What stands for the content of a photograph that is made here."""
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()


def vector(seed: str, path: str, number: int, dimension: int, spread: float = 0.1) -> np.ndarray:
    """Unit length, near all others of the same seed."""
    found = fakes.vector(seed, dimension) + spread * fakes.vector(f"{path} {number}", dimension)
    return (found / np.linalg.norm(found)).astype(np.float32)


def jpeg(path: str, number: int) -> bytes:
    """A real JPEG of noise, another one for each face."""
    start = int(sha256(f"{path} {number}")[:8], 16)
    noise = np.random.default_rng(start).integers(0, 256, (CHIP_SIDE, CHIP_SIDE, 3), np.uint8)
    written = io.BytesIO()
    Image.fromarray(noise).save(written, "JPEG", quality=80)
    return written.getvalue()


def photograph(
    gallery: GalleryStore,
    path: str,
    *seeds: str,
    taken: float | None = None,
    quality: float = 0.5,
    spread: float = 0.1,
    video: bool = False,
) -> list[int]:
    """The numbers of the faces of a new photograph at `path`, one face for each seed."""
    with gallery.write("made") as connection:
        values = {"sha256": sha256(path), "video": video, "width": WIDTH, "height": HEIGHT, "taken": taken}
        values |= {"problem": "" if seeds else "no face found", "detector": "made", "indexed": time.time()}
        photo = connection.execute(insert(schema.photos).values(values).returning(schema.photos.c.id)).scalar_one()
        size = {"size": 1000 + len(path), "mtime_ns": 1_600_000_000_000_000_000}
        connection.execute(insert(schema.files).values(path=path, photo=photo, problem="", **size))
        return [
            _face(connection, photo, number, path, quality, vector(seed, path, number, gallery.dimension, spread))
            for number, seed in enumerate(seeds)
        ]


def _face(connection, photo, number, path, quality, row) -> int:
    face = fakes.face(number)
    assert face.landmarks is not None
    x1, y1, x2, y2 = face.box
    values = {"photo": photo, "number": number, "x1": x1, "y1": y1, "x2": x2, "y2": y2, "score": face.score, "turn": 0}
    values |= {"landmarks": pack(face.landmarks.ravel()), "sharpness": 0.5, "yaw": 1.0, "pitch": 2.0, "roll": 3.0}
    values |= {"quality": quality}
    made = connection.execute(insert(schema.faces).values(values).returning(schema.faces.c.id)).scalar_one()
    connection.execute(insert(schema.vectors).values(face=made, vector=row))
    frame = {"x1": int(x1) - 8, "y1": int(y1) - 8, "x2": int(x2) + 8, "y2": int(y2) + 8}
    connection.execute(insert(schema.chips).values(face=made, jpeg=jpeg(path, number), **frame))
    return int(made)


def person(gallery: GalleryStore, name: str | None, *faces: int, how: str = "hand") -> int:
    """The number of a new person with these faces; None: a group without a name."""
    with people.begin_edit(gallery, "made") as edit:
        made = edit.create(name)
        edit.assign(faces, made, how)
    return made
