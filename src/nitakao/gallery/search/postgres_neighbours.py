"""The nearest neighbours of every face of a gallery in PostgreSQL.

One query per face would take the server an hour; this loads all vectors into memory (4 bytes per number) and compares
them here in minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from nitakao.gallery import faces
from nitakao.gallery.search import ivf
from nitakao.gallery.search.base import Neighbours
from nitakao.gallery.search.exact import Pairs, distances_of, normalize, rank
from nitakao.values import Doubles, Floats, Ids

if TYPE_CHECKING:
    from nitakao.gallery.store import GalleryStore

Search = Callable[[Floats, int], tuple[Ids, Doubles]]

BLOCK = 256  # faces searched together
MAX_ONE_BY_ONE = 500  # faces searched one by one: takes seconds, without loading all vectors
MAX_FLAT = 50_000  # faces up to which all pairs are compared: about ten seconds
PROBES = 16  # cells scanned: recall@10 of 100,000 faces .99


def all_neighbours(gallery: GalleryStore, k: int, wanted: Ids | None, search: Search) -> Iterator[Neighbours]:
    """For each face, or each of `wanted`, its `k` nearest other faces, in blocks by id.

    Args:
        gallery: The gallery.
        k: The number of neighbours.
        wanted: Face ids; None: all.
        search: Searches a few vectors in the database.
    """
    if wanted is not None and len(wanted) <= MAX_ONE_BY_ONE:
        yield from _one_by_one(gallery, k, wanted, search)
        return
    ids, vectors = _load(gallery)
    if not len(ids):
        return
    index = _index(normalize(vectors, gallery.metric))
    rows = np.arange(len(ids)) if wanted is None else np.flatnonzero(np.isin(ids, wanted))
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        at = index.search(normalize(vectors[part], gallery.metric), min(len(ids), 2 * (k + 1)))[1]
        which, place = np.nonzero((at >= 0) & (at != part[:, None]))
        found = at[which, place]
        distances = distances_of(vectors[part], vectors, which, found, gallery.metric)
        yield Neighbours(ids[part], *rank(Pairs(which, ids[found]), distances, len(part), k))


def _one_by_one(gallery: GalleryStore, k: int, wanted: Ids, search: Search) -> Iterator[Neighbours]:
    ids = np.unique(wanted)
    if not len(ids):
        return
    found, distances = search(faces.vectors(gallery, ids), k + 1)
    others = found != ids[:, None]
    others[others.all(axis=1), k] = False  # among identical vectors a face may not find itself
    yield Neighbours(ids, found[others].reshape(len(ids), k), distances[others].reshape(len(ids), k))


def _load(gallery: GalleryStore) -> tuple[Ids, Floats]:
    with gallery.read() as connection:
        blocks = list(faces.vectors_after(connection, 0, gallery.dimension))
    if not blocks:
        return np.empty(0, np.int64), np.empty((0, gallery.dimension), np.float32)
    return np.concatenate([ids for ids, _ in blocks]), np.concatenate([vectors for _, vectors in blocks])


def _index(vectors: Floats) -> Any:
    import faiss

    index: Any
    if len(vectors) <= MAX_FLAT:
        index = faiss.IndexFlatL2(vectors.shape[1])
    else:
        index = faiss.index_factory(vectors.shape[1], f"IVF{ivf.cells(len(vectors))},Flat")
        index.cp.niter = ivf.KMEANS_ITERATIONS
        index.cp.max_points_per_centroid = ivf.POINTS_PER_CELL
        index.nprobe = PROBES
        index.train(vectors)
    index.add(vectors)
    return index
