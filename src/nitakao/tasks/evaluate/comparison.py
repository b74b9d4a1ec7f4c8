"""Compare the figures of several models on the same pictures."""

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
    """The figures of one model.

    Attributes:
        model: Name of the model; empty where unknown.
        values: Each figure by its name.
        draws: (draws,) each figure for every bootstrap draw of people; empty without draws.
    """

    model: str
    values: Mapping[str, float]
    draws: Mapping[str, Doubles] = field(default_factory=dict)

    @property
    def intervals(self) -> dict[str, Interval]:
        """The 95% interval of each figure."""
        return {name: bootstrap.interval(values) for name, values in self.draws.items()}


@dataclass(frozen=True)
class Difference:
    """The difference of one figure between two models on the same pictures and the same draws of people.

    Attributes:
        figure: Name of the figure.
        one: First model.
        other: Second model, whose figure is subtracted.
        difference: The difference.
        interval: Its 95% interval.
        chance: Two-sided p-value: how likely a difference as clear is where there is none.
    """

    figure: str
    one: str
    other: str
    difference: float
    interval: Interval
    chance: float


def differences(figures: Sequence[Figures]) -> list[Difference]:
    """Compare each model with each one after it, in every figure that has draws for both.

    Raises:
        MisuseError: If the models have different numbers of draws.
    """
    rows = []
    for one, other in combinations(figures, 2):
        for name in [name for name in one.draws if name in other.draws]:
            if len(one.draws[name]) != len(other.draws[name]):
                raise MisuseError("models are compared on the same draws of people: use the same number for each")
            draws = one.draws[name] - other.draws[name]
            difference = one.values[name] - other.values[name]
            models = one.model or "first", other.model or "second"
            rows.append(Difference(name, *models, difference, bootstrap.interval(draws), bootstrap.chance(draws)))
    return rows
