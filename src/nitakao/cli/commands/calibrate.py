"""nitakao gallery calibrate: probabilities fitted to the people of a gallery."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice

if TYPE_CHECKING:
    from nitakao.tasks.gallery.calibrate import CalibrationResult


@click.command(epilog=options.example("nitakao gallery calibrate"))
@click.option("--grouped", is_flag=True, help="Also use faces that clustering assigned to named people.")
@click.option("--reset", is_flag=True, help="Restore the calibration of the model's card.")
@options.gallery_option
@options.model_option("The card of the gallery's model, if it is not installed by name.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
@options.with_voice
def calibrate(voice: Voice, grouped: bool, reset: bool, gallery: str | None, model: str | None, as_json: bool) -> None:
    """Fit probabilities to the named people of the gallery.

    Uses the faces that were assigned by hand or by a label. The result is stored in the gallery and used by all later
    searches. The first table compares, for held-out pairs, the predicted probability with the observed share of pairs
    of one person; the second shows the distance at each false match rate.
    """
    from nitakao.tasks.gallery import calibrate as task

    if reset:
        if grouped:
            raise click.UsageError("--reset and --grouped exclude each other")
        had = task.reset(gallery)
        if as_json:
            output.json_line({"reset": had})
        else:
            click.echo(
                "restored the model's calibration"
                if had
                else "nothing changed: the gallery has no calibration of its own"
            )
        return
    found = task.calibrate(gallery, model=model, grouped=grouped)
    if found.grouped:
        voice.warn(
            f"{found.grouped} of {found.faces} faces were assigned by clustering, which uses the same distances: "
            "the probabilities are overconfident"
        )
    _as_json(found) if as_json else _as_table(found)


def _as_table(found: CalibrationResult) -> None:
    output.table(
        ("predicted", "observed", "pairs"), [(f"{b.predicted:.4f}", f"{b.observed:.4f}", b.pairs) for b in found.bins]
    )
    click.echo()
    rates = found.calibration.false_matches
    output.table(("false matches", "below"), [(f"1 in {round(1 / rate)}", f"{apart:.3f}") for rate, apart in rates[1:]])
    before = "" if math.isnan(found.before) else f", {found.before:.2%} before"
    click.echo(
        f"{found.model}, {found.metric}; {output.plural(found.faces, 'face')} of {found.people} people: {found.same} "
        f"pairs of one person, {found.different} of two; calibration error {found.error:.2%}{before}"
    )


def _as_json(found: CalibrationResult) -> None:
    from dataclasses import asdict

    output.json_line(asdict(found))
