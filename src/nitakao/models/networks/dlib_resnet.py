"""dlib's face recognition ResNet (and any network of its architecture, Taguchi's for one) as an ONNX graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nitakao.errors import ModelError
from nitakao.models.formats import dlib_dat
from nitakao.models.formats.dlib_dat import Block, Convolution, Network
from nitakao.models.onnx.graph import Graph
from nitakao.values import Floats, ModelCard


def build(path: Path, card: ModelCard) -> bytes:
    """The ONNX model: 'input' (N, 3, S, S) float32 normalised as the card says, 'embedding' (N, D), as dlib has it.

    dlib's own embeddings are not of unit length and neither are these.
    Raises FormatError for a damaged file, ModelError for a network that does not fit the card.
    """
    network = dlib_dat.read(path)
    if (network.size, len(network.dense)) != (card.crop.size, card.dimension):
        raise ModelError(
            f"'{path.name}' takes crops of {network.size} pixels and gives {len(network.dense)} numbers, but the card "
            f"'{card.name}' says {card.crop.size} pixels and {card.dimension} numbers: correct the card"
        )
    return assemble(network, card.name)


def assemble(network: Network, name: str) -> bytes:
    """The ONNX model of a network that was read."""
    graph = Graph(name, {"input": ["N", 3, network.size, network.size]})
    x = graph.node("Relu", [_conv(graph, "input", network.stem)])
    x = graph.max_pool(x, 3, 2)
    side = _side(_conv_side(network.size, network.stem), kernel=3, stride=2)
    for block in network.blocks:
        x, side = _residual(graph, x, block, side)
    x = graph.node("Flatten", [graph.node("GlobalAveragePool", [x])])
    return graph.build({"embedding": (graph.dense(x, network.dense), ["N", len(network.dense)])})


def _residual(graph: Graph, x: str, block: Block, side: int) -> tuple[str, int]:
    """One block on top of x, whose side in pixels is given; its output and that output's side."""
    y = graph.node("Relu", [_conv(graph, x, block.first)])
    y = _conv(graph, y, block.second)
    own = _conv_side(_conv_side(side, block.first), block.second)
    channels = block.second.weight.shape[0]
    if block.halved:
        x, side = _halved(graph, x, block.first.weight.shape[1], channels), _side(side, kernel=2, stride=2)
    if own > side:
        raise ModelError(f"a block gives {own} pixels a side where its shortcut has {side}: no network of dlib's")
    if own < side:
        y = _grown(graph, y, channels, side - own)
    return graph.node("Relu", [graph.node("Add", [y, x])]), side


# Zero-padding is written as convolutions, because ONNX Runtime keeps those in its blocked layout (NCHWc) and merges
# the addition and the relu after them. Pad nodes would cost 25 changes of layout in the graph, though only 1-3% of
# its time (measured with 1.32 on AVX-512).


def _halved(graph: Graph, x: str, channels: int, wanted: int) -> str:
    """x averaged over 2x2 pixels, with channels of zeros added up to the number wanted."""
    x = graph.node("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2])
    if channels == wanted:
        return x
    return graph.conv(x, np.eye(wanted, channels, dtype=np.float32)[:, :, None, None])


def _grown(graph: Graph, x: str, channels: int, by: int) -> str:
    """x with so many rows and columns of zeros added below and at the right."""
    ones = graph.constant(np.ones((channels, 1, 1, 1), np.float32))
    return graph.node("Conv", [x, ones], group=channels, kernel_shape=[1, 1], pads=[0, 0, by, by])


def _conv(graph: Graph, x: str, layer: Convolution) -> str:
    weight, bias = _folded(layer)
    pad = layer.padding
    return graph.conv(x, weight, bias, stride=layer.stride, pads=(pad, pad, pad, pad))


def _folded(layer: Convolution) -> tuple[Floats, Floats]:
    """Weight and bias of the one convolution that does what the layer and its affine layer do."""
    scale = layer.scale.astype(np.float64)
    weight = layer.weight * scale[:, None, None, None]
    bias = layer.bias * scale + layer.shift
    return weight.astype(np.float32), bias.astype(np.float32)


def _conv_side(side: int, layer: Convolution) -> int:
    return _side(side + 2 * layer.padding, kernel=layer.weight.shape[2], stride=layer.stride)


def _side(side: int, *, kernel: int, stride: int) -> int:
    """Pixels a side after a window of `kernel` has gone over `side` pixels in steps of `stride`."""
    if side < kernel:
        raise ModelError(f"{side} pixels a side are left where a layer needs {kernel}: no network of dlib's")
    return (side - kernel) // stride + 1
