"""Options of the commands that take probes, and of how they print their results."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nitakao.cli.options.detection import detector_options, device_options, faces_option, pipeline_options
from nitakao.cli.options.general import model_option

if TYPE_CHECKING:
    from nitakao.tasks.probes import SearchOptions

Command = TypeVar("Command", bound=Callable[..., Any])


class Day(click.ParamType):  # type: ignore[type-arg]  # generic in newer click only
    """A date or time in ISO 8601, as seconds since 1970. With `after`, a date means the end of that day."""

    name = "DATE"

    def __init__(self, *, after: bool = False) -> None:
        self.after = after

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a date like 2024-12-31", parameter, context)
        if self.after and len(str(value)) <= len("2024-12-31"):
            moment += timedelta(days=1)
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def probe_options(command: Command) -> Command:
    """Add the options that `search_options` takes."""
    command = device_options(detector_options(command))
    command = faces_option("Which faces of a probe photo to use (all; with several probes: largest).")(command)
    return model_option("The card or network of the gallery's model, if it is not installed by name.")(command)


def search_options(
    model: str | None,
    *,
    each: bool = False,
    threshold: float | None = None,
    prior: float = 0.5,
    flip: bool = False,
    **photos: Any,
) -> SearchOptions:
    from nitakao.tasks.probes import SearchOptions

    return SearchOptions(model, pipeline_options(flip=flip, **photos), each, threshold, prior)


def prior_option(text: str) -> Callable[[Command], Command]:
    return click.option("--prior", type=float, default=0.5, show_default=True, metavar="P", help=text)


def threshold_option(text: str) -> Callable[[Command], Command]:
    return click.option("--threshold", type=float, metavar="T", help=text)


def form_options(command: Command) -> Command:
    """Add --json and --csv; `output.write` takes their value."""
    command = click.option("--csv", "form", flag_value="csv", help="Print CSV with the same fields.")(command)
    return click.option("--json", "form", flag_value="json", help="Print JSON, one object per line.")(command)


def hit_options(command: Command) -> Command:
    """Add the options of which hits to list; see `hit_settings`."""
    for option in reversed(_HIT_OPTIONS):
        command = option(command)
    return command


_HIT_OPTIONS = (
    click.option("-k", "--limit", type=int, metavar="N", help="How many hits to list for each probe (10)."),
    click.option("--same-person", is_flag=True, help="List only hits below the threshold; without --limit, all."),
    click.option(
        "--max-distance", type=float, metavar="D", help="List only hits below this distance; without --limit, all."
    ),
    click.option(
        "--exclude", multiple=True, metavar="OTHER", help="Move the probe away from OTHER, named like a PROBE."
    ),
    click.option("--each", is_flag=True, help="Search each PROBE separately, not as photos of one person."),
    threshold_option("Same person below this distance (the model's own)."),
    prior_option("Prior probability that two faces are the same person."),
)


def hit_settings(
    limit: int | None,
    same_person: bool,
    max_distance: float | None,
    exclude: tuple[str, ...],
) -> dict[str, Any]:
    """The arguments of a search. Without a limit, a limit of distance lists all hits, else ten are listed."""
    near = same_person or max_distance is not None
    return {
        "k": 10 if limit is None and not near else limit,
        "same_person": same_person,
        "max_distance": max_distance,
        "exclude": exclude,
    }


HIT_NAMES = ("limit", "same_person", "max_distance", "exclude")


def picture_options(command: Command) -> Command:
    """Add --sheet and --html."""
    command = click.option(
        "--html", type=click.Path(), metavar="FILE", help="Save a web page with pictures, in one file."
    )(command)
    return click.option("--sheet", type=click.Path(), metavar="FILE", help="Save a contact sheet (.png or .jpg).")(
        command
    )
