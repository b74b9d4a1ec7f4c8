"""The learning rate at each step."""

from __future__ import annotations

import math
from pathlib import Path

from nitakao.errors import TrainingError

WARM_UP = 0.05  # of all steps at most, and
MOST_WARM_UP = 500  # steps in which the rate rises from nearly 0, so that batch normalisation settles first
FALLS, FALL = (0.5, 0.75, 0.9), 0.1  # 'step': shares of all steps after which the rate is a tenth
WORDS = ("cosine", "step")
LARGEST_FILE = 100_000  # bytes


def rate(step: int, steps: int, base: float, schedule: str, epoch: int) -> float:
    """The learning rate of this step, 0 and up; 0 where a schedule says that the training is over.

    schedule: 'cosine' falls along half a wave (Loshchilov and Hutter 2017, arXiv:1608.03983), 'step' to a tenth at each
    of FALLS, else the lines of a file as davidsandberg's, whose rates stand for `base`.  epoch: steps in one of its.
    """
    if schedule not in WORDS:
        return _told(step // max(1, epoch), parsed(schedule, "the schedule"))
    warm = min(MOST_WARM_UP, int(WARM_UP * steps))
    if step < warm:
        return base * (step + 1) / warm
    done = (step - warm) / max(1, steps - warm)
    if schedule == "cosine":
        return base * 0.5 * (1 + math.cos(math.pi * done))
    return float(base * FALL ** sum(step >= share * steps for share in FALLS))


def read(path: Path) -> str:
    """The text of a schedule file, checked. Raises TrainingError where it is none."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_FILE).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise TrainingError(f"the schedule '{path}' cannot be read: {why}") from error
    parsed(text, str(path))
    return text


def parsed(text: str, source: str) -> dict[int, float]:
    """Epoch to rate, of lines 'epoch: rate' with # for remarks; -1 ends the training.

    As `get_learning_rate_from_file` of davidsandberg/facenet reads them.
    """
    found: dict[int, float] = {}
    for number, line in enumerate(text.splitlines(), 1):
        told = line.partition("#")[0].strip()
        if not told:
            continue
        try:
            epoch, value = told.split(":")
            found[int(epoch)] = -1.0 if value.strip() == "-" else float(value)
        except ValueError as error:
            raise TrainingError(f"{source}: line {number} is not 'epoch: rate' but {told[:60]!r}") from error
        if not math.isfinite(found[int(epoch)]):
            raise TrainingError(f"{source}: line {number} gives a rate that is not finite: {told[:60]!r}")
    if not found or min(found) != 0:
        raise TrainingError(f"{source}: a schedule says the rate from epoch 0 on")
    return found


def _told(epoch: int, known: dict[int, float]) -> float:
    """The rate that holds in this epoch."""
    return max(0.0, known[max(start for start in known if start <= epoch)])
