"""Options of the commands that take probes, and of how they print their results."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nitakao.cli.options.detection import detector_options, detector_settings, device_of, device_options, faces_option
from nitakao.cli.options.general import model_option

if TYPE_CHECKING:
    from nitakao.tasks.probes import Look

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
    command = device_options(detector_options(command))
    command = faces_option("Which faces of a photograph are asked about (all; of several: largest).")(command)
    return model_option("A card or network in place of the gallery's model by its name.")(command)


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
        detector=detector_settings(article=article, **detector),
        choice=choice or ("first" if article else None),  # type: ignore[arg-type]  # one of the option's words
        # Only where asked for: it loads ONNX Runtime, which asking about a face of the gallery does without.
        device=device_of(device, gpu_memory_fraction) if device or gpu_memory_fraction else None,
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


def picture_options(command: Command) -> Command:
    """--sheet and --html; see `tasks.showing`."""
    command = click.option("--html", type=click.Path(), metavar="FILE", help="Save a page with pictures, in one file.")(
        command
    )
    return click.option("--sheet", type=click.Path(), metavar="FILE", help="Save a contact sheet (.png or .jpg).")(
        command
    )
