"""nitakao search: which faces are like this one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice

if TYPE_CHECKING:
    from nitakao.values import Hit, SearchResult

FIELDS = (
    *("probe", "probe_box", "rank", "distance", "probability", "face", "person", "name"),
    *("photo", "number", "box", "time", "taken"),
    *("model", "metric", "threshold", "threshold_source", "prior", "searched", "false_matches"),
)
HEADER = ("rank", "distance", "probability", "face", "person", "photo")
FILTERS = ("person", "folder", "since", "until", "quality", "hidden")


@click.command(epilog=options.example("nitakao search who.jpg -k 5"))
@click.argument("probes", nargs=-1, required=True, metavar="PROBE...")
@options.gallery_option
@click.option("--in", "inside", multiple=True, metavar="FOLDER", help="Search these photographs, without a gallery.")
@click.option("-k", "most", type=int, metavar="K", help="How many faces are listed for each probe (10).")
@click.option("--same-person", is_flag=True, help="List only faces below the threshold; without -k all of them.")
@click.option("--max-distance", type=float, metavar="D", help="List only faces nearer than this; without -k all.")
@click.option(
    "--different-people", is_flag=True, help="Look-alikes: one face of each person, and none of the probe's own."
)
@click.option("--not", "away", multiple=True, metavar="OTHER", help="Away from OTHER, who is named as PROBE is.")
@click.option("--each", is_flag=True, help="Answer several probes one by one, not as pictures of one person.")
@click.option("--person", multiple=True, metavar="NAME", help="Only faces of this person, by name or #NUMBER.")
@click.option("--folder", metavar="DIR", help="Only photographs below this folder.")
@click.option("--since", type=options.Day(), help="Only photographs taken on this day or later (2024-12-31).")
@click.option("--until", type=options.Day(after=True), help="Only photographs taken on this day or before.")
@click.option("--quality", type=float, metavar="Q", help="Only faces of at least this quality, 0 to 1.")
@click.option("--hidden", is_flag=True, help="Faces of hidden people, too.")
@options.threshold_option("Same person below this distance (the model's own).")
@options.prior_option("How likely two faces are one person before they are compared.")
@click.option("--flip", is_flag=True, help="With --in: average each vector with that of the mirrored crop.")
@options.probe_options
@options.form_options
@options.picture_options
@options.voiced
def search(
    voice: Voice,
    probes: tuple[str, ...],
    gallery: str | None,
    inside: tuple[str, ...],
    most: int | None,
    same_person: bool,
    max_distance: float | None,
    different_people: bool,
    away: tuple[str, ...],
    each: bool,
    threshold: float | None,
    prior: float,
    flip: bool,
    form: str | None,
    sheet: str | None,
    html: str | None,
    **given: Any,
) -> None:
    """List the faces of the gallery that are most like PROBE, nearest first.

    PROBE is a photograph, or somebody of the gallery: face:12, person:Ada or #12. Every face of one photograph is
    answered; several PROBEs are pictures of one person: the largest face of each is taken, and distances are the root
    of the mean squared distance to all of them. Faces that PROBE is made of are not listed, and those of hidden people
    are not searched.

    The probability is that a face and the probe are one person, by the distance alone and the prior. With --not
    distances are those from the point that the probe was moved to, and no probability is known.
    """
    from nitakao.tasks.search import report

    report.check(sheet, html)
    filters = {name: given.pop(name) for name in FILTERS}
    near = same_person or max_distance is not None
    question = {
        "k": 10 if most is None and not near else most,
        "same_person": same_person,
        "within": max_distance,
        "away": away,
        "each": each,
        "threshold": threshold,
        "prior": prior,
        "look": options.look(**given),
    }
    if inside:
        if gallery is not None or different_people or any(filters.values()):
            raise click.UsageError("--in searches photographs without a gallery: a gallery's options do not go with it")
        found = _folder(voice, probes, inside, question | {"flip": flip}, sheet, html)
    else:
        if flip:
            raise click.UsageError("--flip belongs to --in: a gallery knows how its vectors were made")
        question |= {"different_people": different_people}
        found = _gallery(voice, probes, gallery, filters, question, sheet, html)
    for problem in found.problems:
        voice.warn(problem)
    _show(found, form)


def _gallery(
    voice: Voice,
    probes: tuple[str, ...],
    place: str | None,
    filters: dict[str, Any],
    question: dict[str, Any],
    sheet: str | None,
    html: str | None,
) -> SearchResult:
    from nitakao.tasks.arguments import card_for, opened
    from nitakao.tasks.probes import where
    from nitakao.tasks.search import report
    from nitakao.tasks.search.search import search as task

    with opened(place) as gallery:
        output.ready(voice, card_for(gallery, question["look"].model), (*probes, *question["away"]))
        names, quality = filters.pop("person"), filters.pop("quality")
        filters["folder"] = filters["folder"] or ""
        found = task(gallery, *probes, where=where(gallery, names, least=quality or 0.0, **filters), **question)
        if not found.info.faces:
            voice.warn(f"gallery '{gallery.location}' has no faces yet: 'nitakao index PHOTOS' fills it")
        report.draw_search(found, gallery, sheet, html)
        return found


def _folder(
    voice: Voice,
    probes: tuple[str, ...],
    inside: tuple[str, ...],
    question: dict[str, Any],
    sheet: str | None,
    html: str | None,
) -> SearchResult:
    from nitakao.tasks.arguments import card_of
    from nitakao.tasks.search import report
    from nitakao.tasks.search.search_folder import search_folder as task

    look = question["look"]
    output.ready(voice, card_of(look.model), probes)
    with voice.progress("photos") as steps:
        output.count_aside(voice, steps, inside, look.allow_urls)
        found = task(
            inside,
            *probes,
            stdin=options.standard_input(inside),
            watch=lambda outcome: output.watched(voice, steps, outcome),
            **question,
        )
    report.draw_search(found, None, sheet, html)
    return found


def _show(found: SearchResult, form: str | None) -> None:
    if form is not None:
        output.write(_records(found), form, FIELDS)
        return
    for answer in found.answers:
        if len(found.answers) > 1:
            click.echo(f"{output.asked_about(answer.probe)}:")
        output.table(HEADER, [_row(match) for match in answer.hits])
    output.footer(found.info)


def _row(match: Hit) -> list[str]:
    told = [str(match.rank), output.number(match.distance), output.sure(match.probability)]
    return [*told, str(match.face.id), output.who(match.face), output.place(match.face)]


def _records(found: SearchResult) -> Iterator[dict[str, Any]]:
    basis = output.of_basis(found.info)
    for answer in found.answers:
        for match in answer.hits:
            yield output.of_probe(answer.probe) | _record(match) | basis


def _record(match: Hit) -> dict[str, Any]:
    kept = match.face
    told = {"rank": match.rank, "distance": match.distance, "probability": match.probability}
    return told | {"face": kept.id, "person": kept.person_id, "name": kept.name} | output.of_face(kept)
