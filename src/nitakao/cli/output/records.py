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
    """Print one JSON object on one line; NaN and infinity become null."""
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
    """Print records as JSON lines, or as CSV with a header."""
    if form == "csv":
        click.echo(_line(fields), nl=False)
    for record in records:
        write_one({field: record[field] for field in fields}, form)


def write_one(record: dict[str, Any], form: str) -> None:
    """Print one record."""
    if form == "json":
        json_line(record)
    else:
        click.echo(_line([_cell(value) for value in record.values()]), nl=False)


def _line(cells: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _cell(value: object) -> object:
    """A list becomes words separated by blanks; an unknown value is empty."""
    if value is None or value != value:
        return ""
    return " ".join(map(str, value)) if isinstance(value, list) else value


def probe_fields(probe: Probe) -> dict[str, Any]:
    """The fields of a probe."""
    return {"probe": probe.name, "probe_box": None if probe.face is None else round_box(probe.face.box)}


def face_fields(kept: FaceRecord) -> dict[str, Any]:
    """The fields of a face's place."""
    return {
        "photo": kept.path,
        "number": kept.number,
        "box": round_box(kept.face.box),
        "time": kept.time,
        "taken": kept.taken,
    }


def basis_fields(basis: ResultInfo) -> dict[str, Any]:
    """The fields of the model, metric and threshold behind the numbers."""
    return {
        "model": basis.model,
        "metric": basis.metric,
        "threshold": basis.threshold,
        "threshold_source": basis.threshold_source,
        "prior": basis.prior,
        "searched": basis.searched,
        "false_matches": basis.false_matches,
    }


def round_box(corners: Sequence[float]) -> list[float]:
    return [round(float(v), 1) for v in corners]
