"""Every picture asks for the others of its person: what comes first.

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

BLOCK = 256  # pictures that ask at a time


@dataclass(frozen=True, eq=False)
class Retrieved:
    """What came of each picture that has others of its person, (q,) each.

    rows: which pictures they are.  first: the place of the nearest of them, from 1.  average_precision: the mean of the
    precisions at each of them.  r_precision: the share of them among the first so many as there are.
    """

    rows: Ids
    first: Ids
    average_precision: Doubles
    r_precision: Doubles

    def recall(self, k: int) -> Flags:
        """(q,) whether one of its person is among the first k."""
        return np.asarray(self.first <= k)


def retrieval(
    vectors: Floats,
    people: ArrayLike,
    metric: Metric,
    watch: Callable[[int], None] = lambda asked: None,
) -> Retrieved:
    """What each picture finds among all others; of equal distances the earlier picture comes first.

    vectors: (n, D).  people: (n,) whose each is.  watch: called with how many have asked, now and then.
    Raises MisuseError where nobody has two pictures.
    """
    who = np.unique(np.asarray(people), return_inverse=True)[1].ravel()
    rows = np.flatnonzero(np.bincount(who)[who] > 1)
    if len(who) != len(vectors) or not len(rows):
        raise MisuseError("retrieval needs people with two pictures or more: here nobody has them")
    parts = []
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        parts.append(_block(vectors, who, block, metric))
        watch(start + len(block))
    first, average, share = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Retrieved(rows.astype(np.int64), first.astype(np.int64), average, share)


def _block(vectors: Floats, who: Ids, block: Ids, metric: Metric) -> tuple[Doubles, Doubles, Doubles]:
    """(b,) first place, average precision and R-precision of these rows."""
    apart = crosswise(vectors[block], vectors, metric)
    apart[np.arange(len(block)), block] = np.inf  # itself comes last, and is cut off
    order = np.argsort(apart, axis=1, kind="stable")[:, :-1]
    own = who[order] == who[block][:, None]
    there = own.sum(axis=1)
    places = np.arange(1, own.shape[1] + 1)
    up_to = np.cumsum(own, axis=1)
    average = (own * up_to / places).sum(axis=1) / there
    share = up_to[np.arange(len(block)), there - 1] / there
    return (np.argmax(own, axis=1) + 1).astype(np.float64), average, share
