"""Results of searches: hits as tables, JSON and CSV, and the lines around them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from nitakao.cli.output.records import basis_fields, face_fields, probe_fields, write
from nitakao.cli.output.text import format_duration, format_number, path_from_here, table

if TYPE_CHECKING:
    from nitakao.values import FaceRecord, Hit, Probe, ResultInfo, SearchResult

HIT_FIELDS = (
    *("probe", "probe_box", "rank", "distance", "probability", "face", "person", "name"),
    *("photo", "number", "box", "time", "taken"),
    *("model", "metric", "threshold", "threshold_source", "prior", "searched", "false_matches"),
)
HIT_HEADER = ("rank", "distance", "probability", "face", "person", "photo")


def print_hits(found: SearchResult, form: str | None) -> None:
    """Print the hits of each probe: a table, or records if `form` is 'json' or 'csv'."""
    if form is not None:
        write(_hit_records(found), form, HIT_FIELDS)
        return
    for answer in found.answers:
        if len(found.answers) > 1:
            click.echo(f"{probe_title(answer.probe)}:")
        table(HIT_HEADER, [_hit_row(match) for match in answer.hits])
    print_basis(found.info)


def _hit_row(match: Hit) -> list[str]:
    numbers = [str(match.rank), format_number(match.distance), format_probability(match.probability)]
    return [*numbers, str(match.face.id), person_label(match.face), face_location(match.face)]


def _hit_records(found: SearchResult) -> Iterator[dict[str, Any]]:
    basis = basis_fields(found.info)
    for answer in found.answers:
        for match in answer.hits:
            face = match.face
            hit: dict[str, Any] = {"rank": match.rank, "distance": match.distance, "probability": match.probability}
            hit |= {"face": face.id, "person": face.person_id, "name": face.name}
            yield probe_fields(answer.probe) | hit | face_fields(face) | basis


def person_label(kept: FaceRecord) -> str:
    """The person's name, or their number, or nothing for an unassigned face."""
    return kept.name or ("" if kept.person_id is None else f"#{kept.person_id}")


def format_probability(probability: float) -> str:
    """A probability, aligned to the right of its column; a dash if unknown."""
    from nitakao.report import tiles

    return f"{tiles.format_probability(probability) or '-':>{len('probability')}}"


def face_location(kept: FaceRecord) -> str:
    """The path of a face's photo, or of its video with the time."""
    path = path_from_here(kept.path) or "-"
    return path if kept.time is None else f"{path} at {format_duration(kept.time)}"


def probe_title(probe: Probe) -> str:
    """The line above the hits of one of several probes."""
    if probe.face is None:
        return probe.name
    x1, y1, x2, y2 = probe.face.box
    return f"{probe.name}, the face at {x1:.0f},{y1:.0f} to {x2:.0f},{y2:.0f}"


def print_basis(basis: ResultInfo) -> None:
    """Print the model, metric, threshold and counts behind the numbers."""
    from nitakao.report import tiles

    for note in tiles.format_notes(basis):
        click.echo(note)
