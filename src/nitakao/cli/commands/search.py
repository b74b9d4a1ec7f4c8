"""nitakao search: the faces of a gallery, or of a file of vectors, that look most like a probe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice

if TYPE_CHECKING:
    from nitakao.tasks.vectors.search import VectorSearch
    from nitakao.values import SearchResult

FILTERS = ("person", "folder", "since", "until", "min_quality", "hidden")
VECTOR_FIELDS = ("probe", "rank", "distance", "photo", "number", "model", "metric", "threshold", "threshold_source")


@click.command(epilog=options.example("nitakao search who.jpg --limit 5"))
@click.argument("probes", nargs=-1, required=True, metavar="PROBE...", shell_complete=options.complete_files)
@options.gallery_option
@options.vectors_option("Search this file of vectors instead of a gallery.")
@options.hit_options
@click.option(
    "--different-people", is_flag=True, help="List other people who look similar: one face each, not the probe's own."
)
@click.option("--person", multiple=True, metavar="PERSON", help="Only faces of this person, by name or #NUMBER.")
@click.option("--folder", metavar="DIR", shell_complete=options.complete_files, help="Only photos in this folder.")
@click.option("--since", type=options.Day(), help="Only photos taken on this day or later (2024-12-31).")
@click.option("--until", type=options.Day(after=True), help="Only photos taken on this day or before.")
@click.option("--min-quality", type=float, metavar="Q", help="Only faces of at least this quality, 0 to 1.")
@click.option("--hidden", is_flag=True, help="Include faces of hidden people.")
@options.probe_options
@options.form_options
@options.picture_options
@options.with_voice
def search(
    voice: Voice,
    probes: tuple[str, ...],
    gallery: str | None,
    vectors: str | None,
    different_people: bool,
    form: str | None,
    sheet: str | None,
    html: str | None,
    **settings: Any,
) -> None:
    """List the faces that look most like a probe.

    PROBE is a photo, or a face or person of the gallery: face:12, person:Ada or #12. Each face of one photo is searched
    separately. Several PROBEs are photos of one person: the largest face of each is used, and a distance is the root
    mean square of the distances to all of them. The faces of the probe itself and those of hidden people are not
    listed.

    The probability that a face and the probe are the same person is computed from the distance and the prior. With
    --exclude, distances are those from the moved probe, and there is no probability.

    With --vectors, PROBE is a name in a file that 'nitakao embed' or the article's script wrote, or a photo.
    """
    from nitakao.tasks.search import report

    report.check(sheet, html)
    filters = {name: settings.pop(name) for name in FILTERS}
    question = options.hit_settings(**{name: settings.pop(name) for name in options.HIT_NAMES})
    question |= {"options": options.search_options(**settings)}
    if vectors is not None:
        if gallery is not None or sheet or html or different_people or any(filters.values()):
            raise click.UsageError("--vectors searches a file: the options of a gallery do not apply")
        _show_vectors(_search_vectors(voice, vectors, probes, question), form)
        return
    hits = _search_gallery(
        voice, probes, gallery, filters, question | {"different_people": different_people}, sheet, html
    )
    for problem in hits.problems:
        voice.warn(problem)
    output.print_hits(hits, form)


def _search_gallery(
    voice: Voice,
    probes: tuple[str, ...],
    place: str | None,
    filters: dict[str, Any],
    question: dict[str, Any],
    sheet: str | None,
    html: str | None,
) -> SearchResult:
    from nitakao.tasks.arguments import gallery_card, open_gallery
    from nitakao.tasks.probes import face_filter
    from nitakao.tasks.search import report
    from nitakao.tasks.search.search import search as task

    with open_gallery(place) as gallery:
        output.prepare_for_probes(
            voice, gallery_card(gallery, question["options"].model), (*probes, *question["exclude"])
        )
        names, least = filters.pop("person"), filters.pop("min_quality")
        filters["folder"] = filters["folder"] or ""
        hits = task(
            gallery, *probes, where=face_filter(gallery, names, min_quality=least or 0.0, **filters), **question
        )
        if not hits.info.faces:
            voice.warn(f"gallery '{gallery.location}' has no faces yet: 'nitakao index PHOTOS' fills it")
        report.draw_search(hits, gallery, sheet, html)
        return hits


def _search_vectors(voice: Voice, vectors: str, probes: tuple[str, ...], question: dict[str, Any]) -> VectorSearch:
    from nitakao.tasks.vectors.search import search_vectors as task

    if question["exclude"]:
        raise click.UsageError("--exclude needs a gallery or a folder, not a file of vectors")
    return task(
        vectors,
        probes,
        limit=question["k"],
        max_distance=question["max_distance"],
        same_person=question["same_person"],
        options=question["options"],
    )


def _show_vectors(result: VectorSearch, form: str | None) -> None:
    if form is not None:
        basis = (result.model, result.metric, result.threshold, result.threshold_source)
        rows = [
            (each.probe, hit.rank, hit.distance, hit.name, hit.number, *basis)
            for each in result.results
            for hit in each.hits
        ]
        output.write((dict(zip(VECTOR_FIELDS, row, strict=True)) for row in rows), form, VECTOR_FIELDS)
        return
    for each in result.results:
        if len(result.results) > 1:
            click.echo(f"{each.probe}:")
        output.table(("rank", "distance", "photo"), [(h.rank, f"{h.distance:.3f}", h.name) for h in each.hits])
    same = "" if result.threshold != result.threshold else f", same person below {result.threshold:g}"
    click.echo(f"{result.model or 'model not named'}, {result.metric}{same} ({result.threshold_source})")
    click.echo(f"{output.plural(result.searched, 'face')} searched")
