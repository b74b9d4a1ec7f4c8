"""nitakao models: list, show, fetch, import, verify, publish."""

from __future__ import annotations

from pathlib import Path

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice

COMMERCIAL = ("allowed", "forbidden", "unclear")
NORMALISATIONS = ("fixed", "per-picture")  # spelled out, as in options: both are ready without numbers of one's own


@click.group(epilog=options.example("nitakao models list"))
def models() -> None:
    """The models: what they are, whose licences they carry, and whether their weights are here."""


@models.command("list", epilog=options.example("nitakao models list"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
@options.voiced
def list_(voice: Voice, as_json: bool) -> None:
    """List every model: those nitakao knows, then your own."""
    from nitakao.tasks.models import models as task

    listed, problems = task.listing()
    for problem in problems:
        voice.warn(problem)
    header = ("name", "dimension", "metric", "threshold", "commercial", "here", "title")
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
@click.argument("name", shell_complete=options.models)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, every field.")
@options.voiced
def show_(voice: Voice, name: str, as_json: bool) -> None:
    """Show a model's card: crop, normalisation, threshold, licences, files."""
    from nitakao.tasks.models import models as task

    fields = task.show(name)
    if as_json:
        output.json_line(fields)
        return
    for key, value in fields.items():
        if key != "golden":  # a vector of hundreds of numbers is for programs
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
@click.argument("name", shell_complete=options.models)
@options.voiced
def fetch(voice: Voice, name: str) -> None:
    """Fetch a model's weights, unless they are here, and check them; print where they are."""
    from nitakao.tasks.arguments import card_of
    from nitakao.tasks.models import models as task

    output.notice(voice, card_of(name))
    with output.downloading(voice, name) as progress:
        paths = task.fetch(name, progress=progress)
    for path in paths:
        click.echo(str(path))


@models.command("import", epilog=options.example("nitakao models import 20170512-110547"))
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", help="What to call the model (a known model's own name, else that of the file or folder).")
@click.option("--image-size", "--image_size", type=int, default=0, metavar="PX", help="Side of its crops (160).")
@click.option("--margin", type=float, metavar="PX", help="Photograph pixels that its crops add to a face's box (44).")
@click.option(
    "--normalisation",
    type=click.Choice(NORMALISATIONS),
    help="How it wants its pixels (a known model's own; per-picture).",
)
@options.voiced
def import_(
    voice: Voice, path: Path, name: str | None, image_size: int, margin: float | None, normalisation: str | None
) -> None:
    """Make a TensorFlow model of davidsandberg/facenet a model of nitakao.

    PATH is a folder with .meta and .ckpt files, or a frozen .pb. Models known by their date need no options; for others
    say how they were trained to see faces. Needs the extra: pip install "nitakao[tensorflow]".
    """
    from nitakao.tasks.models import models as task

    card = task.import_model(
        path,
        name=name,
        size=image_size,
        margin=margin,
        normalisation=normalisation,  # type: ignore[arg-type]  # one of the option's words
    )
    output.notice(voice, card)
    click.echo(card.name)


@models.command(epilog=options.example("nitakao models verify dlib-resnet"))
@click.argument("name", shell_complete=options.models)
@options.device_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
@options.voiced
def verify(voice: Voice, name: str, device: str | None, gpu_memory_fraction: float | None, as_json: bool) -> None:
    """Check a model's weights against its card, and its network against the card's golden vector."""
    from nitakao.tasks.models import models as task

    output.report(task.verify(name, device=options.device_of(device, gpu_memory_fraction)), as_json)


@models.command(
    epilog=options.example("nitakao models publish mine --licence CC0-1.0 --data-licence 'our own, by consent'")
)
@click.argument("model", metavar="DIR", shell_complete=options.models)
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="FILE", help="The file (NAME.zip).")
@click.option("--licence", metavar="TEXT", help="Under what others may use the weights (the card's).")
@click.option("--data-licence", metavar="TEXT", help="Under what its training data were used (the card's).")
@click.option("--commercial", type=click.Choice(COMMERCIAL), help="Whether it may be used in commerce (the card's).")
@options.voiced
def publish(
    voice: Voice,
    model: str,
    out: Path | None,
    licence: str | None,
    data_licence: str | None,
    commercial: str | None,
) -> None:
    """Pack a model of your own with its card, licence and metrics into one file for others.

    DIR is the folder that `nitakao train` left, or any model that you have. Its network is held to its card first. Who
    has the file unpacks it and names the folder: --model NAME.
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
