"""Who is it: how well people are recognised among those enrolled, and strangers sent away.

Source of the terms: ISO/IEC 19795-1.  FPIR is the share of strangers who are answered with a name, TPIR the share of
people enrolled who are answered with their own.
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
    """rank1: the share of probes that are nearest to their own person.

    tpir: the share of probes that are, and within `threshold`, at which the wanted share of strangers is answered too.
    """

    rank1: float
    tpir: float
    threshold: float


def identification(own: ArrayLike, other: ArrayLike, strangers: ArrayLike, fpir: float = 0.01) -> Identification:
    """How well people are recognised, among strangers too.

    own, other: (n,) distance of each probe to the nearest enrolled face of its own person and of anybody else.
    strangers: (m,) distance of faces of nobody enrolled to the nearest face that is.  fpir: share of strangers answered
    with a name, at most.  Source of the terms: ISO/IEC 19795-1.
    """
    near, far, unknown = (np.asarray(values, np.float64) for values in (own, other, strangers))
    if near.shape != far.shape or not near.size or not unknown.size:
        raise MisuseError("identification needs two distances for each probe, and one stranger or more")
    allowed = int(fpir * len(unknown))
    threshold = float(np.sort(unknown)[allowed]) if allowed < len(unknown) else np.inf  # answered strictly below it
    first = near < far
    return Identification(float(first.mean()), float((first & (near < threshold)).mean()), threshold)


def ranks(apart: Doubles, own: Ids) -> Ids:
    """(n,) the place of each probe's own person, from 1, among the enrolled: nobody as near as she stands behind her.

    apart: (n, people) distance of each probe to each person's nearest face.  own: (n,) the column of each probe's.
    """
    mine = apart[np.arange(len(own)), own][:, None]
    return np.asarray((apart <= mine).sum(axis=1), np.int64)


def match_shares(found: Ids, longest: int, weights: Doubles | None = None) -> Doubles:
    """(..., longest) the cumulative match characteristic: the share of probes whose own person is within rank 1, 2 ...

    found: (n,) ranks.  weights: (..., n) how often each probe counts.
    """
    counts = np.ones(len(found)) if weights is None else weights
    within = np.minimum(found, longest + 1)[:, None] <= np.arange(1, longest + 1)
    whole = counts.sum(axis=-1, keepdims=True)
    out = np.full((*counts.shape[:-1], longest), np.nan)
    return np.asarray(np.divide(counts @ within, whole, out=out, where=whole > 0))


def open_set(
    found: Ids, near: Doubles, strangers: Doubles, fpir: float, probes: Doubles, unknown: Doubles
) -> tuple[Doubles, Doubles]:
    """(b,) TPIR, and the threshold at which strangers come to `fpir`, both with people counted many times.

    found, near: (n,) each probe's rank and the distance to its own person.  strangers: (m,) distance of each to the
    nearest person.  probes: (b, n), unknown: (b, m), how often each counts.  Otherwise as `identification`.
    """
    order = np.argsort(strangers, kind="stable")
    up_to = np.cumsum(unknown[:, order], axis=1)
    allowed = np.floor(fpir * up_to[:, -1] + 1e-9)
    at = (up_to <= allowed[:, None]).sum(axis=1)
    threshold = np.append(strangers[order], np.inf)[at]
    right = (found == 1) & (near < threshold[:, None])
    return roc.shares(right, probes), threshold
