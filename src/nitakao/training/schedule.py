"""Learning rate schedules."""

from __future__ import annotations

import math
from pathlib import Path

from nitakao.errors import TrainingError

WARM_UP, MAX_WARM_UP = 0.05, 500  # share of all steps, and steps at most, in which the rate rises from nearly 0
DROPS, DROP = (0.5, 0.75, 0.9), 0.1  # 'step': shares of all steps after which the rate drops to a tenth
SCHEDULES = ("cosine", "step")
MAX_BYTES = 100_000  # bytes


def learning_rate(step: int, steps: int, base: float, schedule: str, epoch: int) -> float:
    """The learning rate of a step.

    Args:
        step: The step, from 0.
        steps: Number of steps.
        base: Largest learning rate.
        schedule: 'cosine' (Loshchilov and Hutter 2017, arXiv:1608.03983); 'step', a tenth at each of DROPS; or the text
            of a schedule file of davidsandberg/facenet, whose rates replace `base`.
        epoch: Steps per epoch of that file.

    Returns:
        The learning rate; 0 where the schedule ends the training.
    """
    if schedule not in SCHEDULES:
        return _rate_of_epoch(step // max(1, epoch), parse(schedule, "the schedule"))
    warm_up = min(MAX_WARM_UP, int(WARM_UP * steps))
    if step < warm_up:
        return base * (step + 1) / warm_up
    done = (step - warm_up) / max(1, steps - warm_up)
    if schedule == "cosine":
        return base * 0.5 * (1 + math.cos(math.pi * done))
    return float(base * DROP ** sum(step >= share * steps for share in DROPS))


def read(path: Path) -> str:
    """Read and check the text of a schedule file. Raises TrainingError where it is unreadable or malformed."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise TrainingError(f"the schedule '{path}' cannot be read: {why}") from error
    parse(text, str(path))
    return text


def parse(text: str, source: str) -> dict[int, float]:
    """The rate from each epoch on, from lines 'epoch: rate'; # starts a comment, and -1 ends the training.

    As `get_learning_rate_from_file` of davidsandberg/facenet reads them.
    """
    rates: dict[int, float] = {}
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        try:
            epoch, value = entry.split(":")
            rates[int(epoch)] = -1.0 if value.strip() == "-" else float(value)
        except ValueError as error:
            raise TrainingError(f"{source}: line {number} is not 'epoch: rate' but {entry[:60]!r}") from error
        if not math.isfinite(rates[int(epoch)]):
            raise TrainingError(f"{source}: line {number} gives a rate that is not finite: {entry[:60]!r}")
    if not rates or min(rates) != 0:
        raise TrainingError(f"{source}: a schedule must start with a rate for epoch 0")
    return rates


def _rate_of_epoch(epoch: int, rates: dict[int, float]) -> float:
    return max(0.0, rates[max(start for start in rates if start <= epoch)])
