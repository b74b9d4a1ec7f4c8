"""What commands say about a model: its licences, the download of its weights, its threshold; and checks of it."""

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


def notice(voice: Voice, card: ModelCard) -> None:
    """Say once what a model's licences leave open."""
    from nitakao.models.cards import licences

    text = licences.first_use_notice(card)
    if text:
        voice.warn(text)


def fetched(voice: Voice, card: ModelCard) -> None:
    """Have the model's files here, with progress where they must be fetched first."""
    from nitakao.models.weights import files

    for file in card.files:
        with downloading(voice, file.name) as progress:
            files.locate(file, progress=progress)


@contextmanager
def downloading(voice: Voice, name: str) -> Iterator[Callable[[int, int], None]]:
    """What is called with (bytes so far, bytes in all) while a file is fetched; nothing is shown if it never is."""
    with voice.progress(f"MB of {name}") as steps:

        def report(done: int, total: int) -> None:
            steps.total = round(total / 1e6) or None
            steps.step(round(done / 1e6) - steps.done)

        yield report


def ready(voice: Voice, card: ModelCard, asked: Iterable[str]) -> None:
    """Say what the model's licences leave open and have its weights here, where a photograph is asked about."""
    from nitakao.tasks.probes import is_kept

    if not all(is_kept(named) for named in asked):
        notice(voice, card)
        fetched(voice, card)


def model_line(card: ModelCard) -> str:
    """Model, metric and threshold: what makes a distance readable."""
    same = (
        f"same person below {card.threshold:g} ({card.threshold_source})"
        if card.has_threshold
        else "no threshold is known"
    )
    return f"{card.name}, {card.dimension} numbers a face, {card.metric}, {same}"


def report(checks: Iterable[Check], as_json: bool) -> None:
    """Print the checks; exit code 1 where a needed one failed."""
    looked_at = list(checks)
    if as_json:
        for check in looked_at:
            json_line(asdict(check))
    else:
        table(["", "check", "detail"], [[_mark(check), check.name, check.detail] for check in looked_at])
    if any(check.needed and not check.ok for check in looked_at):
        click.get_current_context().exit(1)


def _mark(check: Check) -> str:
    return "ok" if check.ok else "FAILED" if check.needed else "-"
