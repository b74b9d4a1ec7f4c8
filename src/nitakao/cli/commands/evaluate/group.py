"""nitakao evaluate: the accuracy of a model, by the protocols of papers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nitakao.cli import options, output
from nitakao.cli.groups import Group, Lazy
from nitakao.cli.output import Voice

if TYPE_CHECKING:
    from nitakao.metrics import Interval
    from nitakao.pipeline import PipelineOptions
    from nitakao.tasks.evaluate.comparison import Difference
    from nitakao.tasks.evaluate.embeddings import Embedded, Progress
    from nitakao.values import ModelCard, Outcome

Command = TypeVar("Command", bound=Callable[..., Any])

METRICS = ("euclidean", "cosine")


SECTIONS = {
    "Protocols": {
        "pairs": Lazy("evaluate.pairs:pairs", "Verify pairs of pictures, as in LFW."),
        "identification": Lazy("evaluate.people:identification", "Identify probes among enrolled people."),
        "retrieval": Lazy("evaluate.people:retrieval", "Retrieve the other pictures of each person."),
        "clustering": Lazy("evaluate.people:clustering", "Cluster pictures, and compare with the true people."),
        "cohorts": Lazy("evaluate.cohorts:cohorts", "Compare error rates between groups of people."),
    }
}


@click.group(cls=Group, sections=SECTIONS, epilog=options.example("nitakao evaluate pairs lfw --pairs pairs.txt"))
def evaluate() -> None:
    """Measure the accuracy of a model.

    Intervals are 95% bootstrap intervals over people. docs/evaluate.md defines every figure.
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
        help="Use this file of vectors of 'nitakao embed' instead of pictures; repeat to compare several.",
    ),
    click.option("--metric", type=click.Choice(METRICS), help="The metric (the model's own)."),
    click.option("--flip", is_flag=True, help="Average each vector with that of the mirrored crop."),
    click.option(
        "--centre-crop",
        "--center-crop",
        is_flag=True,
        help="Pictures are aligned faces: use the centre of each, as large as the model's crop.",
    ),
    options.faces_option("Which face of a picture to use (central)."),
    options.detector_options,
    options.device_options,
    click.option(
        "--batch-size", "--batch_size", type=int, default=32, show_default=True, help="Faces per run of the network."
    ),
    click.option(
        "--draws",
        type=int,
        default=1000,
        show_default=True,
        help="Bootstrap samples for the intervals; 0: no intervals.",
    ),
    click.option("--html", type=click.Path(), metavar="FILE", help="Save a page with curves and pictures."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
)


def embedding_options(
    faces: str | None,
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
        raise click.UsageError("--allow-url does not apply: pictures to evaluate are files")
    if centre_crop and detector not in (None, "none"):
        raise click.UsageError("--centre-crop and --detector exclude each other")
    return PipelineOptions(
        options.detector_settings(article=article, detector=detector or default_detector, **settings),
        faces or ("first" if article else "central"),  # type: ignore[arg-type]  # one of the option's words
        options.device_of(device, gpu_memory_fraction),
        flip,
        batch_size,
    )


def ready(voice: Voice, card: ModelCard) -> None:
    """Show the licence notice of a model and download its weights."""
    output.show_notice(voice, card)
    output.fetch_weights(voice, card)


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
    text = f"; {found.faceless} without a face" if found.faceless else ""
    return f"{text}; {len(found.problems)} unreadable" if found.problems else text


def several(model: str | None, more: Iterable[str], compare: bool, vectors: tuple[str, ...]) -> list[str | None]:
    """The models that are measured one after the other; one None: the default, or that of the vectors."""
    named = list(more)
    if named and not compare:
        raise click.UsageError(f"'{named[0]}' is one argument too many: give --compare to compare models")
    if compare and vectors:
        raise click.UsageError("--compare compares models; to compare files of vectors, repeat --vectors")
    if compare and len(named) + (model is not None) < 2:
        raise click.UsageError("--compare needs two models or more: DIR --compare A B")
    if len(vectors) > 1 and model is not None:
        raise click.UsageError("with several files of vectors, --model does not apply")
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
