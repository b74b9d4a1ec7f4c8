"""A gallery of as many faces as wanted, drawn like real ones (`faces.py`), for measuring what stands on it.

python benchmarks/filled.py GALLERY 100000

Vectors of dlib-resnet: fitted on the people of LFW with ten pictures or more. A photograph has one to four faces; a
tenth of the people have a name; each face has the same small chip. NITAKAO_SHARED as for all benchmarks.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import faces
import numpy as np
from PIL import Image
from sqlalchemy import insert

import nitakao
from nitakao.gallery import Gallery, schema
from nitakao.gallery.columns import packed

PIECE = 5000  # photographs that are written at a time
SEED = 1
SIDE = 112  # px, of the chip


def model(cache: Path) -> faces.Faces:
    """What draws the vectors; LFW's own are kept in `cache`."""
    if not cache.is_file():
        shared = Path(os.environ["NITAKAO_SHARED"]) / "data" / "lfw"
        names = [line.split("\t")[0] for line in (shared / "people.txt").read_text("utf-8").splitlines()]
        pictures = [str(path) for name in names for path in sorted((shared / "images" / name).glob("*.jpg"))[:10]]
        found = [o for o in nitakao.embed(pictures, choice="central") if o.faces]
        vectors = np.stack([outcome.vectors[0] for outcome in found])
        np.savez(cache, vectors=vectors, names=[Path(outcome.source).parent.name for outcome in found])
    kept = np.load(cache)
    return faces.fit(kept["vectors"], [str(name) for name in kept["names"]])


def fill(gallery: Gallery, count: int, drawn: faces.Faces) -> None:
    """`count` faces of the drawn people, in photographs of one to four."""
    vectors, people = drawn.draw(count, SEED)
    chance = np.random.default_rng(SEED)
    sizes = chance.integers(1, 5, count)
    photo = np.repeat(np.arange(count), sizes)[:count][chance.permutation(count)]
    order = np.argsort(photo, kind="stable")
    vectors, people, photo = vectors[order], people[order], photo[order]
    number = np.arange(count) - np.searchsorted(photo, photo)
    chip, marks = _chip(), packed(np.array([40, 40, 70, 40, 55, 60, 42, 75, 68, 75], np.float32))
    with gallery.write("fill") as connection:
        rows = [
            {"id": int(p) + 1, "name": f"Person {p}" if p % 10 == 0 else None} for p in range(int(people.max()) + 1)
        ]
        connection.execute(insert(schema.people), [row | {"hidden": False, "created": 0.0} for row in rows])
    last = int(photo.max()) + 1
    for start in range(0, last, PIECE):
        here = np.flatnonzero((photo >= start) & (photo < start + PIECE))
        with gallery.write("fill") as connection:
            there = range(start, min(start + PIECE, last))
            connection.execute(insert(schema.photos), [_photo(n) for n in there])
            connection.execute(insert(schema.files), [_file(n) for n in there])
            connection.execute(
                insert(schema.faces),
                [_face(n, int(photo[n]), int(number[n]), int(people[n]), marks) for n in here.tolist()],
            )
            connection.execute(insert(schema.vectors), [{"face": n + 1, "vector": vectors[n]} for n in here.tolist()])
            frame = {"x1": 20, "y1": 20, "x2": 20 + SIDE, "y2": 20 + SIDE}
            connection.execute(insert(schema.chips), [{"face": n + 1, "jpeg": chip} | frame for n in here.tolist()])


def _photo(n: int) -> dict[str, object]:
    told = {"id": n + 1, "sha256": f"{n:064x}", "video": False, "width": 1200, "height": 900, "problem": ""}
    return told | {"detector": "mtcnn", "indexed": 1.7e9 + n, "taken": 1.2e9 + 1000.0 * n if n % 7 else None}


def _file(n: int) -> dict[str, object]:
    return {"path": f"/album/{n // 500}/{n}.jpg", "size": 1000, "mtime_ns": 0, "photo": n + 1, "problem": ""}


def _face(n: int, photo: int, number: int, person: int, marks: bytes) -> dict[str, object]:
    left = 40.0 + 200 * number
    box = {"x1": left, "y1": 40.0, "x2": left + 80, "y2": 140.0}
    shown = {"score": 0.99, "turn": 0, "landmarks": marks, "sharpness": 0.5, "yaw": 0.0, "pitch": 0.0, "roll": 0.0}
    whose = {"person": person + 1, "assigned": "group", "quality": (n * 7919 % 1000) / 1000}
    return {"id": n + 1, "photo": photo + 1, "number": number} | box | shown | whose


def _chip() -> bytes:
    written = io.BytesIO()
    noise = np.random.default_rng(SEED).integers(90, 160, (SIDE, SIDE, 3), np.uint8)
    Image.fromarray(noise).save(written, "JPEG", quality=90)
    return written.getvalue()


def main(place: str, count: int) -> None:
    cache = Path(__file__).with_name(".cache")
    cache.mkdir(exist_ok=True)
    drawn = model(cache / "filled-vectors.npz")
    with Gallery(place, card=nitakao.card("dlib-resnet")) as gallery:
        fill(gallery, count, drawn)
        print(f"{count} faces in {place}, searched with {gallery.searcher.state()}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
