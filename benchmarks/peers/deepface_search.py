"""deepface's `find` over its own datastore, as a side of search.py; run by a Python that has deepface.

    python deepface_search.py FOLDER dict|pandas

Its datastore of representations is written by hand, in the form that deepface itself writes, and the network is
replaced by what hands out the query's vector: only `find` is timed. It reads that datastore anew at every call.
`refresh_database=False`, or it would list and hash every picture's file before each answer.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from deepface import DeepFace
from deepface.modules import modeling

NEAREST = 10
QUERIES = {"dict": 3, "pandas": 1}  # they take seconds each
STORE = "ds_model_facenet_detector_skip_aligned_normalization_base_expand_0.npz"
PICTURE = np.zeros((160, 160, 3), np.uint8)


class Network:
    """Replaces deepface's Facenet: returns the vector of the query for any picture."""

    model_name, input_shape, output_shape = "Facenet", (160, 160), 128
    vector: tuple[float, ...] = ()

    def forward(self, _: Any) -> list[float]:
        return list(self.vector)


def write(folder: Path, vectors: Any) -> None:
    count = len(vectors)
    folder.mkdir(exist_ok=True)
    columns = {name: np.zeros(count, np.int64) for name in ("target_x", "target_y", "target_w", "target_h")}
    np.savez(
        folder / STORE,
        embedding=vectors.astype(np.float64),
        has_embedding=np.ones(count, bool),
        identity=np.array([f"{number + 1}.jpg" for number in range(count)]),
        hash=np.full(count, "0" * 40),
        **columns,
    )


def main(folder: Path, kind: str) -> None:
    queries, truth = np.load(folder / "queries.npy"), np.load(folder / "truth.npy")
    store = folder / "deepface"
    if not (store / STORE).exists():
        write(store, np.load(folder / "vectors.npy", mmap_mode="r"))
    network = Network()
    modeling.build_model = lambda *_, **__: network
    times, right = [], []
    for number in range(QUERIES[kind]):
        network.vector = tuple(float(value) for value in queries[number])
        begin = time.perf_counter()
        found = DeepFace.find(
            PICTURE,
            str(store),
            model_name="Facenet",
            detector_backend="skip",
            distance_metric="euclidean",
            enforce_detection=False,
            threshold=10.0,
            k=NEAREST,
            refresh_database=False,
            return_type=kind,
            silent=True,
        )[0]
        times.append((time.perf_counter() - begin) * 1e3)
        names = [row["identity"] for row in found] if kind == "dict" else list(found["identity"])
        right.append(len({int(name.removesuffix(".jpg")) for name in names} & set(truth[number].tolist())) / NEAREST)
    anonymous = int(re.findall(r"RssAnon:\s*(\d+)", Path("/proc/self/status").read_text("ascii"))[0]) / 1024
    said = {"queries": len(times), "p50_ms": float(np.median(times)), "p99_ms": max(times)}
    print(json.dumps({**said, "recall_at_10": float(np.mean(right)), "anonymous_mb": anonymous}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
