"""nitakao index: photographs into a gallery."""

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
    from nitakao.tasks.gallery.index import Tally
    from nitakao.values import ModelCard

COUNTED = ("new", "changed", "again", "unchanged", "moved", "duplicate", "labelled", "tombstoned", "pruned")
SHOWN = {"again": "looked at again", "duplicate": "duplicates", "tombstoned": "kept out"}
QUIET = ("unchanged", "labelled")  # nothing was written for these but, perhaps, whose face it is


@click.command(epilog=options.example("nitakao index photos"))
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@options.gallery_option
@options.model_option("The model of a new gallery: a name, or the path of a card (dlib-resnet).")
@click.option("--flip", is_flag=True, help="In a new gallery, average each vector with that of the mirrored face.")
@options.faces_option("Which faces of a photograph are taken (all).")
@click.option("--prune", is_flag=True, help="Take out files that are gone from the folders named.")
@click.option("--watch", is_flag=True, help="Go on as files arrive, until Ctrl-C.")
@click.option(
    "--again",
    type=click.Choice(["problems", "all"]),
    help="Look anew at files with problems and photographs without a face, or at all.",
)
@click.option(
    "--labels-from",
    type=click.Choice(["folder"]),
    help="The most central face of each photograph is the person called as its folder is.",
)
@click.option("--person", metavar="NAME", help="The most central face of each photograph is this person.")
@click.option(
    "--every", type=float, default=1.0, show_default=True, metavar="SECONDS", help="Between frames of videos."
)
@options.detector_options
@options.device_options
@click.option("--batch-size", "--batch_size", type=int, default=32, show_default=True, help="Faces in one network run.")
@click.option("--json", "as_json", is_flag=True, help="One object for each file but unchanged ones, then the summary.")
@options.voiced
def index(
    voice: Voice,
    photos: tuple[str, ...],
    gallery: str | None,
    model: str | None,
    flip: bool,
    choice: str | None,
    prune: bool,
    watch: bool,
    again: str | None,
    labels_from: str | None,
    person: str | None,
    every: float,
    device: str | None,
    gpu_memory_fraction: float | None,
    batch_size: int,
    allow_urls: bool,
    as_json: bool,
    article: bool,
    **detector: Any,
) -> None:
    """Put every face of the photographs and videos into the gallery, which is made where there is none.

    PHOTO is a file, a folder (with all below it), a glob, or - for a list on standard input. Files that have not
    changed cost nothing; moved and copied ones are recognised by their content. What is printed is kept, also if the
    run is killed; the next run goes on from there.

    A file that cannot be read is named with its reason, kept so that it is not tried again until it changes, and stops
    nothing: the exit code is 0 if at least one file could be read, else 1.
    """
    from nitakao.tasks.gallery import index as task

    def prepare(card: ModelCard) -> None:
        output.notice(voice, card)
        if not watch:  # counted where there is work: when all is unchanged, counting would take as long as the rest
            output.count_aside(voice, steps, photos, allow_urls)
        output.fetched(voice, card)

    tally = task.Tally()
    start = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill ends as Ctrl-C does
    done = task.index(
        gallery,
        photos,
        model=model,
        flip=flip,
        detector=options.detector_settings(article=article, **detector),
        choice=choice or ("first" if article else "all"),  # type: ignore[arg-type]  # one of the option's words
        again=again,  # type: ignore[arg-type]
        prune=prune,
        watch=watch,
        labels_from=labels_from,  # type: ignore[arg-type]
        person=person,
        every=every,
        device=options.device_of(device, gpu_memory_fraction),
        batch_size=batch_size,
        allow_urls=allow_urls,
        stdin=options.standard_input(photos),
        prepare=prepare,
        tally=tally,
    )
    ended = False
    try:
        with voice.progress("photos") as steps, closing(done):
            for one in done:
                _told(voice, steps, one, as_json)
        ended = True
    except KeyboardInterrupt:
        if not watch:
            raise
        ended = True  # there is no other end
    finally:
        if ended or tally.photos:
            _summary(tally, time.monotonic() - start, as_json)
    if tally.unreadable and tally.unreadable == tally.photos:
        raise PhotoError(f"not one photograph of {tally.photos} could be read")


def _told(voice: Voice, steps: output.Steps, one: Indexed, as_json: bool) -> None:
    """Count a file; tell what became of it where that was asked for or something is wrong."""
    steps.step(one.status != "pruned")
    if as_json and one.status not in QUIET:
        output.json_line(
            {"file": one.path, "what": one.status, "photo": one.photo, "faces": one.faces, "problem": one.problem}
        )
    if one.status in QUIET:
        return
    if one.problem and (one.photo is None or one.faces):  # photographs without a face are many, and only counted
        voice.warn(one.problem if f"'{one.path}'" in one.problem else f"'{one.path}': {one.problem}")
    else:
        voice.detail(f"'{one.path}': {one.status}, {one.problem or plural(len(one.faces), 'face')}")


def _summary(tally: Tally, seconds: float, as_json: bool) -> None:
    rate = tally.photos / max(seconds, 1e-9)
    if as_json:
        record: dict[str, Any] = {"faces": tally.faces, "photos": tally.photos}
        record |= {what: tally.of(what) for what in COUNTED}
        record |= {"without_face": tally.without_face, "unreadable": tally.unreadable}
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
