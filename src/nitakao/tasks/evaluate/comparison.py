"""Figures of models side by side: is one better, or only here and today?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from nitakao.errors import MisuseError
from nitakao.metrics import bootstrap
from nitakao.metrics.bootstrap import Interval
from nitakao.values import Doubles


@dataclass(frozen=True, eq=False)
class Figures:
    """What a model comes to.  told: each figure.  drawn: the same for each draw of people, (draws,), or empty."""

    model: str
    told: Mapping[str, float]
    drawn: Mapping[str, Doubles] = field(default_factory=dict)

    @property
    def intervals(self) -> dict[str, Interval]:
        """Where 95% of the draws lie."""
        return {name: bootstrap.interval(values) for name, values in self.drawn.items()}


@dataclass(frozen=True)
class Difference:
    """How one model's figure differs from another's on the same pictures, people drawn alike for both.

    chance: how likely a difference as clear is where there is none.
    """

    figure: str
    one: str
    other: str
    difference: float
    interval: Interval
    chance: float


def differences(of: Sequence[Figures]) -> list[Difference]:
    """Each model less each one after it, in every figure that was drawn for both.

    Raises MisuseError where others were drawn for one of them.
    """
    found = []
    for one, other in combinations(of, 2):
        for name in [name for name in one.drawn if name in other.drawn]:
            if len(one.drawn[name]) != len(other.drawn[name]):
                raise MisuseError("models are compared on the same draws of people: draw as many for each")
            apart = one.drawn[name] - other.drawn[name]
            here = one.told[name] - other.told[name]
            names = one.model or "first", other.model or "second"
            found.append(Difference(name, *names, here, bootstrap.interval(apart), bootstrap.chance(apart)))
    return found
