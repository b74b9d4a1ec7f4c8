"""What weights a training starts from, and which of them it may change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nitakao.errors import TrainingError
from nitakao.training.examples import listed


def take(module: nn.Module, weights: Mapping[str, NDArray[Any]], source: str) -> None:
    """Give the network these weights; what a source holds beside them (a classifier's head) is left out.

    Raises TrainingError where some are missing or of another shape: they are of another network.
    """
    own = module.state_dict()
    fitting = {}
    for name, tensor in own.items():
        if name.endswith("num_batches_tracked"):
            fitting[name] = tensor
            continue
        if name.endswith(".stride") and name not in weights:
            fitting[name] = tensor
            continue
        found = weights.get(name)
        if found is None or found.shape != tuple(tensor.shape):
            there = "lacks it" if found is None else f"has {'x'.join(map(str, found.shape))}"
            here = "x".join(map(str, tensor.shape))
            raise TrainingError(f"'{source}' holds another network: '{name}' is {here} here, and it {there}")
        fitting[name] = torch.from_numpy(np.array(found, copy=True)).to(tensor.dtype)
    module.load_state_dict(fitting)


def freeze(module: nn.Module, freeze: Sequence[str], only: Sequence[str]) -> list[str]:
    """Layers that stay as they are, by name, their batch normalisations with them.

    freeze: patterns of names (`conv2d_*`, `repeat_1`) that stay.  only: patterns of those that do not; all others do.
    A pattern names a layer and all within it.  Raises TrainingError for one that names none, or where all are named.
    """
    layers = [name for name, _ in module.named_modules() if name]
    for pattern in (*freeze, *only):
        if not any(_matches(name, (pattern,)) for name in layers):
            top = [name for name, _ in module.named_children()]
            raise TrainingError(f"no layer is called '{pattern}': there are {listed(top)}")
    stays = []
    for name, part in module.named_modules():
        own = list(part.parameters(recurse=False))
        if not name or not (own or isinstance(part, nn.modules.batchnorm._BatchNorm)):
            continue
        if _matches(name, freeze) or (only and not _matches(name, only)):
            stays.append(name)
            for parameter in own:
                parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise TrainingError("every layer is frozen: leave some free to learn")
    return stays


def hold(module: nn.Module, frozen: Sequence[str]) -> None:
    """Frozen layers as they are when used, whatever the rest does: their normalisations take no new means."""
    names = set(frozen)
    for name, part in module.named_modules():
        if name in names:
            part.eval()


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(above, pattern) for pattern in patterns for above in _above(name))


def _above(name: str) -> Iterator[str]:
    """The name, and those of the layers that it lies in."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        yield ".".join(parts[:end])
