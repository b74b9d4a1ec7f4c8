"""The HTML reports of identification, retrieval, clustering and cohorts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from nitakao.report.evaluation import Block, Curves, EvaluationSection, ImagePair, ImagePairs, Intervals, Table
from nitakao.report.plots import Axis, Interval, Line
from nitakao.tasks.evaluate import report as pages
from nitakao.tasks.evaluate.clustering import ClusteringResult
from nitakao.tasks.evaluate.cohorts import Cohort, CohortsResult
from nitakao.tasks.evaluate.comparison import Difference, Figures
from nitakao.tasks.evaluate.embeddings import Embedded
from nitakao.tasks.evaluate.identification import Hits, IdentificationResult
from nitakao.tasks.evaluate.labelled import FilePath, LabelledVectors
from nitakao.tasks.evaluate.report import interval_text, percent
from nitakao.tasks.evaluate.retrieval import RetrievalResult
from nitakao.values import Ids

MAX_ERRORS = 12  # of each kind


class _Result(Protocol):
    @property
    def labelled(self) -> LabelledVectors: ...

    @property
    def figures(self) -> Figures: ...


def save_identification(
    path: FilePath, results: Sequence[IdentificationResult], differences: Sequence[Difference]
) -> None:
    """Write the report of identification, of one model or several."""
    roles = results[0].roles
    blocks: list[Block] = [_figures(results), _match_curves(results)]
    blocks += [_open_set_curves(results)] if len(roles.unenrolled) else []
    note = (
        f"{len(roles.probes)} probes among {results[0].people} people enrolled with {len(roles.enrolled)} pictures; "
        f"{len(roles.unenrolled)} probes of people who are not enrolled"
    )
    parts = [EvaluationSection("Figures", tuple(blocks), note), *_comparison(differences)]
    parts += [_errors(each) for each in results]
    pages.save(path, _title("Identification", results), parts, _notes(results))


def save_retrieval(path: FilePath, results: Sequence[RetrievalResult], differences: Sequence[Difference]) -> None:
    """Write the report of retrieval, of one model or several."""
    note = f"{len(results[0].retrieved.rows)} of {len(results[0].labelled.labels)} pictures are queries"
    parts = [EvaluationSection("Figures", (_figures(results),), note), *_comparison(differences)]
    pages.save(path, _title("Retrieval", results), parts, _notes(results))


def save_clustering(path: FilePath, results: Sequence[ClusteringResult], differences: Sequence[Difference]) -> None:
    """Write the report of clustering, of one model or several."""
    header = ("model", "faces", "people", "groups", "ungrouped", "same person below")
    rows = tuple(
        (
            _name(each),
            str(len(each.clusters)),
            str(each.labelled.people),
            str(each.groups),
            str(each.ungrouped),
            f"{each.threshold:g}",
        )
        for each in results
    )
    parts = [EvaluationSection("Figures", (_figures(results), Table(header, rows))), *_comparison(differences)]
    pages.save(path, _title("Clustering", results), parts, _notes(results))


def save_cohorts(path: FilePath, result: CohortsResult) -> None:
    """Write the report of cohorts."""
    cohorts = [*result.cohorts, result.across, result.overall]
    rows = tuple(
        (
            each.name,
            str(each.people),
            str(each.pictures),
            str(each.same),
            percent(each.fnmr),
            interval_text(each.fnmr_interval),
            str(each.different),
            percent(each.fmr, 4),
            interval_text(each.fmr_interval, 4),
        )
        for each in cohorts
    )
    header = (result.column, "people", "pictures", "genuine pairs", "FNMR", "95%", "impostor pairs", "FMR", "95%")
    note = (
        f"Same person below {result.threshold:.4f} ({result.threshold_source}) for all groups. FNMR: share of genuine "
        "pairs rejected. FMR: share of impostor pairs accepted. Both pictures of a pair are in the group; across: in "
        "two groups."
    )
    fnmr = _spans(cohorts, "fnmr", "FNMR by group; the line marks all pairs.")
    fmr = _spans(cohorts, "fmr", "FMR by group; the line marks all pairs.")
    notes = [_describe(result.labelled.embedded), pages.OVER_PEOPLE]
    if result.unlabelled or result.faceless:
        notes.append(
            f"Left out: {result.unlabelled} pictures without a value in the column, {result.faceless} without a face."
        )
    title = f"Errors by {result.column}: {result.labelled.embedded.model or 'unnamed model'}"
    pages.save(path, title, [EvaluationSection("Groups", (Table(header, rows), fnmr, fmr), note)], notes)


def _spans(cohorts: Sequence[Cohort], rate: str, caption: str) -> Intervals:
    rows = []
    for each in cohorts[:-1]:
        interval = each.fnmr_interval if rate == "fnmr" else each.fmr_interval
        ends = (interval.low, interval.high) if interval else (np.nan, np.nan)
        rows.append(Interval(each.name, getattr(each, rate), *ends))
    values = [value for row in rows for value in (row.value, row.high) if not np.isnan(value)]
    overall = getattr(cohorts[-1], rate)
    axis = Axis(rate.upper(), 0.0, max([*values, overall, 1e-6]) * 1.1, format=lambda value: f"{100 * value:g}%")
    return Intervals(tuple(rows), axis, (overall, "all"), caption)


def _figures(results: Sequence[_Result]) -> Table:
    """One row per figure, two columns per model."""
    header, rows = ["figure"], []
    for each in results:
        header += [_name(each), "95% over people"]
    intervals = [each.figures.intervals for each in results]
    for name in results[0].figures.values:
        row = [name]
        for each, of_model in zip(results, intervals, strict=True):
            row += [percent(each.figures.values.get(name, np.nan)), interval_text(of_model.get(name))]
        rows.append(tuple(row))
    return Table(tuple(header), tuple(rows))


def _comparison(differences: Sequence[Difference]) -> list[EvaluationSection]:
    return [pages.comparison(differences)] if differences else []


def _match_curves(results: Sequence[IdentificationResult]) -> Curves:
    lines = [
        Line(_name(each), np.arange(1.0, len(each.match_shares) + 1), each.match_shares, _rank_bars(each))
        for each in results
    ]
    last = max(2.0, *(line.x[-1] for line in lines))
    lowest = min(float(line.y[0]) for line in lines)
    lowest = min([lowest, *(bar[1] for line in lines for bar in line.bars)])
    axes = Axis("rank", 1.0, last), pages.share_axis("probes identified", lowest)
    caption = (
        "Cumulative match characteristic: share of probes whose own person is at this rank or before. Whiskers: 95% "
        "intervals over people."
    )
    return Curves(tuple(lines), *axes, caption)


def _rank_bars(result: IdentificationResult) -> tuple[tuple[float, float, float], ...]:
    """Rank and interval of each rank-k above 1."""
    intervals = result.figures.intervals.items()
    ranks = [(float(name.removeprefix("rank-")), each) for name, each in intervals if name.startswith("rank-")]
    return tuple((rank, each.low, each.high) for rank, each in ranks if rank > 1)


def _open_set_curves(results: Sequence[IdentificationResult]) -> Curves:
    lines = []
    for each in results:
        thresholds = np.sort(each.unenrolled_hits.distance)
        correct = np.sort(np.where(each.hits.rank == 1, each.hits.own_distance, np.inf))
        fpir = np.arange(len(thresholds)) / len(thresholds)
        tpir = np.searchsorted(correct, thresholds, side="left") / len(correct)
        end = np.isfinite(correct).mean()
        lines.append(Line(_name(each), np.append(fpir, 1.0), np.append(tpir, end), stepped=True))
    least = 1 / len(results[0].roles.unenrolled)
    lowest = min(float(line.y[line.x <= least].max()) for line in lines)
    axes = pages.rate_axis("FPIR: unenrolled probes identified", least), pages.share_axis("TPIR", lowest)
    caption = (
        "Share of probes identified as their own person (TPIR) by share of unenrolled probes identified as anybody "
        "(FPIR)."
    )
    return Curves(tuple(lines), *axes, caption)


def _errors(result: IdentificationResult) -> EvaluationSection:
    """The nearest false matches."""
    wrong = np.flatnonzero(result.hits.rank > 1)
    couples = _nearest(result, result.hits, result.roles.probes, wrong)
    blocks = [ImagePairs("Identified as somebody else: the nearest", couples, "Every probe is identified at rank 1.")]
    if len(result.roles.unenrolled):
        rows = np.arange(len(result.roles.unenrolled))
        couples = _nearest(result, result.unenrolled_hits, result.roles.unenrolled, rows)
        blocks.append(ImagePairs("Not enrolled: the nearest", couples, "No unenrolled probe has a face."))
    return EvaluationSection(_name(result), tuple(blocks))


def _nearest(result: IdentificationResult, hits: Hits, probes: Ids, rows: Ids) -> tuple[ImagePair, ...]:
    """Probes of these rows with their nearest enrolled pictures, nearest first."""
    names = [os.path.basename(name) for name in result.labelled.names]
    labels = result.labelled.labels
    couples = []
    for row in rows[np.argsort(hits.distance[rows], kind="stable")][:MAX_ERRORS]:
        if np.isfinite(hits.distance[row]):
            sides = int(probes[row]), int(hits.nearest[row])
            caption = f"{labels[sides[0]]}, nearest to {labels[sides[1]]}: {hits.distance[row]:.3f}"
            pair = names[sides[0]], names[sides[1]]
            couples.append(pages.couple(result.labelled.embedded, sides, pair, caption))
    return tuple(couples)


def _name(result: _Result) -> str:
    return result.labelled.embedded.model or "unnamed model"


def _title(kind: str, results: Sequence[_Result]) -> str:
    return f"{kind}: {', '.join(_name(each) for each in results)}"


def _notes(results: Sequence[_Result]) -> list[str]:
    intervals = [pages.OVER_PEOPLE] if results[0].figures.draws else []
    return [*(_describe(each.labelled.embedded) for each in results), *intervals]


def _describe(embedded: Embedded) -> str:
    flip = "; vectors averaged with those of mirrored crops" if embedded.flip else ""
    missing = f"; {embedded.faceless} pictures without a face" if embedded.faceless else ""
    missing += f"; {len(embedded.problems)} unreadable" if embedded.problems else ""
    return f"{embedded.model or 'unnamed model'}, {embedded.metric} distance{flip}{missing}"
