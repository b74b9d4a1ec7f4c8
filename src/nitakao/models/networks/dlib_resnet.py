"""dlib's face recognition ResNet, and other networks of this architecture such as Taguchi's, as an ONNX graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nitakao.errors import ModelError
from nitakao.models.formats import dlib_dat
from nitakao.models.formats.dlib_dat import Block, Convolution, Network
from nitakao.models.onnx.graph import Graph
from nitakao.values import Floats, ModelCard


def build(path: Path, card: ModelCard) -> bytes:
    """Build the ONNX model: 'input' (N, 3, S, S) float32, normalised, to 'embedding' (N, D).

    As in dlib, embeddings do not have unit length.

    Raises:
        FormatError: If the file is damaged.
        ModelError: If the network does not match the card.
    """
    network = dlib_dat.read(path)
    if (network.size, len(network.dense)) != (card.crop.size, card.dimension):
        raise ModelError(
            f"'{path.name}' has crop size {network.size} and embedding size {len(network.dense)}, but the card "
            f"'{card.name}' says {card.crop.size} and {card.dimension}: correct the card"
        )
    return assemble(network, card.name)


def assemble(network: Network, name: str) -> bytes:
    """Build the ONNX model of a parsed network."""
    graph = Graph(name, {"input": ["N", 3, network.size, network.size]})
    x = graph.node("Relu", [_conv(graph, "input", network.stem)])
    x = graph.max_pool(x, 3, 2)
    side = _side(_conv_side(network.size, network.stem), kernel=3, stride=2)
    for block in network.blocks:
        x, side = _residual(graph, x, block, side)
    x = graph.node("Flatten", [graph.node("GlobalAveragePool", [x])])
    return graph.build({"embedding": (graph.dense(x, network.dense), ["N", len(network.dense)])})


def _residual(graph: Graph, x: str, block: Block, side: int) -> tuple[str, int]:
    """Add a residual block to x with the given side in pixels. Returns its output and side."""
    y = graph.node("Relu", [_conv(graph, x, block.first)])
    y = _conv(graph, y, block.second)
    own = _conv_side(_conv_side(side, block.first), block.second)
    channels = block.second.weight.shape[0]
    if block.halved:
        x, side = _downsample(graph, x, block.first.weight.shape[1], channels), _side(side, kernel=2, stride=2)
    if own > side:
        raise ModelError(f"a block has side {own} but its shortcut {side}: not a dlib network")
    if own < side:
        y = _pad_right(graph, y, channels, side - own)
    return graph.node("Relu", [graph.node("Add", [y, x])]), side


# Zero-padding is implemented as convolutions, because ONNX Runtime keeps them in its blocked layout (NCHWc) and fuses
# the following addition and ReLU. Pad nodes would cause 25 layout changes, but only 1-3% of the time (measured with
# 1.32 on AVX-512).


def _downsample(graph: Graph, x: str, channels: int, out_channels: int) -> str:
    """Average x over 2x2 pixels, and add zero channels."""
    x = graph.node("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2])
    if channels == out_channels:
        return x
    return graph.conv(x, np.eye(out_channels, channels, dtype=np.float32)[:, :, None, None])


def _pad_right(graph: Graph, x: str, channels: int, by: int) -> str:
    """Add `by` rows and columns of zeros at the bottom and right of x."""
    ones = graph.constant(np.ones((channels, 1, 1, 1), np.float32))
    return graph.node("Conv", [x, ones], group=channels, kernel_shape=[1, 1], pads=[0, 0, by, by])


def _conv(graph: Graph, x: str, layer: Convolution) -> str:
    weight, bias = _fold(layer)
    pad = layer.padding
    return graph.conv(x, weight, bias, stride=layer.stride, pads=(pad, pad, pad, pad))


def _fold(layer: Convolution) -> tuple[Floats, Floats]:
    """Fold the affine layer into the convolution: weight and bias."""
    scale = layer.scale.astype(np.float64)
    weight = layer.weight * scale[:, None, None, None]
    bias = layer.bias * scale + layer.shift
    return weight.astype(np.float32), bias.astype(np.float32)


def _conv_side(side: int, layer: Convolution) -> int:
    return _side(side + 2 * layer.padding, kernel=layer.weight.shape[2], stride=layer.stride)


def _side(side: int, *, kernel: int, stride: int) -> int:
    """Output side of a window of `kernel` pixels with `stride` over `side` pixels."""
    if side < kernel:
        raise ModelError(f"a layer has input side {side} but needs {kernel}: not a dlib network")
    return (side - kernel) // stride + 1
