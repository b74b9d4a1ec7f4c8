"""nitakao cluster: the faces of a gallery, or of a file of vectors, grouped by person."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice, plural

if TYPE_CHECKING:
    from nitakao.tasks.gallery.cluster import ClusterResult
    from nitakao.tasks.vectors.cluster import VectorGroups

ALIKE = 10  # pairs of people that are listed


@click.command(epilog=options.example("nitakao cluster --html people.html"))
@options.gallery_option
@options.vectors_option("Cluster this file of vectors instead of a gallery, and print its groups.")
@options.model_option("The card of the model, if it is not installed by name.")
@options.threshold_option("Same person below this distance (the model's own).")
@options.clustering_options
@click.option("--min-quality", type=float, metavar="Q", help="Leave out faces of lower quality, 0 to 1 (0.15).")
@options.picture_options
@click.option("--into", type=click.Path(), metavar="DIR", help="Copy the photos to a folder for each person.")
@click.option("--link", is_flag=True, help="With --into: create symbolic links instead of copies.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@options.with_voice
def cluster(
    voice: Voice,
    gallery: str | None,
    vectors: str | None,
    min_quality: float | None,
    sheet: str | None,
    html: str | None,
    into: str | None,
    link: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Group the faces of the gallery by person.

    Two faces in one photo are never one person. Existing people keep their numbers and names, and faces placed by hand
    stay. New faces join existing people or form new ones; uncertain faces are listed by 'nitakao people review'.
    'nitakao people undo' reverts everything.

    With --vectors, the faces of a file that 'nitakao embed' or the article's script wrote are grouped, largest group
    first; nothing is stored.
    """
    if vectors is not None:
        if gallery is not None or min_quality is not None or sheet or html or into or link:
            raise click.UsageError("--vectors clusters a file: the options of a gallery do not apply")
        from nitakao.tasks.vectors.cluster import cluster_vectors

        _show_vectors(cluster_vectors(vectors, **settings), as_json)
        return
    from nitakao.tasks.search import report

    if link and into is None:
        raise click.UsageError("--link requires --into")
    report.check(sheet, html)
    result = _cluster_gallery(voice, gallery, min_quality, **settings)
    _show_gallery(result, as_json)
    report.draw_people(gallery, sheet, html)
    if into is not None:
        _copy_photos(voice, gallery, Path(into), link)
    if not as_json:
        voice.next("'nitakao people' lists the groups, 'nitakao people name' names them, 'nitakao serve' shows them")


def _cluster_gallery(
    voice: Voice,
    gallery: str | None,
    min_quality: float | None,
    *,
    model: str | None,
    threshold: float | None,
    method: Any,
    min_faces: int,
) -> ClusterResult:
    from nitakao.tasks.gallery.cluster import MIN_QUALITY
    from nitakao.tasks.gallery.cluster import cluster as task

    with voice.progress("faces") as steps:

        def watch(done: int, faces: int) -> None:
            steps.total = faces
            steps.step(done - steps.done)

        return task(
            gallery,
            model=model,
            threshold=threshold,
            method=method,
            min_faces=min_faces,
            min_quality=MIN_QUALITY if min_quality is None else min_quality,
            watch=watch,
        )


def _show_gallery(result: ClusterResult, as_json: bool) -> None:
    if as_json:
        output.json_line(asdict(result))
        return
    click.echo(
        f"{plural(result.faces, 'face')}: {result.faces - result.unassigned} of {result.people} people, "
        f"{result.unassigned} unassigned; "
        f"{plural(result.new_people, 'new group')}, {plural(result.moved, 'face')} moved"
    )
    if result.low_quality:
        click.echo(f"{plural(result.low_quality, 'face')} of low quality left out: --min-quality 0 includes them")
    if result.to_review:
        click.echo(f"{plural(result.to_review, 'face')} to review: nitakao people review")
    for pair in result.similar[:ALIKE]:
        click.echo(f"#{pair.one} and #{pair.other} may be one person ({pair.distance:.3f}): nitakao people merge")
    if len(result.similar) > ALIKE:
        click.echo(f"and {len(result.similar) - ALIKE} more such pairs: --json lists them")
    click.echo(f"{result.model}, {result.metric}, same person below {result.threshold:g} ({result.threshold_source})")


def _show_vectors(result: VectorGroups, as_json: bool) -> None:
    if as_json:
        output.json_line(asdict(result))
        return
    for number, names in enumerate(result.groups, start=1):
        click.echo(f"group {number}, {plural(len(names), 'face')}:")
        for name in names:
            click.echo(f"  {output.harmless(name)}")
    if result.unassigned:
        click.echo(f"unassigned, {plural(len(result.unassigned), 'face')}:")
        for name in result.unassigned:
            click.echo(f"  {output.harmless(name)}")
    model = result.model or "model not named"
    click.echo(f"{model}, {result.metric}, same person below {result.threshold:g} ({result.threshold_source})")


def _copy_photos(voice: Voice, gallery: str | None, folder: Path, link: bool) -> None:
    from nitakao.tasks.gallery.person_folders import copy_to_folders

    counts: Counter[str] = Counter()
    with voice.progress("photos") as steps:
        for laid in copy_to_folders(gallery, folder, link=link):
            counts["problem" if laid.problem else "made" if laid.made else "there"] += 1
            if laid.problem:
                voice.warn(laid.problem)
            steps.step()
    click.echo(
        f"{plural(counts['made'], 'photo')} {'linked' if link else 'copied'} to '{folder}'"
        + (f", {counts['there']} already there" if counts["there"] else "")
        + (f", {counts['problem']} failed" if counts["problem"] else "")
    )
