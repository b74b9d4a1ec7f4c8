"""nitakao identify: which named person a face is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice

if TYPE_CHECKING:
    from nitakao.values import Candidate, IdentifyResult, Identity

FIELDS = (
    *("probe", "probe_box", "match", "unknown", "rank", "person", "name", "probability", "distance"),
    *("face", "best", "photo", "number", "box", "time", "taken"),
    *("model", "metric", "threshold", "threshold_source", "prior", "people", "searched", "false_matches"),
)
HEADER = ("rank", "person", "probability", "distance", "face", "photo")
UNKNOWN = "unknown"


@click.command(epilog=options.example("nitakao identify who.jpg"))
@click.argument("probes", nargs=-1, required=True, metavar="PROBE...", shell_complete=options.complete_files)
@options.gallery_option
@click.option("-k", "--limit", type=int, default=5, show_default=True, metavar="N", help="How many candidates to list.")
@click.option("--each", is_flag=True, help="Identify each PROBE separately, not as photos of one person.")
@options.threshold_option(
    "Accept the nearest person below this distance (default: accept a person with a probability above 0.5)."
)
@options.prior_option("Prior probability that PROBE is any named person of the gallery.")
@options.probe_options
@options.form_options
@options.picture_options
@options.with_voice
def identify(
    voice: Voice,
    probes: tuple[str, ...],
    gallery: str | None,
    limit: int,
    each: bool,
    threshold: float | None,
    prior: float,
    form: str | None,
    sheet: str | None,
    html: str | None,
    **given: Any,
) -> None:
    """Say which named person a face is.

    PROBE is a photo, each of whose faces is identified, or a face or person of the gallery: face:12 or #12. Several
    PROBEs are photos of one person. The prior is shared equally among all named people; the probabilities follow from
    it and the distances. A person's distance is computed from all their faces. A face of
    nobody in the gallery is 'unknown'.
    """
    from nitakao.tasks.arguments import gallery_card, open_gallery
    from nitakao.tasks.search import report
    from nitakao.tasks.search.identify import identify as task

    report.check(sheet, html)
    search = options.search_options(each=each, threshold=threshold, prior=prior, **given)
    with open_gallery(gallery) as opened_gallery:
        output.prepare_for_probes(voice, gallery_card(opened_gallery, search.model), probes)
        found = task(opened_gallery, *probes, k=limit, options=search)
        report.draw_identities(found, opened_gallery, sheet, html)
        if not found.people:
            voice.warn(
                f"nobody in gallery '{opened_gallery.location}' has a name yet: name people with 'nitakao people name'"
            )
    for problem in found.problems:
        voice.warn(problem)
    _show(found, form)


def _show(found: IdentifyResult, form: str | None) -> None:
    if form is not None:
        output.write(_records(found), form, FIELDS)
        return
    for identity in found.identities:
        click.echo(f"{output.probe_title(identity.probe)}: {_answer(identity)}")
        output.table(HEADER, [_row(candidate) for candidate in identity.candidates])
    click.echo("1 named person" if found.people == 1 else f"{found.people} named people")
    output.print_basis(found.info)


def _answer(identity: Identity) -> str:
    match = identity.match
    text, probability = (UNKNOWN, identity.unknown) if match is None else (match.name, match.probability)
    return text if probability != probability else f"{text} ({output.format_probability(probability).strip()})"


def _row(candidate: Candidate) -> list[str]:
    cells = [output.format_probability(candidate.probability), output.format_number(candidate.distance)]
    return [
        str(candidate.rank),
        candidate.name,
        *cells,
        str(candidate.face.id),
        output.face_location(candidate.face),
    ]


def _records(found: IdentifyResult) -> Iterator[dict[str, Any]]:
    """One record for each candidate, or one without a candidate."""
    basis = output.basis_fields(found.info) | {"people": found.people}
    for identity in found.identities:
        match = None if identity.match is None else identity.match.name
        probe = output.probe_fields(identity.probe) | {"match": match, "unknown": identity.unknown}
        for candidate in identity.candidates or (None,):
            cells = probe | _record(candidate) | basis
            yield {field: cells.get(field) for field in FIELDS}


def _record(candidate: Candidate | None) -> dict[str, Any]:
    if candidate is None:
        return {}
    cells = {"rank": candidate.rank, "person": candidate.person_id, "name": candidate.name}
    cells |= {"probability": candidate.probability, "distance": candidate.distance}
    return cells | {"face": candidate.face.id, "best": candidate.face_distance} | output.face_fields(candidate.face)
