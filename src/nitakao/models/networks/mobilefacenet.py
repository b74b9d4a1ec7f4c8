"""MobileFaceNet as an ONNX graph with folded batch normalisation.

Weight names are those of `nitakao.training.networks.mobilefacenet`; the number of blocks and all widths are read from
the weights. Source: Chen et al. 2018, arXiv:1804.07573, table 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import ModelError, WeightsError
from nitakao.models.onnx.graph import Graph
from nitakao.values import Floats, ModelCard

EPSILON = 1e-5  # of batch normalisation; PyTorch's default


def build_from(weights: Mapping[str, NDArray[Any]], card: ModelCard) -> bytes:
    """Build the ONNX graph: 'input' (N, 3, S, S), normalised, to 'embedding' (N, D), not of unit length.

    Raises:
        WeightsError: If weights are missing or inconsistent.
        ModelError: If they do not match the card.
    """
    side = card.crop.size
    net = _Net(weights, Graph(card.name, {"input": ("N", 3, side, side)}))
    x = net.unit("input", "stem", stride=2)
    x = net.unit(x, "depthwise")
    for number in range(net.blocks()):
        x = net.bottleneck(x, f"blocks.{number}", net.stride(number))
    x = net.unit(x, "last")
    x = net.unit(x, "whole", padded=False)
    kernel = net.take("embedding.weight", 2)
    factor, shift = net.normalisation("embedding_bn", len(kernel))
    if len(kernel) != card.dimension:
        raise ModelError(
            f"the weights have embedding size {len(kernel)}, but the card of {card.name} says {card.dimension}"
        )
    flat = net.graph.node("Flatten", [x])
    embedding = net.graph.dense(flat, (kernel * factor[:, None]).astype(np.float32), shift.astype(np.float32))
    return net.graph.build({"embedding": (embedding, ("N", len(kernel)))})


class _Net:
    """The weights, checked when read, and the graph under construction."""

    def __init__(self, weights: Mapping[str, NDArray[Any]], graph: Graph) -> None:
        self.graph = graph
        self._weights = weights

    def blocks(self) -> int:
        numbers = {k.split(".")[1] for k in self._weights if k.startswith("blocks.")}
        if not numbers or numbers != {str(n) for n in range(len(numbers))}:
            raise WeightsError("the weights are not of a MobileFaceNet: blocks.0, blocks.1 ... are missing")
        return len(numbers)

    def stride(self, number: int) -> int:
        """A block's stride, which is stored with the weights because no shape implies it."""
        return int(self.take(f"blocks.{number}.stride", 0))

    def take(self, name: str, axes: int) -> Floats:
        weight = self._weights.get(name)
        if weight is None or weight.ndim != axes:
            raise WeightsError(f"the weights lack '{name}' with {axes} axes: not of a MobileFaceNet, or truncated")
        if not np.isfinite(weight).all():
            raise WeightsError(f"the weight '{name}' holds numbers that are not finite: damaged")
        return np.asarray(weight, np.float32)

    def normalisation(self, name: str, channels: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A batch normalisation as factor and shift."""
        parts = [self.take(f"{name}.{part}", 1) for part in ("weight", "bias", "running_mean", "running_var")]
        if any(len(part) != channels for part in parts):
            raise WeightsError(f"the normalisation '{name}' does not have {channels} channels: not of a MobileFaceNet")
        gain, shift, mean, variance = (part.astype(np.float64) for part in parts)
        factor = gain / np.sqrt(variance + EPSILON)
        return factor, shift - mean * factor

    def unit(self, x: str, name: str, *, stride: int = 1, padded: bool = True) -> str:
        """Convolution with folded batch normalisation, then PReLU if the weights have one."""
        kernel = self.take(f"{name}.conv.weight", 4)
        factor, shift = self.normalisation(f"{name}.bn", len(kernel))
        folded = (kernel * factor[:, None, None, None]).astype(np.float32)
        pad = kernel.shape[2] // 2 if padded else 0
        inputs = [x, self.graph.constant(folded), self.graph.constant(shift.astype(np.float32))]
        groups = len(kernel) if kernel.shape[1] == 1 else 1
        out = self.graph.node(
            "Conv", inputs, kernel_shape=_pair(kernel), strides=[stride] * 2, pads=[pad] * 4, group=groups
        )
        if f"{name}.prelu.weight" not in self._weights:
            return out
        slope = self.take(f"{name}.prelu.weight", 1).reshape(-1, 1, 1)
        return self.graph.node("PRelu", [out, self.graph.constant(slope)])

    def bottleneck(self, x: str, name: str, stride: int) -> str:
        y = self.unit(x, f"{name}.expand")
        y = self.unit(y, f"{name}.depthwise", stride=stride)
        y = self.unit(y, f"{name}.project")
        in_channels = self.take(f"{name}.expand.conv.weight", 4).shape[1]
        out_channels = len(self.take(f"{name}.project.conv.weight", 4))
        return self.graph.node("Add", [x, y]) if stride == 1 and in_channels == out_channels else y


def _pair(kernel: Floats) -> Sequence[int]:
    return [int(side) for side in kernel.shape[2:]]
