"""What commands print about a model: its licences, the download of its weights, its threshold; and its checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from nitakao.cli.output.records import json_line
from nitakao.cli.output.text import table
from nitakao.cli.output.voice import Voice

if TYPE_CHECKING:
    from nitakao.values import Check, ModelCard


def show_notice(voice: Voice, card: ModelCard) -> None:
    """Warn once about restrictions in a model's licences."""
    from nitakao.models.cards import licences

    text = licences.first_use_notice(card)
    if text:
        voice.warn(text)


def fetch_weights(voice: Voice, card: ModelCard) -> None:
    """Download the model's weights unless they are here, with progress."""
    from nitakao.models.weights import files

    for file in card.files:
        with downloading(voice, file.name) as progress:
            files.locate(file, progress=progress)


@contextmanager
def downloading(voice: Voice, name: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a callback of (bytes so far, bytes in all) that shows the progress of a download."""
    with voice.progress(f"MB of {name}") as steps:

        def report(done: int, total: int) -> None:
            steps.total = round(total / 1e6) or None
            steps.step(round(done / 1e6) - steps.done)

        yield report


def prepare_for_probes(voice: Voice, card: ModelCard, probes: Iterable[str]) -> None:
    """If a probe is a photo, show the licence notice and download the weights."""
    from nitakao.tasks.probes import in_gallery

    if not all(in_gallery(named) for named in probes):
        show_notice(voice, card)
        fetch_weights(voice, card)


def model_line(card: ModelCard) -> str:
    """Model, embedding size, metric and threshold on one line."""
    same = (
        f"same person below {card.threshold:g} ({card.threshold_source})"
        if card.has_threshold
        else "no threshold known"
    )
    return f"{card.name}, {card.dimension} dimensions, {card.metric}, {same}"


def print_checks(checks: Iterable[Check], as_json: bool) -> None:
    """Print the checks; the exit code is 1 if a required one failed."""
    results = list(checks)
    if as_json:
        for check in results:
            json_line(asdict(check))
    else:
        table(["", "check", "detail"], [[_mark(check), check.name, check.detail] for check in results])
    if any(check.needed and not check.ok for check in results):
        click.get_current_context().exit(1)


def _mark(check: Check) -> str:
    return "ok" if check.ok else "FAILED" if check.needed else "-"
