"""nitakao identify: who is it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice

if TYPE_CHECKING:
    from nitakao.values import Candidate, IdentifyResult, Identity

FIELDS = (
    *("probe", "probe_box", "who", "nobody", "rank", "person", "name", "probability", "distance"),
    *("face", "best", "photo", "number", "box", "time", "taken"),
    *("model", "metric", "threshold", "threshold_source", "prior", "people", "searched", "false_matches"),
)
HEADER = ("rank", "who", "probability", "distance", "face", "photo")
NOBODY = "nobody known"


@click.command(epilog=options.example("nitakao identify who.jpg"))
@click.argument("probes", nargs=-1, required=True, metavar="PROBE...")
@options.gallery_option
@click.option("-k", "most", type=int, default=5, show_default=True, metavar="K", help="How many candidates are listed.")
@click.option("--each", is_flag=True, help="Answer several probes one by one, not as pictures of one person.")
@options.threshold_option("Somebody where nearer than this; else: where likelier than all others and nobody together.")
@options.prior_option("How likely it is beforehand that PROBE is anybody with a name here.")
@options.probe_options
@options.form_options
@options.picture_options
@options.voiced
def identify(
    voice: Voice,
    probes: tuple[str, ...],
    gallery: str | None,
    most: int,
    each: bool,
    threshold: float | None,
    prior: float,
    form: str | None,
    sheet: str | None,
    html: str | None,
    **given: Any,
) -> None:
    """Say who PROBE is, of the people in the gallery who have a name, or that it is nobody known.

    PROBE is a photograph, all of whose faces are answered, or somebody of the gallery: face:12 or #12. Several PROBEs
    are pictures of one person. Beforehand everybody with a name is equally likely; a probability is what the distances
    make of that. A person's distance is that from all her faces together.
    """
    from nitakao.tasks.arguments import card_for, opened
    from nitakao.tasks.search import report
    from nitakao.tasks.search.identify import identify as task

    report.check(sheet, html)
    look = options.look(**given)
    with opened(gallery) as opened_gallery:
        output.ready(voice, card_for(opened_gallery, look.model), probes)
        found = task(opened_gallery, *probes, k=most, each=each, threshold=threshold, prior=prior, look=look)
        report.draw_identities(found, opened_gallery, sheet, html)
        if not found.people:
            voice.warn(f"nobody in gallery '{opened_gallery.location}' has a name yet: 'nitakao people name' gives one")
    for problem in found.problems:
        voice.warn(problem)
    _show(found, form)


def _show(found: IdentifyResult, form: str | None) -> None:
    if form is not None:
        output.write(_records(found), form, FIELDS)
        return
    for identity in found.identities:
        click.echo(f"{output.asked_about(identity.probe)}: {_answer(identity)}")
        output.table(HEADER, [_row(candidate) for candidate in identity.candidates])
    click.echo("1 person with a name" if found.people == 1 else f"{found.people} people with a name")
    output.footer(found.info)


def _answer(identity: Identity) -> str:
    match = identity.match
    told, sure = (NOBODY, identity.unknown) if match is None else (match.name, match.probability)
    return told if sure != sure else f"{told} ({output.sure(sure).strip()})"


def _row(candidate: Candidate) -> list[str]:
    told = [output.sure(candidate.probability), output.number(candidate.distance)]
    return [
        str(candidate.rank),
        candidate.name,
        *told,
        str(candidate.face.id),
        output.place(candidate.face),
    ]


def _records(found: IdentifyResult) -> Iterator[dict[str, Any]]:
    """A line for each candidate, or where there are none, one that says nobody."""
    basis = output.of_basis(found.info) | {"people": found.people}
    for identity in found.identities:
        who = None if identity.match is None else identity.match.name
        asked = output.of_probe(identity.probe) | {"who": who, "nobody": identity.unknown}
        for candidate in identity.candidates or (None,):
            told = asked | _record(candidate) | basis
            yield {field: told.get(field) for field in FIELDS}


def _record(candidate: Candidate | None) -> dict[str, Any]:
    if candidate is None:
        return {}
    told = {"rank": candidate.rank, "person": candidate.person_id, "name": candidate.name}
    told |= {"probability": candidate.probability, "distance": candidate.distance}
    return told | {"face": candidate.face.id, "best": candidate.face_distance} | output.of_face(candidate.face)
