"""nitakao detect: the faces in photos."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice, plural

if TYPE_CHECKING:
    from nitakao.values import DetectorSettings, Face, Outcome

HEADER = f"{'face':>4}  {'x1':>6} {'y1':>6} {'x2':>6} {'y2':>6}  {'score':>5}  {'turn':>4}  {'landmarks':<49}  photo"


@click.command(epilog=options.example("nitakao detect photos --draw marked"))
@options.photos_argument
@click.option(
    "--draw", type=click.Path(), metavar="DIR", help="Save copies of the photos with marked faces in this folder."
)
@options.faces_option("Which faces of a photo to list (all).")
@options.detector_options
@options.device_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per face.")
@options.with_voice
def detect(
    voice: Voice,
    photos: tuple[str, ...],
    draw: str | None,
    faces: str | None,
    device: str | None,
    gpu_memory_fraction: float | None,
    allow_urls: bool,
    as_json: bool,
    article: bool,
    **detector: Any,
) -> None:
    """Find the faces in photos.

    Prints boxes and landmarks, in pixels of the upright photo, and scores. The five landmarks are left eye, right eye,
    nose, left and right corner of the mouth, as the viewer sees them.

    PHOTO is a file, a folder with everything below it, a glob, or - for a list on standard input. Photos without a face
    and unreadable files are reported on standard error and skipped; with --json each is an object with its problem. The
    exit code is 0 if at least one photo could be read, else 1.
    """
    from nitakao.errors import PhotoError
    from nitakao.tasks.photos import detect as task
    from nitakao.tasks.photos.embed import PhotoCounts

    settings = options.pipeline_options(
        faces=faces,
        device=device,
        gpu_memory_fraction=gpu_memory_fraction,
        allow_urls=allow_urls,
        article=article,
        **detector,
    )
    outcomes = task.detect(photos, options=settings, stdin=options.standard_input(photos))
    folder = None if draw is None else task.make_folder(draw)
    tally = PhotoCounts()
    if not as_json:
        click.echo(HEADER)
    # A bar below results that scroll over the same terminal would flicker.
    with voice.progress("photos", on_terminal=not sys.stdout.isatty()) as steps:
        output.count_in_background(voice, steps, photos, allow_urls)
        for outcome in outcomes:
            tally.add(outcome)
            output.show_outcome(voice, steps, outcome)
            _show(outcome, as_json)
            if folder is not None:
                _draw(voice, folder, outcome, allow_urls)
    if tally.unreadable and tally.unreadable == tally.photos:
        raise PhotoError(f"none of the {tally.photos} photos could be read")
    if not as_json:
        click.echo(
            f"{_settings_line(settings.detector)}: {plural(tally.faces, 'face')} in {output.format_counts(tally)}"
        )


def _show(outcome: Outcome, as_json: bool) -> None:
    for number, face in enumerate(outcome.faces):
        if as_json:
            output.json_line(_record(outcome, number, face))
        else:
            click.echo(_row(outcome, number, face))
    if as_json and not outcome.faces:
        output.json_line(_record(outcome, None, None))


def _record(outcome: Outcome, number: int | None, face: Face | None) -> dict[str, Any]:
    marks = None if face is None or face.landmarks is None else [[_tenth(v) for v in p] for p in face.landmarks]
    return {
        "face": number,
        "box": None if face is None else [_tenth(v) for v in face.box],
        "score": None if face is None else round(float(face.score), 4),
        "turn": None if face is None else face.turn,
        "landmarks": marks,
        "photo": outcome.source,
        "size": list(outcome.size),
        "sha256": outcome.sha256,
        "problem": outcome.problem,
    }


def _tenth(value: float) -> float:
    return round(float(value), 1)


def _row(outcome: Outcome, number: int, face: Face) -> str:
    box = " ".join(f"{v:6.0f}" for v in face.box)
    marks = "-" if face.landmarks is None else " ".join(f"{x:.0f},{y:.0f}" for x, y in face.landmarks)
    return f"{number:4}  {box}  {face.score:5.3f}  {face.turn:4}  {marks:<49}  {outcome.source}"


def _settings_line(settings: DetectorSettings) -> str:
    if settings.name == "none":
        return "detector none, each photo one face"
    if settings.smallest_face is not None:
        return f"{settings.name}, smallest face {settings.smallest_face:g} px"
    return f"{settings.name}, smallest face 1/50 of the shorter side and at least 20 px"


def _draw(voice: Voice, folder: Path, outcome: Outcome, allow_urls: bool) -> None:
    from nitakao.tasks.photos import detect as task

    if outcome.faces:
        voice.detail(f"drawn: '{task.draw(folder, outcome, allow_urls=allow_urls)}'")
