"""Measures of identification, of enrolled and unenrolled people.

FPIR is the share of probes of unenrolled people that are identified, TPIR the share of probes of enrolled people that
are identified as their own person. Source of the terms: ISO/IEC 19795-1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nitakao.errors import MisuseError
from nitakao.metrics import roc
from nitakao.values import Doubles, Ids


@dataclass(frozen=True)
class Identification:
    """Figures of identification.

    Attributes:
        rank1: Share of probes that are nearest to their own person.
        tpir: Share of probes that are, within `threshold`.
        threshold: The distance at which the share FPIR of unenrolled probes is identified.
    """

    rank1: float
    tpir: float
    threshold: float


def identification(own: ArrayLike, other: ArrayLike, strangers: ArrayLike, fpir: float = 0.01) -> Identification:
    """Measure identification with enrolled and unenrolled people.

    Args:
        own: (n,) distance of each probe to the nearest enrolled face of its own person.
        other: (n,) distance of each probe to the nearest enrolled face of another person.
        strangers: (m,) distance of each probe of an unenrolled person to the nearest enrolled face.
        fpir: Largest share of unenrolled probes identified.

    Raises:
        MisuseError: If arrays do not fit or are empty.

    Source: ISO/IEC 19795-1, for the terms.
    """
    near, far, unenrolled = (np.asarray(values, np.float64) for values in (own, other, strangers))
    if near.shape != far.shape or not near.size or not unenrolled.size:
        raise MisuseError("identification needs two distances per probe, and at least one probe that is not enrolled")
    allowed = int(fpir * len(unenrolled))
    threshold = float(np.sort(unenrolled)[allowed]) if allowed < len(unenrolled) else np.inf  # hits lie strictly below
    first = near < far
    return Identification(float(first.mean()), float((first & (near < threshold)).mean()), threshold)


def ranks(distances: Doubles, own: Ids) -> Ids:
    """(n,) the rank of each probe's own person among the enrolled, from 1; people at equal distance rank before it.

    Args:
        distances: (n, people) distance of each probe to the nearest face of each person.
        own: (n,) the column of each probe's person.
    """
    own_distances = distances[np.arange(len(own)), own][:, None]
    return np.asarray((distances <= own_distances).sum(axis=1), np.int64)


def match_shares(rank: Ids, last_rank: int, weights: Doubles | None = None) -> Doubles:
    """The cumulative match characteristic: the share of probes whose own person is within rank 1, 2 ...

    Args:
        rank: (n,) rank of each probe's own person.
        last_rank: Last rank.
        weights: (..., n) how often each probe counts. None: once.

    Returns:
        (..., last_rank) shares; NaN where no probe counts.
    """
    counts = np.ones(len(rank)) if weights is None else weights
    within = np.minimum(rank, last_rank + 1)[:, None] <= np.arange(1, last_rank + 1)
    total = counts.sum(axis=-1, keepdims=True)
    out = np.full((*counts.shape[:-1], last_rank), np.nan)
    return np.asarray(np.divide(counts @ within, total, out=out, where=total > 0))


def open_set(
    rank: Ids, own: Doubles, strangers: Doubles, fpir: float, weights: Doubles, stranger_weights: Doubles
) -> tuple[Doubles, Doubles]:
    """TPIR at FPIR for weighted probes. See `identification`.

    Args:
        rank: (n,) rank of each probe's own person.
        own: (n,) distance to it.
        strangers: (m,) distance of each probe of an unenrolled person to the nearest enrolled face.
        fpir: Largest share of unenrolled probes identified.
        weights: (b, n) how often each probe counts.
        stranger_weights: (b, m) how often each probe of an unenrolled person counts.

    Returns:
        (b,) TPIR, and (b,) thresholds.
    """
    order = np.argsort(strangers, kind="stable")
    up_to = np.cumsum(stranger_weights[:, order], axis=1)
    allowed = np.floor(fpir * up_to[:, -1] + 1e-9)
    at = (up_to <= allowed[:, None]).sum(axis=1)
    threshold = np.append(strangers[order], np.inf)[at]
    correct = (rank == 1) & (own < threshold[:, None])
    return roc.shares(correct, weights), threshold
