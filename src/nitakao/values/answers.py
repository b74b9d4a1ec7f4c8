"""What questions are answered with."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nitakao.values.cards import Metric


@dataclass(frozen=True)
class Check:
    """One thing that was looked at, for 'nitakao doctor' and 'nitakao models verify'.

    needed: whether nitakao is unwell without it; what only some users need is told, and fails nothing.
    """

    name: str
    ok: bool
    detail: str
    needed: bool = True


@dataclass(frozen=True)
class Verdict:
    """Are two faces the same person: the distance and what it was held against.

    distance: in the model's metric; small is alike.  same: distance below threshold.
    """

    distance: float
    threshold: float
    metric: Metric
    model: str
    threshold_source: str

    @property
    def has_threshold(self) -> bool:
        return not math.isnan(self.threshold)

    @property
    def same(self) -> bool:
        return self.distance < self.threshold
