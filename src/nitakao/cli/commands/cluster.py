"""nitakao cluster: which faces belong together."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice, plural

if TYPE_CHECKING:
    from nitakao.tasks.gallery.cluster import Clustered

ALIKE = 10  # pairs of people that are listed


@click.command(epilog=options.example("nitakao cluster --html people.html"))
@options.gallery_option
@click.option("--model", metavar="MODEL", shell_complete=options.models, help="A card in place of the gallery's own.")
@options.threshold_option("Same person below this distance (the model's own).")
@options.clustering_options
@click.option("--quality", type=float, metavar="Q", help="Leave out faces of a lower quality, 0 to 1 (0.15).")
@options.picture_options
@click.option("--into", type=click.Path(), metavar="DIR", help="Copy the photographs into a folder for each person.")
@click.option("--link", is_flag=True, help="With --into: symbolic links instead of copies.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@options.voiced
def cluster(
    voice: Voice,
    gallery: str | None,
    model: str | None,
    threshold: float | None,
    method: str | None,
    smallest: int,
    quality: float | None,
    sheet: str | None,
    html: str | None,
    into: str | None,
    link: bool,
    as_json: bool,
) -> None:
    """Group the faces of the gallery, a group for each person.

    Two faces in one photograph are never one person. People who are there already keep their numbers and names; what
    was placed by hand stays; new faces join them or found new groups, and faces in doubt wait in 'nitakao people
    review'. 'nitakao people undo' takes all of it back.
    """
    from nitakao.tasks.gallery.cluster import LEAST
    from nitakao.tasks.gallery.cluster import cluster as task
    from nitakao.tasks.search import report

    if link and into is None:
        raise click.UsageError("--link belongs to --into")
    report.check(sheet, html)
    with voice.progress("faces") as steps:

        def watch(done: int, faces: int) -> None:
            steps.total = faces
            steps.step(done - steps.done)

        found = task(
            gallery,
            model=model,
            threshold=threshold,
            method=method,  # type: ignore[arg-type]  # one of the option's words
            smallest=smallest,
            least=LEAST if quality is None else quality,
            watch=watch,
        )
    _report(found, as_json)
    report.draw_people(gallery, sheet, html)
    if into is not None:
        _sort(voice, gallery, Path(into), link)


def _report(found: Clustered, as_json: bool) -> None:
    if as_json:
        output.json_line(asdict(found))
        return
    click.echo(
        f"{plural(found.faces, 'face')}: {found.faces - found.alone} of {found.people} people, {found.alone} alone; "
        f"{plural(found.founded, 'new group')}, {plural(found.moved, 'face')} moved"
    )
    if found.too_poor:
        click.echo(f"{plural(found.too_poor, 'face')} left out that show too little: --quality 0 takes them in")
    if found.doubts:
        click.echo(f"{plural(found.doubts, 'face')} in doubt: nitakao people review")
    for pair in found.alike[:ALIKE]:
        click.echo(f"#{pair.one} and #{pair.other} may be one person ({pair.distance:.3f}): nitakao people merge")
    if len(found.alike) > ALIKE:
        click.echo(f"and {len(found.alike) - ALIKE} more such pairs: --json lists them")
    click.echo(f"{found.model}, {found.metric}, same person below {found.threshold:g} ({found.threshold_source})")


def _sort(voice: Voice, gallery: str | None, folder: Path, link: bool) -> None:
    from nitakao.tasks.gallery.person_folders import into_folders

    became: Counter[str] = Counter()
    with voice.progress("photos") as steps:
        for laid in into_folders(gallery, folder, link=link):
            became["problem" if laid.problem else "made" if laid.made else "there"] += 1
            if laid.problem:
                voice.warn(laid.problem)
            steps.step()
    click.echo(
        f"{plural(became['made'], 'photo')} {'linked' if link else 'copied'} into '{folder}'"
        + (f", {became['there']} there already" if became["there"] else "")
        + (f", {became['problem']} not" if became["problem"] else "")
    )
