"""nitakao models: list, show, fetch, import, verify, publish."""

from __future__ import annotations

from pathlib import Path

import click

from nitakao.cli import options, output
from nitakao.cli.groups import Group
from nitakao.cli.output import Voice

COMMERCIAL = ("allowed", "forbidden", "unclear")
NORMALISATIONS = ("fixed", "per-picture")  # those that need no further numbers; a test compares them


@click.group(cls=Group, epilog=options.example("nitakao models list"))
def models() -> None:
    """List, download, import and check models."""


@models.command("list", epilog=options.example("nitakao models list"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per line.")
@options.with_voice
def list_(voice: Voice, as_json: bool) -> None:
    """List all models: built-in models, then your own."""
    from nitakao.tasks.models import models as task

    listed, problems = task.listing()
    for problem in problems:
        voice.warn(problem)
    header = ("name", "dimension", "metric", "threshold", "commercial", "installed", "title")
    rows = []
    for model in listed:
        card = model.card
        rows.append((card.name, card.dimension, card.metric, card.threshold, card.commercial, model.here, card.title))
    if as_json:
        for row in rows:
            output.json_line(dict(zip(header, row, strict=True)))
        return
    output.table(header, [[_cell(value) for value in row] for row in rows])


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}" if value == value else "-"
    return str(value)


@models.command("show", epilog=options.example("nitakao models show dlib-resnet"))
@click.argument("name", shell_complete=options.complete_models)
@click.option("--json", "as_json", is_flag=True, help="Print JSON with every field.")
@options.with_voice
def show_(voice: Voice, name: str, as_json: bool) -> None:
    """Show a model's card.

    It lists crop, normalisation, metric, threshold, licences and files.
    """
    from nitakao.tasks.models import models as task

    fields = task.show(name)
    if as_json:
        output.json_line(fields)
        return
    for key, value in fields.items():
        if key != "golden":  # a vector of hundreds of numbers; --json has it
            _print_field(key, value)


def _print_field(key: str, value: object, indent: str = "") -> None:
    if isinstance(value, dict):
        click.echo(f"{indent}{key}:")
        for name, item in value.items():
            _print_field(name, item, indent + "  ")
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for number, item in enumerate(value, 1):
            _print_field(f"{key} {number}", item, indent)
    elif isinstance(value, list):
        click.echo(f"{indent}{key}: {', '.join(str(item) for item in value) or '-'}")
    else:
        click.echo(f"{indent}{key}: {'-' if value in ('', None) else value}")


@models.command(epilog=options.example("nitakao models fetch facenet-vggface2"))
@click.argument("name", shell_complete=options.complete_models)
@options.with_voice
def fetch(voice: Voice, name: str) -> None:
    """Download and check a model's weights.

    Prints the paths of the files. Files that are already here are not downloaded again.
    """
    from nitakao.tasks.arguments import load_card
    from nitakao.tasks.models import models as task

    output.show_notice(voice, load_card(name))
    with output.downloading(voice, name) as progress:
        paths = task.fetch(name, progress=progress)
    for path in paths:
        click.echo(str(path))


@models.command("import", epilog=options.example("nitakao models import 20170512-110547"))
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the model (a known model's name, or that of the file or folder).")
@click.option("--image-size", "--image_size", type=int, default=0, metavar="PX", help="Side of the crops (160).")
@click.option("--margin", type=float, metavar="PX", help="Margin around the face (44).")
@click.option(
    "--normalisation",
    type=click.Choice(NORMALISATIONS),
    help="Normalisation of pixels (a known model's own, or per-picture).",
)
@options.with_voice
def import_(
    voice: Voice, path: Path, name: str | None, image_size: int, margin: float | None, normalisation: str | None
) -> None:
    """Import a TensorFlow model of davidsandberg/facenet.

    PATH is a folder with .meta and .ckpt files, or a frozen .pb. A released model, such as 20170512-110547, needs no
    options and works as --model 20170512-110547 afterwards; for others give the crops they were trained on. Requires
    the extra: pip install "nitakao[tensorflow]".
    """
    from nitakao.tasks.models import models as task

    card = task.import_model(
        path,
        name=name,
        size=image_size,
        margin=margin,
        normalisation=normalisation,  # type: ignore[arg-type]  # one of the option's words
    )
    output.show_notice(voice, card)
    click.echo(card.name)


@models.command(epilog=options.example("nitakao models verify dlib-resnet"))
@click.argument("name", shell_complete=options.complete_models)
@options.device_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per line.")
@options.with_voice
def verify(voice: Voice, name: str, device: str | None, gpu_memory_fraction: float | None, as_json: bool) -> None:
    """Check a model's weights and its output.

    Compares the files with the hashes on the card, and the network's output with the card's reference vector.
    """
    from nitakao.tasks.models import models as task

    output.print_checks(task.verify(name, device=options.device_of(device, gpu_memory_fraction)), as_json)


@models.command(
    epilog=options.example("nitakao models publish mine --licence CC0-1.0 --data-licence 'our own, by consent'")
)
@click.argument("model", metavar="DIR", shell_complete=options.complete_models)
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="FILE", help="The file to write (NAME.zip).")
@click.option("--licence", metavar="TEXT", help="Licence of the weights (the card's).")
@click.option("--data-licence", metavar="TEXT", help="Licence of the training data (the card's).")
@click.option("--commercial", type=click.Choice(COMMERCIAL), help="Whether commercial use is allowed (the card's).")
@options.with_voice
def publish(
    voice: Voice,
    model: str,
    out: Path | None,
    licence: str | None,
    data_licence: str | None,
    commercial: str | None,
) -> None:
    """Pack your own model into one file for others.

    The file holds the model with its card, licence and metrics. DIR is the folder that 'nitakao train' wrote, or any
    other model. The network is checked against its card first. To use the file, unpack it: --model FOLDER.
    """
    from nitakao.tasks.models import publish as task

    path, card = task.publish(
        model,
        out,
        licence=licence,
        data_licence=data_licence,
        commercial=commercial,  # type: ignore[arg-type]  # one of the option's words
    )
    click.echo(f"{path}: {card.title}; weights: {card.weights_licence}; commercial use {card.commercial}")
