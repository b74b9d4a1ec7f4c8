"""nitakao index: photos into a gallery."""

from __future__ import annotations

import signal
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice, plural
from nitakao.errors import PhotoError

if TYPE_CHECKING:
    from nitakao.gallery.enrol import Indexed
    from nitakao.tasks.gallery.index import IndexCounts
    from nitakao.values import ModelCard

COUNTED = ("new", "changed", "rescanned", "unchanged", "moved", "duplicate", "labelled", "tombstoned", "pruned")
SHOWN = {"duplicate": "duplicates", "tombstoned": "blocked by a tombstone"}
QUIET = ("unchanged", "labelled")  # no face was written for these


@click.command(epilog=options.example("nitakao index photos"))
@options.photos_argument
@options.gallery_option
@options.model_option("Model of a new gallery: a name, or the path of a card (dlib-resnet).")
@click.option("--flip", is_flag=True, help="In a new gallery, average each vector with that of the mirrored crop.")
@options.faces_option("Which faces of a photo to add (all).")
@click.option("--prune", is_flag=True, help="Remove files that no longer exist in the given folders.")
@click.option("--watch", is_flag=True, help="Keep running and add new files, until Ctrl-C.")
@click.option(
    "--rescan",
    type=click.Choice(["problems", "all"]),
    help="Rescan failed files and photos without a face, or all files.",
)
@click.option(
    "--labels-from",
    type=click.Choice(["folder"]),
    help="Name the most central face of each photo after its folder.",
)
@click.option("--label", metavar="NAME", help="Name the most central face of each photo NAME.")
@click.option(
    "--every",
    type=float,
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Seconds between sampled frames of videos.",
)
@options.detector_options
@options.device_options
@click.option(
    "--batch-size", "--batch_size", type=int, default=32, show_default=True, help="Faces per run of the network."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object per added or changed file, then the summary."
)
@options.with_voice
def index(
    voice: Voice,
    photos: tuple[str, ...],
    gallery: str | None,
    model: str | None,
    flip: bool,
    faces: str | None,
    prune: bool,
    watch: bool,
    rescan: str | None,
    labels_from: str | None,
    label: str | None,
    every: float,
    device: str | None,
    gpu_memory_fraction: float | None,
    batch_size: int,
    allow_urls: bool,
    as_json: bool,
    article: bool,
    **detector: Any,
) -> None:
    """Add the faces of photos and videos to the gallery.

    PHOTO is a file, a folder with everything below it, a glob, or - for a list on standard input. A missing gallery is
    created. Unchanged files are skipped; moved and copied files are recognised by their content. Every file that is
    printed is stored, even if the run is killed; the next run resumes from there.

    Unreadable files are reported and skipped, and not retried until they change: the exit code is 0 if at least one
    file could be read, else 1.
    """
    from nitakao.tasks.gallery import index as task
    from nitakao.tasks.gallery.index_options import IndexOptions

    def prepare(card: ModelCard) -> None:
        output.show_notice(voice, card)
        if not watch:  # counted only if there is work: counting unchanged files takes as long as checking them
            output.count_in_background(voice, steps, photos, allow_urls)
        output.fetch_weights(voice, card)

    tally = task.IndexCounts()
    start = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # SIGTERM ends the run like Ctrl-C
    done = task.index(
        gallery,
        photos,
        model=model,
        options=options.pipeline_options(
            faces=faces,
            device=device,
            gpu_memory_fraction=gpu_memory_fraction,
            allow_urls=allow_urls,
            article=article,
            flip=flip,
            batch_size=batch_size,
            **detector,
        ),
        indexing=IndexOptions(
            rescan=rescan,  # type: ignore[arg-type]
            prune=prune,
            watch=watch,
            labels_from=labels_from,  # type: ignore[arg-type]
            person=label,
            frame_interval=every,
        ),
        stdin=options.standard_input(photos),
        prepare=prepare,
    )
    ended = False
    try:
        with voice.progress("photos") as steps, closing(done):
            for one in done:
                tally.add(one)
                _report(voice, steps, one, as_json)
        ended = True
    except KeyboardInterrupt:
        if not watch:
            raise
        ended = True  # --watch has no other end
    finally:
        if ended or tally.photos:
            _summary(tally, time.monotonic() - start, as_json)
            if tally.faces and not as_json:
                voice.next("'nitakao cluster' groups the faces by person, 'nitakao search PHOTO' searches them")
    if tally.unreadable and tally.unreadable == tally.photos:
        raise PhotoError(f"none of the {tally.photos} photos could be read")


def _report(voice: Voice, steps: output.Steps, one: Indexed, as_json: bool) -> None:
    """Count a file, print its record with --json, and report its problem."""
    steps.step(one.status != "pruned")
    if as_json and one.status not in QUIET:
        output.json_line(
            {"file": one.path, "status": one.status, "photo": one.photo, "faces": one.faces, "problem": one.problem}
        )
    if one.status in QUIET:
        return
    if one.problem and (one.photo is None or one.faces):  # photos without a face are only counted
        voice.warn(one.problem if f"'{one.path}'" in one.problem else f"'{one.path}': {one.problem}")
    else:
        voice.detail(f"'{one.path}': {one.status}, {one.problem or plural(len(one.faces), 'face')}")


def _summary(tally: IndexCounts, seconds: float, as_json: bool) -> None:
    rate = tally.photos / max(seconds, 1e-9)
    if as_json:
        record: dict[str, Any] = {"faces": tally.faces, "photos": tally.photos}
        record |= {what: tally.of(what) for what in COUNTED}
        record |= {"without_faces": tally.without_face, "unreadable": tally.unreadable}
        output.json_line(record | {"seconds": round(seconds, 3), "rate": round(rate, 1)})
        return
    parts = [f"{tally.of(what)} {SHOWN.get(what, what)}" for what in COUNTED if tally.of(what)]
    if tally.without_face:
        parts.append(f"{tally.without_face} without a face")
    if tally.unreadable:
        parts.append(f"{tally.unreadable} unreadable")
    became = f": {', '.join(parts)}" if parts else ""
    click.echo(
        f"{plural(tally.faces, 'face')} of {plural(tally.photos, 'photo')}{became}; "
        f"{seconds:.1f} s, {rate:.1f} photos a second"
    )
