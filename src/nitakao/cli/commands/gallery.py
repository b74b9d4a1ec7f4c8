"""nitakao gallery: what a gallery is, whether it is whole, backups, repair."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice

if TYPE_CHECKING:
    from nitakao.gallery.maintenance.info import About

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(epilog=options.example("nitakao gallery info"))
def gallery() -> None:
    """Keep a gallery: what it is and holds, whether it is whole, backups, repair."""


@gallery.command(epilog=options.example("nitakao gallery info"))
@options.gallery_option
@JSON
@options.voiced
def info(voice: Voice, gallery: str | None, as_json: bool) -> None:
    """Say what a gallery is and what it holds."""
    from nitakao.tasks.gallery import maintenance as task

    about, calibration = task.info(gallery)
    if as_json:
        folder = None if about.index.folder is None else str(about.index.folder)
        index = {**asdict(about.index), "folder": folder}
        output.json_line({**asdict(about), "index": index, "calibration": calibration or None})
        return
    rows = _rows(about, calibration)
    width = max(len(name) for name, _ in rows)
    for name, said in rows:
        click.echo(f"{name.ljust(width)}  {said}")


def _rows(about: About, calibration: str) -> list[tuple[str, str]]:
    index = about.index
    newer = f", {index.tail} newer ones looked at one by one" if index.tail and index.rows else ""
    return [
        ("gallery", about.place),
        ("database", f"{about.kind}, tables {about.tables}"),
        ("model", f"{about.model}, {about.dimension} numbers, {about.metric}{', flip' if about.flip else ''}"),
        ("created", "unknown" if about.created is None else _moment(about.created)),
        ("faces", f"{about.faces} in {output.plural(about.photos, 'photograph')}"),
        ("files", f"{about.files}, {about.problems} with problems"),
        ("people", f"{about.people}, {about.named} named; {output.plural(about.doubtful, 'doubtful face')}"),
        ("size", f"{_size(about.size)}, of it chips {_size(about.chips)}; log {_size(about.log)}"),
        ("index", "none: every face is looked at" if not index.rows else f"{index.kind}, {index.rows} faces{newer}"),
        ("index size", _size(index.bytes)),
        ("calibration", calibration or "none: distances are told without probabilities"),
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
@options.voiced
def check(voice: Voice, gallery: str | None, as_json: bool) -> None:
    """Look a gallery over: structures, every row, every vector and chip, the index. Nothing is changed.

    The exit code is 1 if something is damaged.
    """
    from nitakao.tasks.gallery import maintenance as task

    output.report(task.check(gallery), as_json)


@gallery.command(epilog=options.example("nitakao gallery backup gallery-backup.db"))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@options.gallery_option
@JSON
@options.voiced
def backup(voice: Voice, file: Path, gallery: str | None, as_json: bool) -> None:
    """Copy a gallery into a new FILE, while others go on working with it.

    The copy is one SQLite file, whatever the gallery is kept in, and a gallery itself: give it as --gallery, or put it
    in the place of a lost one.
    """
    from nitakao.tasks.gallery import maintenance as task

    with voice.progress("parts") as steps:
        made = task.backup(gallery, file, progress=_counted(steps))
    if as_json:
        output.json_line({"path": str(made.path), "bytes": made.bytes, "faces": made.faces})
    else:
        click.echo(f"{made.path}  {_size(made.bytes)}, {output.plural(made.faces, 'face')}")


def _counted(steps: output.Steps) -> Any:
    def told(done: int, total: int) -> None:
        steps.total = total
        steps.step(done - steps.done)

    return told


@gallery.command(epilog=options.example("nitakao gallery compact"))
@options.gallery_option
@JSON
@options.voiced
def compact(voice: Voice, gallery: str | None, as_json: bool) -> None:
    """Give back the room of what was deleted."""
    from nitakao.tasks.gallery import maintenance as task

    done = task.compact(gallery)
    if as_json:
        output.json_line(asdict(done))
    else:
        click.echo(f"{_size(done.before)} before, {_size(done.after)} now")
    for said in done.left:
        voice.warn(f"not done: {said}")


@gallery.command(epilog=options.example("nitakao gallery repair"))
@options.gallery_option
@JSON
@options.voiced
def repair(voice: Voice, gallery: str | None, as_json: bool) -> None:
    """Save what can be saved of a damaged gallery.

    The rows that can be read go into a new file, which takes the damaged one's place; that one is kept beside it. In
    PostgreSQL the indexes are made anew.
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
        click.echo(f"'nitakao index PHOTOS --again problems' looks anew at {output.plural(done.again, 'photograph')}")
