"""An index of cells with vectors in 4-bit codes: a search looks into the nearest cells, and what it finds is measured
again with the vectors themselves. The one place that knows faiss.

Measured on 1,000,000 vectors of 128 numbers drawn like dlib-resnet's of LFW (benchmarks/synthetic_faces.py), one core, 1,000
queries of which none is stored, recall@10 after measuring again:

    cells 1024, PQ64x4fs   192 cells looked into, 100 candidates: .992, 0.8 ms   41 MB   <- this
    cells 1024, SQ8        192 cells, 20 candidates:              .995, 3.1 ms  137 MB
    cells 2048, SQ8        256 cells, 20 candidates:              .992, 3.8 ms  137 MB
    cells 1024, RaBitQ     192 cells, 200 candidates:             .980, 1.5 ms   33 MB
    cells 512, PQ64x4fs    128 cells, 100 candidates: .993, 0.9 ms;  cells 2048: 384 cells: .991, 2.0 ms

Faces have no cells of their own: an eighth to a sixth of all must be looked at. So what counts is how quickly a code is
looked at, and more cells than the square root of the rows bring nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from nitakao.gallery.search.exact import Pairs, Sieve, block, directed
from nitakao.gallery.search.index_folder import Cache, Damaged, Manifest, Workshop
from nitakao.values import Floats, Ids

ENDING = "faiss"
A_CELL = 64  # vectors from which a cell's centre is learnt; faiss wants at least 39
ROUNDS = 8  # of k-means; recall after 25 was the same
TRIED = 256  # stored vectors with which is found out where to look, and how many candidates to measure again,
NEAREST = 30  # so that of their so many nearest (many more than there are of most people: strangers are harder to find)
RANKED, RECALL = 0.99, 0.98  # this share is among the candidates of all cells, and that among those looked into
FEWEST, MOST = 60, 600  # candidates that may be chosen between
DEEPER = 0.25  # for longer lists, cells grow with this power of their length: recall@100 went from .968 to .984


class Tuning(NamedTuple):
    """How many cells a search looks into, and how many candidates it takes from them."""

    probes: int
    candidates: int


def _faiss() -> Any:
    """Imported when it is needed, which takes 0.1 s; untyped, since its types leave out half of it."""
    import faiss

    return faiss


def cells(rows: int) -> int:
    """How many cells: the power of two next to the square root."""
    return int(max(1, min(2 ** round(math.log2(math.sqrt(rows))), rows // 39)))


def sample(ids: Ids) -> Ids:
    """The faces to learn the cells from; the same each time."""
    count = min(len(ids), max(A_CELL * cells(len(ids)), 1024))
    return np.sort(np.random.default_rng(len(ids)).choice(ids, count, replace=False))


def write(
    workshop: Workshop,
    rows: int,
    learnt: tuple[Ids, Floats],
    blocks: Iterable[tuple[Ids, Floats]],
    metric: str,
) -> Tuning:
    """Write the index of `rows` faces that come in `blocks`, ascending; where a search must look.

    learnt: the faces that `sample` names, and their vectors.
    """
    faiss = _faiss()
    every = max(1, len(learnt[0]) // TRIED)
    tried = learnt[0][::every]
    index = _trained(directed(learnt[1], metric), cells(rows))
    truth = Sieve(
        directed(learnt[1][::every], metric).copy(), NEAREST + 1
    )  # one more: the nearest is the vector itself
    del learnt  # 33 MB at 1,000,000 faces, while the index grows
    for ids, vectors in blocks:
        vectors = directed(vectors, metric)
        index.add_with_ids(vectors, ids)
        truth.add(block(ids, vectors, metric))
    with workshop.file(ENDING) as file:
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))
    return _tuned(index, truth, tried, int(ids[-1]))


class Ivf:
    """The index, open."""

    def __init__(self, cache: Cache, manifest: Manifest) -> None:
        faiss = _faiss()
        path = str(cache.path(manifest, ENDING))
        try:
            # Mapped where faiss can (1.11 and newer): then its pages belong to the file.
            self.index = faiss.read_index(path, getattr(faiss, "IO_FLAG_MMAP_IFC", 0))
        except RuntimeError as error:
            raise Damaged(str(error)) from error
        self.manifest = manifest
        self.gone: Ids = np.empty(0, np.int64)

    def feed(self, sieve: Sieve, allowed: Ids | None, wide: bool) -> None:
        """Let the candidates of each query through the sieve.  wide: look into every cell."""
        tuned = self.manifest.candidates
        count = min(self.manifest.rows, max(tuned, math.ceil(tuned * sieve.k / NEAREST)))
        share = 1.0 if allowed is None else max(1, len(allowed)) / self.manifest.rows
        deeper = max(1.0, sieve.k / NEAREST) ** DEEPER
        probes = math.ceil(self.index.nlist if wide else self.manifest.probes * deeper / min(1.0, share))
        found = _search(self.index, sieve.queries, count, min(probes, self.index.nlist), self._selected(allowed))
        which, at = np.nonzero(found >= 0)
        sieve.take(Pairs(which, found[which, at]))

    def drop(self, gone: Ids) -> None:
        """Leave these faces out from here on."""
        self.gone = np.union1d(self.gone, gone)

    def _selected(self, allowed: Ids | None) -> Any:
        """A bit for each number up to the last: which faces may answer; None if all may."""
        if allowed is None and not len(self.gone):
            return None
        faiss = _faiss()
        last = self.manifest.last
        chosen = np.full(last + 1, allowed is None)
        if allowed is not None:
            chosen[allowed[(allowed >= 0) & (allowed <= last)]] = True
        chosen[self.gone[self.gone <= last]] = False
        return faiss.IDSelectorBitmap(np.packbits(chosen, bitorder="little"))


def _trained(learnt: Floats, count: int) -> Any:
    faiss = _faiss()
    dimension = learnt.shape[1]
    index = faiss.index_factory(dimension, f"IVF{count},PQ{dimension}x4fs")
    index.cp.niter = ROUNDS
    index.cp.max_points_per_centroid = A_CELL
    index.cp.min_points_per_centroid = index.pq.cp.min_points_per_centroid = 1  # few are no reason to print a warning
    index.train(learnt)
    return index


def _search(index: Any, queries: Floats, count: int, probes: int, selected: Any) -> Ids:
    """(q, count) numbers; -1 where there are no more."""
    faiss = _faiss()
    options = faiss.SearchParametersIVF(nprobe=int(probes), sel=selected)
    found: Ids = index.search(queries, int(count), params=options)[1]
    return found


def _tuned(index: Any, truth: Sieve, tried: Ids, last: int) -> Tuning:
    """The fewest candidates and cells with which the nearest of the faces `tried` are found as often as is wanted."""
    which, ids = truth.pairs()
    wanted = (which * (last + 1) + ids)[ids != tried[which]]

    def recall(candidates: int, probes: int) -> float:
        found = _search(index, truth.queries, candidates, probes, None)
        return float(np.isin(wanted, np.arange(len(tried))[:, None] * (last + 1) + found).mean())

    every, step = int(index.nlist), max(1, index.nlist // 64)
    candidates = _first(range(FEWEST, MOST, FEWEST), lambda n: recall(n, every) >= RANKED)
    return Tuning(_first(range(step, every, step), lambda n: recall(candidates, n) >= RECALL), candidates)


def _first(choices: range, enough: Callable[[int], bool]) -> int:
    """The first that is enough; if none is, the end of the range."""
    return next((choice for choice in choices if enough(choice)), choices.stop)
