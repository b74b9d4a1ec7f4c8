"""A training that takes a second, for tests; also one that is killed from outside.

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
from nitakao.training.splits import Examples, Split, gathered, split

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


# With dropout, so that the state of torch's chance matters too.
DROPPING = replace(SETTINGS, network="facenet", size=75, dropout=0.4)


def examples(people: int = 10, each: int = 4, side: int = 32) -> Examples:
    """Each person a picture of noise, with some other noise upon it each time."""
    chance = np.random.default_rng(7)
    own = chance.integers(0, 256, (people, 1, side, side, 3)) * 0.7
    pixels = (own + chance.integers(0, 76, (people, each, side, side, 3))).astype(np.uint8)
    faces = [(f"person {p}", f"{p}/{n}.png", p * each + n) for p in range(people) for n in range(each)]
    return gathered(pixels.reshape(-1, side, side, 3), faces)


def divided(settings: TrainingSettings) -> Split:
    return split(examples(side=settings.size), settings.held_out, settings.seed, settings.least_pictures)


def train(
    folder: Path, settings: TrainingSettings = SETTINGS, *, resume: bool = False, tell: Any = None, **told: Any
) -> Any:
    """The run in `folder`, made as `nitakao train` makes it."""
    from nitakao.training import initial_weights, loop, validation
    from nitakao.training.distributed import entered
    from nitakao.training.networks import architecture

    folder.mkdir(parents=True, exist_ok=True)
    parts = told.pop("divided", None) or divided(settings)
    exam = loop.Exam(parts.judged, validation.pairs(parts.judged)) if len(parts.judged) else None
    network = told.pop("network", None) or initial_weights.network(settings, None, "")
    with entered("cpu") as world:
        return loop.train(
            network,
            parts,
            settings,
            architecture(settings).normalisation,
            folder,
            told="told",
            world=world,
            exam=exam,
            resume=resume,
            tell=tell or (lambda event: None),
            **told,
        )


def digest(run: Any) -> str:
    """What the run has learnt, as one number."""
    whole = hashlib.sha256()
    for parameter in run.trainee.parameters():
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

    def tell(event: Any) -> None:
        if getattr(event, "loss", None) is not None and event.step == last:
            os.kill(os.getpid(), signal.SIGKILL)

    train(folder, DROPPING, resume=resume, tell=tell)


if __name__ == "__main__":
    main()
