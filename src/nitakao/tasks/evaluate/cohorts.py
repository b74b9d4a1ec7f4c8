"""Is a model as good for everybody: the errors of groups of people at one common threshold."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import MisuseError
from nitakao.metrics import Interval, bootstrap, crosswise
from nitakao.tasks.evaluate.embeddings import Measuring, Model, Watch, threshold_of
from nitakao.tasks.evaluate.labelled import Everyone, Path_, PeopleWanted, of_people
from nitakao.values import Doubles, Metric

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

BLOCK = 512  # pictures at a time, each with all others
MOST_KEPT = 50_000_000  # distances that a threshold at a rate may be found among: 400 MB
NONE_SEEN = Interval(0.0, math.nan)  # no draw shows an error that nobody has: the upper end is not known


@dataclass(frozen=True)
class Cohort:
    """One group's errors.

    same, different: pairs of one person and of two, both pictures in the group.  fnmr: the share of pairs of one person
    that the threshold refuses.  fmr: the share of pairs of two that it accepts.  NaN where there is no such pair.
    """

    name: str
    people: int
    pictures: int
    same: int
    different: int
    fnmr: float
    fnmr_interval: Interval | None
    fmr: float
    fmr_interval: Interval | None


@dataclass(frozen=True, eq=False)
class CohortsEvaluated:
    """The errors of each group, of pairs across groups, and of all.

    unknown: pictures of whom the column says nothing, faceless: without a face; both are left out.
    """

    column: str
    cohorts: tuple[Cohort, ...]
    across: Cohort
    whole: Cohort
    threshold: float
    threshold_source: str
    everyone: Everyone
    unknown: int
    faceless: int


def evaluate_cohorts(
    folder: str | os.PathLike[str] | None = None,
    *,
    columns: Path_,
    by: str,
    model: Model = None,
    vectors: Path_ | None = None,
    metric: Metric | None = None,
    wanted: PeopleWanted | None = None,
    threshold: float | None = None,
    far: float | None = None,
    look: Measuring | None = None,
    draws: int = bootstrap.DRAWS,
    started: Callable[[int], None] = lambda pictures: None,
    watch: Watch = lambda outcome: None,
) -> CohortsEvaluated:
    """What share of pairs each group's members have wrong, of all pairs that their pictures make.

    columns: a CSV whose first column names people, or pictures by their paths or file names.  by: which of its columns.
    threshold: None: the card's; far: the one at which this share of all pairs of two people is accepted.
    """
    if far is not None and (threshold is not None or not 0 < far < 1):
        raise MisuseError(f"a rate lies between 0 and 1 and stands in place of a threshold, not {far:g} beside one")
    from nitakao import protocols

    table = protocols.read_columns(Path(columns))
    everyone = of_people(
        folder,
        model=model,
        vectors=vectors,
        metric=metric,
        wanted=wanted,
        look=look,
        started=started,
        watch=watch,
    )
    faceless = int((~everyone.measured.there).sum())
    everyone = everyone.with_faces()
    told = [table.of(by, name, person) for name, person in zip(everyone.names, everyone.who, strict=True)]
    known = np.array([bool(value) for value in told])
    if not known.any():
        raise MisuseError(f"'{os.fspath(columns)}' says nothing of these people or pictures, such as {everyone.who[0]}")
    everyone = everyone.only(known)
    groups = [value for value in told if value]
    if far is None:
        limit, source = threshold_of(everyone.measured, threshold)
    else:
        limit, source = _threshold_at(everyone, far), f"at a rate of {far:g} of false matches among all these pairs"
    cohorts, across, whole = counted(everyone, groups, limit, draws)
    unknown = int((~known).sum())
    return CohortsEvaluated(by, cohorts, across, whole, limit, source, everyone, unknown, faceless)


def _threshold_at(everyone: Everyone, far: float) -> float:
    """The distance below which this share of all pairs of two people lies."""
    counts = np.bincount(everyone.people).astype(np.int64)
    different = int((counts.sum() ** 2 - (counts**2).sum()) // 2)
    wanted = int(far * different)
    if wanted < 1:
        raise MisuseError(f"{different} pairs of two people are too few for a rate of {far:g}: name a higher one")
    if wanted > MOST_KEPT:
        raise MisuseError(f"a rate of {far:g} is too high for {different} pairs: name a lower one, or a threshold")
    nearest = np.zeros(0)
    for apart, _, _, same in _blocks(everyone):
        nearest = np.concatenate([nearest, apart[~same]])
        nearest = np.partition(nearest, wanted)[: wanted + 1] if len(nearest) > wanted + 1 else nearest
    nearest.sort()
    return float(nearest[min(wanted, len(nearest) - 1)])


def _blocks(everyone: Everyone) -> Iterator[tuple[Doubles, Ints, Ints, Bools]]:
    """Every pair once, by the block: distances (m,), rows of both sides, and whether they are one person."""
    vectors, people, count = everyone.measured.vectors, everyone.people, len(everyone.who)
    for start in range(0, count, BLOCK):
        rows = np.arange(start, min(start + BLOCK, count))
        apart = crosswise(vectors[rows], vectors[start:], everyone.measured.metric)
        first, second = np.nonzero(np.arange(count - start) > np.arange(len(rows))[:, None])
        one, two = rows[first], start + second
        yield apart[first, second], one, two, people[one] == people[two]


@dataclass(frozen=True, eq=False)
class _Wrong:
    """Pairs that the threshold has wrong.

    missed: (people, groups + 1) of one person, by group, the last across groups.
    false: (k, 3) two people and the group, and times: (k,) how many of their pairs were accepted.
    """

    missed: Doubles
    false: Ints
    times: Doubles


def counted(
    everyone: Everyone, groups: list[str], threshold: float, draws: int = bootstrap.DRAWS
) -> tuple[tuple[Cohort, ...], Cohort, Cohort]:
    """The errors of each group, across groups, and of all. groups: (n,) each picture's."""
    names, group = np.unique(np.array(groups), return_inverse=True)
    group, people = group.ravel().astype(np.int64), everyone.people
    sizes = np.zeros((int(people.max()) + 1, len(names)))
    np.add.at(sizes, (people, group), 1)
    wrong = _wrong(everyone, group, len(names), threshold)
    here = {name: value[0] for name, value in _rates(np.ones((1, len(sizes))), sizes, wrong).items()}
    drawn: dict[str, Doubles] = {}
    if draws:
        width = 3 * (len(wrong.times) + sizes.size)
        drawn = bootstrap.gathered(len(sizes), width, lambda weights: _flat(_rates(weights, sizes, wrong)), draws)
    in_group = [(sizes[:, g] > 0, sizes[:, g].sum()) for g in range(len(names))]
    every = (np.ones(len(sizes), bool), sizes.sum())
    told = zip([*(str(name) for name in names), "across", "all"], [*in_group, every, every], strict=True)
    cohorts = [_cohort(name, place, who, pictures, here, drawn) for place, (name, (who, pictures)) in enumerate(told)]
    return tuple(cohorts[:-2]), cohorts[-2], cohorts[-1]


def _wrong(everyone: Everyone, group: Ints, groups: int, threshold: float) -> _Wrong:
    people = everyone.people
    missed = np.zeros((int(people.max()) + 1, groups + 1))
    keys, times = [np.zeros((0, 3), np.int64)], [np.zeros(0)]
    for apart, one, two, same in _blocks(everyone):
        kind = np.where(group[one] == group[two], group[one], groups)
        refused = same & (apart >= threshold)
        np.add.at(missed, (people[one[refused]], kind[refused]), 1)
        accepted = ~same & (apart < threshold)
        pairs = np.sort(np.stack([people[one[accepted]], people[two[accepted]]], axis=1), axis=1)
        rows, count = np.unique(np.column_stack([pairs, kind[accepted]]), axis=0, return_counts=True)
        keys.append(rows)
        times.append(count.astype(np.float64))
    return _Wrong(missed, np.concatenate(keys), np.concatenate(times))


def _rates(weights: Doubles, sizes: Doubles, wrong: _Wrong) -> dict[str, Doubles]:
    """Under fnmr, fmr, same and different: (b, groups + 2), the last two across groups and of all.

    weights: (b, people) how often each counts.  sizes: (people, groups) her pictures in each.
    """
    groups = sizes.shape[1]
    own = sizes * (sizes - 1) / 2
    everything = sizes.sum(axis=1)
    all_own = everything * (everything - 1) / 2
    same = weights @ np.column_stack([own, all_own - own.sum(axis=1), all_own])
    shares = weights @ sizes, weights @ everything
    squares = weights**2 @ sizes**2, weights**2 @ everything**2
    within, whole = ((total**2 - square) / 2 for total, square in zip(shares, squares, strict=True))
    different = np.column_stack([within, whole - within.sum(axis=1), whole])
    missed = weights @ np.column_stack([wrong.missed, wrong.missed.sum(axis=1)])
    one, two, kind = wrong.false.T
    counts = weights[:, one] * weights[:, two] * wrong.times
    false = np.column_stack([counts[:, kind == g].sum(axis=1) for g in range(groups + 1)] + [counts.sum(axis=1)])
    return {"fnmr": _share(missed, same), "fmr": _share(false, different), "same": same, "different": different}


def _share(part: Doubles, whole: Doubles) -> Doubles:
    return np.asarray(np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0.5))


def _flat(rates: dict[str, Doubles]) -> dict[str, Doubles]:
    columns = range(rates["fmr"].shape[1])
    return {f"{name}{column}": rates[name][:, column] for name in ("fnmr", "fmr") for column in columns}


def _cohort(
    name: str, number: int, who: Bools, pictures: float, here: dict[str, Doubles], drawn: dict[str, Doubles]
) -> Cohort:
    fnmr, fmr = float(here["fnmr"][number]), float(here["fmr"][number])
    intervals = []
    for kind, rate in (("fnmr", fnmr), ("fmr", fmr)):
        values = drawn.get(f"{kind}{number}")
        intervals.append(None if values is None else NONE_SEEN if rate == 0 else bootstrap.interval(values))
    same, different = (round(float(here[kind][number])) for kind in ("same", "different"))
    return Cohort(name, int(who.sum()), int(pictures), same, different, fnmr, intervals[0], fmr, intervals[1])
