"""How sure a figure is: what it would be for other people like these.

People are drawn with replacement, not pairs: pairs that share a person are alike, and an interval that takes each for
news of its own comes out too narrow.  A pair of two people counts as often as the product of both.
Sources: Efron 1979; for pairs, Snijders and Borgatti 1999, 'Non-parametric standard errors and tests for network
statistics', less the pairs of a person with a copy of herself.
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
ROOM = 4_000_000  # numbers that one block of draws may have: 32 MB


@dataclass(frozen=True)
class Interval:
    """Where a figure lies for 95% of the draws."""

    low: float
    high: float


def draws(people: int, width: int, count: int = DRAWS, seed: int = SEED) -> Iterator[Doubles]:
    """(b, people) how often each person was drawn, in blocks of draws, `count` in all.

    width: numbers that are worked out for each draw, which decides how many go into a block.
    """
    if people < 1 or count < 1:
        raise MisuseError(f"{count} draws of {people} people: one or more of both are needed")
    random = np.random.default_rng(seed)
    most = max(1, ROOM // max(width, people, 1))
    for start in range(0, count, most):
        size = min(most, count - start)
        drawn = random.integers(0, people, (size, people)) + people * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * people).reshape(size, people).astype(np.float64)


def of_pairs(drawn: Doubles, first: Ids, second: Ids) -> Doubles:
    """(b, n) how often each pair counts. first, second: (n,) numbers of its people, equal for a pair of one person."""
    return np.where(first == second, drawn[:, first], drawn[:, first] * drawn[:, second])


def resample(
    people: int, width: int, of: Callable[[Doubles], Mapping[str, Doubles]], count: int = DRAWS
) -> dict[str, Doubles]:
    """What `of` tells of each draw, (count,) under each name."""
    parts = [of(drawn) for drawn in draws(people, width, count)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}


def interval(values: ArrayLike, level: float = LEVEL) -> Interval:
    """The middle `level` of the draws; not-a-number where none has a value."""
    found = np.asarray(values, np.float64)
    found = found[~np.isnan(found)]
    if not len(found):
        return Interval(np.nan, np.nan)
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def chance(differences: ArrayLike) -> float:
    """How likely a difference at least as clear as these draws' is where there is none: two-sided, 0 to 1.

    Source: Davison and Hinkley 1997, 'Bootstrap methods and their application', 4.4; never below 2 / (draws + 1).
    """
    found = np.asarray(differences, np.float64)
    found = found[~np.isnan(found)]
    fewer = min(int((found <= 0).sum()), int((found >= 0).sum()))
    return min(1.0, 2 * (fewer + 1) / (len(found) + 1))
