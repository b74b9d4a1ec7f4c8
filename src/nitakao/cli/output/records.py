"""Records on standard output: JSON lines and CSV, with the same fields in the same order."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from nitakao.values import FaceRecord, Probe, ResultInfo


def json_line(record: dict[str, Any]) -> None:
    """One object on one line; what is not a number becomes null."""
    click.echo(json.dumps(_json_safe(record), ensure_ascii=False, allow_nan=False))


def _json_safe(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _json_safe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_safe(item) for item in value]
    return value


def write(records: Iterable[dict[str, Any]], form: str, fields: Sequence[str]) -> None:
    """Records as JSON lines or as CSV under their fields' names."""
    if form == "csv":
        click.echo(_line(fields), nl=False)
    for record in records:
        write_one({field: record[field] for field in fields}, form)


def write_one(record: dict[str, Any], form: str) -> None:
    """One record, as it comes."""
    if form == "json":
        json_line(record)
    else:
        click.echo(_line([_cell(value) for value in record.values()]), nl=False)


def _line(cells: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _cell(value: object) -> object:
    """Lists become words with blanks between; what is not known is empty."""
    if value is None or value != value:
        return ""
    return " ".join(map(str, value)) if isinstance(value, list) else value


def of_probe(probe: Probe) -> dict[str, Any]:
    """The fields that say who was asked about."""
    return {"probe": probe.name, "probe_box": None if probe.face is None else box(probe.face.box)}


def of_face(kept: FaceRecord) -> dict[str, Any]:
    """The fields that say where a face is."""
    return {
        "photo": kept.path,
        "number": kept.number,
        "box": box(kept.face.box),
        "time": kept.time,
        "taken": kept.taken,
    }


def of_basis(basis: ResultInfo) -> dict[str, Any]:
    """The fields that make the others readable."""
    return {
        "model": basis.model,
        "metric": basis.metric,
        "threshold": basis.threshold,
        "threshold_source": basis.threshold_source,
        "prior": basis.prior,
        "searched": basis.searched,
        "false_matches": basis.false_matches,
    }


def box(corners: Sequence[float]) -> list[float]:
    return [round(float(v), 1) for v in corners]
