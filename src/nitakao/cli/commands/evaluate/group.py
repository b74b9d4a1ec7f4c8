"""nitakao evaluate: how good a model is, as papers measure it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice

if TYPE_CHECKING:
    from nitakao.metrics import Interval
    from nitakao.pipeline import PipelineOptions
    from nitakao.tasks.evaluate.comparison import Difference
    from nitakao.tasks.evaluate.embeddings import Embedded, Progress
    from nitakao.values import ModelCard, Outcome

Command = TypeVar("Command", bound=Callable[..., Any])

METRICS = ("euclidean", "cosine")


@click.group(epilog=options.example("nitakao evaluate pairs lfw --pairs pairs.txt"))
def evaluate() -> None:
    """Measure a model: pairs, identification, retrieval, clustering, and groups of people apart.

    Intervals are 95% intervals by bootstrap over people. docs/evaluate.md defines every figure.
    """


def measuring_options(command: Command) -> Command:
    """Options of how pictures become vectors, of the model, and of the output; see `embedding_options`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    options.model_option("A model's name or path (dlib-resnet; with --vectors: the one the file names)."),
    click.option(
        "--vectors",
        multiple=True,
        type=click.Path(),
        metavar="FILE",
        help="Take vectors from this file of 'nitakao embed' instead of pictures; several: side by side.",
    ),
    click.option("--metric", type=click.Choice(METRICS), help="The distance (the model's own)."),
    click.option("--flip", is_flag=True, help="Average each vector with that of the mirrored crop."),
    click.option(
        "--centre-crop",
        "--center-crop",
        is_flag=True,
        help="Pictures are aligned faces: take the middle of each, as large as the model's crop.",
    ),
    options.faces_option("Which face of a picture counts (central)."),
    options.detector_options,
    options.device_options,
    click.option("--batch-size", type=int, default=32, show_default=True, help="Faces in one network run."),
    click.option("--draws", type=int, default=1000, show_default=True, help="Draws of people for intervals; 0: none."),
    click.option("--html", type=click.Path(), metavar="FILE", help="Save a page with curves and pictures."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
)


def embedding_options(
    choice: str | None,
    flip: bool,
    centre_crop: bool,
    device: str | None,
    gpu_memory_fraction: float | None,
    batch_size: int,
    article: bool,
    allow_urls: bool,
    detector: str | None = None,
    default_detector: str | None = None,
    **settings: Any,
) -> PipelineOptions:
    """The options of these command-line options. default_detector: used without --detector."""
    from nitakao.pipeline import PipelineOptions

    if allow_urls:
        raise click.UsageError("--allow-url does not go with what is measured: its pictures are files")
    if centre_crop and detector not in (None, "none"):
        raise click.UsageError("--centre-crop takes pictures as they are, and --detector looks for faces in them")
    return PipelineOptions(
        options.detector_settings(article=article, detector=detector or default_detector, **settings),
        choice or ("first" if article else "central"),  # type: ignore[arg-type]  # one of the option's words
        options.device_of(device, gpu_memory_fraction),
        flip,
        batch_size,
    )


def ready(voice: Voice, card: ModelCard) -> None:
    """Say what its licences leave open, and have its files here."""
    output.notice(voice, card)
    output.fetched(voice, card)


def progress(voice: Voice, steps: output.Steps) -> Progress:
    """Count pictures in the progress bar, and print their problems."""
    from nitakao.tasks.evaluate.embeddings import Progress

    def start(pictures: int) -> None:
        steps.total = pictures

    def step(outcome: Outcome) -> None:
        steps.step()
        if outcome.problem:
            voice.warn(outcome.complaint)

    return Progress(start, step)


def percent(share: float) -> str:
    return "-" if share != share else f"{100 * share:.2f}%"


def between(interval: Interval | None, of: Callable[[float], str] = percent) -> str:
    """'97.97% to 99.24%', or nothing where nothing was drawn."""
    return "-" if interval is None else f"{of(interval.low)} to {of(interval.high)}"


def about(found: Embedded) -> str:
    """Model and metric, and what was done to get the vectors."""
    done = f"{found.model or 'model not named'}, {found.metric}"
    return f"{done}, with flip" if found.flip else done


def left_out(found: Embedded) -> str:
    """What makes pairs and probes count as failed."""
    said = f"; {found.faceless} without a face" if found.faceless else ""
    return f"{said}; {len(found.problems)} unreadable" if found.problems else said


def several(model: str | None, more: Iterable[str], compare: bool, vectors: tuple[str, ...]) -> list[str | None]:
    """The models that are measured one after the other; one None: the default, or that of the vectors."""
    named = list(more)
    if named and not compare:
        raise click.UsageError(f"'{named[0]}' is one argument too many: models to compare follow --compare")
    if compare and vectors:
        raise click.UsageError("--compare names models; files of vectors are compared by several --vectors")
    if compare and len(named) + (model is not None) < 2:
        raise click.UsageError("--compare needs two models or more: DIR --compare A B")
    if len(vectors) > 1 and model is not None:
        raise click.UsageError("several files of vectors name their models themselves: leave --model out")
    return [*([model] if model is not None else []), *named] or [model]


def tell_differences(differences: list[Difference]) -> None:
    """A table of how models differ, after an empty line; nothing where there is one model."""
    if not differences:
        return
    click.echo()
    rows = [
        (
            each.figure,
            f"{each.difference:+.5f}",
            between(each.interval, lambda value: f"{value:+.5f}"),
            f"{each.chance:.3f}",
            f"{each.one} minus {each.other}",
        )
        for each in differences
    ]
    output.table(("figure", "difference", "95%", "chance", "models"), rows)


def difference(each: Difference) -> dict[str, Any]:
    """The same for programs."""
    return {
        "figure": each.figure,
        "one": each.one,
        "other": each.other,
        "difference": each.difference,
        "low": each.interval.low,
        "high": each.interval.high,
        "chance": each.chance,
    }
