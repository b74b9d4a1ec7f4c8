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
from nitakao.models.embedder import unit_length
from nitakao.training import networks
from nitakao.training.settings import TrainingSettings
from nitakao.training.splits import listed
from nitakao.values import Floats


def network(
    settings: TrainingSettings, weights: Mapping[str, NDArray[Any]] | None, source: str, rank: int = 0
) -> nn.Module:
    """The network that settings ask for, with these weights, or with random ones that are the same in all processes.

    What each process then leaves out by chance is its own.  source: of the weights, for messages.
    """
    torch.manual_seed(settings.seed)
    made = networks.make(settings)
    if weights is not None:
        take(made, weights, source)
    torch.manual_seed(settings.seed + rank)
    return made


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


def imprint(head: nn.Parameter, vectors: Floats, labels: NDArray[np.int64]) -> None:
    """Let a head begin at the mean of each person's unit vectors, so that a network which knows faces is not torn down
    first by a head that knows nobody. Source: Qi, Brown and Lowe 2018, arXiv:1712.07136, section 3.

    head: (c, D).  vectors: (n, D) of the network as it begins.  labels: (n,).
    """
    unit = unit_length(vectors)
    means = np.zeros(tuple(head.shape), np.float32)
    np.add.at(means, labels, unit)
    with torch.no_grad():
        head.copy_(torch.from_numpy(unit_length(means)))


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
