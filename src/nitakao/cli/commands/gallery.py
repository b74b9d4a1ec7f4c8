"""nitakao gallery: information, checks, backups, repair."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nitakao.cli import options, output
from nitakao.cli.groups import Group, Lazy
from nitakao.cli.output import Voice

if TYPE_CHECKING:
    from nitakao.gallery.maintenance.info import GalleryInfo

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
SECTIONS = {
    "Model": {
        "reindex": Lazy("reindex:reindex", "Recompute all vectors with another model."),
        "calibrate": Lazy("calibrate:calibrate", "Fit probabilities to the named people of the gallery."),
    }
}


@click.group(cls=Group, sections=SECTIONS, epilog=options.example("nitakao gallery info"))
def gallery() -> None:
    """Inspect, back up, repair and re-embed a gallery."""


@gallery.command(epilog=options.example("nitakao gallery info"))
@options.gallery_option
@JSON
@options.with_voice
def info(voice: Voice, gallery: str | None, as_json: bool) -> None:
    """Show the model, size, counts and index of a gallery."""
    from nitakao.tasks.gallery import maintenance as task

    about, calibration = task.info(gallery)
    if as_json:
        folder = None if about.index.folder is None else str(about.index.folder)
        index = {**asdict(about.index), "folder": folder}
        output.json_line({**asdict(about), "index": index, "calibration": calibration or None})
        return
    rows = _rows(about, calibration)
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        click.echo(f"{name.ljust(width)}  {text}")


def _rows(about: GalleryInfo, calibration: str) -> list[tuple[str, str]]:
    index = about.index
    newer = f", {index.tail} newer faces searched exactly" if index.tail and index.rows else ""
    return [
        ("gallery", about.location),
        ("database", f"{about.kind}, tables {about.tables}"),
        ("model", f"{about.model}, {about.dimension} dimensions, {about.metric}{', flip' if about.flip else ''}"),
        ("created", "unknown" if about.created is None else _moment(about.created)),
        ("faces", f"{about.faces} in {output.plural(about.photos, 'photo')}"),
        ("files", f"{about.files}, {about.problems} with problems"),
        ("people", f"{about.people}, {about.named} named; {output.plural(about.to_review, 'face')} to review"),
        ("size", f"{_size(about.size)}, including chips {_size(about.chips)}; log {_size(about.log)}"),
        ("index", "none: searches are exact" if not index.rows else f"{index.kind}, {index.rows} faces{newer}"),
        ("index size", _size(index.bytes)),
        ("calibration", calibration or "none: results have no probabilities"),
    ]


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _size(count: float) -> str:
    """1.5 MB, 12 kB, 0 bytes."""
    for unit, least in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= least:
            return f"{count / least:.3g} {unit}" if count < 999.5 * least else f"{count / least:.0f} {unit}"
    return f"{count:.0f} bytes"


@gallery.command(epilog=options.example("nitakao gallery check"))
@options.gallery_option
@JSON
@options.with_voice
def check(voice: Voice, gallery: str | None, as_json: bool) -> None:
    """Check a gallery for damage.

    Checks the tables, every row, vector and chip, and the search index, and changes nothing. The exit code is 1 if the
    gallery is damaged.
    """
    from nitakao.tasks.gallery import maintenance as task

    output.print_checks(task.check(gallery), as_json)


@gallery.command(epilog=options.example("nitakao gallery backup gallery-backup.db"))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@options.gallery_option
@JSON
@options.with_voice
def backup(voice: Voice, file: Path, gallery: str | None, as_json: bool) -> None:
    """Copy a gallery to a new FILE while it stays in use.

    The copy is one SQLite file, also if the gallery is in PostgreSQL. Open it with --gallery FILE, or restore it by
    moving it to the place of the lost gallery.
    """
    from nitakao.tasks.gallery import maintenance as task

    with voice.progress("parts") as steps:
        copy = task.backup(gallery, file, progress=_counted(steps))
    if as_json:
        output.json_line({"path": str(copy.path), "bytes": copy.bytes, "faces": copy.faces})
    else:
        click.echo(f"{copy.path}  {_size(copy.bytes)}, {output.plural(copy.faces, 'face')}")


def _counted(steps: output.Steps) -> Any:
    def report(done: int, total: int) -> None:
        steps.total = total
        steps.step(done - steps.done)

    return report


@gallery.command(epilog=options.example("nitakao gallery compact"))
@options.gallery_option
@JSON
@options.with_voice
def compact(voice: Voice, gallery: str | None, as_json: bool) -> None:
    """Release the disk space of deleted data."""
    from nitakao.tasks.gallery import maintenance as task

    done = task.compact(gallery)
    if as_json:
        output.json_line(asdict(done))
    else:
        click.echo(f"{_size(done.before)} before, {_size(done.after)} after")
    for text in done.left:
        voice.warn(f"not done: {text}")


@gallery.command(epilog=options.example("nitakao gallery repair"))
@options.gallery_option
@JSON
@options.with_voice
def repair(voice: Voice, gallery: str | None, as_json: bool) -> None:
    """Recover the readable data of a damaged gallery.

    The readable rows are copied to a new file, which replaces the damaged one; the damaged file is kept beside it. In
    PostgreSQL, the indexes are rebuilt.
    """
    from nitakao.tasks.gallery import maintenance as task

    done = task.repair(gallery)
    if as_json:
        output.json_line({**asdict(done), "damaged": None if done.damaged is None else str(done.damaged)})
        return
    click.echo(f"{done.place}  {output.plural(done.faces, 'face')}")
    if done.damaged is not None:
        click.echo(f"the damaged file is kept: {done.damaged}")
    click.echo(f"lost: {', '.join(f'{count} of {name}' for name, count in done.lost.items()) or 'nothing'}")
    if done.again:
        click.echo(f"rescan {output.plural(done.again, 'photo')} with: nitakao index PHOTOS --rescan problems")
