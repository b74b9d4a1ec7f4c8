"""nitakao align: a dataset of aligned crops."""

from __future__ import annotations

import signal
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice, plural

if TYPE_CHECKING:
    from nitakao.tasks.photos.align import AlignCounts
    from nitakao.values import CropRule


@click.command(epilog=options.example("nitakao align lfw lfw_160 --image-size 160 --margin 32"))
@click.argument("folder", metavar="IN", type=click.Path())
@click.argument("into", metavar="OUT", type=click.Path())
@options.model_option("Crop faces as this model does, including its landmark template.")
@click.option("--image-size", "--image_size", type=int, metavar="PX", help="Side of the crops (182; the model's own).")
@click.option("--margin", type=float, metavar="PX", help="Margin around the face (44; the model's own).")
@options.faces_option("Which face to write (largest); all: each, with its number.")
@click.option(
    "--format", "ending", type=click.Choice(["png", "jpg"]), default="png", show_default=True, help="Image format."
)
@click.option("--overwrite", is_flag=True, help="Write crops again that exist already.")
@options.detector_options
@options.device_options
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@options.with_voice
def align(
    voice: Voice,
    folder: str,
    into: str,
    model: str | None,
    image_size: int | None,
    margin: float | None,
    faces: str | None,
    ending: str,
    overwrite: bool,
    device: str | None,
    gpu_memory_fraction: float | None,
    allow_urls: bool,
    as_json: bool,
    article: bool,
    **detector: Any,
) -> None:
    """Crop and align the faces of a dataset.

    Like facenet's align_dataset_mtcnn and OpenFace's align-dlib, it writes IN/PERSON/NAME.jpg to OUT/PERSON/NAME.png,
    and the boxes to bounding_boxes.txt. An interrupted run resumes; existing crops are skipped. Pictures without a face
    and unreadable files are reported and skipped: the exit code is 0 if at least one picture could be read, else 1.
    """
    from nitakao.tasks.photos import align as task

    if allow_urls:
        raise click.UsageError("--allow-url does not apply to a folder of pictures")
    rule = _rule(model, image_size, margin)
    tally, start = task.AlignCounts(), time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # SIGTERM, like Ctrl-C, leaves a complete list
    try:
        with voice.progress("pictures") as steps:

            def started(pictures: int) -> None:
                steps.total = pictures

            def watch(outcome: Any) -> None:
                steps.step()
                if outcome.problem:
                    voice.warn(outcome.complaint)

            task.align(
                folder,
                into,
                crop_format=task.CropFormat(rule, f".{ending}"),
                options=options.pipeline_options(
                    faces=faces,
                    device=device,
                    gpu_memory_fraction=gpu_memory_fraction,
                    allow_urls=allow_urls,
                    article=article,
                    **detector,
                ),
                overwrite=overwrite,
                started=started,
                watch=watch,
                counts=tally,
            )
    except BaseException:
        if tally.crops:
            voice.warn(f"{plural(tally.crops, 'crop')} of {plural(tally.pictures, 'picture')} written in '{into}'")
        raise
    _summary(tally, into, rule, time.monotonic() - start, as_json)


def _rule(model: str | None, size: int | None, margin: float | None) -> CropRule:
    from nitakao.tasks.arguments import load_card
    from nitakao.tasks.photos.align import MARGIN, SIZE
    from nitakao.tasks.photos.embed import with_crop
    from nitakao.values import CropRule

    if model is not None:
        return with_crop(load_card(model), size=size, margin=margin).crop
    return CropRule("article", SIZE if size is None else size, MARGIN if margin is None else margin)


def _summary(tally: AlignCounts, into: str, rule: CropRule, seconds: float, as_json: bool) -> None:
    if as_json:
        crop = {"crop": rule.kind, "size": rule.size, "margin": rule.margin}
        output.json_line({"output": into, **asdict(tally), **crop, "seconds": round(seconds, 3)})
        return
    parts = [f"{plural(tally.crops, 'crop')} of {plural(tally.pictures, 'picture')} in '{into}'"]
    parts += [f"{tally.before} existed already"] if tally.before else []
    parts += [f"{tally.without_faces} without a face"] if tally.without_faces else []
    parts += [f"{tally.unreadable} unreadable"] if tally.unreadable else []
    click.echo(f"{', '.join(parts)}; {tally.pictures / seconds:.1f} a second")
    margin = f", margin {rule.margin:g}" if rule.kind != "template" else ""
    click.echo(f"{rule.kind} crop of {rule.size} pixels{margin}")
