"""nitakao evaluate cohorts: error rates of groups of people."""

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
    help="Attributes; the first column has people, or pictures by path or file name.",
)
@click.option("--by", required=True, metavar="COLUMN", help="The column whose groups are compared.")
@click.option("--threshold", type=float, metavar="T", help="Same person below this distance (the model's own).")
@click.option(
    "--far", type=float, metavar="RATE", help="Choose the threshold with this false match rate over all pairs."
)
@click.option("--people", type=click.Path(), metavar="FILE", help="Only people named in this file, one per line.")
@click.option(
    "--min-pictures", type=int, default=1, show_default=True, metavar="N", help="Only people with at least N pictures."
)
@shared.measuring_options
@options.with_voice
def cohorts(
    voice: Voice,
    folder: str | None,
    as_json: bool,
    html: str | None,
    vectors: tuple[str, ...],
    model: Any,
    **arguments: Any,
) -> None:
    """Compare error rates between groups of people.

    All groups use the same threshold. DIR has a folder for each person. Over all pairs of pictures of a group: FNMR is
    the share of pairs of one person that are rejected, FMR the share of pairs of two people that are accepted. Pictures
    without a face or without a value in the column are skipped and counted.
    """
    from nitakao.tasks.evaluate import people_report, report
    from nitakao.tasks.evaluate.cohorts import cohorts as task

    if len(vectors) > 1:
        raise click.UsageError("cohorts are computed for one model: give one file of vectors")
    if html is not None:
        report.check(html)
    found, seconds = one(voice, task, folder, model, vectors[0] if vectors else None, arguments)
    if as_json:
        output.json_line(_record(found) | {"seconds": round(seconds, 3)})
    else:
        _table(found)
    if html is not None:
        people_report.save_cohorts(html, found)


def _table(found: CohortsResult) -> None:
    header = (found.column, "people", "pictures", "same pairs", "FNMR", "95%", "different pairs", "FMR", "95%")
    output.table(header, [_row(each) for each in (*found.cohorts, found.across, found.overall)])
    unknown = f"; {found.unlabelled} pictures without a value in the column" if found.unlabelled else ""
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
