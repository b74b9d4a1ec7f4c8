"""Runs one search in one transaction: collects candidates, measures them, and widens the search if needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from nitakao.gallery.search import rows
from nitakao.gallery.search.exact import Block, Candidates, block, distances_of, normalize, rank, restrict
from nitakao.gallery.search.flat_index import FlatIndex
from nitakao.gallery.search.ivf import IvfIndex
from nitakao.gallery.search.unindexed import UnindexedFaces
from nitakao.values import Doubles, Floats, Ids

MAX_SCANNED = 4096  # allowed faces that are read from the database rather than searched in cells: 10 ms
MAX_INDEX_HITS = 4096  # hits above which all faces are scanned instead of cells
MIN_FACES_PER_HIT = 4  # faces per hit below which all faces are scanned

Collect = Callable[[Candidates], None]


@dataclass(frozen=True, eq=False)
class OpenIndex:
    """An open index, if there is one, and the faces added since it was built."""

    index: FlatIndex | IvfIndex | None
    unindexed: UnindexedFaces

    @property
    def rows(self) -> int:
        """The number of faces in the index."""
        return 0 if self.index is None else self.index.manifest.rows

    @property
    def last(self) -> int:
        """The largest face id in the index."""
        return 0 if self.index is None else self.index.manifest.last

    def exclude(self, gone: Ids) -> None:
        """Exclude deleted faces from later searches."""
        self.unindexed.exclude(gone)
        if self.index is not None:
            self.index.exclude(gone)


class Query:
    """Searches as of one transaction.

    Args:
        index: The open index.
        connection: A read transaction.
        newest: The largest face id in it.
        dimension: The embedding size.
        metric: 'euclidean' or 'cosine'.
    """

    def __init__(self, index: OpenIndex, connection: Connection, newest: int, dimension: int, metric: str) -> None:
        self.index, self.connection, self.newest = index, connection, newest
        self.dimension, self.metric = dimension, metric

    def run(self, queries: Floats, k: int, allowed: Ids | None) -> tuple[Ids, Doubles]:
        """Ids and distances (q, k) of the nearest faces; -1 and infinity where there are no more."""
        expected = min(k, self.index.rows if allowed is None else len(allowed))
        for collect in self._strategies(k, allowed):
            ids, distances = self._nearest(queries, k, collect)
            if (ids[:, :expected] >= 0).all():
                break
        return ids, distances

    def _strategies(self, k: int, allowed: Ids | None) -> Iterator[Collect]:
        """Ways to collect candidates, to be tried until enough faces are found; the last one finds all."""
        if isinstance(self.index.index, IvfIndex):
            few = allowed is not None and len(allowed) <= MAX_SCANNED
            if not few and k <= MAX_INDEX_HITS and MIN_FACES_PER_HIT * k <= self.index.rows:
                yield lambda candidates: self._indexed(candidates, allowed, wide=False)
                yield lambda candidates: self._indexed(candidates, allowed, wide=True)
            yield lambda candidates: self._everything(candidates, allowed)
        else:
            yield lambda candidates: self._indexed(candidates, allowed, wide=True)

    def _indexed(self, candidates: Candidates, allowed: Ids | None, wide: bool) -> None:
        if self.index.index is not None:
            self.index.index.collect(candidates, allowed, wide)
        for newer in self.index.unindexed.up_to(self.newest, self.connection):
            candidates.add(restrict(newer, allowed))

    def _everything(self, candidates: Candidates, allowed: Ids | None) -> None:
        for ids, vectors in rows.selected(self.connection, allowed, self.dimension):
            candidates.add(self._block(ids, vectors))

    def _block(self, ids: Ids, vectors: Floats) -> Block:
        return block(ids, normalize(vectors, self.metric), self.metric)

    def _nearest(self, queries: Floats, k: int, collect: Collect) -> tuple[Ids, Doubles]:
        """The nearest of the collected candidates; repeats without candidates that have been deleted."""
        while True:
            candidates = Candidates(normalize(queries, self.metric), k)
            collect(candidates)
            pairs = candidates.pairs()
            ids, at = np.unique(pairs.ids, return_inverse=True)
            present, vectors = rows.existing(self.connection, ids, self.dimension)
            if len(present) == len(ids):
                distances = distances_of(queries, vectors, pairs.which, at, self.metric)
                return rank(pairs, distances, len(queries), k)
            self.index.exclude(np.setdiff1d(ids, present))
