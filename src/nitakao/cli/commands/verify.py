"""nitakao verify: are two faces the same person?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice

if TYPE_CHECKING:
    from nitakao.tasks.probes import SearchOptions
    from nitakao.tasks.search.verify import Comparison
    from nitakao.tasks.search.verify_person import PersonVerification
    from nitakao.values import Verdict


@click.command(epilog=options.example("nitakao verify photos/a.jpg photos/b.jpg --picture pair.png"))
@click.argument("a")
@click.argument("b")
@click.option(
    "--vectors", type=click.Path(), metavar="FILE", help="A and B are names in this file of vectors, not photos."
)
@options.gallery_option
@options.model_option("A model's name or path (dlib-resnet; with --vectors: the one the file names).")
@click.option("--threshold", type=float, metavar="T", help="Same person below this distance (the model's own).")
@click.option(
    "--metric", type=click.Choice(["euclidean", "cosine"]), help="With --vectors: the metric (the model's own)."
)
@click.option("--picture", type=click.Path(), metavar="FILE", help="Save the two faces side by side (.png or .jpg).")
@options.faces_option("Which face of each photo to compare (largest).")
@click.option("--flip", is_flag=True, help="Average each vector with that of the mirrored crop.")
@options.detector_options
@options.device_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@options.with_voice
def verify(
    voice: Voice,
    a: str,
    b: str,
    vectors: str | None,
    gallery: str | None,
    model: str | None,
    threshold: float | None,
    metric: str | None,
    picture: str | None,
    faces: str | None,
    flip: bool,
    device: str | None,
    gpu_memory_fraction: float | None,
    allow_urls: bool,
    as_json: bool,
    article: bool,
    **detector: Any,
) -> None:
    """Compare two faces: are they the same person?

    Prints their distance, and whether it is below the model's threshold. A and B are photos, or people or faces of the
    gallery: person:Ada, #12 or face:12. A person's distance is the root mean square of the distances to all their
    faces. With --vectors, A and B are names in a file that 'nitakao embed' or the article's script wrote: full names or
    base names; NAME#1 is the second face of a photo. The exit code is 0 for every verdict.
    """
    from nitakao.tasks.probes import in_gallery
    from nitakao.tasks.search import verify as task

    photos = {
        "faces": faces,
        "device": device,
        "gpu_memory_fraction": gpu_memory_fraction,
        "allow_urls": allow_urls,
        "article": article,
        **detector,
    }
    if gallery is not None or (vectors is None and (in_gallery(a) or in_gallery(b))):
        if vectors is not None or picture is not None or metric is not None or flip:
            raise click.UsageError("--vectors, --picture, --metric and --flip do not apply to people of a gallery")
        search = options.search_options(model, threshold=threshold, **photos)
        _show_known(a, b, _known(voice, a, b, gallery, search), as_json)
        return
    if vectors is not None:
        if picture is not None:
            raise click.UsageError("--picture needs photos, and --vectors has none")
        verdict = task.verify_vectors(vectors, a, b, model=model, metric=metric, threshold=threshold)  # type: ignore[arg-type]
        _show(a, b, verdict, as_json)
        return
    if metric is not None:
        raise click.UsageError("--metric requires --vectors: photos are compared in the model's own metric")
    settings = options.pipeline_options(flip=flip, **photos)
    found = _photographs(
        voice,
        a,
        b,
        picture,
        model=model,
        threshold=threshold,
        options=settings,
    )
    _show(a, b, found.verdict, as_json, {"faces": list(found.found)})
    if not as_json:
        for name, count in zip((a, b), found.found, strict=True):
            if count > 1:
                click.echo(f"the {settings.faces or 'largest'} of {count} faces in '{name}'")


def _known(voice: Voice, a: str, b: str, place: str | None, options: SearchOptions) -> PersonVerification:
    from nitakao.tasks.arguments import gallery_card, open_gallery
    from nitakao.tasks.search.verify_person import verify_known as task

    with open_gallery(place) as gallery:
        output.prepare_for_probes(voice, gallery_card(gallery, options.model), (a, b))
        return task(gallery, a, b, options=options)


def _photographs(
    voice: Voice, a: str, b: str, picture: str | None, *, model: str | None, **settings: Any
) -> Comparison:
    from nitakao.tasks.arguments import load_card
    from nitakao.tasks.search import verify as task

    if picture is not None:
        task.check_picture_path(Path(picture))
    card = load_card(model)
    output.show_notice(voice, card)
    output.fetch_weights(voice, card)
    found = task.compare(a, b, model=card, **settings)
    if picture is not None:
        task.draw(Path(picture), found)
    return found


def verdict_word(verdict: Verdict) -> str:
    if not verdict.has_threshold:
        return "unknown"
    return "same" if verdict.same else "different"


def _record(a: str, b: str, verdict: Verdict) -> dict[str, Any]:
    return {
        "distance": verdict.distance,
        "threshold": verdict.threshold,
        "verdict": verdict_word(verdict),
        "a": a,
        "b": b,
        "model": verdict.model,
        "metric": verdict.metric,
        "threshold_source": verdict.threshold_source,
    }


def _show_known(a: str, b: str, found: PersonVerification, as_json: bool) -> None:
    verdict = found.verdict
    if as_json:
        extra = {"best": found.best, "pairs": found.pairs, "probability": found.probability, "prior": found.basis.prior}
        output.json_line(_record(a, b, verdict) | extra)
        return
    cells = [output.format_number(v) for v in (verdict.distance, found.best, verdict.threshold)]
    cells.append(output.format_probability(found.probability))
    header = ["distance", "best", "threshold", "probability", "verdict", "a", "b"]
    output.table(header, [[*cells, verdict_word(verdict), a, b]])
    pairs = "one pair of faces" if found.pairs == 1 else f"{found.pairs} pairs of faces"
    click.echo(f"{verdict.model}, {verdict.metric}, {pairs}; threshold: {verdict.threshold_source}")
    if found.basis.calibration:
        click.echo(f"probability at a prior of {found.basis.prior:g}, fitted on {found.basis.calibration}")


def _show(a: str, b: str, verdict: Verdict, as_json: bool, more: dict[str, Any] | None = None) -> None:
    if as_json:
        output.json_line(_record(a, b, verdict) | (more or {}))
        return
    threshold = f"{verdict.threshold:.3f}" if verdict.has_threshold else "-"
    output.table(
        ["distance", "threshold", "verdict", "a", "b"],
        [[f"{verdict.distance:.3f}", threshold, verdict_word(verdict), a, b]],
    )
    click.echo(f"{verdict.model or 'model not named'}, {verdict.metric}; threshold: {verdict.threshold_source}")
