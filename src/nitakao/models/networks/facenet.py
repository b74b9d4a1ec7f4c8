"""Inception-ResNet-v1, the network of davidsandberg/facenet, as an ONNX graph with folded batch normalisation.

Weight names are those of timesler/facenet-pytorch (`conv2d_1a.conv.weight`, `repeat_2.3.branch1.0.bn.weight`, ...). The
number of blocks and all widths are read from the weights, so smaller networks of this architecture can be built, too.
Source: src/models/inception_resnet_v1.py of davidsandberg/facenet, after Szegedy et al. 2016, arXiv:1602.07261,
figures 10 to 14.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import ModelError, WeightsError
from nitakao.models.formats import torch_pt
from nitakao.models.onnx.graph import Graph
from nitakao.values import Floats, ModelCard

EPSILON = 0.001  # of batch normalisation; facenet's train_softmax.py, batch_norm_params
# Scale of residuals; facenet's inception_resnet_v1.py
SCALES = {"repeat_1": 0.17, "repeat_2": 0.10, "repeat_3": 0.20, "block8": 1.0}


def build(path: Path, card: ModelCard) -> bytes:
    """Build the ONNX graph from a PyTorch file: 'input' (N, 3, S, S), normalised RGB, to 'embedding' (N, D)."""
    return build_from(torch_pt.read(path), card)


def build_from(weights: Mapping[str, NDArray[Any]], card: ModelCard) -> bytes:
    """Build the ONNX graph from weights by name; the embedding is not scaled to unit length.

    Raises:
        WeightsError: If weights are missing or inconsistent.
        ModelError: If they do not match the card.
    """
    side = card.crop.size
    net = _Net(weights, Graph(card.name, {"input": ("N", 3, side, side)}))
    x = _stem(net, _Tensor("input", 3))
    x = _residual_blocks(net, x, "repeat_1", ("branch0", "branch1.0 branch1.1", "branch2.0 branch2.1 branch2.2"))
    x = _reduce(net, x, "mixed_6a", ("branch0", "branch1.0 branch1.1 branch1.2"))
    x = _residual_blocks(net, x, "repeat_2", ("branch0", "branch1.0 branch1.1 branch1.2"))
    x = _reduce(net, x, "mixed_7a", ("branch0.0 branch0.1", "branch1.0 branch1.1", "branch2.0 branch2.1 branch2.2"))
    x = _residual_blocks(net, x, "repeat_3", ("branch0", "branch1.0 branch1.1 branch1.2"))
    x = _residual(net, x, "block8", SCALES["block8"], ("branch0", "branch1.0 branch1.1 branch1.2"), relu=False)
    embedding, dimension = _head(net, x)
    if dimension != card.dimension:
        raise ModelError(
            f"the weights have embedding size {dimension}, but the card of {card.name} says {card.dimension}"
        )
    return net.graph.build({"embedding": (embedding, ("N", dimension))})


class _Tensor(NamedTuple):
    name: str
    channels: int


class _Net:
    """The weights, checked when read, and the graph under construction."""

    def __init__(self, weights: Mapping[str, NDArray[Any]], graph: Graph) -> None:
        self.graph = graph
        self._weights = weights

    def repeats(self, name: str) -> int:
        """Number of blocks `name.0`, `name.1`, ..."""
        numbers = {k.split(".")[1] for k in self._weights if k.startswith(f"{name}.")}
        if not numbers or numbers != {str(n) for n in range(len(numbers))}:
            raise WeightsError(
                f"the weights are not of an Inception-ResNet-v1: blocks {name}.0, {name}.1 ... are missing"
            )
        return len(numbers)

    def take(self, name: str, shape: Sequence[int | None]) -> Floats:
        """A weight of this shape; None allows any length."""
        weight = self._weights.get(name)
        if weight is None:
            raise WeightsError(f"the weights lack '{name}': not of an Inception-ResNet-v1, or truncated")
        if len(weight.shape) != len(shape) or any(b not in (None, a) for a, b in zip(weight.shape, shape, strict=True)):
            expected = tuple("any" if n is None else n for n in shape)
            raise WeightsError(f"the weight '{name}' has the shape {weight.shape}, not {expected}")
        if not np.isfinite(weight).all():
            raise WeightsError(f"the weight '{name}' holds numbers that are not finite: damaged")
        return np.asarray(weight, np.float32)

    def normalisation(self, name: str, channels: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A batch normalisation as factor and shift."""
        gain, shift, mean, variance = (
            self.take(f"{name}.{part}", (channels,)).astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        if (variance < 0).any():
            raise WeightsError(f"the weight '{name}.running_var' has numbers below zero: damaged")
        factor = gain / np.sqrt(variance + EPSILON)
        return factor, shift - mean * factor

    def unit(self, x: _Tensor, name: str, *, stride: int = 1, same: bool = False) -> _Tensor:
        """Convolution with folded batch normalisation, then ReLU. same: pad to keep the size."""
        kernel = self.take(f"{name}.conv.weight", (None, x.channels, None, None))
        factor, shift = self.normalisation(f"{name}.bn", len(kernel))
        kernel = (kernel * factor[:, None, None, None]).astype(np.float32)
        high, wide = (kernel.shape[2] // 2, kernel.shape[3] // 2) if same else (0, 0)
        out = self.graph.conv(x.name, kernel, shift.astype(np.float32), stride=stride, pads=(high, wide, high, wide))
        return _Tensor(self.graph.node("Relu", [out]), len(kernel))

    def chain(self, x: _Tensor, units: str) -> _Tensor:
        """A sequence of units, padded to keep the size."""
        for name in units.split():
            x = self.unit(x, name, same=True)
        return x

    def concat(self, parts: Sequence[_Tensor]) -> _Tensor:
        return _Tensor(self.graph.node("Concat", [p.name for p in parts], axis=1), sum(p.channels for p in parts))


def _under(name: str, units: str) -> str:
    return " ".join(f"{name}.{unit}" for unit in units.split())


def _stem(net: _Net, x: _Tensor) -> _Tensor:
    x = net.unit(x, "conv2d_1a", stride=2)
    x = net.unit(x, "conv2d_2a")
    x = net.unit(x, "conv2d_2b", same=True)
    x = _Tensor(net.graph.max_pool(x.name, 3, 2), x.channels)
    x = net.unit(x, "conv2d_3b")
    x = net.unit(x, "conv2d_4a")
    return net.unit(x, "conv2d_4b", stride=2)


def _residual_blocks(net: _Net, x: _Tensor, name: str, branches: Sequence[str]) -> _Tensor:
    for number in range(net.repeats(name)):
        x = _residual(net, x, f"{name}.{number}", SCALES[name], branches)
    return x


def _residual(net: _Net, x: _Tensor, name: str, scale: float, branches: Sequence[str], *, relu: bool = True) -> _Tensor:
    """x plus `scale` times the concatenated branches."""
    branch_output = net.concat([net.chain(x, _under(name, branch)) for branch in branches])
    kernel = net.take(f"{name}.conv2d.weight", (x.channels, branch_output.channels, 1, 1)) * np.float32(scale)
    bias = net.take(f"{name}.conv2d.bias", (x.channels,)) * np.float32(scale)
    out = net.graph.node("Add", [net.graph.conv(branch_output.name, kernel, bias), x.name])
    return _Tensor(net.graph.node("Relu", [out]) if relu else out, x.channels)


def _reduce(net: _Net, x: _Tensor, name: str, branches: Sequence[str]) -> _Tensor:
    """Halve the size: concatenate branches that end with stride 2 and a pool."""
    parts = []
    for branch in branches:
        *first, last = _under(name, branch).split()
        parts.append(net.unit(net.chain(x, " ".join(first)), last, stride=2))
    parts.append(_Tensor(net.graph.max_pool(x.name, 3, 2), x.channels))
    return net.concat(parts)


def _head(net: _Net, x: _Tensor) -> tuple[str, int]:
    """Global average pooling, then the linear layer with folded batch normalisation."""
    pooled = net.graph.node("Flatten", [net.graph.node("GlobalAveragePool", [x.name])])
    weight = net.take("last_linear.weight", (None, x.channels))
    factor, shift = net.normalisation("last_bn", len(weight))
    folded = (weight * factor[:, None]).astype(np.float32)
    return net.graph.dense(pooled, folded, shift.astype(np.float32)), len(weight)
