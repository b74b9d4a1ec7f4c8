"""Nearest-neighbour search among many faces: speed and recall, compared with faiss and deepface.

    nitakao embed LFW --faces central --smallest-face 20 --model dlib-resnet -o lfw.npz
    python benchmarks/search.py make FOLDER lfw.npz --faces 1000000
    python benchmarks/search.py index FOLDER
    python benchmarks/search.py measure FOLDER [--deepface PYTHON]

`make` fills a gallery with synthetic faces (synthetic_faces.py), and computes the exact neighbours of queries that are
not among them. `index` builds the gallery's search index. `measure` runs the same queries one by one on each side, each
in its own process; deepface runs in the Python of an environment that has it. Figures go to FOLDER/found.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fill_gallery
import numpy as np
from synthetic_faces import Faces, Floats, Numbers, fit

from nitakao.gallery import GalleryStore
from nitakao.gallery.search.open import searcher
from nitakao.models.cards import registry
from nitakao.vectors import read

HERE = Path(__file__).parent
PART = 1_000_000  # faces drawn at a time; parts share no people
MANY_TOGETHER = 10  # faces per photo, with several parts
QUERIES = 1000
NEAREST = 10
SEED = 1
SPARE = 20  # nearest by float32 that are re-ranked in double precision
BINS = np.linspace(0, 1.4, 29)  # of the histograms of distances
PAIRS = 200_000  # of each kind in a histogram
SIDES = ("nitakao engine", "nitakao search", "faiss Flat", "faiss IVF1024,SQ8", "faiss IVF1024,PQ64x4fs")


def make(folder: Path, lfw: str, total: int, count: int) -> dict[str, Any]:
    """The gallery `faces.db`, `queries.npy`, `truth.npy` and, up to one part, `vectors.npy` in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = read(lfw)
    names = [Path(name).parent.name for name in kept.names]
    model = fit(kept.vectors, names)
    sizes = [min(PART, total - start) for start in range(0, total, PART)]
    queries = _queries(model, sizes, count)
    np.save(folder / "queries.npy", queries)
    near = _Nearest(queries)
    drawn = _drawn(model, sizes, near, folder if len(sizes) == 1 else None)
    together = 1 if len(sizes) == 1 else MANY_TOGETHER
    seconds = fill_gallery.fill(folder / "faces.db", registry.card(kept.model), drawn, fill_gallery.Album(together))
    np.save(folder / "truth.npy", near.ids())
    return {
        "faces": total,
        "filled_seconds": seconds,
        "database_bytes": (folder / "faces.db").stat().st_size,
        "histograms": histograms(model, kept.vectors, np.asarray(names)),
    }


def index(folder: Path) -> dict[str, Any]:
    """Build the search index in its own process: seconds, and peak anonymous memory."""
    script = str(HERE / "peers" / "search_worker.py")
    command = [sys.executable, script, "index", str(folder / "faces.db")]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    with GalleryStore(folder / "faces.db") as gallery:
        state = searcher(gallery).state()
    return {"index": state.kind, "index_bytes": state.bytes, **found}


def _queries(model: Faces, sizes: list[int], count: int) -> Floats:
    each = -(-count // len(sizes))
    return np.concatenate([model.queries(size, SEED + n, each)[0] for n, size in enumerate(sizes)])[:count]


def _drawn(model: Faces, sizes: list[int], near: _Nearest, folder: Path | None) -> Iterator[fill_gallery.Block]:
    people = 0
    for number, size in enumerate(sizes):
        vectors, whose = model.draw(size, SEED + number)
        if folder is not None:
            np.save(folder / "vectors.npy", vectors)
        near.add(vectors)
        yield whose + people, vectors
        people += int(whose[-1]) + 1


class _Nearest:
    """The exact neighbours of each query among all added vectors, numbered from 1."""

    def __init__(self, queries: Floats) -> None:
        self.queries = queries
        self.count = 0
        self.found = np.full((len(queries), 0), np.inf), np.full((len(queries), 0), -1)

    def add(self, vectors: Floats) -> None:
        for start in range(0, len(vectors), 50_000):
            block = vectors[start : start + 50_000]
            rough = np.einsum("ij,ij->i", block, block) - 2 * self.queries @ block.T
            at = np.argpartition(rough, SPARE, axis=1)[:, :SPARE]
            apart = np.linalg.norm(block[at].astype(np.float64) - self.queries[:, None].astype(np.float64), axis=2)
            distances = np.concatenate([self.found[0], apart], axis=1)
            ids = np.concatenate([self.found[1], at + self.count + start + 1], axis=1)
            order = np.argsort(distances, axis=1)[:, :NEAREST]
            self.found = np.take_along_axis(distances, order, 1), np.take_along_axis(ids, order, 1)
        self.count += len(vectors)

    def ids(self) -> Numbers:
        return self.found[1]


def histograms(model: Faces, vectors: Floats, names: Any) -> dict[str, list[float]]:
    """Histograms of distances of pairs of one person and of two people, of LFW and of synthetic faces."""
    drawn, people = model.draw(200_000, SEED)
    found = {"from": BINS.tolist()}
    for kind, rows, whose in (("LFW", vectors, names), ("drawn", drawn, people)):
        for same in (True, False):
            found[f"{kind}, {'one person' if same else 'two people'}"] = _shares(rows, whose, same)
    return found


def _shares(vectors: Floats, whose: Any, same: bool) -> list[float]:
    draw = np.random.default_rng(0)
    a, b = _pairs(np.unique(whose, return_inverse=True)[1], same, draw)
    apart = np.linalg.norm(vectors[a] - vectors[b], axis=1)
    counts = np.histogram(np.minimum(apart, BINS[-1] - 1e-6), BINS)[0]
    return (counts / len(apart)).tolist()


def _pairs(whose: Numbers, same: bool, draw: np.random.Generator) -> tuple[Numbers, Numbers]:
    if not same:
        a, b = draw.integers(0, len(whose), (2, PAIRS))
        other = whose[a] != whose[b]
        return a[other], b[other]
    order = np.argsort(whose, kind="stable")
    step = np.concatenate([np.arange(len(whose) - gap) + gap * 1j for gap in range(1, 8)])
    a, b = order[step.real.astype(int)], order[(step.real + step.imag).astype(int)]
    one = whose[a] == whose[b]
    return a[one][:PAIRS], b[one][:PAIRS]


def measure(folder: Path, sides: list[str], deepface: str | None) -> dict[str, Any]:
    """By side: milliseconds to open and of the first result, p50 and p99; recall; anonymous memory."""
    found = {}
    for side in sides:
        found[side] = _answered(sys.executable, "search_worker.py", "search", str(folder), side)
        print(side, found[side], flush=True)
    for kind in ("dict", "pandas") if deepface else ():
        found[f"deepface find, {kind}"] = _answered(deepface or "", "deepface_search.py", str(folder), kind)
        print("deepface", kind, found[f"deepface find, {kind}"], flush=True)
    return found


def _answered(python: str, script: str, *arguments: str) -> dict[str, Any]:
    done = subprocess.run([python, str(HERE / "peers" / script), *arguments], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{script} {arguments} ended with {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("step", choices=("make", "index", "measure"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("lfw", nargs="?", default="")
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--sides", nargs="*", default=list(SIDES))
    parser.add_argument("--deepface", help="the Python of an environment with deepface")
    given = parser.parse_args()
    if given.step == "make":
        found = make(given.folder, given.lfw, given.faces, given.queries)
    elif given.step == "index":
        found = index(given.folder)
    else:
        found = {"sides": measure(given.folder, given.sides, given.deepface)}
    place = given.folder / "found.json"
    before = json.loads(place.read_text("utf-8")) if place.exists() else {}
    before["sides"] = {**before.get("sides", {}), **found.pop("sides", {})}
    place.write_text(json.dumps({**before, **found}, indent=1), "utf-8")


if __name__ == "__main__":
    main()
