"""nitakao evaluate identification, retrieval and clustering: people, each with a folder of pictures."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nitakao.cli import options, output
from nitakao.cli.commands.evaluate import group as shared
from nitakao.cli.commands.evaluate.group import percent
from nitakao.cli.output import Voice, plural

if TYPE_CHECKING:
    from nitakao.tasks.evaluate.clustering import ClusteringResult
    from nitakao.tasks.evaluate.comparison import Figures
    from nitakao.tasks.evaluate.identification import IdentificationResult
    from nitakao.tasks.evaluate.retrieval import RetrievalResult

Command = TypeVar("Command", bound=Callable[..., Any])


def people_options(command: Command) -> Command:
    """Add the options of the people and models to measure."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.argument("folder", required=False, metavar="[DIR]"),
    click.argument("more", nargs=-1, metavar="[MODEL]..."),
    click.option("--compare", is_flag=True, help="Compare the models named after DIR."),
    click.option("--people", type=click.Path(), metavar="FILE", help="Only people named in this file, one per line."),
    click.option(
        "--min-pictures",
        type=int,
        default=1,
        show_default=True,
        metavar="N",
        help="Only people with at least N pictures.",
    ),
    shared.measuring_options,
)


@click.command(epilog=options.example("nitakao evaluate identification lfw --html who.html"))
@people_options
@click.option("--enrolled", type=int, default=1, show_default=True, help="How many pictures of each person to enrol.")
@click.option(
    "--unenrolled",
    type=float,
    default=0.0,
    show_default=True,
    help="Share of identities left unenrolled, as strangers.",
)
@click.option(
    "--gallery-list",
    type=click.Path(),
    metavar="FILE",
    help="Enrol the pictures in this file: PATH, or PATH, tab, PERSON.",
)
@click.option(
    "--probe-list", type=click.Path(), metavar="FILE", help="The probes, in a file like that of --gallery-list."
)
@options.with_voice
def identification(
    voice: Voice, enrolled: int, unenrolled: float, gallery_list: str | None, probe_list: str | None, **arguments: Any
) -> None:
    """Identify probes among enrolled people.

    Prints rank-k, and with strangers TPIR at FPIR. DIR has a folder for each person. The first picture of each person
    with two or more is enrolled, and the others are probes; people with one picture are strangers. A probe without a
    face counts as not identified.
    """
    from nitakao.tasks.evaluate import people_report
    from nitakao.tasks.evaluate.identification import Enrolment
    from nitakao.tasks.evaluate.identification import identification as task

    more = {"enrolment": Enrolment(enrolled, unenrolled, gallery_list, probe_list)}
    _run(voice, task, more, arguments, _of_identification, people_report.save_identification)


@click.command(epilog=options.example("nitakao evaluate retrieval lfw --min-pictures 2"))
@people_options
@options.with_voice
def retrieval(voice: Voice, **arguments: Any) -> None:
    """Retrieve the other pictures of each person.

    Prints recall@k, mAP and R-precision. DIR has a folder for each person. Every picture of a person with several is a
    probe against all other pictures. Pictures without a face are skipped.
    """
    from nitakao.tasks.evaluate import people_report
    from nitakao.tasks.evaluate.retrieval import retrieval as task

    _run(voice, task, {}, arguments, _of_retrieval, people_report.save_retrieval)


@click.command(epilog=options.example("nitakao evaluate clustering lfw"))
@people_options
@click.option("--threshold", type=float, metavar="T", help="Same person below this distance (the model's own).")
@options.clustering_options
@options.with_voice
def clustering(voice: Voice, threshold: float | None, method: str | None, min_faces: int, **arguments: Any) -> None:
    """Cluster pictures, and compare with the true people.

    Prints pairwise F, B-cubed F and NMI. DIR has a folder for each person, which the clustering does not see. Pictures
    without a face are skipped.
    """
    from nitakao.tasks.evaluate import people_report
    from nitakao.tasks.evaluate.clustering import clustering as task

    more = {"threshold": threshold, "method": method, "min_faces": min_faces}
    _run(voice, task, more, arguments, _of_clustering, people_report.save_clustering)


def _run(
    voice: Voice,
    task: Callable[..., Any],
    more_settings: dict[str, Any],
    arguments: dict[str, Any],
    record: Callable[[Any], dict[str, Any]],
    save: Callable[..., None],
) -> None:
    """Measure each model with `task`, print what `record` tells of it, and save the page."""
    from nitakao.tasks.evaluate import report
    from nitakao.tasks.evaluate.comparison import differences

    (as_json, html, vectors, model), rest = _taken(arguments, "as_json", "html", "vectors", "model")
    (folder, more, compare), rest = _taken(rest, "folder", "more", "compare")
    models = shared.several(model, more, compare, vectors)
    if html is not None:
        report.check(html)
    runs: list[tuple[str | None, str | None]] = [(name, None) for name in models] if not vectors else []
    runs += [(model, file) for file in vectors]
    found, records = [], []
    for name, file in runs:
        each, seconds = one(voice, task, folder, name, file, {**more_settings, **rest})
        found.append(each)
        records.append({**_figures(each.figures), **record(each), "seconds": round(seconds, 3)})
    apart = differences([each.figures for each in found])
    if as_json:
        rows = [shared.difference(each) for each in apart]
        output.json_line(records[0] if len(records) == 1 else {"models": records, "differences": rows})
    else:
        for place, (each, told_of) in enumerate(zip(found, records, strict=True)):
            click.echo() if place else None
            tell_figures(each.figures)
            click.echo(f"{shared.about(each.labelled.embedded)}; {told_of['words']}")
        shared.tell_differences(apart)
    if html is not None:
        save(html, found, apart)


def _taken(arguments: dict[str, Any], *names: str) -> tuple[list[Any], dict[str, Any]]:
    """What is under these names, and the rest."""
    return [arguments[name] for name in names], {name: value for name, value in arguments.items() if name not in names}


def one(
    voice: Voice, task: Callable[..., Any], folder: str | None, model: str | None, vectors: str | None, arguments: Any
) -> tuple[Any, float]:
    """The result of one model, and the seconds it took."""
    from nitakao.tasks.arguments import load_card
    from nitakao.tasks.evaluate.labelled import LabelledSet

    (metric, draws, people, least), rest = _taken(arguments, "metric", "draws", "people", "min_pictures")
    names = ("faces", "flip", "centre_crop", "device", "gpu_memory_fraction", "batch_size", "article", "allow_urls")
    looking = {name: rest.pop(name) for name in (*names, *DETECTOR)}
    embedding = shared.embedding_options(**looking)
    data = LabelledSet(folder, vectors, people, least, looking["centre_crop"], metric, draws)
    start = time.monotonic()
    if vectors is not None:
        return task(data, model=model, **rest), time.monotonic() - start
    card = load_card(model)
    shared.ready(voice, card)
    start = time.monotonic()
    with voice.progress("pictures") as steps:
        found = task(data, model=card, options=embedding, progress=shared.progress(voice, steps), **rest)
    return found, time.monotonic() - start


DETECTOR = ("detector", "smallest_face", "thresholds", "factor", "no_retry")  # what makes DetectorSettings


def tell_figures(figures: Figures) -> None:
    """A table of figures with their intervals."""
    intervals = figures.intervals
    rows = [(name, percent(value), shared.between(intervals.get(name))) for name, value in figures.values.items()]
    output.table(("figure", "found", "95%"), rows)


def _figures(figures: Figures) -> dict[str, Any]:
    intervals = {name: [each.low, each.high] for name, each in figures.intervals.items()}
    return {"model": figures.model, **figures.values, "intervals": intervals}


def _of_identification(found: IdentificationResult) -> dict[str, Any]:
    measured, roles = found.labelled.embedded, found.roles
    few = ", ".join(f"{fpir:g}" for fpir in found.unmeasurable)
    few = f"; too few strangers for FPIR {few}" if few else ""
    few = few if len(roles.unenrolled) else "; no strangers, so no TPIR"
    words = (
        f"{plural(len(roles.probes), 'probe')} among {found.people} people enrolled by {len(roles.enrolled)} pictures, "
        f"{len(roles.unenrolled)} of strangers{shared.left_out(measured)}{few}"
    )
    return {
        "metric": measured.metric,
        "words": words,
        "thresholds": found.thresholds,
        "cmc": found.match_shares.tolist(),
        "probes": len(roles.probes),
        "people": found.people,
        "enrolled": len(roles.enrolled),
        "strangers": len(roles.unenrolled),
        "without_faces": measured.faceless,
        "unreadable": len(measured.problems),
    }


def _of_retrieval(found: RetrievalResult) -> dict[str, Any]:
    measured = found.labelled.embedded
    words = (
        f"{len(found.retrieved.rows)} of {len(found.labelled.labels)} pictures asked, of {found.labelled.people} "
        f"people{shared.left_out(measured)}"
    )
    return {
        "metric": measured.metric,
        "words": words,
        "asked": len(found.retrieved.rows),
        "pictures": len(found.labelled.labels),
        "people": found.labelled.people,
        "without_faces": measured.faceless,
        "unreadable": len(measured.problems),
    }


def _of_clustering(found: ClusteringResult) -> dict[str, Any]:
    measured, people = found.labelled.embedded, found.labelled.people
    words = (
        f"{len(found.clusters)} faces of {people} people in {found.groups} groups, {found.ungrouped} alone"
        f"{shared.left_out(measured)}; same person below {found.threshold:g} ({found.threshold_source})"
    )
    return {
        "metric": measured.metric,
        "words": words,
        "threshold": found.threshold,
        "threshold_source": found.threshold_source,
        "faces": len(found.clusters),
        "people": people,
        "groups": found.groups,
        "alone": found.ungrouped,
        "without_faces": measured.faceless,
        "unreadable": len(measured.problems),
    }
