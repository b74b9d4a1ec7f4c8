"""How hits and candidates are shown in tables, and the lines around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nitakao.cli.output.text import duration, path_from_here

if TYPE_CHECKING:
    from nitakao.values import FaceRecord, Probe, ResultInfo


def who(kept: FaceRecord) -> str:
    """The person's name, or for want of one the number, or nothing where the face is nobody's."""
    return kept.name or ("" if kept.person_id is None else f"#{kept.person_id}")


def sure(probability: float) -> str:
    """A probability to the right of its column; a dash for what is not known."""
    from nitakao.report import tiles

    return f"{tiles.format_probability(probability) or '-':>{len('probability')}}"


def place(kept: FaceRecord) -> str:
    """Where a face is, for people: its photograph, and in a video the time."""
    path = path_from_here(kept.path) or "-"
    return path if kept.time is None else f"{path} at {duration(kept.time)}"


def asked_about(probe: Probe) -> str:
    """The line above one of several answers."""
    if probe.face is None:
        return probe.name
    x1, y1, x2, y2 = probe.face.box
    return f"{probe.name}, the face at {x1:.0f},{y1:.0f} to {x2:.0f},{y2:.0f}"


def footer(basis: ResultInfo) -> None:
    """Print what makes an answer's numbers readable."""
    from nitakao.report import tiles

    for note in tiles.format_notes(basis):
        click.echo(note)
