"""nitakao evaluate cohorts: is a model as good for everybody?"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from nitakao.cli import options, output
from nitakao.cli.commands.evaluate import group as shared
from nitakao.cli.commands.evaluate.group import percent
from nitakao.cli.commands.evaluate.people import one
from nitakao.cli.output import Voice

if TYPE_CHECKING:
    from nitakao.metrics import Interval
    from nitakao.tasks.evaluate.cohorts import Cohort, CohortsResult


@click.command(
    epilog=options.example("nitakao evaluate cohorts lfw --columns people.csv --by decade --html cohorts.html")
)
@click.argument("folder", required=False, metavar="[DIR]")
@click.option(
    "--columns",
    required=True,
    type=click.Path(),
    metavar="CSV",
    help="What is known: its first column names people, or pictures by path or file name.",
)
@click.option("--by", required=True, metavar="COLUMN", help="The column whose groups are told apart.")
@click.option("--threshold", type=float, metavar="T", help="Same person below this distance (the model's own).")
@click.option("--far", type=float, metavar="RATE", help="The threshold at which all pairs of two come to this rate.")
@click.option("--people", type=click.Path(), metavar="FILE", help="Only people named in this file, one on each line.")
@click.option("--least", type=int, default=1, show_default=True, help="Only people with so many pictures or more.")
@shared.measuring_options
@options.voiced
def cohorts(
    voice: Voice,
    folder: str | None,
    as_json: bool,
    html: str | None,
    vectors: tuple[str, ...],
    model: Any,
    **asked: Any,
) -> None:
    """Tell the errors of groups of people apart, all at one common threshold.

    DIR has a folder for each person. Of all pairs that the pictures of a group make: FNMR, the share of pairs of one
    person that are refused, and FMR, the share of pairs of two that are accepted. Pictures without a face, and those of
    which the column says nothing, are left out and counted.
    """
    from nitakao.tasks.evaluate import people_report, report
    from nitakao.tasks.evaluate.cohorts import cohorts as task

    if len(vectors) > 1:
        raise click.UsageError("cohorts are told of one model at a time: give one file of vectors")
    if html is not None:
        report.check(html)
    found, seconds = one(voice, task, folder, model, vectors[0] if vectors else None, asked)
    if as_json:
        output.json_line(_record(found) | {"seconds": round(seconds, 3)})
    else:
        _table(found)
    if html is not None:
        people_report.save_cohorts(html, found)


def _table(found: CohortsResult) -> None:
    header = (found.column, "people", "pictures", "pairs of one", "FNMR", "95%", "pairs of two", "FMR", "95%")
    output.table(header, [_row(each) for each in (*found.cohorts, found.across, found.overall)])
    unknown = f"; {found.unlabelled} pictures of which the column says nothing" if found.unlabelled else ""
    faceless = f"; {found.faceless} without a face" if found.faceless else ""
    click.echo(
        f"{shared.about(found.labelled.embedded)}, same person below {found.threshold:.4f} ({found.threshold_source})"
        f"{unknown}{faceless}"
    )


def _row(each: Cohort) -> tuple[object, ...]:
    fnmr, fmr = _within(each.fnmr_interval, percent), _within(each.fmr_interval, rate)
    counts = each.name, each.people, each.pictures
    return (*counts, each.same, percent(each.fnmr), fnmr, each.different, rate(each.fmr), fmr)


def rate(share: float) -> str:
    """Rates of false matches are small: three digits of them."""
    return "-" if share != share else f"{100 * share:.3g}%"


def _within(interval: Interval | None, of: Any) -> str:
    if interval is None or interval.low != interval.low:
        return "-"
    return "none seen" if interval.high != interval.high else f"{of(interval.low)} to {of(interval.high)}"


def _record(found: CohortsResult) -> dict[str, Any]:
    return {
        "model": found.labelled.embedded.model,
        "metric": found.labelled.embedded.metric,
        "threshold": found.threshold,
        "threshold_source": found.threshold_source,
        "column": found.column,
        "cohorts": [asdict(each) for each in found.cohorts],
        "across": asdict(found.across),
        "all": asdict(found.overall),
        "unknown": found.unlabelled,
        "without_faces": found.faceless,
    }
