"""Checkpoints of a training.

A checkpoint has everything that the next step depends on: the weights of the network and the loss, the optimizer, the
moving average of the weights, the gradient scaler, the random states, and the number of the step, which determines the
batches. It is written atomically, and read without running code that a file may contain.
"""

from __future__ import annotations

import io
import pickle
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nitakao.errors import TrainingError
from nitakao.system import atomic_write

NAME, BEST = "checkpoint.pt", "best.pt"
FORMAT = 1
NEW_RUN = "start a new run with another -o"


def save(folder: Path, state: dict[str, Any]) -> None:
    """Write the checkpoint atomically. Raises TrainingError where that fails, naming the last good checkpoint."""
    path = folder / NAME
    content = io.BytesIO()
    torch.save({**state, "format": FORMAT}, content)
    _write(path, content.getbuffer(), state["step"])


def save_best(folder: Path, weights: dict[str, Any], step: int) -> None:
    """Write the best weights so far beside the checkpoint, atomically."""
    content = io.BytesIO()
    torch.save(weights, content)
    _write(folder / BEST, content.getbuffer(), step)


def best_weights(folder: Path) -> dict[str, Any]:
    """Read the weights of `save_best`. Raises TrainingError where they are missing or unreadable."""
    return _load(folder / BEST)


def _write(path: Path, content: memoryview, step: int) -> None:
    try:
        atomic_write.write_atomic(path, content, durable=True)
    except OSError as error:
        why, saved = error.strerror or error, _last_good(path.parent)
        raise TrainingError(
            f"the checkpoint of step {step} cannot be written to '{path.parent}' ({why}): {saved}"
        ) from error


def _last_good(folder: Path) -> str:
    if not exists(folder):
        return "there is none yet; free disk space and start again"
    try:
        step = load(folder)["step"]
    except TrainingError:
        return "free disk space and start again"
    return f"that of step {step} is intact; free disk space and continue with --resume"


def exists(folder: Path) -> bool:
    return (folder / NAME).is_file()


def load(folder: Path) -> dict[str, Any]:
    """Read the checkpoint of this folder, to the CPU. Raises TrainingError where it is missing or unreadable."""
    path = folder / NAME
    if not path.is_file():
        raise TrainingError(f"'{folder}' has no checkpoint to resume: check the folder of the run")
    state = _load(path)
    if state.get("format") != FORMAT:
        raise TrainingError(f"'{path}' is not a checkpoint of this version of nitakao: {NEW_RUN}")
    return state


def _load(path: Path) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickles that it then refuses
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # PyTorch's message says how to run the file's code
        raise TrainingError(f"'{path}' is damaged or contains code: it is not loaded") from error
    except (OSError, RuntimeError, ValueError, EOFError, KeyError) as error:
        raise TrainingError(f"the checkpoint '{path}' cannot be read, or is damaged: {_first(error)}") from error
    if not isinstance(state, dict):
        raise TrainingError(f"'{path}' is not a checkpoint of this version of nitakao: {NEW_RUN}")
    return state


def load_state(module: nn.Module, weights: dict[str, Any], part: str) -> None:
    """Load a module's weights from a checkpoint. Raises TrainingError where they do not fit."""
    own = module.state_dict()
    for name in (*own, *weights):
        there = tuple(weights[name].shape) if name in weights else None
        here = tuple(own[name].shape) if name in own else None
        if there != here:
            raise TrainingError(
                f"the checkpoint is of another {part}: '{name}' is {_shape(there)} in it and {_shape(here)} here; "
                f"{NEW_RUN}"
            )
    module.load_state_dict(weights)


def _shape(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else "x".join(map(str, shape)) or "one number"


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
