"""Cohorts: the error rates of groups of people at one common threshold."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nitakao.errors import MisuseError
from nitakao.metrics import Interval, bootstrap, crosswise
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.evaluate.embeddings import Model, Progress, choose_threshold
from nitakao.tasks.evaluate.labelled import FilePath, LabelledSet, LabelledVectors, embed_labelled
from nitakao.values import Doubles, Flags, Ids

BLOCK = 512  # pictures at a time, each with all others
MAX_DISTANCES = 50_000_000  # kept to find the threshold at a rate: 400 MB
NO_ERRORS = Interval(0.0, math.nan)  # without errors no draw has one: the upper end is unknown


@dataclass(frozen=True)
class Cohort:
    """The error rates of one group, over pairs with both pictures in the group.

    Attributes:
        name: The group.
        people: Number of people.
        pictures: Number of pictures.
        same: Number of genuine pairs (of one person).
        different: Number of impostor pairs (of two people).
        fnmr: False non-match rate: the share of genuine pairs that are rejected; NaN without such pairs.
        fnmr_interval: Its 95% interval; None without draws.
        fmr: False match rate: the share of impostor pairs that are accepted; NaN without such pairs.
        fmr_interval: Its 95% interval; None without draws.
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
class CohortsResult:
    """The result of `cohorts`.

    Attributes:
        column: The column that names the groups.
        cohorts: The error rates of each group.
        across: Those of pairs across groups.
        overall: Those of all pairs.
        threshold: Same person below this distance.
        threshold_source: Where the threshold comes from.
        labelled: Vectors of the pictures that count.
        unlabelled: Number of pictures without a value in the column; left out.
        faceless: Number of pictures without a face; left out.
    """

    column: str
    cohorts: tuple[Cohort, ...]
    across: Cohort
    overall: Cohort
    threshold: float
    threshold_source: str
    labelled: LabelledVectors
    unlabelled: int
    faceless: int


def cohorts(
    data: LabelledSet,
    columns: FilePath,
    by: str,
    *,
    model: Model = None,
    options: PipelineOptions | None = None,
    threshold: float | None = None,
    far: float | None = None,
    progress: Progress | None = None,
) -> CohortsResult:
    """Measure the error rates of groups of people, over all pairs of their pictures.

    Args:
        data: Labelled pictures.
        columns: CSV file whose first column names people, or pictures by path or file name.
        by: The column of it that names the groups.
        model: Name, path or card of the model. None: the default model, or the one that the file of vectors names.
        options: How faces are detected and embedded.
        threshold: Same person below this distance. None: the model's.
        far: Use the threshold at which this share of all impostor pairs is accepted, in place of `threshold`.
        progress: Callbacks.
    """
    if far is not None and threshold is not None:
        raise MisuseError("a false accept rate sets the threshold: give one of them")
    if far is not None and not 0 < far < 1:
        raise MisuseError(f"a false accept rate lies between 0 and 1, not at {far:g}")
    from nitakao import protocols

    table = protocols.read_columns(Path(columns))
    labelled = embed_labelled(data, model=model, options=options, progress=progress)
    faceless = int((~labelled.embedded.has_vector).sum())
    labelled = labelled.with_faces()
    values = [table.value(by, name, person) for name, person in zip(labelled.names, labelled.labels, strict=True)]
    has_value = np.array([bool(value) for value in values])
    if not has_value.any():
        raise MisuseError(f"'{os.fspath(columns)}' has none of these people or pictures, such as {labelled.labels[0]}")
    labelled = labelled.only(has_value)
    if far is None:
        limit, source = choose_threshold(labelled.embedded, threshold)
    else:
        limit, source = _threshold_at(labelled, far), f"FAR {far:g} over all these pairs"
    rates = measure_cohorts(labelled, [value for value in values if value], limit, data.draws)
    return CohortsResult(by, *rates, limit, source, labelled, int((~has_value).sum()), faceless)


def _threshold_at(labelled: LabelledVectors, far: float) -> float:
    """The distance below which this share of all impostor pairs lies."""
    counts = np.bincount(labelled.person_ids).astype(np.int64)
    different = int((counts.sum() ** 2 - (counts**2).sum()) // 2)
    accepted = int(far * different)
    if accepted < 1:
        raise MisuseError(f"{different} pairs of two people are too few for a rate of {far:g}: give a higher rate")
    if accepted > MAX_DISTANCES:
        raise MisuseError(f"a rate of {far:g} is too high for {different} pairs: give a lower rate, or a threshold")
    nearest = np.zeros(0)
    for distances, _, _, same in _pair_blocks(labelled):
        nearest = np.concatenate([nearest, distances[~same]])
        nearest = np.partition(nearest, accepted)[: accepted + 1] if len(nearest) > accepted + 1 else nearest
    nearest.sort()
    return float(nearest[min(accepted, len(nearest) - 1)])


def _pair_blocks(labelled: LabelledVectors) -> Iterator[tuple[Doubles, Ids, Ids, Flags]]:
    """Every pair once, in blocks: distances (m,), rows of both sides, and whether they are one person."""
    vectors, ids, count = labelled.embedded.vectors, labelled.person_ids, len(labelled.labels)
    for start in range(0, count, BLOCK):
        rows = np.arange(start, min(start + BLOCK, count))
        distances = crosswise(vectors[rows], vectors[start:], labelled.embedded.metric)
        first, second = np.nonzero(np.arange(count - start) > np.arange(len(rows))[:, None])
        one, two = rows[first], start + second
        yield distances[first, second], one, two, ids[one] == ids[two]


@dataclass(frozen=True, eq=False)
class _Errors:
    """Pairs that the threshold gets wrong.

    rejected: (people, groups + 1) genuine pairs of each person in each group, the last across groups.
    accepted: (k, 3) two people and the group of impostor pairs. counts: (k,) how many such pairs.
    """

    rejected: Doubles
    accepted: Ids
    counts: Doubles


def measure_cohorts(
    labelled: LabelledVectors, groups: list[str], threshold: float, draws: int = bootstrap.DRAWS
) -> tuple[tuple[Cohort, ...], Cohort, Cohort]:
    """The error rates of each group, of pairs across groups, and of all pairs.

    groups: (n,) the group of each picture.
    """
    names, group = np.unique(np.array(groups), return_inverse=True)
    group, ids = group.ravel().astype(np.int64), labelled.person_ids
    sizes = np.zeros((int(ids.max()) + 1, len(names)))
    np.add.at(sizes, (ids, group), 1)
    errors = _count_errors(labelled, group, len(names), threshold)
    values = {name: value[0] for name, value in _rates(np.ones((1, len(sizes))), sizes, errors).items()}
    drawn: dict[str, Doubles] = {}
    if draws:
        width = 3 * (len(errors.counts) + sizes.size)
        drawn = bootstrap.resample(len(sizes), width, lambda weights: _flatten(_rates(weights, sizes, errors)), draws)
    members = [(sizes[:, g] > 0, sizes[:, g].sum()) for g in range(len(names))]
    everyone = (np.ones(len(sizes), bool), sizes.sum())
    titles = [*(str(name) for name in names), "across", "all"]
    cohorts = [
        _cohort(title, column, people, pictures, values, drawn)
        for column, (title, (people, pictures)) in enumerate(zip(titles, [*members, everyone, everyone], strict=True))
    ]
    return tuple(cohorts[:-2]), cohorts[-2], cohorts[-1]


def _count_errors(labelled: LabelledVectors, group: Ids, groups: int, threshold: float) -> _Errors:
    ids = labelled.person_ids
    rejected_counts = np.zeros((int(ids.max()) + 1, groups + 1))
    accepted_keys, counts = [np.zeros((0, 3), np.int64)], [np.zeros(0)]
    for distances, one, two, same in _pair_blocks(labelled):
        pair_group = np.where(group[one] == group[two], group[one], groups)
        rejected = same & (distances >= threshold)
        np.add.at(rejected_counts, (ids[one[rejected]], pair_group[rejected]), 1)
        accepted = ~same & (distances < threshold)
        pairs = np.sort(np.stack([ids[one[accepted]], ids[two[accepted]]], axis=1), axis=1)
        rows, count = np.unique(np.column_stack([pairs, pair_group[accepted]]), axis=0, return_counts=True)
        accepted_keys.append(rows)
        counts.append(count.astype(np.float64))
    return _Errors(rejected_counts, np.concatenate(accepted_keys), np.concatenate(counts))


def _rates(weights: Doubles, sizes: Doubles, errors: _Errors) -> dict[str, Doubles]:
    """fnmr, fmr, same and different: (b, groups + 2), the last two columns across groups and of all.

    weights: (b, people) how often each person counts. sizes: (people, groups) pictures of each person in each group.
    """
    groups = sizes.shape[1]
    genuine = sizes * (sizes - 1) / 2
    pictures = sizes.sum(axis=1)
    all_genuine = pictures * (pictures - 1) / 2
    same = weights @ np.column_stack([genuine, all_genuine - genuine.sum(axis=1), all_genuine])
    sums = weights @ sizes, weights @ pictures
    squares = weights**2 @ sizes**2, weights**2 @ pictures**2
    in_group, overall = ((total**2 - square) / 2 for total, square in zip(sums, squares, strict=True))
    different = np.column_stack([in_group, overall - in_group.sum(axis=1), overall])
    rejected = weights @ np.column_stack([errors.rejected, errors.rejected.sum(axis=1)])
    one, two, group = errors.accepted.T
    counts = weights[:, one] * weights[:, two] * errors.counts
    accepted = np.column_stack([counts[:, group == g].sum(axis=1) for g in range(groups + 1)] + [counts.sum(axis=1)])
    fnmr, fmr = _divide(rejected, same), _divide(accepted, different)
    return {"fnmr": fnmr, "fmr": fmr, "same": same, "different": different}


def _divide(part: Doubles, whole: Doubles) -> Doubles:
    return np.asarray(np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0.5))


def _flatten(rates: dict[str, Doubles]) -> dict[str, Doubles]:
    columns = range(rates["fmr"].shape[1])
    return {f"{name}{column}": rates[name][:, column] for name in ("fnmr", "fmr") for column in columns}


def _cohort(
    name: str, column: int, people: Flags, pictures: float, values: dict[str, Doubles], drawn: dict[str, Doubles]
) -> Cohort:
    fnmr, fmr = float(values["fnmr"][column]), float(values["fmr"][column])
    intervals = []
    for kind, rate in (("fnmr", fnmr), ("fmr", fmr)):
        draws = drawn.get(f"{kind}{column}")
        intervals.append(None if draws is None else NO_ERRORS if rate == 0 else bootstrap.interval(draws))
    same, different = (round(float(values[kind][column])) for kind in ("same", "different"))
    return Cohort(name, int(people.sum()), int(pictures), same, different, fnmr, intervals[0], fmr, intervals[1])
