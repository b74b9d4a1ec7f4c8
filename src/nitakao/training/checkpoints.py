"""Where a training stands, written so that a kill at any moment loses nothing before the last one.

A checkpoint holds all that the next step depends on: weights, the loss's own, the optimiser, the mean of the weights,
the gradient scaler, the states of chance and the number of the step, which decides the batches. It is written aside,
brought to the disk, and swapped in; it is read without running anything that a file may hold.
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
RUN_ANEW = "start a run of its own with another -o"


def save(folder: Path, state: dict[str, Any]) -> None:
    """Write the checkpoint, whole or not at all. Raises TrainingError where there is no room, naming what is kept."""
    path = folder / NAME
    content = io.BytesIO()
    torch.save({**state, "format": FORMAT}, content)
    _write(path, content.getbuffer(), state["step"])


def keep_weights(folder: Path, weights: dict[str, Any], step: int) -> None:
    """Write the best weights so far beside the checkpoint, whole or not at all."""
    content = io.BytesIO()
    torch.save(weights, content)
    _write(folder / BEST, content.getbuffer(), step)


def best_weights(folder: Path) -> dict[str, Any]:
    """What `keep_weights` wrote. Raises TrainingError where there is nothing that can be read."""
    return _loaded(folder / BEST)


def _write(path: Path, content: memoryview, step: int) -> None:
    try:
        atomic_write.write_atomic(path, content, durable=True)
    except OSError as error:
        why, kept = error.strerror or error, _kept(path.parent)
        raise TrainingError(
            f"the checkpoint of step {step} cannot be written to '{path.parent}' ({why}): {kept}"
        ) from error


def _kept(folder: Path) -> str:
    if not exists(folder):
        return "none is kept yet; make room and start again"
    try:
        step = load(folder)["step"]
    except TrainingError:
        return "make room and start again"
    return f"that of step {step} is kept; make room and go on with --resume"


def exists(folder: Path) -> bool:
    return (folder / NAME).is_file()


def load(folder: Path) -> dict[str, Any]:
    """The checkpoint in this folder, on the processor. Raises TrainingError where there is none that can be read."""
    path = folder / NAME
    if not path.is_file():
        raise TrainingError(f"'{folder}' holds no checkpoint: there is nothing to resume")
    state = _loaded(path)
    if state.get("format") != FORMAT:
        raise TrainingError(f"'{path}' is no checkpoint of this nitakao: {RUN_ANEW}")
    return state


def _loaded(path: Path) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of pickles that it then refuses
            found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # PyTorch's own words say how to run what is in it
        raise TrainingError(f"'{path}' is damaged, or holds something else than numbers: it is not loaded") from error
    except (OSError, RuntimeError, ValueError, EOFError, KeyError) as error:
        raise TrainingError(f"the checkpoint '{path}' cannot be read, or is damaged: {_first(error)}") from error
    if not isinstance(found, dict):
        raise TrainingError(f"'{path}' is no checkpoint of this nitakao: {RUN_ANEW}")
    return found


def put_back(module: nn.Module, weights: dict[str, Any], what: str) -> None:
    """Give a module the weights of a checkpoint. Raises TrainingError where they are of another one."""
    own = module.state_dict()
    for name in (*own, *weights):
        there = tuple(weights[name].shape) if name in weights else None
        here = tuple(own[name].shape) if name in own else None
        if there != here:
            raise TrainingError(
                f"the checkpoint is of another {what}: '{name}' is {_shape(there)} in it and {_shape(here)} here; "
                f"{RUN_ANEW}"
            )
    module.load_state_dict(weights)


def _shape(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else "x".join(map(str, shape)) or "one number"


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
