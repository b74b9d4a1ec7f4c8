"""Clustering of labelled vectors, compared with scikit-learn's methods.

    nitakao embed LFW --faces central --smallest-face 20 --model MODEL -o lfw.npz
    NITAKAO_SHARED=... python benchmarks/clustering.py lfw.npz

Prints B-cubed and pairwise F for the people of people.txt and for all pictures. nitakao uses its default settings and
the model's threshold; DBSCAN is also shown at the best of many thresholds, chosen with the labels.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nitakao.clustering import group, sklearn_groups
from nitakao.metrics import b_cubed, pairwise
from nitakao.models.cards import registry
from nitakao.vectors import read

NEIGHBOURS = 64  # as in nitakao cluster
BEST_OF = np.linspace(0.4, 1, 25)  # multiples of the card's threshold, for DBSCAN

Vectors = NDArray[np.float32]
Row = dict[str, float]


def measure(vectors: Vectors, names: Sequence[str], threshold: float) -> dict[str, Row]:
    """B-cubed and pairwise precision, recall and F, groups, and seconds (with nitakao's search), by method.

    vectors: (n, D).  names: whose each is.  threshold: the model's.
    """
    near = neighbours(vectors, min(NEIGHBOURS, len(vectors) - 1))
    told = {
        "nitakao": _row(lambda: group(vectors, near, threshold=threshold).labels, names),
        "HDBSCAN(3)": _row(lambda: _theirs(vectors, "hdbscan", threshold, 3), names),
        "DBSCAN": _row(lambda: _theirs(vectors, "dbscan", threshold, 3), names),
        "average linkage": _row(lambda: _theirs(vectors, "agglomerative", threshold, 3), names),
    }
    tried = {
        f"DBSCAN, best ({least} faces, {share:.3f} of the threshold)": _row(
            lambda share=share, least=least: _theirs(vectors, "dbscan", share * threshold, least), names
        )
        for share in BEST_OF
        for least in (2, 3)
    }
    best = max(tried, key=lambda name: tried[name]["b_cubed_f"])
    return {**told, best: tried[best]}


def neighbours(vectors: Vectors, count: int) -> NDArray[np.int64]:
    """(n, count) rows of the exact nearest neighbours."""
    lengths = np.einsum("ij,ij->i", vectors, vectors)
    found = np.empty((len(vectors), count), np.int64)
    for start in range(0, len(vectors), 1000):
        rows = np.arange(start, min(start + 1000, len(vectors)))
        apart = lengths - 2 * vectors[rows] @ vectors.T
        apart[np.arange(len(rows)), rows] = np.inf
        found[rows] = np.argsort(apart, axis=1)[:, :count]
    return found


def people_of(shared: Path) -> set[str]:
    """The names in people.txt."""
    lines = (shared / "data" / "lfw" / "people.txt").read_text(encoding="utf-8").splitlines()
    return {line.split()[0] for line in lines if line.strip()}


def _theirs(vectors: Vectors, method: str, threshold: float, least: int) -> NDArray[np.int64]:
    return sklearn_groups(vectors, method, threshold=threshold, smallest=least).labels  # type: ignore[arg-type]


def _row(find: Callable[[], NDArray[np.int64]], names: Sequence[str]) -> Row:
    start = time.perf_counter()
    labels = find()
    seconds = time.perf_counter() - start
    faces, pairs = b_cubed(labels, names), pairwise(labels, names)
    return {
        "b_cubed_precision": faces.precision,
        "b_cubed_recall": faces.recall,
        "b_cubed_f": faces.f,
        "pairwise_precision": pairs.precision,
        "pairwise_recall": pairs.recall,
        "pairwise_f": pairs.f,
        "groups": len(np.unique(labels[labels >= 0])),
        "seconds": seconds,
    }


def main(file: str) -> None:
    kept = read(file)
    card = registry.card(kept.model)
    people = np.array([Path(name).parent.name for name in kept.names])
    wanted = np.isin(people, list(people_of(Path(os.environ["NITAKAO_SHARED"]))))
    for what, chosen in (("people.txt", wanted), ("all pictures", np.ones(len(people), bool))):
        print(f"{card.name}, {what}: {chosen.sum()} faces, {len(set(people[chosen]))} people, {card.threshold:g}")
        for method, row in measure(kept.vectors[chosen], people[chosen].tolist(), card.threshold).items():
            figures = "  ".join(f"{name} {value:.4g}" for name, value in row.items())
            print(f"  {method:15} {figures}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("vectors", help="file of the vectors of LFW")
    arguments = parser.parse_args()
    main(arguments.vectors)
