"""OpenFace's nn4.small2 as an ONNX graph, from a Torch7 file or from weights trained with nitakao.

Torch7 files contain the layers with their weights, and the graph is built from them layer by layer: nn4.small2.v1 was
trained before commit 49fffb3 of cmusatyalab/openface changed the pools in its definition. It has 26 layers, two of them
reshapes that were later removed (see openface/openfacenet.py there). Weights by name, as in
`nitakao.training.networks.openface`, are first converted to the same layers.

Source: cmusatyalab/openface, models/openface/nn4.small2.def.lua; DepthConcat, SpatialLPPooling and SpatialCrossMapLRN
of nn; Inception of dpnn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import FormatError, ModelError, WeightsError
from nitakao.models.formats import torch7
from nitakao.models.formats.torch7 import Object, list_values
from nitakao.models.onnx.graph import Graph
from nitakao.values import Floats, ModelCard

SIDE = 96  # px
NORM_EPSILON = 1e-5  # nn.SpatialBatchNormalization's default
LRN: dict[str, Any] = {"size": 5, "alpha": 0.0001, "beta": 0.75, "k": 1.0}
MAX_DEPTH = 32  # nesting of layers; nn4.small2 has 7

# The five landmarks in a crop: eye centres (means of six points each), nose tip and mouth corners of OpenFace's mean
# face MINMAX_TEMPLATE (openface/align_dlib.py), in pixels of 96.
TEMPLATE = ((26.628, 16.059), (67.79, 15.264), (47.241, 40.522), (29.483, 61.618), (66.76, 60.878))


class Block(NamedTuple):
    """An inception block.

    Attributes:
        kernels: (side, channels of the reduction, channels) of each branch.
        pooled, reduced: Channels of the pool and 1x1 branches; 0 for none (the pool then passes on all channels).
        power: Whether the pool is an L2 pool, else a max pool.
    """

    name: str
    kernels: tuple[tuple[int, int, int], ...]
    stride: int
    pooled: int
    reduced: int
    power: bool


BLOCKS = (
    Block("3a", ((3, 96, 128), (5, 16, 32)), 1, 32, 64, False),
    Block("3b", ((3, 96, 128), (5, 32, 64)), 1, 64, 64, True),
    Block("3c", ((3, 128, 256), (5, 32, 64)), 2, 0, 0, False),
    Block("4a", ((3, 96, 192), (5, 32, 64)), 1, 128, 256, True),
    Block("4e", ((3, 160, 256), (5, 64, 128)), 2, 0, 0, False),
    Block("5a", ((3, 96, 384),), 1, 96, 256, True),
    Block("5b", ((3, 96, 384),), 1, 96, 256, False),
)


def build(path: Path, card: ModelCard) -> bytes:
    """Build the ONNX graph from a .t7 file: 'input' (N, 3, S, S), RGB 0 to 1, to 'embedding' (N, D).

    Raises:
        FormatError: If the file is damaged or has other layers.
        ModelError: If the network does not match its card.
    """
    network = torch7.read(path)
    if not isinstance(network, Object):
        raise FormatError(f"'{path.name}' does not contain a network")
    return assemble(network, card, path.name)


def build_from(weights: Mapping[str, NDArray[Any]], card: ModelCard) -> bytes:
    """Build the ONNX graph from weights by name. Raises WeightsError or ModelError if they do not fit."""
    return assemble(layers(weights), card, "the weights")


def assemble(network: Object, card: ModelCard, source: str) -> bytes:
    """Build the ONNX graph from Torch7 layers."""
    side = card.crop.size
    net = _Net(Graph(card.name, {"input": ("N", 3, side, side)}), source)
    end = net.run(network, _Tensor("input", 3, side), 0)
    if end.side or end.channels != card.dimension:
        raise ModelError(
            f"'{source}' has embedding size {end.channels}, but the card of {card.name} says {card.dimension}"
        )
    return net.graph.build({"embedding": (end.name, ("N", end.channels))})


class _Tensor(NamedTuple):
    """A tensor of the graph. side: of the square feature map; 0 for a vector."""

    name: str
    channels: int
    side: int


class _Net:
    def __init__(self, graph: Graph, source: str) -> None:
        self.graph = graph
        self._source = source

    def run(self, layer: Object, x: _Tensor, depth: int) -> _Tensor:
        """Add a layer to the graph."""
        if not isinstance(layer, Object) or depth > MAX_DEPTH:
            raise FormatError(f"'{self._source}' has invalid layers: damaged")
        kind, fields = layer.kind, layer.fields
        if kind in ("nn.Sequential", "nn.SpatialLPPooling", "nn.Inception", "nn.Decorator"):
            for inner in _inner(layer):
                x = self.run(inner, x, depth + 1)
            return x
        if kind in ("nn.DepthConcat", "nn.Concat"):
            return self._concat([self.run(inner, x, depth + 1) for inner in _inner(layer)])
        if kind in ("nn.SpatialConvolution", "nn.SpatialConvolutionMM", "cudnn.SpatialConvolution"):
            return self._convolution(fields, x)
        if kind in ("nn.SpatialBatchNormalization", "cudnn.SpatialBatchNormalization"):
            return self._normalisation(fields, x)
        if kind in ("nn.SpatialMaxPooling", "nn.SpatialAveragePooling", "cudnn.SpatialMaxPooling"):
            return self._pooling(kind, fields, x)
        if kind == "nn.SpatialCrossMapLRN":
            options = {"alpha": self.number(fields, "alpha"), "beta": self.number(fields, "beta")}
            size, bias = self.integer(fields, "size"), self.number(fields, "k", 1.0)
            return x._replace(name=self.graph.node("LRN", [x.name], size=size, bias=bias, **options))
        if kind in ("nn.View", "nn.Reshape"):
            return self._reshape(fields, x)
        if kind == "nn.Linear":
            weight = self.array(fields, "weight", (None, x.channels))
            shift = self.array(fields, "bias", (len(weight),))
            return _Tensor(self.graph.dense(x.name, weight, shift), len(weight), 0)
        if kind == "nn.MulConstant":
            factor = self.graph.constant(np.array(self.number(fields, "constant_scalar"), np.float32))
            return x._replace(name=self.graph.node("Mul", [x.name, factor]))
        if kind == "nn.Square":
            return x._replace(name=self.graph.node("Mul", [x.name, x.name]))
        if kind == "nn.Power":
            power = self.graph.constant(np.array(self.number(fields, "pow"), np.float32))
            return x._replace(name=self.graph.node("Pow", [x.name, power]))
        if kind in ("nn.ReLU", "cudnn.ReLU", "nn.Sqrt"):
            return x._replace(name=self.graph.node("Sqrt" if kind == "nn.Sqrt" else "Relu", [x.name]))
        if kind in ("nn.Identity", "nn.Dropout", "nn.Normalize"):  # the card decides on unit length
            return x
        raise FormatError(f"'{self._source}' has a layer '{kind[:60]}', which nn4.small2 does not have")

    def _convolution(self, fields: Mapping[str, Any], x: _Tensor) -> _Tensor:
        kernel, stride = self._square(fields, "kW", "kH"), self._square(fields, "dW", "dH")
        pad = self._square(fields, "padW", "padH", int(self.number(fields, "padding", 0.0)))
        weight = self.array(fields, "weight", None)
        width = weight.shape[0] if weight.ndim else 0
        if weight.size != width * x.channels * kernel * kernel or not width:
            raise FormatError(f"'{self._source}' has a kernel of {weight.shape} for {x.channels} channels: damaged")
        laid = np.ascontiguousarray(weight.reshape(width, x.channels, kernel, kernel))
        bias = self.array(fields, "bias", (width,))
        out = self.graph.conv(x.name, laid, bias, stride=stride, pads=(pad, pad, pad, pad))
        return _Tensor(out, width, self._output_side(x.side, kernel, stride, pad))

    def _normalisation(self, fields: Mapping[str, Any], x: _Tensor) -> _Tensor:
        """Batch normalisation; ONNX Runtime folds it into the preceding convolution."""
        epsilon = self.number(fields, "eps", NORM_EPSILON)
        mean = self.array(fields, "running_mean", (x.channels,)).astype(np.float64)
        if "running_var" in fields:
            spread = np.sqrt(
                np.maximum(self.array(fields, "running_var", (x.channels,)).astype(np.float64), 0) + epsilon
            )
        else:  # nn before 2016 stored the inverse standard deviation
            spread = 1 / self.array(fields, "running_std", (x.channels,)).astype(np.float64)
        ones = {"weight": np.ones(x.channels, np.float32), "bias": np.zeros(x.channels, np.float32)}
        gain, shift = (self.array({**ones, **fields}, name, (x.channels,)).astype(np.float64) for name in ones)
        parts = [gain, shift, mean, spread * spread - epsilon]
        names = [self.graph.constant(part.astype(np.float32)) for part in parts]
        return x._replace(name=self.graph.node("BatchNormalization", [x.name, *names], epsilon=epsilon))

    def _reshape(self, fields: Mapping[str, Any], x: _Tensor) -> _Tensor:
        """Flatten a feature map; a reshape to the same shape does nothing (nn4.small2.v1 has one)."""
        target = [int(side) for side in np.asarray(fields.get("size", ())).ravel()]
        if target == [x.channels, x.side, x.side]:
            return x
        count = x.channels * max(1, x.side) ** 2
        if target not in ([], [count], [-1]):
            raise FormatError(f"'{self._source}' lays {x.channels} maps of {x.side} pixels out as {target}: damaged")
        return _Tensor(self.graph.node("Flatten", [x.name]) if x.side else x.name, count, 0)

    def _pooling(self, kind: str, fields: Mapping[str, Any], x: _Tensor) -> _Tensor:
        kernel, stride = self._square(fields, "kW", "kH"), self._square(fields, "dW", "dH")
        pad, ceil = self._square(fields, "padW", "padH", 0), bool(fields.get("ceil_mode", False))
        options: dict[str, Any] = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4}
        if kind == "nn.SpatialAveragePooling":
            out = self.graph.node("AveragePool", [x.name], ceil_mode=int(ceil), count_include_pad=1, **options)
        else:
            out = self.graph.node("MaxPool", [x.name], ceil_mode=int(ceil), **options)
        return x._replace(name=out, side=self._output_side(x.side, kernel, stride, pad, ceil))

    def _concat(self, parts: Sequence[_Tensor]) -> _Tensor:
        """Concatenate feature maps; smaller ones are centred in zeros, rounded to the upper left."""
        side = max(part.side for part in parts)
        names = []
        for part in parts:
            before, after = (side - part.side) // 2, side - part.side - (side - part.side) // 2
            pads = self.graph.constant(np.array([0, 0, before, before, 0, 0, after, after], np.int64))
            names.append(self.graph.node("Pad", [part.name, pads]) if side > part.side else part.name)
        return _Tensor(self.graph.node("Concat", names, axis=1), sum(part.channels for part in parts), side)

    def _output_side(self, side: int, kernel: int, stride: int, pad: int, ceil: bool = False) -> int:
        """Output side of a window over `side` pixels."""
        room = side + 2 * pad - kernel
        if room < 0 or kernel < 1 or stride < 1 or pad < 0:
            raise FormatError(f"'{self._source}' applies a window of {kernel} to {side} pixels: it is another network")
        return (-(-room // stride) if ceil else room // stride) + 1

    def array(self, fields: Mapping[str, Any], name: str, shape: Sequence[int | None] | None) -> Floats:
        """A layer's array; None allows any length, or any shape."""
        array = fields.get(name)
        if not isinstance(array, np.ndarray) or not _fits(array, shape) or not np.isfinite(array).all():
            raise FormatError(f"'{self._source}' has a layer whose '{name}' is missing, or does not fit: damaged")
        return np.ascontiguousarray(array, np.float32)

    def number(self, fields: Mapping[str, Any], name: str, default: float | None = None) -> float:
        value = fields.get(name, default)
        if not isinstance(value, (int, float)) or not abs(value) < 1e6:
            raise FormatError(f"'{self._source}' has a layer whose '{name}' is missing, or not a number: damaged")
        return float(value)

    def integer(self, fields: Mapping[str, Any], name: str, default: int | None = None) -> int:
        return int(self.number(fields, name, default))

    def _square(self, fields: Mapping[str, Any], wide: str, high: str, default: int | None = None) -> int:
        side = self.integer(fields, wide, default)
        if self.integer(fields, high, default) != side:
            raise FormatError(f"'{self._source}' has a window that is not square: it is not nn4.small2")
        return side


def _fits(array: NDArray[Any], shape: Sequence[int | None] | None) -> bool:
    if shape is None:
        return True
    return array.ndim == len(shape) and all(b in (None, a) for a, b in zip(array.shape, shape, strict=True))


def _inner(layer: Object) -> list[Any]:
    modules = layer.fields.get("modules")
    if isinstance(modules, dict) and modules:
        return list_values(modules)
    return [layer.fields["module"]] if "module" in layer.fields else []


# --- conversion between Torch7 layers and weights by name -------------------------------------------------------------


def weights(path: Path) -> dict[str, Floats]:
    """Read the weights of nn4.small2 from a .t7 file, with the names used in training.

    Raises:
        FormatError: If the file has another network.
    """
    network = torch7.read(path)
    trained = [part for part in _flat(network, 0) if isinstance(part.fields.get("weight"), np.ndarray)]
    units = [*_units()]
    if len(trained) != 2 * len(units) + 1:
        raise FormatError(
            f"'{path.name}' has {len(trained)} layers with weights, and nn4.small2 has {2 * len(units) + 1}"
        )
    net = _Net(Graph("", {}), path.name)
    result: dict[str, Floats] = {}
    for name, conv, norm in zip(units, trained[:-1:2], trained[1:-1:2], strict=True):
        kernel = net.integer(conv.fields, "kW")
        weight = net.array(conv.fields, "weight", None)
        result[f"{name}.conv.weight"] = weight.reshape(len(weight), -1, kernel, kernel)
        result[f"{name}.conv.bias"] = net.array(conv.fields, "bias", (None,))
        for part in ("weight", "bias", "running_mean"):
            result[f"{name}.bn.{part}"] = net.array(norm.fields, part, (None,))
        if "running_var" in norm.fields:
            result[f"{name}.bn.running_var"] = net.array(norm.fields, "running_var", (None,))
        else:
            spread = net.array(norm.fields, "running_std", (None,))
            result[f"{name}.bn.running_var"] = spread**-2 - np.float32(NORM_EPSILON)
    result["linear.weight"] = net.array(trained[-1].fields, "weight", (None, None))
    result["linear.bias"] = net.array(trained[-1].fields, "bias", (None,))
    return result


def _flat(layer: Any, depth: int) -> Iterator[Object]:
    """Leaf layers in execution order."""
    if not isinstance(layer, Object) or depth > MAX_DEPTH:
        raise FormatError("the file does not contain a Torch7 network")
    inner = _inner(layer)
    for part in inner:
        yield from _flat(part, depth + 1)
    if not inner:
        yield layer


def _units() -> Iterator[str]:
    """Names of all convolutions in execution order."""
    yield from ("conv1", "conv2", "conv3")
    for block in BLOCKS:
        branches = [f"inception_{block.name}.branches.{n}" for n in range(len(block.kernels) + 2)]
        for branch in branches[: len(block.kernels)]:
            yield from (f"{branch}.0", f"{branch}.1")
        if block.pooled:
            yield f"{branches[-2]}.1"
        if block.reduced:
            yield f"{branches[-1]}.0"


def layers(weights: Mapping[str, NDArray[Any]]) -> Object:
    """Build the Torch7 layers of nn4.small2.v1 from weights by name. Raises WeightsError if some are missing."""
    pool = {"kW": 3.0, "kH": 3.0, "dW": 2.0, "dH": 2.0, "padW": 1.0, "padH": 1.0}
    lrn = Object("nn.SpatialCrossMapLRN", dict(LRN))
    parts = [*_unit(weights, "conv1", 2), Object("nn.SpatialMaxPooling", dict(pool)), lrn]
    parts += [*_unit(weights, "conv2"), *_unit(weights, "conv3"), lrn, Object("nn.SpatialMaxPooling", dict(pool))]
    linear = {"weight": _get_weight(weights, "linear.weight", 2), "bias": _get_weight(weights, "linear.bias", 1)}
    width = linear["weight"].shape[1]
    *before, last = (_inception(weights, block) for block in BLOCKS)
    parts += [*before, Object("nn.Reshape", {"size": np.array([width, 3, 3])}), last]
    average = {"kW": 3.0, "kH": 3.0, "dW": 1.0, "dH": 1.0}
    row = {"size": np.array([width])}
    parts += [Object("nn.SpatialAveragePooling", average), Object("nn.Reshape", row), Object("nn.View", dict(row))]
    parts += [Object("nn.Linear", linear)]
    return _sequential([*parts, Object("nn.Normalize", {"p": 2.0})])


def _inception(weights: Mapping[str, NDArray[Any]], block: Block) -> Object:
    name = f"inception_{block.name}.branches"
    branches = []
    for number in range(len(block.kernels)):
        first, second = f"{name}.{number}.0", f"{name}.{number}.1"
        branches.append(_sequential([*_unit(weights, first), *_unit(weights, second, block.stride)]))
    number = len(block.kernels)
    projected = [*_unit(weights, f"{name}.{number}.1")] if block.pooled else []
    branches.append(_sequential([_pool(block), *projected]))
    if block.reduced:
        branches.append(_sequential([*_unit(weights, f"{name}.{number + 1}.0")]))
    concat = Object("nn.DepthConcat", {"modules": dict(enumerate(branches, 1)), "dimension": 2.0})
    return Object("nn.Inception", {"modules": {1: concat}})


def _pool(block: Block) -> Object:
    if not block.power:
        return Object("nn.SpatialMaxPooling", {"kW": 3.0, "kH": 3.0, "dW": 2.0, "dH": 2.0, "padW": 0.0, "padH": 0.0})
    average = Object("nn.SpatialAveragePooling", {"kW": 3.0, "kH": 3.0, "dW": 3.0, "dH": 3.0})
    nine = Object("nn.MulConstant", {"constant_scalar": 9.0})
    steps = [Object("nn.Square"), average, nine, Object("nn.Sqrt")]
    return Object("nn.SpatialLPPooling", {"modules": dict(enumerate(steps, 1))})


def _unit(weights: Mapping[str, NDArray[Any]], name: str, stride: int = 1) -> Iterator[Object]:
    weight = _get_weight(weights, f"{name}.conv.weight", 4)
    side, pad = float(weight.shape[2]), float(weight.shape[2] // 2)
    conv: dict[Any, Any] = {"kW": side, "kH": side, "dW": float(stride), "dH": float(stride), "padW": pad, "padH": pad}
    conv |= {"weight": weight, "bias": _get_weight(weights, f"{name}.conv.bias", 1)}
    yield Object("nn.SpatialConvolution", conv)
    parts = ("weight", "bias", "running_mean", "running_var")
    yield Object("nn.SpatialBatchNormalization", {part: _get_weight(weights, f"{name}.bn.{part}", 1) for part in parts})
    yield Object("nn.ReLU")


def _get_weight(weights: Mapping[str, NDArray[Any]], name: str, axes: int) -> NDArray[Any]:
    array = weights.get(name)
    if array is None or array.ndim != axes:
        raise WeightsError(f"the weights lack '{name}' with {axes} axes: not of an nn4.small2, or truncated")
    return array


def _sequential(parts: Sequence[Object]) -> Object:
    return Object("nn.Sequential", {"modules": dict(enumerate(parts, 1))})
