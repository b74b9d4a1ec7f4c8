"""Lay out a gallery's faces on a plane with similar faces close together."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import MissingExtraError
from nitakao.gallery.search.open import searcher
from nitakao.tasks.arguments import GalleryLike, open_gallery
from nitakao.values import Floats

if TYPE_CHECKING:  # SQLAlchemy is loaded only where there is a gallery
    from nitakao.gallery import GalleryStore
    from nitakao.gallery.face_map import FaceMap
    from nitakao.values import Ids

MOST = 30_000  # faces on the map, sampled if there are more: some minutes on two cores
NEIGHBOURS = 30  # per face
ROUNDS = 500  # of moving the points, after the first 250 in which groups come together; t-SNE's usual numbers
TOGETHER = 250
FEW = 5  # faces below which there is nothing to lay out: they are set on a line
BLOCK = 1024  # faces whose neighbours are looked for together
SEED = 1


def make(gallery: GalleryLike, *, watch: Callable[[int, int], None] = lambda done, total: None) -> FaceMap:
    """Compute the face map and store it with the gallery.

    Args:
        gallery: The gallery.
        watch: Called with the iterations done and their total; an exception that it raises stops the work.

    Raises:
        MissingExtraError: If openTSNE is not installed.
    """
    from nitakao.gallery import face_map, faces
    from nitakao.gallery.face_map import FaceMap

    with open_gallery(gallery) as found:
        every = faces.ids(found)
        chosen = (
            every if len(every) <= MOST else np.sort(np.random.default_rng(SEED).choice(every, MOST, replace=False))
        )
        method = f"t-SNE, {NEIGHBOURS} neighbours"
        if len(chosen) < len(every):
            method += f", of {MOST} faces sampled at random"
        plane = _line(len(chosen)) if len(chosen) < FEW else _plane(found, chosen, watch)
        last = int(every[-1]) if len(every) else 0
        made = FaceMap(chosen, plane[:, 0], plane[:, 1], method, time.time(), last, len(every))
        face_map.save(found, made)
        return made


def _line(count: int) -> NDArray[np.float32]:
    return np.stack([np.arange(count), np.zeros(count)], axis=1).astype(np.float32)


def _plane(gallery: GalleryStore, chosen: Ids, watch: Callable[[int, int], None]) -> NDArray[np.float32]:
    """(n, 2) t-SNE, initialised with the first two principal components.

    Source: van der Maaten and Hinton 2008; Linderman et al. 2019.
    """
    try:
        from openTSNE import TSNEEmbedding, affinity, initialization
        from openTSNE.nearest_neighbors import PrecomputedNeighbors
    except ImportError:
        raise MissingExtraError("a map of faces", "map") from None
    from nitakao.gallery import faces

    whole = TOGETHER + ROUNDS
    watch(0, whole)
    vectors = faces.vectors(gallery, chosen)
    count = min(NEIGHBOURS, len(chosen) - 1)
    nearest, distances = _neighbours(gallery, chosen, vectors, count)
    near = affinity.PerplexityBasedNN(
        knn_index=PrecomputedNeighbors(nearest, distances), perplexity=max(1.0, count / 3), n_jobs=-1
    )
    start = initialization.pca(vectors, random_state=SEED)
    embedding = TSNEEmbedding(
        start, near, negative_gradient_method="fft" if len(chosen) > 10_000 else "bh", n_jobs=-1, random_state=SEED
    )

    def each(done: int, error: float, points: Any) -> None:
        watch(done, whole)

    step: dict[str, Any] = {"callbacks": [each], "callbacks_every_iters": 10, "inplace": True}
    embedding.optimize(TOGETHER, exaggeration=12, momentum=0.5, **step)
    embedding.optimize(ROUNDS, momentum=0.8, **step)
    return np.asarray(embedding, np.float32)


def _neighbours(
    gallery: GalleryStore, chosen: Ids, vectors: Floats, count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows (n, count) of the nearest neighbours of each face among those chosen, and their distances."""
    nearest = np.zeros((len(chosen), count), np.int64)
    distances = np.zeros((len(chosen), count))
    for start in range(0, len(chosen), BLOCK):
        part = slice(start, start + BLOCK)
        found, apart = searcher(gallery).search(vectors[part], count + 1, chosen)
        others = found != chosen[part, None]
        others[others.all(axis=1), -1] = False  # among many that are all alike, a face need not be found itself
        shape = (len(found), count)
        nearest[part] = np.searchsorted(chosen, found[others].reshape(shape)).clip(max=len(chosen) - 1)
        distances[part] = apart[others].reshape(shape)
    return nearest, distances
