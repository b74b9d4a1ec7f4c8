"""nitakao reindex: a gallery for another model."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice, plural

if TYPE_CHECKING:
    from nitakao.tasks.gallery.reindex import Remade
    from nitakao.values import ModelCard


@click.command(epilog=options.example("nitakao reindex --model facenet-vggface2"))
@click.option("--model", required=True, metavar="MODEL", shell_complete=options.models, help="The new model.")
@options.gallery_option
@click.option(
    "--from-photographs", is_flag=True, help="Crop from the photographs, not from the small pictures in the gallery."
)
@click.option("--flip/--no-flip", default=None, help="Average each vector with that of the mirrored face (as it was).")
@options.device_options
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@options.voiced
def reindex(
    voice: Voice,
    model: str,
    gallery: str | None,
    from_photographs: bool,
    flip: bool | None,
    device: str | None,
    gpu_memory_fraction: float | None,
    as_json: bool,
) -> None:
    """Make all vectors of the gallery anew with another model; people, names and groups stay.

    The new vectors are made from the small picture that the gallery keeps of each face, or with --from-photographs from
    the photographs where they are still there. Until all are made the gallery goes on answering with the old ones. A
    run that is broken off goes on when it is started again.
    """
    from nitakao.tasks.gallery import reindex as task

    def prepare(card: ModelCard) -> None:
        output.notice(voice, card)
        output.fetched(voice, card)

    with voice.progress("faces") as steps:

        def watch(remade: Remade) -> None:
            steps.total = remade.faces
            steps.step(remade.done - steps.done)

        remade = task.reindex(
            gallery,
            model,
            from_photographs=from_photographs,
            flip=flip,
            device=options.device_of(device, gpu_memory_fraction),
            prepare=prepare,
            watch=watch,
        )
    _summary(voice, remade, as_json)


def _summary(voice: Voice, remade: Remade, as_json: bool) -> None:
    if as_json:
        output.json_line(asdict(remade))
        return
    click.echo(f"{plural(remade.done, 'face')} of {remade.faces} now have vectors of {remade.model}")
    if remade.from_chips:
        voice.warn(f"{plural(remade.from_chips, 'face')} from small pictures: their photographs are gone or changed")
    if remade.without:
        listed = ", ".join(map(str, remade.without[:20])) + (", ..." if len(remade.without) > 20 else "")
        voice.warn(f"no crop could be made of {plural(len(remade.without), 'face')} ({listed}): they are not found now")
