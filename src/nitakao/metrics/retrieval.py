"""Measures of retrieval, with every picture as a query for the others of its person.

Sources: Musgrave, Belongie and Lim 2020, 'A metric learning reality check', for recall@k and R-precision as they are
used there; Manning, Raghavan and Schuetze 2008, 'Introduction to information retrieval', 8.4, for mAP.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nitakao.errors import MisuseError
from nitakao.metrics.distances import crosswise
from nitakao.values import Doubles, Flags, Floats, Ids, Metric

BLOCK = 256  # queries at a time


@dataclass(frozen=True, eq=False)
class Retrieved:
    """Figures of each query, (q,) each.

    Attributes:
        rows: The picture of each query.
        first: Rank of the nearest picture of its person, from 1.
        average_precision: Mean precision at the rank of each picture of its person.
        r_precision: Share of them among the first R, where R is their number.
    """

    rows: Ids
    first: Ids
    average_precision: Doubles
    r_precision: Doubles

    def recall(self, k: int) -> Flags:
        """(q,) whether a picture of its person is among the first k."""
        return np.asarray(self.first <= k)


def retrieval(
    vectors: Floats,
    people: ArrayLike,
    metric: Metric,
    watch: Callable[[int], None] = lambda done: None,
) -> Retrieved:
    """Search for the other pictures of each picture's person; at equal distances earlier pictures come first.

    Args:
        vectors: (n, D) float32.
        people: (n,) the person of each.
        metric: Distance.
        watch: Called after each block of queries with the number done.

    Raises:
        MisuseError: If nobody has two pictures.
    """
    ids = np.unique(np.asarray(people), return_inverse=True)[1].ravel()
    rows = np.flatnonzero(np.bincount(ids)[ids] > 1)
    if len(ids) != len(vectors) or not len(rows):
        raise MisuseError("retrieval needs people with two pictures or more, and there are none")
    parts = []
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        parts.append(_measure(vectors, ids, block, metric))
        watch(start + len(block))
    first, average, share = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Retrieved(rows.astype(np.int64), first.astype(np.int64), average, share)


def _measure(vectors: Floats, ids: Ids, block: Ids, metric: Metric) -> tuple[Doubles, Doubles, Doubles]:
    """(b,) first rank, average precision and R-precision of these queries."""
    distances = crosswise(vectors[block], vectors, metric)
    distances[np.arange(len(block)), block] = np.inf  # the query itself comes last, and is dropped
    order = np.argsort(distances, axis=1, kind="stable")[:, :-1]
    own = ids[order] == ids[block][:, None]
    counts = own.sum(axis=1)
    places = np.arange(1, own.shape[1] + 1)
    up_to = np.cumsum(own, axis=1)
    average = (own * up_to / places).sum(axis=1) / counts
    share = up_to[np.arange(len(block)), counts - 1] / counts
    return (np.argmax(own, axis=1) + 1).astype(np.float64), average, share
