"""An inverted-file index with vectors in 4-bit codes.

A search scans the nearest cells, and ranks its candidates with the exact vectors.

Measured on 1,000,000 vectors of 128 numbers distributed like dlib-resnet's on LFW
(benchmarks/synthetic_faces.py), one core, 1,000 queries that are not stored, recall@10 after exact ranking:

    cells 1024, PQ64x4fs   192 cells scanned, 100 candidates: .992, 0.8 ms   41 MB   <- in use
    cells 1024, SQ8        192 cells, 20 candidates:              .995, 3.1 ms  137 MB
    cells 2048, SQ8        256 cells, 20 candidates:              .992, 3.8 ms  137 MB
    cells 1024, RaBitQ     192 cells, 200 candidates:             .980, 1.5 ms   33 MB
    cells 512, PQ64x4fs    128 cells, 100 candidates: .993, 0.9 ms;  cells 2048: 384 cells: .991, 2.0 ms

Faces do not cluster by cell: an eighth to a sixth of all must be scanned. So scanning speed matters most, and more
cells than the square root of the rows do not help.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from nitakao.gallery.search.exact import Candidates, Pairs, block, normalize
from nitakao.gallery.search.index_folder import IndexDamaged, IndexFolder, IndexWriter, Manifest
from nitakao.values import Floats, Ids

ENDING = "faiss"
POINTS_PER_CELL = 64  # training vectors per cell; faiss asks for at least 39
KMEANS_ITERATIONS = 8  # recall was the same after 25
TUNING_QUERIES = 256  # stored vectors that tune the number of candidates and of scanned cells (IVF lists)
NEAREST = 30  # neighbours per tuning query: more than most people have faces, since strangers are harder to find
RANK_RECALL = 0.99  # share of those neighbours among the candidates when every cell is scanned
CELL_RECALL = 0.98  # the same when only the tuned number of cells is scanned
MIN_CANDIDATES, MAX_CANDIDATES = 60, 600  # range of the tuned number of candidates
DEPTH_POWER = 0.25  # for k above NEAREST, scanned cells grow with this power of k: recall@100 rose from .968 to .984


class Tuning(NamedTuple):
    """How many cells a search scans, and how many candidates it takes from them."""

    probes: int
    candidates: int


def _faiss() -> Any:
    """faiss, imported at first use, which takes 0.1 s; untyped, since its stubs are incomplete."""
    import faiss

    return faiss


def cells(rows: int) -> int:
    """The number of cells: the power of two nearest to the square root of the rows."""
    return int(max(1, min(2 ** round(math.log2(math.sqrt(rows))), rows // 39)))


def sample(ids: Ids) -> Ids:
    """The ids of the faces to train the cells on; the same at every call."""
    count = min(len(ids), max(POINTS_PER_CELL * cells(len(ids)), 1024))
    return np.sort(np.random.default_rng(len(ids)).choice(ids, count, replace=False))


def write(
    writer: IndexWriter,
    rows: int,
    training: tuple[Ids, Floats],
    blocks: Iterable[tuple[Ids, Floats]],
    metric: str,
) -> Tuning:
    """Write the index.

    Args:
        writer: Receives the file.
        rows: The number of faces.
        training: The ids of `sample`, and their vectors.
        blocks: Ids and vectors of all faces, ascending.
        metric: 'euclidean' or 'cosine'.

    Returns:
        How a search must use it.
    """
    faiss = _faiss()
    every = max(1, len(training[0]) // TUNING_QUERIES)
    queries = training[0][::every]
    index = _trained(normalize(training[1], metric), cells(rows))
    truth = Candidates(
        normalize(training[1][::every], metric).copy(), NEAREST + 1
    )  # one more: the nearest is the vector itself
    del training  # 33 MB at 1,000,000 faces, while the index grows
    for ids, vectors in blocks:
        vectors = normalize(vectors, metric)
        index.add_with_ids(vectors, ids)
        truth.add(block(ids, vectors, metric))
    with writer.file(ENDING) as file:
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))
    return _tune(index, truth, queries, int(ids[-1]))


class IvfIndex:
    """An open index."""

    def __init__(self, cache: IndexFolder, manifest: Manifest) -> None:
        faiss = _faiss()
        path = str(cache.path(manifest, ENDING))
        try:
            # faiss 1.11 and newer can map the file into memory.
            self.index = faiss.read_index(path, getattr(faiss, "IO_FLAG_MMAP_IFC", 0))
        except RuntimeError as error:
            raise IndexDamaged(str(error)) from error
        self.manifest = manifest
        self.gone: Ids = np.empty(0, np.int64)

    def collect(self, candidates: Candidates, allowed: Ids | None, wide: bool) -> None:
        """Add the index's candidates for each query.  wide: scan every cell."""
        tuned = self.manifest.candidates
        count = min(self.manifest.rows, max(tuned, math.ceil(tuned * candidates.k / NEAREST)))
        share = 1.0 if allowed is None else max(1, len(allowed)) / self.manifest.rows
        deeper = max(1.0, candidates.k / NEAREST) ** DEPTH_POWER
        probes = math.ceil(self.index.nlist if wide else self.manifest.probes * deeper / min(1.0, share))
        found = _search(self.index, candidates.queries, count, min(probes, self.index.nlist), self._selected(allowed))
        which, at = np.nonzero(found >= 0)
        candidates.add_pairs(Pairs(which, found[which, at]))

    def exclude(self, gone: Ids) -> None:
        """Exclude these faces from later searches."""
        self.gone = np.union1d(self.gone, gone)

    def _selected(self, allowed: Ids | None) -> Any:
        """A bitmap of the face ids that may match; None if all may."""
        if allowed is None and not len(self.gone):
            return None
        faiss = _faiss()
        last = self.manifest.last
        chosen = np.full(last + 1, allowed is None)
        if allowed is not None:
            chosen[allowed[(allowed >= 0) & (allowed <= last)]] = True
        chosen[self.gone[self.gone <= last]] = False
        return faiss.IDSelectorBitmap(np.packbits(chosen, bitorder="little"))


def _trained(vectors: Floats, count: int) -> Any:
    faiss = _faiss()
    dimension = vectors.shape[1]
    index = faiss.index_factory(dimension, f"IVF{count},PQ{dimension}x4fs")
    index.cp.niter = KMEANS_ITERATIONS
    index.cp.max_points_per_centroid = POINTS_PER_CELL
    index.cp.min_points_per_centroid = index.pq.cp.min_points_per_centroid = 1  # suppresses a warning
    index.train(vectors)
    return index


def _search(index: Any, queries: Floats, count: int, probes: int, selected: Any) -> Ids:
    """(q, count) face ids; -1 where there are no more."""
    faiss = _faiss()
    options = faiss.SearchParametersIVF(nprobe=int(probes), sel=selected)
    found: Ids = index.search(queries, int(count), params=options)[1]
    return found


def _tune(index: Any, truth: Candidates, queries: Ids, last: int) -> Tuning:
    """The fewest candidates and cells that reach the required recall for these faces."""
    which, ids = truth.pairs()
    expected = (which * (last + 1) + ids)[ids != queries[which]]

    def recall(candidates: int, probes: int) -> float:
        found = _search(index, truth.queries, candidates, probes, None)
        return float(np.isin(expected, np.arange(len(queries))[:, None] * (last + 1) + found).mean())

    every, step = int(index.nlist), max(1, index.nlist // 64)
    candidates = _smallest(
        range(MIN_CANDIDATES, MAX_CANDIDATES, MIN_CANDIDATES), lambda n: recall(n, every) >= RANK_RECALL
    )
    return Tuning(_smallest(range(step, every, step), lambda n: recall(candidates, n) >= CELL_RECALL), candidates)


def _smallest(choices: range, enough: Callable[[int], bool]) -> int:
    """The first choice that is enough; the end of the range if none is."""
    return next((choice for choice in choices if enough(choice)), choices.stop)
