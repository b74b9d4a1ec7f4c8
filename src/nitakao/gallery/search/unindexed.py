"""Faces that are not in an index yet: in memory up to a limit, beyond it read from the database."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock

import numpy as np
from sqlalchemy import Connection

from nitakao.gallery.search import rows
from nitakao.gallery.search.exact import Block, block, normalize
from nitakao.gallery.search.flat_index import exclude
from nitakao.values import Ids

MAX_NUMBERS = 1 << 25  # of the vectors in memory: 128 MB


class UnindexedFaces:
    """The faces with an id above `last`."""

    def __init__(self, last: int, dimension: int, metric: str, held: int = MAX_NUMBERS) -> None:
        self.last = last  # the largest id in the index, then in memory
        self.dimension, self.metric = dimension, metric
        self.room = held // dimension
        self.blocks: tuple[Block, ...] = ()
        self.lock = Lock()

    def catch_up(self, connection: Connection) -> None:
        """Load new faces into memory, as far as there is room."""
        with self.lock:
            for ids, vectors in rows.after(connection, self.last, self.dimension):
                if len(ids) > self.room:
                    return
                self.room -= len(ids)
                self._hold(block(ids, normalize(vectors, self.metric), self.metric))
                self.last = int(ids[-1])

    def up_to(self, number: int, connection: Connection) -> Iterator[Block]:
        """The faces up to an id, as a transaction sees them, whatever other threads have loaded."""
        with self.lock:
            last, blocks = self.last, self.blocks
        for held in blocks:
            count = int(np.searchsorted(held.ids, number, "right"))
            yield held._replace(ids=held.ids[:count], vectors=held.vectors[:count], squares=held.squares[:count])
        if last < number:
            for ids, vectors in rows.after(connection, last, self.dimension):
                yield block(ids, normalize(vectors, self.metric), self.metric)

    def exclude(self, gone: Ids) -> None:
        """Exclude these faces from later searches."""
        with self.lock:
            for held in self.blocks:
                exclude(held, gone)

    def _hold(self, new: Block) -> None:
        """Merge adjacent blocks of similar size, so that there are few and each row is copied rarely."""
        held = [*self.blocks, new]
        while len(held) > 1 and len(held[-2].ids) <= 2 * len(held[-1].ids):
            after, before = held.pop(), held.pop()
            held.append(_concatenate(before, after))
        self.blocks = tuple(held)


def _concatenate(a: Block, b: Block) -> Block:
    return Block(
        np.concatenate([a.ids, b.ids]),
        np.concatenate([a.vectors, b.vectors]),
        np.concatenate([a.squares, b.squares]),
        max(a.longest, b.longest),
    )
