"""The reader of dlib's .dat: a good file, and every way that we could think of in which one may be bad."""

from __future__ import annotations

import importlib.util
import math
import struct
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nitakao.errors import FormatError, WeightsError
from nitakao.models.formats import dlib_dat

WIDTHS = ((2, False), (3, True))  # a tiny network's blocks: channels, halved
IDLE = b"110" + 3 * (b"\x01\x02" + 4 * b"\x01\x00")  # how each layer ends: flags and three empty tensors


def number(value: int) -> bytes:
    body = abs(value).to_bytes(max(1, (abs(value).bit_length() + 7) // 8), "little")
    return bytes([len(body) | (0x80 if value < 0 else 0)]) + body


def real(value: float) -> bytes:
    if not math.isfinite(value):
        return number(0) + number(32000)
    mantissa, exponent = math.frexp(value)
    return number(int(mantissa * 2**24)) + number(exponent - 24)


def text(value: str) -> bytes:
    return number(len(value)) + value.encode()


def shape(*dimensions: int) -> bytes:
    return b"\x01\x01" + b"".join(map(number, dimensions))


def tensor(values: Sequence[float] | NDArray[np.float32], *dimensions: int) -> bytes:
    return b"\x01\x02" + b"".join(map(number, dimensions)) + np.asarray(values, "<f4").tobytes()


def ramp(count: int) -> NDArray[np.float32]:
    return np.linspace(-1, 1, count, dtype=np.float32)


def conv(
    out: int,
    channels: int,
    kernel: int,
    stride: int,
    padding: int,
    version: int = 4,
    idle: bytes = IDLE,
    last: bytes = b"",
) -> bytes:
    biased = version == 4
    values = ramp(out * channels * kernel**2 + (out if biased else 0))
    sizes = b"".join(map(number, (out, kernel, kernel, stride, stride, padding, padding)))
    flags = {4: b"", 5: b"0", 6: b"00"}[version]
    shapes = shape(out, channels, kernel, kernel) + shape(1, out, 1, 1)
    return (
        text(f"con_{version}")
        + tensor(values, 1, len(values), 1, 1)
        + sizes
        + shapes
        + 4 * real(1)
        + flags
        + idle
        + last
    )


def affine(out: int, name: str = "affine_") -> bytes:
    head = text(name) + tensor(ramp(2 * out), 1, 2 * out, 1, 1) + 2 * shape(1, out, 1, 1)
    if name == "bn_con2":
        middle = (
            2 * tensor([], 0, 0, 0, 0) + tensor(np.full(out, 2), 1, out, 1, 1) + tensor(np.full(out, 4), 1, out, 1, 1)
        )
        return head + middle + number(1000) + number(100) + 4 * real(1) + real(1e-4) + IDLE
    return head + number(0) + (b"0" if name == "affine_2" else b"") + IDLE


def pool(name: str, kernel: int, stride: int) -> bytes:
    return text(name) + b"".join(map(number, (kernel, kernel, stride, stride, 0, 0))) + IDLE


def relu(version: int = 4) -> bytes:
    return (text("relu_") if version == 4 else text("relu_2") + b"0") + IDLE


def dense(outputs: int, inputs: int) -> bytes:
    head = text("fc_2") + number(outputs) + number(inputs) + tensor(ramp(inputs * outputs), inputs, outputs, 1, 1)
    return head + shape(inputs, outputs, 1, 1) + shape(0, 0, 0, 0) + number(1) + 4 * real(1) + IDLE


def tiny(version: int = 4, norm: str = "affine_") -> bytes:
    """A file as dlib would write it for a network of two small blocks. version: of its convolutions, 4 to 6."""
    parts = [b"\x01\x01", text("loss_metric_2"), real(0.04), real(0.6), 12 * b"\x01\x02", b"\x01\x01\x01\x03"]
    parts += [text("input_rgb_image_sized"), real(122.782), real(117.001), real(104.298), number(40), number(40)]
    parts += [conv(2, 3, 7, 2, 0, version, last=number(1)), affine(2, norm), relu(version), pool("max_pool_2", 3, 2)]
    channels = 2
    for out, halved in WIDTHS:
        parts += [conv(out, channels, 3, 1 + halved, 0 if halved else 1, version), affine(out, norm), relu(version)]
        parts += [conv(out, out, 3, 1, 1, version), affine(out, norm)]
        parts += [pool("avg_pool_2", 2, 2)] * halved + [text("add_prev_") + IDLE, relu(version)]
        channels = out
    parts += [pool("avg_pool_2", 0, 1), dense(4, channels)]
    return b"".join(parts)


GOOD = tiny()


@pytest.fixture(scope="module")
def weights() -> Path:
    package = importlib.util.find_spec("face_recognition_models")
    if package is None or package.origin is None:
        pytest.skip("face_recognition_models is not installed: no dlib weights")
    return Path(package.origin).parent / "models" / "dlib_face_recognition_resnet_model_v1.dat"


def test_dlibs_own_file_has_29_convolutions_and_its_known_mean(weights: Path) -> None:
    network = dlib_dat.read(weights)
    assert network.mean == pytest.approx((122.782, 117.001, 104.298), abs=1e-4)
    assert network.size == 150
    assert network.dense.shape == (128, 256)
    assert network.stem.weight.shape == (32, 3, 7, 7)
    assert (network.stem.stride, network.stem.padding) == (2, 0)
    widths = [len(b.second.bias) for b in network.blocks]
    assert widths == [32] * 3 + [64] * 4 + [128] * 3 + [256] * 4
    assert [i for i, b in enumerate(network.blocks) if b.halved] == [3, 7, 10, 13]


def test_a_tiny_file_comes_back_number_for_number() -> None:
    network = dlib_dat.parse(GOOD)
    assert network.size == 40
    values = ramp(2 * 3 * 49 + 2)
    np.testing.assert_array_equal(network.stem.weight, values[:-2].reshape(2, 3, 7, 7))
    np.testing.assert_array_equal(network.stem.bias, values[-2:])
    np.testing.assert_array_equal(network.stem.scale, ramp(4)[:2])
    np.testing.assert_array_equal(network.stem.shift, ramp(4)[2:])
    assert [(b.first.weight.shape, b.halved) for b in network.blocks] == [((2, 2, 3, 3), False), ((3, 2, 3, 3), True)]
    np.testing.assert_array_equal(network.dense, ramp(12).reshape(3, 4).T)


@pytest.mark.parametrize("version", [5, 6])
def test_files_of_newer_dlibs_are_read_and_may_leave_the_bias_out(version: int) -> None:
    network = dlib_dat.parse(tiny(version, "affine_2"))
    np.testing.assert_array_equal(network.stem.bias, [0, 0])
    np.testing.assert_array_equal(network.stem.weight.ravel(), ramp(2 * 3 * 49))


def test_batch_normalisation_in_place_of_an_affine_layer_is_turned_into_one() -> None:
    stem = dlib_dat.parse(tiny(norm="bn_con2")).stem
    scale, shift = ramp(4)[:2], ramp(4)[2:]
    np.testing.assert_allclose(stem.scale, scale / math.sqrt(4 + 1e-4), rtol=1e-6)  # running variance 4
    np.testing.assert_allclose(stem.shift, shift - 2 * scale / math.sqrt(4 + 1e-4), rtol=1e-6)  # running mean 2


def test_a_file_cut_short_anywhere_is_refused() -> None:
    for end in range(len(GOOD)):
        with pytest.raises(FormatError):
            dlib_dat.parse(GOOD[:end])


def test_dlibs_own_file_cut_short_is_refused(weights: Path, tmp_path: Path) -> None:
    data = weights.read_bytes()
    for end in [0, 1, 300, 336, 20_000, len(data) // 3, len(data) // 2, len(data) - 140, len(data) - 1]:
        path = tmp_path / "short.dat"
        path.write_bytes(data[:end])
        with pytest.raises(FormatError, match=r"'short\.dat' is not dlib's .* fetch or copy the file again"):
            dlib_dat.read(path)


def test_bytes_after_the_end_are_refused() -> None:
    with pytest.raises(FormatError, match="2 extra bytes"):
        dlib_dat.parse(GOOD + b"\x00\x00")


def checked(data: bytes) -> None:
    """Refused as FormatError, or a network of finite numbers no larger than its file."""
    try:
        network = dlib_dat.parse(data)
    except FormatError:
        return
    convolutions = [network.stem, *(c for b in network.blocks for c in (b.first, b.second))]
    arrays = [a for c in convolutions for a in (c.weight, c.bias, c.scale, c.shift)] + [network.dense]
    assert all(np.isfinite(a).all() for a in arrays)
    assert sum(a.nbytes for a in arrays) <= len(data)


def test_every_byte_flipped_in_turn_is_refused_or_read_within_bounds() -> None:
    flips = np.random.default_rng(3).integers(1, 256, len(GOOD))
    for position, flip in enumerate(flips):
        data = bytearray(GOOD)
        data[position] ^= int(flip)
        checked(bytes(data))


def test_bytes_flipped_in_dlibs_own_file_are_refused_or_read_within_bounds(weights: Path) -> None:
    good = weights.read_bytes()
    rng = np.random.default_rng(11)
    places = [*rng.integers(0, 400, 6), *rng.integers(0, len(good), 2), *rng.integers(len(good) - 200, len(good), 2)]
    for position in places:
        data = bytearray(good)
        data[position] ^= int(rng.integers(1, 256))
        checked(bytes(data))


@given(st.binary(max_size=400))
def test_any_bytes_at_all_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        dlib_dat.parse(data)


@settings(max_examples=150)
@given(st.integers(0, len(GOOD)), st.binary(max_size=60), st.integers(0, 60))
def test_bytes_put_in_anywhere_are_refused_or_read_within_bounds(at: int, extra: bytes, dropped: int) -> None:
    checked(GOOD[:at] + extra + GOOD[at + dropped :])


HUGE = number((1 << 63) - 1)
STEM = GOOD.index(text("con_4")) + len(text("con_4"))


@pytest.mark.parametrize(
    "data",
    [
        GOOD[:STEM] + b"\x01\x02" + 4 * number(1 << 27) + GOOD[STEM:],  # a tensor of 2^108 numbers
        GOOD[:STEM] + b"\x01\x02" + 4 * HUGE + GOOD[STEM:],
        GOOD[:STEM] + b"\x01\x02" + number(-5) + 3 * number(1) + GOOD[STEM:],
        GOOD[:STEM] + b"\x01\x02" + number(1 << 27) + 3 * number(1) + GOOD[STEM:],  # half a gigabyte
        b"\x01\x01" + HUGE + GOOD[3:],  # the length of a name
        GOOD[: GOOD.index(12 * b"\x01\x02")] + 100_000 * b"\x01\x02",  # layers without end
        GOOD.replace(number(40), number(1 << 40)),  # the input's side
    ],
    ids=["product", "dimensions", "negative", "more than is there", "name", "layers", "side"],
)
def test_huge_counts_are_refused_before_anything_is_allocated(data: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(FormatError):
        dlib_dat.parse(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_weights_that_are_not_finite_are_refused(value: float) -> None:
    at = GOOD.index(struct.pack("<f", -1.0))
    with pytest.raises(FormatError, match="not finite"):
        dlib_dat.parse(GOOD[:at] + struct.pack("<f", value) + GOOD[at + 4 :])


def test_an_infinite_mean_is_refused() -> None:
    with pytest.raises(FormatError, match="mean is 32000"):
        dlib_dat.parse(GOOD.replace(real(122.782), real(math.inf)))


def test_another_network_of_dlibs_is_refused(weights: Path) -> None:
    other = weights.with_name("mmod_human_face_detector.dat")
    if not other.exists():
        pytest.skip("this face_recognition_models has no mmod_human_face_detector.dat")
    with pytest.raises(FormatError, match="not dlib's face recognition network"):
        dlib_dat.read(other)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="No such file"):
        dlib_dat.read(tmp_path / "none.dat")
