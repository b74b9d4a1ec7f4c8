"""nitakao gallery reindex: the vectors of another model."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice, plural

if TYPE_CHECKING:
    from nitakao.tasks.gallery.reindex import ReindexResult
    from nitakao.values import ModelCard


@click.command(epilog=options.example("nitakao gallery reindex --model facenet-vggface2"))
@click.option("--model", required=True, metavar="MODEL", shell_complete=options.complete_models, help="The new model.")
@options.gallery_option
@click.option("--from-photos", is_flag=True, help="Crop from the photos, not from the chips in the gallery.")
@click.option("--flip/--no-flip", default=None, help="Average each vector with that of the mirrored crop (as before).")
@options.device_options
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@options.with_voice
def reindex(
    voice: Voice,
    model: str,
    gallery: str | None,
    from_photos: bool,
    flip: bool | None,
    device: str | None,
    gpu_memory_fraction: float | None,
    as_json: bool,
) -> None:
    """Recompute all vectors with another model.

    People, names and groups are kept. The vectors are computed from the chips, the small pictures that the gallery
    stores of each face, or with --from-photos from the photos that still exist. Searches use the old vectors until all
    new ones are done. An interrupted run resumes when it is started again.
    """
    from nitakao.tasks.gallery import reindex as task

    def prepare(card: ModelCard) -> None:
        output.show_notice(voice, card)
        output.fetch_weights(voice, card)

    with voice.progress("faces") as steps:

        def watch(remade: ReindexResult) -> None:
            steps.total = remade.faces
            steps.step(remade.done - steps.done)

        remade = task.reindex(
            gallery,
            model,
            from_photographs=from_photos,
            flip=flip,
            device=options.device_of(device, gpu_memory_fraction),
            prepare=prepare,
            watch=watch,
        )
    _summary(voice, remade, as_json)


def _summary(voice: Voice, remade: ReindexResult, as_json: bool) -> None:
    if as_json:
        output.json_line(asdict(remade))
        return
    click.echo(f"{plural(remade.done, 'face')} of {remade.faces} have vectors of {remade.model}")
    if remade.from_chips:
        voice.warn(f"{plural(remade.from_chips, 'face')} embedded from chips: their photos are missing or changed")
    if remade.without:
        listed = ", ".join(map(str, remade.without[:20])) + (", ..." if len(remade.without) > 20 else "")
        voice.warn(f"{plural(len(remade.without), 'face')} could not be cropped ({listed}): searches do not find them")
