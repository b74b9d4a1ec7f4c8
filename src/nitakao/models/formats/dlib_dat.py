"""Read dlib's face recognition ResNet from its `.dat` file, without dlib.

The file is dlib's serialisation of a network with known layers. An integer is a control byte (number of bytes, 0x80 if
negative), then these bytes, little-endian; a string is its length, then its bytes; a real number is an integer mantissa
and an integer exponent of 2; a boolean is the character '0' or '1'; a tensor is version 2, four dimensions, then raw
little-endian float32. The versions of all layers come first, from the output side, then the layers from the input side.
Source: dlib's serialize.h, float_details.h, dnn/core.h, dnn/layers.h, cuda/tensor.h (facts only), and the file itself.

The file is untrusted: every count is checked against the remaining bytes before memory is allocated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nitakao.errors import FormatError, WeightsError
from nitakao.values import Floats

MAX_BYTES = 256 * 1024 * 1024  # the face recognition network has 22.5 MB
MAX_LAYERS = 4096  # it has 130, including tags and skips
MAX_CHANNELS = 1 << 16  # channels of a layer; it has at most 256
MAX_KERNEL = 31  # it has 7, 3 and 2
MAX_SIDE = 4096  # px, input; it has 150


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution and the affine layer after it: (weight * x + bias) . scale + shift, per channel.

    Attributes:
        weight: (out, in, k, k) float32.
        bias, scale, shift: (out,) float32.
        stride, padding: Pixels, in both directions.
    """

    weight: Floats
    bias: Floats
    scale: Floats
    shift: Floats
    stride: int
    padding: int


@dataclass(frozen=True, eq=False)
class Block:
    """A residual block: relu(second(relu(first(x))) + x), with the shortcut averaged over 2x2 if `halved`."""

    first: Convolution
    second: Convolution
    halved: bool


@dataclass(frozen=True, eq=False)
class Network:
    """dlib's face recognition ResNet as stored.

    Order: stem, ReLU, max pool 3x3 with stride 2, blocks, global average pooling, dense without bias.

    Attributes:
        mean: Red, green, blue; subtracted from each pixel before division by 256.
        size: Input side in pixels.
        stem: First convolution.
        blocks: Residual blocks.
        dense: (out, in) float32.
    """

    mean: tuple[float, float, float]
    size: int
    stem: Convolution
    blocks: tuple[Block, ...]
    dense: Floats


def read(path: Path) -> Network:
    """Read the network from a file.

    Raises:
        FormatError: If the file is damaged or has another network.
        WeightsError: If it cannot be opened.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise WeightsError(f"'{path}' cannot be read: {error.strerror or error}") from error
    return parse(data, path.name)


def parse(data: bytes, name: str = "bytes") -> Network:
    """Parse the network from a file's bytes. name: for error messages. Raises FormatError."""
    stream = _Stream(data, name)
    if len(data) > MAX_BYTES:
        raise stream.error(f"over {MAX_BYTES} bytes")
    newest = _header(stream)
    stream.text("input_rgb_image_sized")
    mean = (stream.real("mean"), stream.real("mean"), stream.real("mean"))
    size = stream.number("input side", 1, MAX_SIDE)
    stream.exactly("input side", size)
    stem = _stem(stream, newest)
    blocks = []
    width = len(stem.bias)
    while not stream.next_is("avg_pool_2"):
        blocks.append(_block(stream, width))
        width = len(blocks[-1].second.bias)
        if len(blocks) > MAX_LAYERS:
            raise stream.error("too many blocks")
    _pool(stream, "avg_pool_2", kernel=0, stride=1)  # a kernel of 0 means global
    dense = _dense(stream, width)
    if stream.left:
        raise stream.error(f"{stream.left} extra bytes")
    return Network(mean, size, stem, tuple(blocks), dense)


class _Stream:
    """A file's bytes and the read position."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self.name = name
        self.at = 0

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def error(self, what: str) -> FormatError:
        return FormatError(
            f"'{self.name}' is not dlib's face recognition network, or it is damaged: {what} at byte {self.at}; "
            "fetch or copy the file again"
        )

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise self.error(f"{count} bytes missing")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, what: str, low: int, high: int) -> int:
        control = self.take(1)[0]
        length = control & 0x0F
        if control & 0x70 or not 1 <= length <= 8:
            raise self.error(f"no integer for the {what}")
        value = int.from_bytes(self.take(length), "little")
        value = -value if control & 0x80 else value
        if not low <= value <= high:
            raise self.error(f"{what} is {value}, not {low} to {high},")
        return value

    def exactly(self, what: str, value: int) -> None:
        self.number(what, value, value)

    def flag(self) -> bool:
        byte = self.take(1)
        if byte not in (b"0", b"1"):
            raise self.error("invalid boolean")
        return byte == b"1"

    def real(self, what: str) -> float:
        mantissa = self.number(what, -(1 << 63), 1 << 63)
        exponent = self.number(what, -1200, 960)  # exponents from 32000 mark infinities and NaN
        value = math.ldexp(float(mantissa), exponent)
        if not math.isfinite(value):
            raise self.error(f"{what} is not finite")
        return value

    def text(self, *allowed: str) -> str:
        """A string, which must be one of `allowed`."""
        length = self.number("length of a layer's name", 0, max(len(a) for a in allowed))
        value = self.take(length).decode("latin-1")
        if value not in allowed:
            raise self.error(f"layer {value!r} instead of {' or '.join(allowed)}")
        return value

    def next_is(self, name: str) -> bool:
        """Whether the next value is this string; does not advance."""
        return self.data.startswith(bytes([1, len(name)]) + name.encode("latin-1"), self.at)

    def shape(self, version: int) -> tuple[int, int, int, int]:
        self.exactly("version of a tensor", version)
        n, k, rows, columns = (self.number("dimension of a tensor", 0, MAX_BYTES) for _ in range(4))
        return n, k, rows, columns

    def tensor(self) -> tuple[tuple[int, int, int, int], bytes]:
        """A tensor's shape and bytes."""
        shape = self.shape(version=2)
        return shape, self.take(4 * math.prod(shape))  # Python integers do not overflow, and `take` checks the size

    def floats(self, count: int, what: str) -> Floats:
        """A tensor with exactly `count` finite numbers, flattened."""
        shape, data = self.tensor()
        if math.prod(shape) != count:
            raise self.error(f"{math.prod(shape)} numbers for {what} instead of {count}")
        values = np.frombuffer(data, "<f4").astype(np.float32)
        if not np.isfinite(values).all():
            raise self.error(f"numbers for {what} that are not finite")
        return values


def _header(stream: _Stream) -> int:
    """Read the loss layer and the versions of all layers. Returns the version of the first layer."""
    stream.exactly("version of the loss layer", 1)
    stream.text("loss_metric_2")
    stream.real("margin")
    stream.real("distance threshold")
    version = 0
    name = bytes([1, len("input_rgb_image_sized")])
    for _ in range(MAX_LAYERS):
        if stream.data[stream.at : stream.at + 2] == name:
            break
        version = stream.number("version of a layer", 1, 3)
    return version


def _end_of_layer(stream: _Stream) -> None:
    """Skip the end of a layer: three state flags and three training tensors."""
    for _ in range(3):
        stream.flag()
    for _ in range(3):
        stream.tensor()


def _stem(stream: _Stream, newest: int) -> Convolution:
    filters = _filters(stream, channels=3)
    if newest >= 3:
        stream.exactly("sample expansion factor", 1)
    stem = _convolution(stream, filters)
    _plain(stream, "relu_", "relu_2")
    _pool(stream, "max_pool_2", kernel=3, stride=2)
    return stem


def _block(stream: _Stream, channels: int) -> Block:
    first = _convolution(stream, _filters(stream, channels))
    _plain(stream, "relu_", "relu_2")
    second = _convolution(stream, _filters(stream, len(first.bias)))
    halved = stream.next_is("avg_pool_2")
    if halved:
        _pool(stream, "avg_pool_2", kernel=2, stride=2)
    _plain(stream, "add_prev_")
    _plain(stream, "relu_", "relu_2")
    if first.stride != 1 + halved or second.stride != 1:
        raise stream.error("a block whose strides do not fit its shortcut")
    if len(second.bias) < channels or (len(second.bias) > channels and not halved):
        raise stream.error(f"a block from {channels} to {len(second.bias)} channels")
    return Block(first, second, halved)


@dataclass(frozen=True, eq=False)
class _Filters:
    """A convolution before its affine layer is known."""

    weight: Floats
    bias: Floats
    stride: int
    padding: int


def _filters(stream: _Stream, channels: int) -> _Filters:
    version = stream.text("con_4", "con_5", "con_6")
    start = stream.at
    stream.tensor()  # its size is known only from the following values
    count = stream.number("number of filters", 1, MAX_CHANNELS)
    side = stream.number("filter's side", 1, MAX_KERNEL)
    stream.exactly("filter's side", side)
    stride = stream.number("stride", 1, MAX_KERNEL)
    stream.exactly("stride", stride)
    padding = stream.number("padding", 0, side)
    stream.exactly("padding", padding)
    if stream.shape(version=1) != (count, channels, side, side):
        raise stream.error(f"filters that do not fit {channels} channels")
    stream.shape(version=1)  # of the bias, one number per filter
    for _ in range(4):
        stream.real("training rate")
    biased = stream.flag() if version in ("con_5", "con_6") else True
    if version == "con_6" and stream.flag():
        raise stream.error("a convolution with a fused ReLU")
    _end_of_layer(stream)
    weight, bias = _split(stream, start, count * channels * side * side, count if biased else 0)
    return _Filters(
        weight.reshape(count, channels, side, side), bias if biased else np.zeros(count, np.float32), stride, padding
    )


def _split(stream: _Stream, start: int, first: int, second: int) -> tuple[Floats, Floats]:
    """Read the skipped tensor at `start` as two parts; does not advance the stream."""
    reader = _Stream(stream.data, stream.name)
    reader.at = start
    values = reader.floats(first + second, "a layer's parameters")
    return values[:first], values[first:]


def _convolution(stream: _Stream, filters: _Filters) -> Convolution:
    """Combine filters with the affine layer that follows."""
    scale, shift = _affine(stream, len(filters.bias))
    return Convolution(filters.weight, filters.bias, scale, shift, filters.stride, filters.padding)


def _affine(stream: _Stream, count: int) -> tuple[Floats, Floats]:
    """Scale and shift; a network saved during training has batch normalisation instead."""
    version = stream.text("affine_", "affine_2", "bn_con2")
    values = stream.floats(2 * count, "an affine layer")
    scale, shift = values[:count], values[count:]
    stream.shape(version=1)
    stream.shape(version=1)
    if version == "bn_con2":
        scale, shift = _normalisation(stream, scale, shift)
    else:
        stream.exactly("mode of an affine layer", 0)  # per channel
        if version == "affine_2" and stream.flag():
            raise stream.error("a disabled affine layer")
    _end_of_layer(stream)
    return scale, shift


def _normalisation(stream: _Stream, scale: Floats, shift: Floats) -> tuple[Floats, Floats]:
    """Fold batch normalisation's running mean and variance into scale and shift."""
    for _ in range(2):
        stream.tensor()  # of the last batch
    mean = stream.floats(len(scale), "a running mean")
    variance = stream.floats(len(scale), "a running variance")
    for _ in range(2):
        stream.number("count of batches", 0, 1 << 62)
    for _ in range(4):
        stream.real("training rate")
    epsilon = stream.real("epsilon")
    if epsilon <= 0 or variance.min() < 0:
        raise stream.error("a variance below zero")
    folded = (scale / np.sqrt(variance.astype(np.float64) + epsilon)).astype(np.float32)
    return folded, (shift - folded.astype(np.float64) * mean).astype(np.float32)


def _plain(stream: _Stream, *names: str) -> None:
    """A layer without parameters."""
    if stream.text(*names) == "relu_2" and stream.flag():
        raise stream.error("a disabled ReLU")
    _end_of_layer(stream)


def _pool(stream: _Stream, name: str, *, kernel: int, stride: int) -> None:
    stream.text(name)
    for what, value in (("pool's side", kernel), ("pool's stride", stride), ("pool's padding", 0)):
        stream.exactly(what, value)
        stream.exactly(what, value)
    _end_of_layer(stream)


def _dense(stream: _Stream, channels: int) -> Floats:
    version = stream.text("fc_2", "fc_3")
    count = stream.number("number of outputs", 1, MAX_CHANNELS)
    stream.exactly("number of inputs", channels)
    weight = stream.floats(channels * count, "the last layer").reshape(channels, count)
    stream.shape(version=1)
    stream.shape(version=1)
    stream.exactly("bias mode", 1)  # 1: no bias
    for _ in range(4):
        stream.real("training rate")
    if version == "fc_3":
        stream.flag()  # whether to use a bias, which does not exist here
    _end_of_layer(stream)
    return np.ascontiguousarray(weight.T)
