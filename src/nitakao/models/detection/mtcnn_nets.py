"""MTCNN's three networks as ONNX graphs, from the weights in the PyPI package `mtcnn`.

Source: Zhang et al. 2016, IEEE SPL 23(10), 'Joint face detection and alignment using multitask cascaded convolutional
networks'; layer sizes as in the weights. All three take raw RGB values, 0 to 255: their normalisation,
(x - 127.5) / 128, is folded into the first convolution.

The graphs are equivalent to the paper's, written so that ONNX Runtime's blocked convolutions need no layout changes in
between (measured: 2 to 3 times faster than the published Conv, PRelu, MaxPool):
- PReLU with slope a is a*x + (1-a)*max(x, 0): two per-channel 1x1 convolutions and a ReLU.
- Channels are zero-padded to multiples of 16.
- P-Net pools before its first PReLU, which is a quarter of the work. With a negative slope PReLU is not monotone, and
  the maximum of PReLU(x) is max(x, -|a|*min(x), 0) of the pooled values; the six such channels get a second, negated
  convolution in the padding, at no cost.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import WeightsError
from nitakao.models.onnx.graph import Graph

Floats = NDArray[np.float32]

BLOCK = 16  # channels; the wider of ONNX Runtime's two blocked layouts
MEAN, SCALE = np.float32(127.5), np.float32(128.0)  # the networks' normalisation

PNET_SHAPES = ((3, 3, 3, 10), (3, 3, 10, 16), (3, 3, 16, 32), (1, 1, 32, 4), (1, 1, 32, 2))
RNET_SHAPES = ((3, 3, 3, 28), (3, 3, 28, 48), (2, 2, 48, 64), (576, 128), (128, 4), (128, 2))
ONET_SHAPES = (
    (3, 3, 3, 32),
    (3, 3, 32, 64),
    (3, 3, 64, 64),
    (2, 2, 64, 128),
    (1152, 256),
    (256, 4),
    (256, 10),
    (256, 2),
)


def pnet(weights: Sequence[Floats]) -> bytes:
    """P-Net: 'pixels' (N, 3, h, w) to 'windows' (N, 5, (h-10)/2, (w-10)/2).

    Each output position is a 12x12 window, 2 pixels apart: the face logit, then four box regression values.
    """
    w1, b1, a1, w2, b2, a2, w3, b3, a3, w_box, b_box, w_score, b_score = _checked(weights, PNET_SHAPES, "P-Net")
    graph = Graph("mtcnn_pnet", {"pixels": ["n", 3, "h", "w"]})
    x = _pooled_prelu(graph, "pixels", *_unnormalised(_kernel(w1), b1), a1.ravel())
    x = _prelu(graph, graph.conv(x, _padded(_kernel(w2), 16, BLOCK), b2), a2.ravel())
    x = graph.conv(x, _kernel(w3), b3)
    heads = np.concatenate([_kernel(w_score)[1:] - _kernel(w_score)[:1], _kernel(w_box)])
    biases = np.concatenate([b_score[1:] - b_score[:1], b_box])
    slopes = a3.reshape(1, -1, 1, 1)  # the last PReLU is folded into the heads, which are linear
    straight = graph.conv(x, heads * slopes, biases)
    x = graph.node("Add", [straight, graph.conv(graph.node("Relu", [x]), heads * (1 - slopes))])
    return graph.build({"windows": (x, ["n", 5, "oh", "ow"])})


def rnet(weights: Sequence[Floats]) -> bytes:
    """R-Net: 'pixels' (N, 3, 24, 24) to 'score' (N, 1), the face logit, and 'box' (N, 4)."""
    w1, b1, a1, w2, b2, a2, w3, b3, a3, w4, b4, a4, w_box, b_box, w_score, b_score = _checked(
        weights, RNET_SHAPES, "R-Net"
    )
    graph = Graph("mtcnn_rnet", {"pixels": ["n", 3, 24, 24]})
    kernel, bias = _unnormalised(_kernel(w1), b1)
    padding = 2 * BLOCK - len(bias)  # 28 channels to 32
    x = _layer(
        graph, "pixels", _padded(kernel, 2 * BLOCK, 3), np.pad(bias, (0, padding)), np.pad(a1.ravel(), (0, padding))
    )
    x = _layer(graph, graph.max_pool(x, 3, 2, ceil=True), _padded(_kernel(w2), len(b2), 2 * BLOCK), b2, a2)
    x = _layer(graph, graph.max_pool(x, 3, 2, ceil=True), _kernel(w3), b3, a3)
    x = _dense_prelu(graph, graph.node("Flatten", [x]), _column_major(w4, 3, 64), b4, a4)
    return graph.build(
        {
            "score": (graph.dense(x, *_logit(w_score, b_score)), ["n", 1]),
            "box": (graph.dense(x, w_box.T, b_box), ["n", 4]),
        }
    )


def onet(weights: Sequence[Floats]) -> bytes:
    """O-Net: 'pixels' (N, 3, 48, 48) to 'score' (N, 1), 'box' (N, 4) and 'points' (N, 10): x1..x5, y1..y5."""
    w1, b1, a1, w2, b2, a2, w3, b3, a3, w4, b4, a4, w5, b5, a5, w_box, b_box, w_pts, b_pts, w_score, b_score = _checked(
        weights, ONET_SHAPES, "O-Net"
    )
    graph = Graph("mtcnn_onet", {"pixels": ["n", 3, 48, 48]})
    x = _layer(graph, "pixels", *_unnormalised(_kernel(w1), b1), a1)
    x = _layer(graph, graph.max_pool(x, 3, 2, ceil=True), _kernel(w2), b2, a2)
    x = _layer(graph, graph.max_pool(x, 3, 2, ceil=True), _kernel(w3), b3, a3)
    x = _layer(graph, graph.max_pool(x, 2, 2, ceil=True), _kernel(w4), b4, a4)
    x = _dense_prelu(graph, graph.node("Flatten", [x]), _column_major(w5, 3, 128), b5, a5)
    return graph.build(
        {
            "score": (graph.dense(x, *_logit(w_score, b_score)), ["n", 1]),
            "box": (graph.dense(x, w_box.T, b_box), ["n", 4]),
            "points": (graph.dense(x, w_pts.T, b_pts), ["n", 10]),
        }
    )


def _checked(weights: Sequence[Floats], shapes: Sequence[tuple[int, ...]], name: str) -> list[Floats]:
    """Check the shapes of the kernels, in order."""
    kernels = [w.shape for w in weights if w.ndim in (2, 4)]  # biases have one axis, slopes of convolutions three
    if kernels != list(shapes):
        raise WeightsError(f"these are not MTCNN's {name} weights: layers {kernels}, expected {list(shapes)}")
    return [np.asarray(w, np.float32) for w in weights]


def _kernel(w: Floats) -> Floats:
    """Convert (kh, kw, in, out), the package's order, to ONNX's (out, in, kh, kw)."""
    return np.ascontiguousarray(w.transpose(3, 2, 0, 1))


def _unnormalised(w: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Fold the input normalisation (x - MEAN) / SCALE into a convolution."""
    return w / SCALE, b - w.sum(axis=(1, 2, 3)) * MEAN / SCALE


def _column_major(w: Floats, side: int, channels: int) -> Floats:
    """Convert a dense kernel (in, out) with inputs in the order width, height, channel to (out, in) for NCHW."""
    return np.ascontiguousarray(w.reshape(side, side, channels, -1).transpose(3, 2, 1, 0).reshape(w.shape[1], -1))


def _logit(w: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Replace a two-way softmax by one logit, the difference."""
    return np.ascontiguousarray((w[:, 1:] - w[:, :1]).T), b[1:] - b[:1]


def _padded(w: Floats, out: int, into: int) -> Floats:
    result = np.zeros((out, into, *w.shape[2:]), np.float32)
    result[: w.shape[0], : w.shape[1]] = w
    return result


def _layer(graph: Graph, x: str, w: Floats, b: Floats, slopes: Floats) -> str:
    """Convolution and PReLU."""
    return _prelu(graph, graph.conv(x, w, b), slopes.ravel())


def _per_channel(graph: Graph, x: str, factors: Floats) -> str:
    weight = graph.constant(factors.reshape(-1, 1, 1, 1).astype(np.float32))
    return graph.node("Conv", [x, weight], kernel_shape=[1, 1], group=len(factors))


def _prelu(graph: Graph, x: str, slopes: Floats) -> str:
    positive = graph.node("Relu", [x])
    return graph.node("Add", [_per_channel(graph, positive, 1 - slopes), _per_channel(graph, x, slopes)])


def _dense_prelu(graph: Graph, x: str, w: Floats, b: Floats, slopes: Floats) -> str:
    return graph.node("PRelu", [graph.dense(x, w, b), graph.constant(slopes)])


def _pooled_prelu(graph: Graph, x: str, w: Floats, b: Floats, slopes: Floats) -> str:
    """max_pool(PReLU(conv(x))), 2x2, pooled first as described above. The output has BLOCK channels."""
    count = len(slopes)
    negative = np.flatnonzero(slopes < 0)
    if count + len(negative) > BLOCK:
        raise WeightsError(f"these are not MTCNN's P-Net weights: {len(negative)} negative slopes in the first PReLU")
    steep = -slopes[negative]
    kernel = np.concatenate([w, -w[negative] * steep[:, None, None, None]])
    bias = np.concatenate([b, -b[negative] * steep])
    bias = np.concatenate([bias, np.zeros(BLOCK - len(bias), np.float32)])
    highest = graph.max_pool(graph.conv(x, _padded(kernel, BLOCK, 3), bias), 2, 2, ceil=True)
    positive = graph.node("Relu", [highest])
    difference = np.zeros((BLOCK, BLOCK, 1, 1), np.float32)  # by how much the negated channel is larger
    difference[negative, negative] = -1
    difference[negative, count + np.arange(len(negative))] = 1
    twin = graph.node("Relu", [graph.conv(positive, difference)])
    slope, rest = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32)
    non_negative = np.flatnonzero(slopes >= 0)
    slope[non_negative], rest[non_negative], rest[negative] = slopes[non_negative], 1 - slopes[non_negative], 1
    x = graph.node("Add", [_per_channel(graph, positive, rest), twin])
    return graph.node("Add", [_per_channel(graph, highest, slope), x])
