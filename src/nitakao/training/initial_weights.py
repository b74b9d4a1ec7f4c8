"""The weights that a training starts from, and the layers that it freezes."""

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
from nitakao.training.splits import quote_names
from nitakao.values import Floats


def make_network(
    settings: TrainingSettings, weights: Mapping[str, NDArray[Any]] | None, source: str, rank: int = 0
) -> nn.Module:
    """Make the network of these settings.

    Args:
        settings: The settings.
        weights: Initial weights by name. None: random weights, the same in all processes.
        source: Where the weights come from, for messages.
        rank: Number of this process. The random state is seeded with it, so that dropout differs between processes.
    """
    torch.manual_seed(settings.seed)
    module = networks.make(settings)
    if weights is not None:
        load_weights(module, weights, source)
    torch.manual_seed(settings.seed + rank)
    return module


def load_weights(module: nn.Module, weights: Mapping[str, NDArray[Any]], source: str) -> None:
    """Load weights into a network, ignoring others of the source such as a classifier's head.

    Raises:
        TrainingError: If weights are missing or of another shape.
    """
    own = module.state_dict()
    state = {}
    for name, tensor in own.items():
        if name.endswith("num_batches_tracked"):
            state[name] = tensor
            continue
        if name.endswith(".stride") and name not in weights:
            state[name] = tensor
            continue
        array = weights.get(name)
        if array is None or array.shape != tuple(tensor.shape):
            there = "lacks it" if array is None else f"has {'x'.join(map(str, array.shape))}"
            here = "x".join(map(str, tensor.shape))
            raise TrainingError(f"'{source}' is of another network: '{name}' is {here} here, and it {there}")
        state[name] = torch.from_numpy(np.array(array, copy=True)).to(tensor.dtype)
    module.load_state_dict(state)


def init_head(head: nn.Parameter, vectors: Floats, labels: NDArray[np.int64]) -> None:
    """Initialise the head of a loss with the mean unit vector of each person.

    A random head would first undo what a pretrained network has learnt.

    Args:
        head: (c, D) weights, changed in place.
        vectors: (n, D) vectors of the initial network.
        labels: (n,) person of each vector.

    Source: Qi, Brown and Lowe 2018, arXiv:1712.07136, section 3.
    """
    unit = unit_length(vectors)
    means = np.zeros(tuple(head.shape), np.float32)
    np.add.at(means, labels, unit)
    with torch.no_grad():
        head.copy_(torch.from_numpy(unit_length(means)))


def freeze(module: nn.Module, freeze: Sequence[str], only: Sequence[str]) -> list[str]:
    """Freeze layers, with their batch normalisations.

    Args:
        module: The network, changed in place.
        freeze: Patterns of names of layers to freeze, such as `conv2d_*`. A pattern includes all layers within.
        only: Patterns of names of the layers to train; all others are frozen.

    Returns:
        Names of the frozen layers.

    Raises:
        TrainingError: If a pattern matches no layer, or every layer is frozen.
    """
    layers = [name for name, _ in module.named_modules() if name]
    for pattern in (*freeze, *only):
        if not any(_matches(name, (pattern,)) for name in layers):
            top = [name for name, _ in module.named_children()]
            raise TrainingError(f"no layer is called '{pattern}': there are {quote_names(top)}")
    frozen = []
    for name, part in module.named_modules():
        own = list(part.parameters(recurse=False))
        if not name or not (own or isinstance(part, nn.modules.batchnorm._BatchNorm)):
            continue
        if _matches(name, freeze) or (only and not _matches(name, only)):
            frozen.append(name)
            for parameter in own:
                parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise TrainingError("every layer is frozen: leave some to train")
    return frozen


def set_eval(module: nn.Module, frozen: Sequence[str]) -> None:
    """Set frozen layers to evaluation mode, in which batch normalisations keep their means."""
    names = set(frozen)
    for name, part in module.named_modules():
        if name in names:
            part.eval()


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(part, pattern) for pattern in patterns for part in _with_parents(name))


def _with_parents(name: str) -> Iterator[str]:
    """The name, and those of the layers that contain it."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        yield ".".join(parts[:end])
