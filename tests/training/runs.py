"""A training that takes a second, for tests, and one that is killed from outside.

python -m tests.training.runs FOLDER KILL_AFTER_STEP RESUME
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nitakao.training.settings import TrainingSettings
from nitakao.training.splits import Examples, Split, make_examples, split

SETTINGS = TrainingSettings(
    size=32,
    width=0.05,
    dimension=16,
    people=4,
    pictures=2,
    steps=6,
    warm_up=2,
    held_out=0.3,
    evaluate_every=3,
    keep_every=2,
    rate=3e-3,
)


# With dropout, so that torch's random state matters too.
DROPPING = replace(SETTINGS, network="facenet", size=75, dropout=0.4)


def examples(people: int = 10, each: int = 4, side: int = 32) -> Examples:
    """Each person a picture of noise, with some other noise upon it each time."""
    rng = np.random.default_rng(7)
    own = rng.integers(0, 256, (people, 1, side, side, 3)) * 0.7
    pixels = (own + rng.integers(0, 76, (people, each, side, side, 3))).astype(np.uint8)
    faces = [(f"person {p}", f"{p}/{n}.png", p * each + n) for p in range(people) for n in range(each)]
    return make_examples(pixels.reshape(-1, side, side, 3), faces)


def divided(settings: TrainingSettings) -> Split:
    return split(examples(side=settings.size), settings.held_out, settings.seed, settings.min_pictures)


def train(
    folder: Path,
    settings: TrainingSettings = SETTINGS,
    *,
    resume: bool = False,
    on_event: Any = lambda event: None,
    network: Any = None,
) -> Any:
    """The run in `folder`, as `nitakao train` makes it."""
    from nitakao.training import initial_weights, loop, validation
    from nitakao.training.distributed import join_group
    from nitakao.training.networks import architecture

    folder.mkdir(parents=True, exist_ok=True)
    parts = divided(settings)
    held_out = parts.held_out
    validation_set = loop.ValidationSet(held_out, validation.make_pairs(held_out)) if len(held_out) else None
    network = network or initial_weights.make_network(settings, None, "")
    normalisation = architecture(settings).normalisation
    with join_group("cpu") as group:
        plan = loop.Plan(parts, settings, normalisation, folder, "fingerprint", group, validation_set)
        return loop.train(network, plan, resume=resume, on_event=on_event)


def digest(run: Any) -> str:
    """A digest of the run's weights."""
    whole = hashlib.sha256()
    for parameter in run.model.parameters():
        whole.update(parameter.detach().numpy().tobytes())
    return whole.hexdigest()


def main() -> None:
    import torch

    torch.set_num_threads(1)
    folder, last, resume = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "resume"
    if sys.argv[3] == "both":
        run = train(folder, replace(SETTINGS, steps=2, held_out=0.0))
        (folder / f"rank{os.environ['RANK']}.txt").write_text(digest(run), "utf-8")
        return

    def on_event(event: Any) -> None:
        if getattr(event, "loss", None) is not None and event.step == last:
            os.kill(os.getpid(), signal.SIGKILL)

    train(folder, DROPPING, resume=resume, on_event=on_event)


if __name__ == "__main__":
    main()
