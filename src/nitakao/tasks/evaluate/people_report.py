"""What identification, retrieval, clustering and cohorts came to as pages."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from nitakao.report.evaluation import Block, Curves, EvaluationSection, ImagePair, ImagePairs, Intervals, Table
from nitakao.report.plots import Axis, Interval, Line
from nitakao.tasks.evaluate import report as pages
from nitakao.tasks.evaluate.clustering import ClusteringEvaluated
from nitakao.tasks.evaluate.cohorts import Cohort, CohortsEvaluated
from nitakao.tasks.evaluate.comparison import Difference, Figures
from nitakao.tasks.evaluate.embeddings import Measured
from nitakao.tasks.evaluate.identification import IdentificationEvaluated
from nitakao.tasks.evaluate.labelled import Everyone
from nitakao.tasks.evaluate.report import percent, within
from nitakao.tasks.evaluate.retrieval import RetrievalEvaluated

File = str | os.PathLike[str]
MOST = 12  # mistakes of a kind that are shown


class _Evaluated(Protocol):
    @property
    def everyone(self) -> Everyone: ...

    @property
    def figures(self) -> Figures: ...


def save_identification(
    path: File, found: Sequence[IdentificationEvaluated], differences: Sequence[Difference]
) -> None:
    """The page of who was recognised, one model or several."""
    blocks: list[Block] = [_figures(found), _matches(found)]
    blocks += [_strangers(found)] if len(found[0].strangers) else []
    first = found[0]
    note = (
        f"{len(first.probes)} probes among {first.people} people enrolled by {len(first.enrolled)} pictures; "
        f"{len(first.strangers)} pictures of strangers"
    )
    parts = [EvaluationSection("Figures", tuple(blocks), note), *([pages.compared(differences)] if differences else [])]
    parts += [_mistakes(each) for each in found]
    pages.save(path, _title("Identification", found), parts, _notes(found))


def save_retrieval(path: File, found: Sequence[RetrievalEvaluated], differences: Sequence[Difference]) -> None:
    """The page of what was found, one model or several."""
    note = (
        f"{len(found[0].retrieved.rows)} of {len(found[0].everyone.who)} pictures asked for the others of their person"
    )
    parts = [
        EvaluationSection("Figures", (_figures(found),), note),
        *([pages.compared(differences)] if differences else []),
    ]
    pages.save(path, _title("Retrieval", found), parts, _notes(found))


def save_clustering(path: File, found: Sequence[ClusteringEvaluated], differences: Sequence[Difference]) -> None:
    """The page of how groups agree with people, one model or several."""
    header = ("model", "faces", "people", "groups", "alone", "same person below")
    rows = tuple(
        (
            _name(each),
            str(len(each.labels)),
            str(len(set(each.everyone.who))),
            str(each.groups),
            str(each.alone),
            f"{each.threshold:g}",
        )
        for each in found
    )
    parts = [EvaluationSection("Figures", (_figures(found), Table(header, rows)))]
    parts += [pages.compared(differences)] if differences else []
    pages.save(path, _title("Clustering", found), parts, _notes(found))


def save_cohorts(path: File, found: CohortsEvaluated) -> None:
    """The page of each group's errors."""
    every = [*found.cohorts, found.across, found.whole]
    rows = tuple(
        (
            each.name,
            str(each.people),
            str(each.pictures),
            str(each.same),
            percent(each.fnmr),
            within(each.fnmr_interval),
            str(each.different),
            percent(each.fmr, 4),
            within(each.fmr_interval, 4),
        )
        for each in every
    )
    header = (found.column, "people", "pictures", "pairs of one", "FNMR", "95%", "pairs of two", "FMR", "95%")
    note = (
        f"Same person below {found.threshold:.4f} ({found.threshold_source}), for everybody. FNMR: pairs of one person "
        "that are refused; FMR: pairs of two that are accepted; both pictures in the group, or, across, in two groups."
    )
    refused = _spans(every, "fnmr", "Pairs of one person that are refused, by group; the line is all together.")
    accepted = _spans(every, "fmr", "Pairs of two people that are accepted, by group; the line is all together.")
    notes = [_of(found.everyone.measured), pages.OVER_PEOPLE]
    if found.unknown or found.faceless:
        notes.append(
            f"Left out: {found.unknown} pictures of which the column says nothing, {found.faceless} without a face."
        )
    title = f"Errors by {found.column}: {found.everyone.measured.model or 'model not named'}"
    pages.save(path, title, [EvaluationSection("Groups", (Table(header, rows), refused, accepted), note)], notes)


def _spans(every: Sequence[Cohort], kind: str, caption: str) -> Intervals:
    rows = []
    for each in every[:-1]:
        interval = each.fnmr_interval if kind == "fnmr" else each.fmr_interval
        ends = (interval.low, interval.high) if interval else (np.nan, np.nan)
        rows.append(Interval(each.name, getattr(each, kind), *ends))
    values = [value for row in rows for value in (row.value, row.high) if not np.isnan(value)]
    top = max([*values, getattr(every[-1], kind), 1e-6])
    axis = Axis(kind.upper(), 0.0, top * 1.1, shown=lambda value: f"{100 * value:g}%")
    return Intervals(tuple(rows), axis, (getattr(every[-1], kind), "all"), caption)


def _figures(found: Sequence[_Evaluated]) -> Table:
    """A row for each figure, and two columns for each model."""
    header, rows = ["figure"], []
    for each in found:
        header += [_name(each), "95% over people"]
    intervals = [each.figures.intervals for each in found]
    for name in found[0].figures.told:
        row = [name]
        for each, known in zip(found, intervals, strict=True):
            row += [percent(each.figures.told.get(name, np.nan)), within(known.get(name))]
        rows.append(tuple(row))
    return Table(tuple(header), tuple(rows))


def _matches(found: Sequence[IdentificationEvaluated]) -> Curves:
    lines = [
        Line(_name(each), np.arange(1.0, len(each.shares) + 1), each.shares, _bars(each, "rank-", 1.0))
        for each in found
    ]
    longest = max(2.0, *(line.x[-1] for line in lines))
    lowest = min(float(line.y[0]) for line in lines)
    lowest = min([lowest, *(bar[1] for line in lines for bar in line.bars)])
    axes = Axis("rank", 1.0, longest), pages.share_axis("probes found", lowest)
    caption = (
        "Cumulative match characteristic: the share of probes whose own person is among the first so many. Whiskers: "
        "95% over people."
    )
    return Curves(tuple(lines), *axes, caption)


def _strangers(found: Sequence[IdentificationEvaluated]) -> Curves:
    lines = []
    for each in found:
        thresholds = np.sort(each.stranger_at)
        right = np.sort(np.where(each.rank == 1, each.own, np.inf))
        fpir = np.arange(len(thresholds)) / len(thresholds)
        tpir = np.searchsorted(right, thresholds, side="left") / len(right)
        lines.append(Line(_name(each), np.append(fpir, 1.0), np.append(tpir, np.isfinite(right).mean()), stepped=True))
    least = 1 / len(found[0].strangers)
    lowest = min(float(line.y[line.x <= least].max()) for line in lines)
    axes = pages.rate_axis("FPIR: strangers answered with a name", least), pages.share_axis("TPIR", lowest)
    caption = (
        "Share of probes answered with their own person (TPIR), by the share of strangers answered with anybody (FPIR)."
    )
    return Curves(tuple(lines), *axes, caption)


def _bars(found: IdentificationEvaluated, start: str, least: float) -> tuple[tuple[float, float, float], ...]:
    intervals = found.figures.intervals
    known = [(float(name.removeprefix(start)), each) for name, each in intervals.items() if name.startswith(start)]
    return tuple((rank, each.low, each.high) for rank, each in known if rank > least)


def _mistakes(found: IdentificationEvaluated) -> EvaluationSection:
    wrong = [int(n) for n in np.argsort(found.at, kind="stable") if found.rank[n] > 1 and np.isfinite(found.at[n])]
    nearest = [int(n) for n in np.argsort(found.stranger_at, kind="stable") if np.isfinite(found.stranger_at[n])]
    taken = [_couple(found, int(found.probes[n]), int(found.nearest[n]), found.at[n]) for n in wrong[:MOST]]
    blocks = [
        ImagePairs("Taken for somebody else: the nearest", tuple(taken), "Every probe was nearest to her own person.")
    ]
    if len(found.strangers):
        near = [
            _couple(found, int(found.strangers[n]), int(found.stranger_nearest[n]), found.stranger_at[n])
            for n in nearest[:MOST]
        ]
        blocks.append(ImagePairs("Strangers nearest to somebody enrolled", tuple(near), "No stranger has a face."))
    return EvaluationSection(_name(found), tuple(blocks))


def _couple(found: IdentificationEvaluated, asked: int, enrolled: int, apart: float) -> ImagePair:
    names = [os.path.basename(name) for name in found.everyone.names]
    who = f"{found.everyone.who[asked]}, nearest to {found.everyone.who[enrolled]}: {apart:.3f}"
    return pages.couple(found.everyone.measured, (asked, enrolled), (names[asked], names[enrolled]), who)


def _name(found: _Evaluated) -> str:
    return found.everyone.measured.model or "model not named"


def _title(what: str, found: Sequence[_Evaluated]) -> str:
    return f"{what}: {', '.join(_name(each) for each in found)}"


def _notes(found: Sequence[_Evaluated]) -> list[str]:
    intervals = [pages.OVER_PEOPLE] if found[0].figures.drawn else []
    return [*(_of(each.everyone.measured) for each in found), *intervals]


def _of(measured: Measured) -> str:
    flip = "; vectors averaged with the mirrored crop's" if measured.flip else ""
    missing = f"; {measured.faceless} pictures without a face" if measured.faceless else ""
    missing += f"; {len(measured.problems)} unreadable" if measured.problems else ""
    return f"{measured.model or 'model not named'}, {measured.metric} distance{flip}{missing}"
