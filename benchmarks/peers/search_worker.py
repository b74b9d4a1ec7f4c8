"""One side of search.py in its own process: runs every query alone, and reports times.

python search_worker.py search FOLDER SIDE
python search_worker.py index GALLERY
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nitakao.gallery.search.open import searcher

NEAREST = 10
WARM = 20  # first queries, which are not timed
PROBES = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)  # cells searched by faiss: the fewest with enough recall
ENOUGH = 0.98

Ask = Callable[[Any], Any]


def anonymous() -> float:
    """MB of anonymous resident memory, without mapped files."""
    return int(re.findall(r"RssAnon:\s*(\d+)", Path("/proc/self/status").read_text("ascii"))[0]) / 1024


def search(folder: Path, side: str) -> dict[str, Any]:
    queries, truth = np.load(folder / "queries.npy"), np.load(folder / "truth.npy")
    if side.startswith("nitakao"):
        ask, more = _nitakao(folder, whole=side.endswith("search"))
    else:
        ask, more = _faiss(folder, side.removeprefix("faiss "), queries, truth)
    opened = time.perf_counter()
    ask(queries[0])
    first_ms = (time.perf_counter() - opened) * 1e3
    for query in queries[1:WARM]:
        ask(query)
    times, found = [], []
    for query in queries:
        begin = time.perf_counter()
        found.append(ask(query))
        times.append((time.perf_counter() - begin) * 1e3)
    right = [len(np.intersect1d(a, b)) / NEAREST for a, b in zip(found, truth, strict=True)]
    p50, p99 = np.percentile(times, (50, 99))
    return {
        "queries": len(queries),
        "first_ms": first_ms,
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        "recall_at_10": float(np.mean(right)),
        "anonymous_mb": anonymous(),
        **more,
    }


def _nitakao(folder: Path, *, whole: bool) -> tuple[Ask, dict[str, Any]]:
    """whole: full results with photos, people and probabilities, as `Gallery.search`."""
    import nitakao

    start = time.perf_counter()
    opening = nitakao.Gallery
    loaded = time.perf_counter()
    gallery = opening(folder / "faces.db")
    more = {"load_ms": (loaded - start) * 1e3, "open_ms": (time.perf_counter() - loaded) * 1e3}
    if not whole:
        return lambda query: searcher(gallery.store).search(query[None], NEAREST)[0][0], more
    return lambda query: [hit.face.id for hit in gallery.search(query, k=NEAREST)], more


def _faiss(folder: Path, kind: str, queries: Any, truth: Any) -> tuple[Ask, dict[str, Any]]:
    import faiss

    place = folder / f"{kind.replace(',', '_')}.faiss"
    more: dict[str, Any] = {}
    if not place.exists():
        more["build_s"] = _built(folder, kind, str(place))
    start = time.perf_counter()
    index = faiss.read_index(str(place))
    more["open_ms"] = (time.perf_counter() - start) * 1e3
    if kind != "Flat":
        for probes in PROBES:
            index.nprobe = probes
            found = index.search(queries, NEAREST)[1] + 1
            if np.mean([len(np.intersect1d(a, b)) for a, b in zip(found, truth, strict=True)]) / NEAREST >= ENOUGH:
                break
        more["probes"] = index.nprobe
    return lambda query: index.search(query[None], NEAREST)[1][0] + 1, more


def _built(folder: Path, kind: str, place: str) -> float:
    import faiss

    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    start = time.perf_counter()
    index = faiss.index_factory(vectors.shape[1], kind)
    index.train(np.ascontiguousarray(vectors[:: max(1, len(vectors) // 65_536)]))
    index.add(np.ascontiguousarray(vectors))
    seconds = time.perf_counter() - start
    faiss.write_index(index, place)
    return seconds


def index(place: str) -> dict[str, float]:
    """Seconds and peak anonymous memory of building the index of a gallery."""
    import nitakao

    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], anonymous())

    with nitakao.Gallery(place) as gallery:
        watcher = threading.Thread(target=watch)
        watcher.start()
        start = time.perf_counter()
        searcher(gallery.store).rebuild()
        seconds = time.perf_counter() - start
        done.set()
        watcher.join()
    return {"index_seconds": seconds, "index_peak_anonymous_mb": peak[0]}


if __name__ == "__main__":
    what, *given = sys.argv[1:]
    print(json.dumps(index(given[0]) if what == "index" else search(Path(given[0]), given[1])))
