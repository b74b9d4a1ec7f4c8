"""Fill a gallery with any number of synthetic faces, written directly to its tables.

    nitakao embed LFW --faces central --smallest-face 20 --model dlib-resnet -o lfw.npz
    python benchmarks/fill_gallery.py big.db lfw.npz --faces 100000

Vectors are drawn from the distribution of LFW's (`synthetic_faces.py`). On the command line, each photo has faces of
two people, each face has a chip, and every tenth person has a name.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import Connection, insert
from synthetic_faces import Floats, Numbers, fit

from nitakao.gallery import GalleryStore, schema
from nitakao.gallery.columns import pack
from nitakao.models.cards import registry
from nitakao.values import ModelCard
from nitakao.vectors import read

AT_ONCE = 50_000  # faces in one transaction
SEED = 1
SIDE = 112  # px, of a chip
MARKS = pack(np.array([40, 40, 70, 40, 55, 60, 42, 75, 68, 75], np.float32))

Block = tuple[Numbers, Floats]  # person of each face (n,), and vectors (n, D)


@dataclass(frozen=True)
class Album:
    """Faces per photo, people per named person, and the chip of each face."""

    together: int = 1
    named: int = 1
    chip: bytes = b""


def fill(place: Path, card: ModelCard, blocks: Iterable[Block], album: Album | None = None) -> float:
    """Fill a gallery with these faces; faces, photos and people are numbered from 1. Returns the seconds it took."""
    start, album = time.perf_counter(), album or Album()
    numbers, known = count(1), 0
    with GalleryStore(place, card=card) as gallery:
        for people, vectors in _cut(blocks):
            ids = [next(numbers) for _ in range(len(people))]
            with gallery.write("fill") as connection:
                newest = max(known, int(people.max()) + 1)
                _people(connection, range(known, newest), album)
                known = newest
                _photos(connection, ids, album)
                _faces(connection, ids, people.tolist(), vectors, album)
    return time.perf_counter() - start


def _cut(blocks: Iterable[Block]) -> Iterator[Block]:
    for people, vectors in blocks:
        for start in range(0, len(people), AT_ONCE):
            yield people[start : start + AT_ONCE], vectors[start : start + AT_ONCE]


def _people(connection: Connection, new: range, album: Album) -> None:
    names = (f"Person {n + 1}" if n % album.named == 0 else None for n in new)
    rows = [{"id": n + 1, "name": name, "hidden": False, "created": 0.0} for n, name in zip(new, names, strict=True)]
    if rows:
        connection.execute(insert(schema.people), rows)


def _photos(connection: Connection, ids: list[int], album: Album) -> None:
    """Photos whose first face is among these."""
    new = [(n - 1) // album.together + 1 for n in ids if (n - 1) % album.together == 0]
    photo: dict[str, Any] = {"video": False, "width": 1200, "height": 900, "problem": "", "detector": "mtcnn"}
    rows = [{"id": n, "sha256": f"{n:064x}", "indexed": 1.7e9 + n, "taken": 1.2e9 + 1000.0 * n, **photo} for n in new]
    connection.execute(insert(schema.photos), rows)
    file: dict[str, Any] = {"size": 1, "mtime_ns": 1, "problem": ""}
    paths = (f"/photos/{n // 1000:05}/{n:08}.jpg" for n in new)
    listed = [{"path": path, "photo": n, **file} for path, n in zip(paths, new, strict=True)]
    connection.execute(insert(schema.files), listed)


def _faces(connection: Connection, ids: list[int], people: list[int], vectors: Floats, album: Album) -> None:
    face: dict[str, Any] = {"y1": 40.0, "y2": 140.0, "score": 0.99, "turn": 0, "assigned": "group", "landmarks": MARKS}
    face |= {"sharpness": 0.5, "yaw": 0.0, "pitch": 0.0, "roll": 0.0}
    places = [(n, *divmod(n - 1, album.together)) for n in ids]
    rows = [
        {"id": n, "photo": photo + 1, "number": number, "person": person + 1, "quality": n * 7919 % 1000 / 1000}
        | {"x1": 40.0 + 100 * number, "x2": 120.0 + 100 * number, **face}
        for (n, photo, number), person in zip(places, people, strict=True)
    ]
    connection.execute(insert(schema.faces), rows)
    found = [{"face": n, "vector": v} for n, v in zip(ids, np.asarray(vectors, np.float32), strict=True)]
    connection.execute(insert(schema.vectors), found)
    if album.chip:
        frame = {"x1": 20, "y1": 20, "x2": 20 + SIDE, "y2": 20 + SIDE}
        connection.execute(insert(schema.chips), [{"face": n, "jpeg": album.chip, **frame} for n in ids])


def chip() -> bytes:
    """A JPEG of noise, as large as the chip of a small face."""
    written = io.BytesIO()
    noise = np.random.default_rng(SEED).integers(90, 160, (SIDE, SIDE, 3), np.uint8)
    Image.fromarray(noise).save(written, "JPEG", quality=90)
    return written.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("gallery", type=Path)
    parser.add_argument("lfw", help="file of vectors of LFW's faces")
    parser.add_argument("--faces", type=int, default=100_000)
    given = parser.parse_args()
    kept = read(given.lfw)
    drawn = fit(kept.vectors, [Path(name).parent.name for name in kept.names])
    vectors, people = drawn.draw(given.faces, SEED)
    mixed = np.random.default_rng(SEED).permutation(given.faces)  # faces of one photo are different people
    seconds = fill(given.gallery, registry.card(kept.model), [(people[mixed], vectors[mixed])], Album(2, 10, chip()))
    print(f"{given.faces} faces in {given.gallery}, written in {seconds:.1f} s")


if __name__ == "__main__":
    main()
