"""One search in one transaction: where to look, what to measure, and whether enough was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from nitakao.gallery.search import rows
from nitakao.gallery.search.exact import Block, Sieve, block, directed, measured, only, ranked
from nitakao.gallery.search.flat_index import Matrix
from nitakao.gallery.search.ivf import Ivf
from nitakao.gallery.search.unindexed import Newer
from nitakao.values import Doubles, Floats, Ids

FEW = 4096  # allowed faces that are read from the database and measured rather than looked for in cells: 10 ms
DEEP = 4096  # hits beyond which every face is looked at, not cells,
SHARE = 4  # or where one face in so many is a hit

Feed = Callable[[Sieve], None]


@dataclass(frozen=True, eq=False)
class View:
    """An index as it was opened, or none, and the faces that have come since."""

    index: Matrix | Ivf | None
    newer: Newer

    @property
    def rows(self) -> int:
        return 0 if self.index is None else self.index.manifest.rows

    @property
    def last(self) -> int:
        return 0 if self.index is None else self.index.manifest.last

    def drop(self, gone: Ids) -> None:
        """Leave faces that are no longer in the gallery out from here on."""
        self.newer.drop(gone)
        if self.index is not None:
            self.index.drop(gone)


class Looking:
    """What a transaction sees.  newest: the largest number of a face in it."""

    def __init__(self, view: View, connection: Connection, newest: int, dimension: int, metric: str) -> None:
        self.view, self.connection, self.newest = view, connection, newest
        self.dimension, self.metric = dimension, metric

    def answers(self, queries: Floats, k: int, allowed: Ids | None) -> tuple[Ids, Doubles]:
        """Numbers and distances (q, k) of the nearest faces; -1 and infinity where there are no more."""
        wanted = min(k, self.view.rows if allowed is None else len(allowed))
        for feed in self._ways(k, allowed):
            ids, distances = self._nearest(queries, k, feed)
            if (ids[:, :wanted] >= 0).all():
                break
        return ids, distances

    def _ways(self, k: int, allowed: Ids | None) -> Iterator[Feed]:
        """Where to look; then, if too few were found, where else. The last finds all there are."""
        if isinstance(self.view.index, Ivf):
            few = allowed is not None and len(allowed) <= FEW
            if not few and k <= DEEP and SHARE * k <= self.view.rows:
                yield lambda sieve: self._indexed(sieve, allowed, wide=False)
                yield lambda sieve: self._indexed(sieve, allowed, wide=True)
            yield lambda sieve: self._everything(sieve, allowed)
        else:
            yield lambda sieve: self._indexed(sieve, allowed, wide=True)

    def _indexed(self, sieve: Sieve, allowed: Ids | None, wide: bool) -> None:
        if self.view.index is not None:
            self.view.index.feed(sieve, allowed, wide)
        for newer in self.view.newer.upto(self.newest, self.connection):
            sieve.add(only(newer, allowed))

    def _everything(self, sieve: Sieve, allowed: Ids | None) -> None:
        for ids, vectors in rows.chosen(self.connection, allowed, self.dimension):
            sieve.add(self._block(ids, vectors))

    def _block(self, ids: Ids, vectors: Floats) -> Block:
        return block(ids, directed(vectors, self.metric), self.metric)

    def _nearest(self, queries: Floats, k: int, feed: Feed) -> tuple[Ids, Doubles]:
        """The nearest of what `feed` lets through, measured; once more without those that turn out to be gone."""
        while True:
            sieve = Sieve(directed(queries, self.metric), k)
            feed(sieve)
            pairs = sieve.pairs()
            wanted, at = np.unique(pairs.ids, return_inverse=True)
            there, vectors = rows.present(self.connection, wanted, self.dimension)
            if len(there) == len(wanted):
                distances = measured(queries, vectors, pairs.which, at, self.metric)
                return ranked(pairs, distances, len(queries), k)
            self.view.drop(np.setdiff1d(wanted, there))
