"""Bootstrap intervals over people.

People are drawn with replacement, not pairs: pairs that share a person are correlated, and intervals that treat them as
independent are too narrow. A pair of two people counts as often as the product of both.

Sources: Efron 1979; for pairs, Snijders and Borgatti 1999, 'Non-parametric standard errors and tests for network
statistics', without pairs of a person with their own copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nitakao.errors import MisuseError
from nitakao.values import Doubles, Ids

DRAWS = 1000
LEVEL = 0.95
SEED = 1  # the same people give the same intervals
BLOCK_NUMBERS = 4_000_000  # in one block of draws: 32 MB


@dataclass(frozen=True)
class Interval:
    """The interval in which a figure lies for 95% of the draws."""

    low: float
    high: float


def draws(people: int, width: int, count: int = DRAWS, seed: int = SEED) -> Iterator[Doubles]:
    """Draw people with replacement.

    Args:
        people: Number of people.
        width: Numbers computed for each draw, which limits the size of a block.
        count: Number of draws.
        seed: Random seed.

    Yields:
        (b, people) how often each person was drawn, in blocks of draws.
    """
    if people < 1 or count < 1:
        raise MisuseError(f"{count} draws of {people} people: give at least one of both")
    rng = np.random.default_rng(seed)
    block = max(1, BLOCK_NUMBERS // max(width, people, 1))
    for start in range(0, count, block):
        size = min(block, count - start)
        drawn = rng.integers(0, people, (size, people)) + people * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * people).reshape(size, people).astype(np.float64)


def of_pairs(drawn: Doubles, first: Ids, second: Ids) -> Doubles:
    """(b, n) how often each pair counts. first, second: (n,) numbers of the people of each pair."""
    return np.where(first == second, drawn[:, first], drawn[:, first] * drawn[:, second])


def resample(
    people: int, width: int, statistics: Callable[[Doubles], Mapping[str, Doubles]], count: int = DRAWS
) -> dict[str, Doubles]:
    """Compute statistics of every draw of people, (count,) under each name. Other arguments: see `draws`."""
    parts = [statistics(drawn) for drawn in draws(people, width, count)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}


def interval(values: ArrayLike, level: float = LEVEL) -> Interval:
    """The central interval with this share of the draws; NaN where no draw has a value."""
    finite = np.asarray(values, np.float64)
    finite = finite[~np.isnan(finite)]
    if not len(finite):
        return Interval(np.nan, np.nan)
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def chance(differences: ArrayLike) -> float:
    """Two-sided p-value of a difference from the draws: how likely one as clear is where there is none.

    Never below 2 / (draws + 1).

    Source: Davison and Hinkley 1997, 'Bootstrap methods and their application', 4.4.
    """
    finite = np.asarray(differences, np.float64)
    finite = finite[~np.isnan(finite)]
    fewer = min(int((finite <= 0).sum()), int((finite >= 0).sum()))
    return min(1.0, 2 * (fewer + 1) / (len(finite) + 1))
