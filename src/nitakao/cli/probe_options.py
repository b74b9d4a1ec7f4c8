"""What the commands that ask share: their options, and how answers are written."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nitakao.cli import options, output
from nitakao.cli.commands.embed import notice
from nitakao.cli.output import Voice

if TYPE_CHECKING:
    from nitakao.tasks.probes import Look
    from nitakao.values import Basis, FaceRecord, ModelCard, Probe

Command = TypeVar("Command", bound=Callable[..., Any])


class Day(click.ParamType):  # type: ignore[type-arg]  # generic in newer click only
    """Seconds since 1970 of a date or a time in ISO 8601; `after`: of a date, the end of the day."""

    name = "DATE"

    def __init__(self, *, after: bool = False) -> None:
        self.after = after

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no date like 2024-12-31", parameter, context)
        if self.after and len(str(value)) <= len("2024-12-31"):
            found += timedelta(days=1)
        return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()


def probe_options(command: Command) -> Command:
    """Everything that makes a `Look`; see `look`."""
    command = options.device_options(options.detector_options(command))
    command = options.faces_option("Which faces of a photograph are asked about (all; of several: largest).")(command)
    return options.model_option("A card or network in place of the gallery's model by its name.")(command)


def look(
    model: str | None,
    choice: str | None,
    device: str | None,
    gpu_memory_fraction: float | None,
    allow_urls: bool,
    article: bool,
    **detector: Any,
) -> Look:
    from nitakao.tasks.probes import Look

    return Look(
        model=model,
        detector=options.detector_settings(article=article, **detector),
        choice=choice or ("first" if article else None),  # type: ignore[arg-type]  # one of the option's words
        # Only where asked for: it loads ONNX Runtime, which asking about a face of the gallery does without.
        device=options.device_of(device, gpu_memory_fraction) if device or gpu_memory_fraction else None,
        allow_urls=allow_urls,
    )


def prior_option(text: str) -> Callable[[Command], Command]:
    return click.option("--prior", type=float, default=0.5, show_default=True, metavar="P", help=text)


def threshold_option(text: str) -> Callable[[Command], Command]:
    return click.option("--threshold", type=float, metavar="T", help=text)


def form_options(command: Command) -> Command:
    """--json and --csv; see `write`."""
    command = click.option("--csv", "form", flag_value="csv", help="Print CSV, with the same fields.")(command)
    return click.option("--json", "form", flag_value="json", help="Print JSON, one object a line.")(command)


def ready(voice: Voice, card: ModelCard, asked: Iterable[str]) -> None:
    """Say what the model's licences leave open and have its weights here, where a photograph is asked about."""
    from nitakao.tasks.probes import is_kept

    if not all(is_kept(named) for named in asked):
        notice(voice, card)
        output.fetched(voice, card)


def write(records: Iterable[dict[str, Any]], form: str, fields: Sequence[str]) -> None:
    """Records as JSON lines or as CSV under their fields' names."""
    if form == "csv":
        click.echo(_line(fields), nl=False)
    for record in records:
        write_one({field: record[field] for field in fields}, form)


def write_one(record: dict[str, Any], form: str) -> None:
    """One record, as it comes."""
    if form == "json":
        output.json_line(record)
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


def of_basis(basis: Basis) -> dict[str, Any]:
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


def number(value: float) -> str:
    """Three places, or a dash for what is not known."""
    return "-" if value != value else f"{value:.3f}"


def who(kept: FaceRecord) -> str:
    """The person's name, or for want of one the number, or nothing where the face is nobody's."""
    return kept.name or ("" if kept.person is None else f"#{kept.person}")


def sure(probability: float) -> str:
    """A probability to the right of its column; a dash for what is not known."""
    from nitakao.report import tiles

    return f"{tiles.percent(probability) or '-':>{len('probability')}}"


def place(kept: FaceRecord) -> str:
    """Where a face is, for people: its photograph, and in a video the time."""
    path = output.path_from_here(kept.path) or "-"
    return path if kept.time is None else f"{path} at {output.duration(kept.time)}"


def asked_about(probe: Probe) -> str:
    """The line above one of several answers."""
    if probe.face is None:
        return probe.name
    x1, y1, x2, y2 = probe.face.box
    return f"{probe.name}, the face at {x1:.0f},{y1:.0f} to {x2:.0f},{y2:.0f}"


def footer(basis: Basis) -> None:
    """Print what makes an answer's numbers readable."""
    from nitakao.report import tiles

    for note in tiles.notes(basis):
        click.echo(note)


def picture_options(command: Command) -> Command:
    """--sheet and --html; see `tasks.showing`."""
    command = click.option("--html", type=click.Path(), metavar="FILE", help="Save a page with pictures, in one file.")(
        command
    )
    return click.option("--sheet", type=click.Path(), metavar="FILE", help="Save a contact sheet (.png or .jpg).")(
        command
    )
