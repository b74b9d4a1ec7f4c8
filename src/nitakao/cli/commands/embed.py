"""nitakao embed: photographs to a file of vectors."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice, plural

if TYPE_CHECKING:
    from nitakao.tasks.photos.embed import Tally
    from nitakao.values import ModelCard


@click.command(epilog=options.example("nitakao embed photos -o faces.npz"))
@click.argument("photos", nargs=-1, required=True, metavar="[MODEL] PHOTO...")
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(),
    metavar="OUT",
    help="The file of vectors; its ending tells the kind: .npz .parquet .csv .jsonl .pkl.",
)
@options.model_option("A model's name, or the path of a card or a TensorFlow model (dlib-resnet).")
@options.faces_option("Which faces of a photograph are taken (all; in a .pkl: first).")
@click.option("--key", type=click.Choice(["name", "path"]), help="What a face stands under (path; in a .pkl: name).")
@click.option("--crops", type=click.Path(), metavar="DIR", help="Save the aligned crops in this folder.")
@click.option(
    "--flip", is_flag=True, help="Average each vector with that of the mirrored crop: better, twice the work."
)
@options.detector_options
@options.device_options
@click.option("--batch-size", "--batch_size", type=int, default=32, show_default=True, help="Faces in one network run.")
@click.option("--image-size", "--image_size", type=int, metavar="PX", help="Side of the crops (the model's own).")
@click.option("--margin", type=float, metavar="PX", help="Margin around the face (the model's own; the article: 44).")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@options.voiced
def embed(
    voice: Voice,
    photos: tuple[str, ...],
    out: str,
    model: str | None,
    choice: str | None,
    key: str | None,
    crops: str | None,
    flip: bool,
    device: str | None,
    gpu_memory_fraction: float | None,
    batch_size: int,
    image_size: int | None,
    margin: float | None,
    allow_urls: bool,
    as_json: bool,
    article: bool,
    **detector: Any,
) -> None:
    """Turn every face in the photographs into a vector.

    PHOTO is a file, a folder (with all below it), a glob, or - for a list on standard input. A first argument that is
    a TensorFlow model (a .pb file, or a folder with a .meta file) is the MODEL, as in the article.

    A .pkl is the article's file, {base name: vector}, one face for each picture. A photograph that cannot be read or
    has no face is named with its reason, counted, and stops nothing: the exit code is 0 if at least one photograph
    could be read, else 1. Ctrl-C leaves a complete file of what was done.
    """
    from nitakao.tasks.arguments import card_of, is_model
    from nitakao.tasks.photos import embed as task

    if model is None and is_model(photos[0]):
        model, photos = photos[0], photos[1:]
        if not photos:
            raise click.UsageError(f"'{model}' is the model: name photographs after it")
    card = task.with_crop(card_of(model), size=image_size, margin=margin)
    settings = options.detector_settings(article=article, **detector)
    output.notice(voice, card)
    tally = task.Tally()
    start = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill ends as Ctrl-C does: with a whole file
    try:
        with voice.progress("photos") as steps:
            output.count_aside(voice, steps, photos, allow_urls)
            task.save(
                out,
                photos,
                model=card,
                detector=settings,
                choice=choice or ("first" if article else None),  # type: ignore[arg-type]  # one of the option's words
                flip=flip,
                device=options.device_of(device, gpu_memory_fraction),
                batch_size=batch_size,
                key=key,  # type: ignore[arg-type]
                crops=crops,
                allow_urls=allow_urls,
                stdin=options.standard_input(photos),
                prepare=lambda: output.fetched(voice, card),
                watch=lambda outcome: output.watched(voice, steps, outcome),
                tally=tally,
            )
    except BaseException:
        if tally.saved is not None:
            voice.warn(f"{plural(tally.kept, 'face')} of {plural(tally.photos, 'photo')} saved in '{tally.saved}'")
        raise
    _summary(tally, card, settings.name, time.monotonic() - start, as_json)


def _summary(tally: Tally, card: ModelCard, detector: str, seconds: float, as_json: bool) -> None:
    if as_json:
        output.json_line(
            {
                "output": str(tally.saved),
                "faces": tally.faces,
                "photos": tally.photos,
                "with_faces": tally.with_faces,
                "without_faces": tally.without_faces,
                "unreadable": tally.unreadable,
                "model": card.name,
                "dimension": card.dimension,
                "metric": card.metric,
                "threshold": card.threshold,
                "threshold_source": card.threshold_source,
                "detector": detector,
                "seconds": round(seconds, 3),
            }
        )
        return
    click.echo(
        f"{plural(tally.faces, 'face')} in '{tally.saved}': {output.counts(tally)}, "
        f"{tally.photos / seconds:.1f} a second"
    )
    click.echo(f"{detector}, {output.model_line(card)}")
