"""nitakao calibrate: what distances mean among one's own people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice

if TYPE_CHECKING:
    from nitakao.tasks.gallery.calibrate import Calibrated


@click.command(epilog=options.example("nitakao calibrate"))
@click.option("--grouped", is_flag=True, help="Count faces too that grouping gave to people with a name.")
@click.option("--reset", is_flag=True, help="Go back to the calibration of the model's card.")
@options.gallery_option
@options.model_option("The gallery's own model, where its card is not among yours.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
@options.voiced
def calibrate(voice: Voice, grouped: bool, reset: bool, gallery: str | None, model: str | None, as_json: bool) -> None:
    """Fit probabilities and false matches on the people of the gallery who have a name.

    Faces count that a hand or a label gave to their person. The gallery keeps what is found, and answers tell it from
    then on. Shown are, for pairs that the fit had not seen, the probability told and the share that was one person;
    then the distances below which pairs of two people come at each rate.
    """
    from nitakao.tasks.gallery import calibrate as task

    if reset:
        if grouped:
            raise click.UsageError("--reset goes back, --grouped fits anew: give one of them")
        had = task.reset(gallery)
        if as_json:
            output.json_line({"reset": had})
        else:
            click.echo("back to the model's calibration" if had else "the gallery had no calibration of its own")
        return
    found = task.calibrate(gallery, model=model, grouped=grouped)
    if found.grouped:
        voice.warn(
            f"{found.grouped} of {found.faces} faces were given to their person by grouping, which chose them by "
            "distance: probabilities come out surer than they are"
        )
    _as_json(found) if as_json else _as_table(found)


def _as_table(found: Calibrated) -> None:
    output.table(("told", "true", "pairs"), [(f"{b.told:.4f}", f"{b.true:.4f}", b.pairs) for b in found.bins])
    click.echo()
    rates = found.calibration.false_matches
    output.table(("false matches", "below"), [(f"1 in {round(1 / rate)}", f"{apart:.3f}") for rate, apart in rates[1:]])
    before = "" if math.isnan(found.before) else f", {found.before:.2%} before"
    click.echo(
        f"{found.model}, {found.metric}; {output.plural(found.faces, 'face')} of {found.people} people: {found.same} "
        f"pairs of one person, {found.different} of two; calibration error {found.error:.2%}{before}"
    )


def _as_json(found: Calibrated) -> None:
    from dataclasses import asdict

    output.json_line(asdict(found))
