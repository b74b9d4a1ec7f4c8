"""Inception-ResNet-v1 as our ONNX graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from nitakao.errors import FormatError, ModelError, WeightsError
from nitakao.models.networks import facenet
from nitakao.models.onnx.session import Session
from nitakao.values import CropRule, ModelCard, Normalisation

Array = np.ndarray[Any, Any]
SIDE = 75  # the smallest crop that leaves a pixel at the end


def card(dimension: int, side: int = SIDE) -> ModelCard:
    return ModelCard("net", "Net", "facenet", CropRule("article", side), Normalisation("fixed"), dimension, ())


def embed(network: bytes, pictures: Array) -> Array:
    (vectors,) = Session(network).run({"input": pictures})
    return np.asarray(vectors)


# name, width, kernel (height, width); inputs follow from the layers before
STEM = [("conv2d_1a", 4, 3, 3), ("conv2d_2a", 3, 3, 3), ("conv2d_2b", 5, 3, 3), ("conv2d_3b", 4, 1, 1)]
STEM += [("conv2d_4a", 6, 3, 3), ("conv2d_4b", 8, 3, 3)]
BRANCHES = {
    "repeat_1": [[("branch0", 2, 1, 1)], [("branch1.0", 3, 1, 1), ("branch1.1", 2, 3, 3)]],
    "mixed_6a": [[("branch0", 3, 3, 3)], [("branch1.0", 2, 1, 1), ("branch1.1", 3, 3, 3), ("branch1.2", 4, 3, 3)]],
    "repeat_2": [[("branch0", 3, 1, 1)], [("branch1.0", 2, 1, 1), ("branch1.1", 3, 1, 7), ("branch1.2", 4, 7, 1)]],
    "mixed_7a": [[("branch0.0", 2, 1, 1), ("branch0.1", 3, 3, 3)], [("branch1.0", 2, 1, 1), ("branch1.1", 4, 3, 3)]],
    "repeat_3": [[("branch0", 3, 1, 1)], [("branch1.0", 2, 1, 1), ("branch1.1", 3, 1, 3), ("branch1.2", 2, 3, 1)]],
}
BRANCHES["repeat_1"].append([("branch2.0", 2, 1, 1), ("branch2.1", 3, 3, 3), ("branch2.2", 4, 3, 3)])
BRANCHES["mixed_7a"].append([("branch2.0", 3, 1, 1), ("branch2.1", 2, 3, 3), ("branch2.2", 5, 3, 3)])
BRANCHES["block8"] = BRANCHES["repeat_3"]
BLOCKS = ["repeat_1.0", "repeat_1.1", "mixed_6a", "repeat_2.0", "mixed_7a", "repeat_3.0", "repeat_3.1", "block8"]


def branches(block: str) -> list[list[tuple[str, int, int, int]]]:
    return BRANCHES[block.split(".")[0]]


def small_weights(dimension: int = 6) -> dict[str, Array]:
    """Random weights of a network with the layers of an Inception-ResNet-v1, few blocks and narrow ones."""
    chance = np.random.default_rng(8)
    weights: dict[str, Array] = {}

    def normalisation(name: str, channels: int) -> None:
        weights[f"{name}.weight"] = chance.uniform(0.5, 1.5, channels).astype(np.float32)
        weights[f"{name}.bias"] = chance.normal(0, 0.3, channels).astype(np.float32)
        weights[f"{name}.running_mean"] = chance.normal(0, 0.3, channels).astype(np.float32)
        # small ones too, so that a wrong epsilon shows
        weights[f"{name}.running_var"] = chance.uniform(0.001, 1, channels).astype(np.float32)

    def unit(name: str, channels: int, width: int, high: int, wide: int) -> int:
        weights[f"{name}.conv.weight"] = chance.normal(0, 0.2, (width, channels, high, wide)).astype(np.float32)
        normalisation(f"{name}.bn", width)
        return width

    channels = 3
    for name, *sizes in STEM:
        channels = unit(name, channels, *sizes)
    for block in BLOCKS:
        ends = []
        for branch in branches(block):
            width = channels
            for name, *sizes in branch:
                width = unit(f"{block}.{name}", width, *sizes)
            ends.append(width)
        if block.startswith("mixed"):
            channels += sum(ends)
        else:
            weights[f"{block}.conv2d.weight"] = chance.normal(0, 0.3, (channels, sum(ends), 1, 1)).astype(np.float32)
            weights[f"{block}.conv2d.bias"] = chance.normal(0, 0.3, channels).astype(np.float32)
    weights["last_linear.weight"] = chance.normal(0, 0.3, (dimension, channels)).astype(np.float32)
    normalisation("last_bn", dimension)
    return weights


def conv(x: Array, kernel: Array, stride: int = 1, same: bool = False) -> Array:
    """(C, h, w) by (O, C, a, b), each output written as the sum that defines it."""
    high, wide = (kernel.shape[2] // 2, kernel.shape[3] // 2) if same else (0, 0)
    x = np.pad(x, ((0, 0), (high, high), (wide, wide)))
    windows = sliding_window_view(x, kernel.shape[2:], axis=(1, 2))[:, ::stride, ::stride]
    return np.einsum("chwab,ocab->ohw", windows, kernel)


def pool(x: Array) -> Array:
    return sliding_window_view(x, (3, 3), axis=(1, 2))[:, ::2, ::2].max(axis=(3, 4))


def batch_norm(x: Array, w: dict[str, Array], name: str) -> Array:
    gain, shift, mean, variance = (
        w[f"{name}.{part}"].reshape((-1,) + (1,) * (x.ndim - 1))
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    return (x - mean) / np.sqrt(variance + 0.001) * gain + shift


def reference(weights: dict[str, Array], picture: Array) -> Array:
    """The network in plain numpy, float64, nothing folded: (3, S, S) to (D,)."""
    w = {name: array.astype(np.float64) for name, array in weights.items()}

    def unit(x: Array, name: str, stride: int = 1, same: bool = False) -> Array:
        return np.maximum(batch_norm(conv(x, w[f"{name}.conv.weight"], stride, same), w, f"{name}.bn"), 0)

    x = unit(picture.astype(np.float64), "conv2d_1a", 2)
    x = pool(unit(unit(x, "conv2d_2a"), "conv2d_2b", same=True))
    x = unit(unit(unit(x, "conv2d_3b"), "conv2d_4a"), "conv2d_4b", 2)
    for block in BLOCKS:
        ends = []
        for branch in branches(block):
            y = x
            for name, *_ in branch:
                last = block.startswith("mixed") and name == branch[-1][0]
                y = unit(y, f"{block}.{name}", 2 if last else 1, same=not last)
            ends.append(y)
        if block.startswith("mixed"):
            x = np.concatenate([*ends, pool(x)])
            continue
        added = conv(np.concatenate(ends), w[f"{block}.conv2d.weight"]) + w[f"{block}.conv2d.bias"][:, None, None]
        scale = {"repeat_1": 0.17, "repeat_2": 0.10, "repeat_3": 0.20, "block8": 1.0}[block.split(".")[0]]
        x = x + scale * added
        if block != "block8":
            x = np.maximum(x, 0)
    return batch_norm(w["last_linear.weight"] @ x.mean(axis=(1, 2)), w, "last_bn")


def test_a_small_network_gives_what_its_layers_say() -> None:
    weights = small_weights()
    pictures = np.random.default_rng(9).normal(0, 1, (3, 3, SIDE, SIDE)).astype(np.float32)
    expected = np.stack([reference(weights, picture) for picture in pictures])
    found = embed(facenet.build_from(weights, card(6)), pictures)
    assert np.ptp(expected, axis=0).min() > 0.01  # every number tells the pictures apart
    assert found == pytest.approx(expected, abs=1e-5 * np.abs(expected).max())


def test_the_dimension_must_be_the_cards() -> None:
    with pytest.raises(ModelError, match="the weights have embedding size 6, but the card of net says 512"):
        facenet.build_from(small_weights(), card(512))


SPOILT: list[tuple[str, Any, str]] = [
    ("conv2d_1a.conv.weight", None, "lack 'conv2d_1a.conv.weight'"),
    ("repeat_2.0.branch1.1.bn.running_var", None, "lack 'repeat_2.0.branch1.1.bn.running_var'"),
    ("block8.conv2d.bias", np.zeros(3, np.float32), r"'block8\.conv2d\.bias' has the shape \(3,\), not \("),
    ("conv2d_2a.conv.weight", np.zeros((3, 9, 3, 3), np.float32), r"not \('any', 4, 'any', 'any'\)"),
    ("last_bn.bias", np.full(6, np.nan, np.float32), "'last_bn.bias' holds numbers that are not finite"),
    ("last_bn.running_var", np.full(6, -1, np.float32), "numbers below zero"),
    ("repeat_1.7.conv2d.bias", np.zeros(8, np.float32), r"blocks repeat_1\.0, repeat_1\.1 \.\.\. are missing"),
]


@pytest.mark.parametrize(("name", "value", "message"), SPOILT, ids=[name for name, *_ in SPOILT])
def test_weights_that_are_missing_or_do_not_fit_are_named(name: str, value: Any, message: str) -> None:
    weights = small_weights()
    weights.pop(name, None)
    if value is not None:
        weights[name] = value
    with pytest.raises(WeightsError, match=message):
        facenet.build_from(weights, card(6))


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="Inception-ResNet-v1"):
        facenet.build_from({"fc.weight": np.zeros((2, 2), np.float32)}, card(6))
    (tmp_path / "net.pt").write_bytes(b"not weights")
    with pytest.raises(FormatError):
        facenet.build(tmp_path / "net.pt", card(6))


# facenet-pytorch 2.6.0 under PyTorch 2.13.0 on scikit-image's astronaut, rows 60-219 and columns 150-309 of it as the
# crop, (x - 127.5) / 128, unit length: the first eight numbers, and the sum of all weighted by cos(0), cos(1), ...
ASTRONAUT = [-0.000729, 0.025946, 0.030231, -0.018858, 0.064837, 0.027213, -0.043984, -0.027369]
ASTRONAUT_PROJECTED = 0.166757


def test_the_real_weights_give_pytorchs_numbers(shared: Path) -> None:
    data = pytest.importorskip("skimage.data", reason="scikit-image, which ships the picture, is not installed")
    crop = np.asarray(data.astronaut())[60:220, 150:310]
    network = facenet.build(shared / "models" / "20180402-114759-vggface2.pt", card(512, 160))
    vector = embed(network, (crop.transpose(2, 0, 1)[None].astype(np.float32) - 127.5) / 128)[0]
    vector /= np.linalg.norm(vector)
    assert vector[:8] == pytest.approx(ASTRONAUT, abs=1e-4)
    assert float(vector @ np.cos(np.arange(512))) == pytest.approx(ASTRONAUT_PROJECTED, abs=1e-4)
