"""nitakao forget: permanent deletion of people, photos and faces."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nitakao.cli import options, output
from nitakao.cli.output import Voice

if TYPE_CHECKING:
    from nitakao.gallery.forget.forget import Receipt

KINDS = ("person", "photo", "face")


@click.command(epilog=options.example('nitakao forget person "Ada Lovelace" --receipt receipt.json'))
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("named", nargs=-1, required=True, metavar="NAME...")
@click.option("--tombstone", is_flag=True, help="Block the photos from being indexed again.")
@click.option(
    "--receipt", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Save a receipt of the deletion."
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@options.gallery_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@options.with_voice
def forget(
    voice: Voice,
    kind: str,
    named: tuple[str, ...],
    tombstone: bool,
    receipt: Path | None,
    yes: bool,
    gallery: str | None,
    as_json: bool,
) -> None:
    """Delete people, photos or faces permanently.

    This cannot be undone. NAME is a person's name or '#12', a photo's path, SHA-256 or number, or a face's number. A
    person is deleted with all their faces and names, a photo with all its faces. A tombstone is a keyed hash that only
    this gallery can compare.
    """
    from nitakao.gallery.forget.forget import ForgetRequest
    from nitakao.tasks.gallery import forget as task

    meant = ForgetRequest(
        persons=named if kind == "person" else (),
        photos=named if kind == "photo" else (),
        faces=tuple(map(options.parse_face_number, named)) if kind == "face" else (),
        tombstone=tombstone,
    )
    if not yes and _on_terminal():
        click.confirm(f"Forget {task.preview(gallery, meant)}? This cannot be undone", abort=True, err=True)
    found = task.forget_all(gallery, meant)
    if receipt is not None:
        task.save(found, receipt)
    if not found.complete:
        voice.warn("warning: the gallery still holds traces; the receipt lists them")
    output.json_line(asdict(found)) if as_json else _show(found)


def _on_terminal() -> bool:
    return sys.stdin.isatty()


def _show(receipt: Receipt) -> None:
    when = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(receipt.at))
    click.echo(f"forgotten: {receipt.what}, from gallery '{output.cell(receipt.gallery)}', {when}")
    counted = ("persons", "faces", "chips", "photos", "files", "changes", "tombstones")
    output.table(counted, [[getattr(receipt, name) for name in counted]])
    click.echo("copies may still be in:")
    for phrase in receipt.left:
        click.echo(f"  {output.cell(phrase)}")
