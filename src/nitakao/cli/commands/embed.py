"""nitakao embed: photos to a file of vectors."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice, plural

if TYPE_CHECKING:
    from nitakao.tasks.photos.embed import PhotoCounts
    from nitakao.values import ModelCard


ARTICLE_OUTPUT = "img_facenet.pkl"  # what the article's script writes


@click.command(epilog=options.example("nitakao embed photos -o faces.npz"))
@click.argument("photos", nargs=-1, required=True, metavar="[MODEL] PHOTO...", shell_complete=options.complete_files)
@click.option(
    "-o",
    "--out",
    type=click.Path(),
    metavar="FILE",
    help="The file to write: .npz .parquet .csv .jsonl .pkl (if MODEL is given: img_facenet.pkl).",
)
@options.model_option("A model's name, or the path of a card or a TensorFlow model (dlib-resnet).")
@options.faces_option("Which faces of a photo to embed (all; in a .pkl: first).")
@click.option(
    "--key",
    type=click.Choice(["name", "path"]),
    help="Key of each vector: the photo's path or base name (path; in a .pkl: name).",
)
@click.option("--crops", type=click.Path(), metavar="DIR", help="Save the aligned crops in this folder.")
@click.option(
    "--flip", is_flag=True, help="Average each vector with that of the mirrored crop: more accurate, half as fast."
)
@options.detector_options
@options.device_options
@click.option(
    "--batch-size", "--batch_size", type=int, default=32, show_default=True, help="Faces per run of the network."
)
@click.option("--image-size", "--image_size", type=int, metavar="PX", help="Side of the crops (the model's own).")
@click.option("--margin", type=float, metavar="PX", help="Margin around the face (the model's own; the article: 44).")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@options.with_voice
def embed(
    voice: Voice,
    photos: tuple[str, ...],
    out: str | None,
    model: str | None,
    faces: str | None,
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
    """Write an embedding of every face to a file.

    PHOTO is a file, a folder with everything below it, a glob, or - for a list on standard input. As in the article, a
    first argument that is a TensorFlow model (a .pb file, or a folder with a .meta file) is the MODEL, and without
    --out the vectors are then written to img_facenet.pkl. docs/formats.md describes the formats.

    A .pkl is the article's dictionary {base name: vector}, with one face per photo. Photos without a face and
    unreadable files are reported and skipped; the exit code is 0 if at least one photo could be read, else 1. After
    Ctrl-C, the file holds the faces embedded so far.
    """
    from nitakao.tasks.arguments import is_model, load_card
    from nitakao.tasks.photos import embed as task

    if model is None and is_model(photos[0]):
        model, photos = photos[0], photos[1:]
        if not photos:
            raise click.UsageError(f"'{model}' is the model: name photos after it")
        out = out or ARTICLE_OUTPUT
    if out is None:
        missing = not os.path.exists(photos[0]) and not any(mark in photos[0] for mark in "*?[:")
        hint = f" ('{photos[0]}' does not exist, so it is not the model)" if missing else ""
        raise click.UsageError(f"Missing option '-o' / '--out': name the file of vectors to write{hint}")
    card = task.with_crop(load_card(model), size=image_size, margin=margin)
    settings = options.pipeline_options(
        faces=faces,
        device=device,
        gpu_memory_fraction=gpu_memory_fraction,
        allow_urls=allow_urls,
        article=article,
        flip=flip,
        batch_size=batch_size,
        **detector,
    )
    output.show_notice(voice, card)
    tally = task.PhotoCounts()
    start = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # SIGTERM, like Ctrl-C, leaves a complete file
    try:
        with voice.progress("photos") as steps:
            output.count_in_background(voice, steps, photos, allow_urls)
            task.embed_to_file(
                task.EmbedOutput(out, key, crops),  # type: ignore[arg-type]  # one of the option's words
                photos,
                model=card,
                options=settings,
                stdin=options.standard_input(photos),
                prepare=lambda: output.fetch_weights(voice, card),
                watch=lambda outcome: output.show_outcome(voice, steps, outcome),
                counts=tally,
            )
    except BaseException:
        if tally.saved is not None:
            voice.warn(f"{plural(tally.kept, 'face')} of {plural(tally.photos, 'photo')} saved in '{tally.saved}'")
        raise
    _summary(tally, card, settings.detector.name, time.monotonic() - start, as_json)


def _summary(tally: PhotoCounts, card: ModelCard, detector: str, seconds: float, as_json: bool) -> None:
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
        f"{plural(tally.faces, 'face')} in '{tally.saved}': {output.format_counts(tally)}, "
        f"{tally.photos / seconds:.1f} a second"
    )
    click.echo(f"{detector}, {output.model_line(card)}")
