"""OpenFace's nn4.small2, from Torch7's layers to vectors."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.models.formats.torch7_writer import written

from nitakao.errors import FormatError, ModelError, WeightsError
from nitakao.models.cards import registry
from nitakao.models.embedder import load
from nitakao.models.formats.torch7 import Object
from nitakao.models.networks import openface
from nitakao.models.onnx.session import Session
from nitakao.values import ModelCard

CARD = registry.card("openface-nn4-small2")
TOLERANCE = 1e-5  # of numbers near 1, both sides in 32 bits


@pytest.fixture(scope="module")
def network() -> Any:
    """PyTorch's layers at random, their normalisations with it."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install nitakao[train]")
    from nitakao.training.networks.openface import NN4Small2

    torch.manual_seed(3)
    made = NN4Small2().eval()
    for part in made.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.2, 1.5)
            part.weight.data.uniform_(0.5, 2.0)
            part.bias.data.normal_(0, 0.2)
    return made


def weights_of(network: Any) -> dict[str, np.ndarray[Any, Any]]:
    return {name: value.numpy() for name, value in network.state_dict().items()}


def pytorchs(network: Any, pictures: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import torch

    with torch.no_grad():
        return np.asarray(network(torch.from_numpy(pictures)).numpy())


PICTURES = np.random.default_rng(4).random((3, 3, 96, 96)).astype(np.float32)


def embed(graph: bytes) -> np.ndarray[Any, Any]:
    (vectors,) = Session(graph).run({"input": PICTURES})
    return np.asarray(vectors)


def test_it_has_as_many_parameters_as_its_definition_says(network: Any) -> None:
    assert sum(p.numel() for p in network.parameters()) == 3_733_968  # nn4.small2.def.lua


def test_a_torch7_file_gives_what_pytorchs_layers_give(network: Any, tmp_path: Path) -> None:
    (tmp_path / "net.t7").write_bytes(written(openface.layers(weights_of(network))))
    expected = pytorchs(network, PICTURES)
    found = embed(openface.build(tmp_path / "net.t7", CARD))
    assert np.ptp(expected, axis=0).max() > 1e-3
    assert found == pytest.approx(expected, abs=TOLERANCE)


def test_the_corrected_pools_of_later_definitions_are_followed(network: Any) -> None:
    """The file decides, not we: pools as the definition has them since commit 49fffb3."""
    import torch
    from torch import nn

    network = copy.deepcopy(network)
    tree = openface.layers(weights_of(network))

    def correct(layer: Object) -> None:
        if layer.kind == "nn.SpatialMaxPooling" and layer.fields["padW"] == 0:
            layer.fields.update(padW=1.0, padH=1.0, dW=1.0, dH=1.0)
        if layer.kind == "nn.SpatialAveragePooling" and layer.fields["dW"] == 3:
            layer.fields.update(dW=1.0, dH=1.0)
        for inner in layer.fields.get("modules", {}).values():
            correct(inner)

    blocks = [b for b in openface.BLOCKS if b.stride == 1]
    inceptions = [layer for layer in tree.fields["modules"].values() if layer.kind == "nn.Inception"]
    for layer, block in zip(inceptions, openface.BLOCKS, strict=True):
        if block in blocks:
            correct(layer)
    x = torch.from_numpy(PICTURES)
    with torch.no_grad():
        x = network.lrn(nn.functional.max_pool2d(network.conv1(x), 3, 2, 1))
        x = nn.functional.max_pool2d(network.lrn(network.conv3(network.conv2(x))), 3, 2, 1)
        for block in openface.BLOCKS:
            inception = getattr(network, f"inception_{block.name}")
            if block in blocks:
                pool = nn.LPPool2d(2, 3, 1) if block.power else nn.MaxPool2d(3, 1, 1)
                inception.branches[len(block.kernels)][0] = pool
            x = inception(x)
        expected = network.linear(nn.functional.avg_pool2d(x, 3).flatten(1)).numpy()
    assert embed(openface.assemble(tree, CARD, "net")) == pytest.approx(expected, abs=TOLERANCE)


def test_the_layers_are_those_of_the_published_file() -> None:
    """As OpenFace's own conversion counts them: conversion/convert_to_pytorch.py, openface/openfacenet.py."""
    shapes = {name: (8, 8, 1, 1) if name.endswith("conv.weight") else (8,) for name in _names()}
    tree = openface.layers({name: np.zeros(shape, np.float32) for name, shape in {**shapes, **LINEAR}.items()})
    kinds = [layer.kind for layer in tree.fields["modules"].values()]
    found = [kinds.index(kind) for kind in ("nn.Inception", "nn.Reshape", "nn.Linear")]
    assert [*found, len(kinds)] == [13, 19, 24, 26]
    assert [kinds[n] for n in (4, 11, 20, 21, 25)] == [
        "nn.SpatialCrossMapLRN",
        "nn.SpatialCrossMapLRN",
        "nn.Inception",
        "nn.SpatialAveragePooling",
        "nn.Normalize",
    ]


LINEAR = {"linear.weight": (128, 8), "linear.bias": (128,)}


def _names() -> list[str]:
    parts = ["conv.weight", "conv.bias", *(f"bn.{part}" for part in ("weight", "bias", "running_mean", "running_var"))]
    return [f"{unit}.{part}" for unit in openface._units() for part in parts]


def test_a_layout_that_does_not_fit_is_refused() -> None:
    tree = Object("nn.Sequential", {"modules": {1: Object("nn.Reshape", {"size": np.array([5, 7])})}})
    with pytest.raises(FormatError, match=r"lays 3 maps of 96 pixels out as \[5, 7\]"):
        openface.assemble(tree, CARD, "net.t7")


def test_maps_are_normalised_across_as_torch_does_it() -> None:
    """LRN in plain numpy, as SpatialCrossMapLRN is defined: x / (k + alpha / size * sum of squares of 5 maps)^beta."""
    lrn = Object("nn.SpatialCrossMapLRN", {"size": 5.0, "alpha": 0.5, "beta": 0.75, "k": 1.0})
    pool = Object("nn.SpatialAveragePooling", {"kW": 96.0, "kH": 96.0, "dW": 1.0, "dH": 1.0})
    tree = Object("nn.Sequential", {"modules": {1: lrn, 2: pool, 3: Object("nn.View")}})
    squares = np.pad(PICTURES.astype(np.float64) ** 2, ((0, 0), (2, 2), (0, 0), (0, 0)))
    summed = sum(squares[:, n : n + 3] for n in range(5))
    expected = (PICTURES / (1 + 0.5 / 5 * summed) ** 0.75).mean((2, 3))
    found = embed(openface.assemble(tree, replace(CARD, dimension=3), "net"))
    assert found == pytest.approx(expected, abs=1e-5)


def test_one_over_the_spread_of_older_files_is_read(tmp_path: Path) -> None:
    variance = np.array([0.25, 1.0, 4.0], np.float32)
    fields = {"running_mean": np.array([0.1, 0.2, 0.3], np.float32), "eps": 1e-5}
    pool = Object("nn.SpatialAveragePooling", {"kW": 96.0, "kH": 96.0, "dW": 1.0, "dH": 1.0})
    found = []
    for part in ({"running_var": variance}, {"running_std": 1 / np.sqrt(variance + np.float32(1e-5))}):
        norm = Object("nn.SpatialBatchNormalization", {**fields, **part})
        tree = Object("nn.Sequential", {"modules": {1: norm, 2: pool, 3: Object("nn.View")}})
        found.append(embed(openface.assemble(tree, replace(CARD, dimension=3), "net")))
    assert found[1] == pytest.approx(found[0], rel=1e-5)


def test_weights_come_out_under_the_names_that_training_has(network: Any, tmp_path: Path) -> None:
    weights = weights_of(network)
    (tmp_path / "net.t7").write_bytes(written(openface.layers(weights)))
    found = openface.weights(tmp_path / "net.t7")
    for name, value in found.items():
        assert np.array_equal(value, weights[name]), name
    assert {n for n in weights if not n.endswith("num_batches_tracked")} == set(found)


def test_the_card_works_for_who_has_the_file(network: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NITAKAO_MODELS", str(tmp_path))
    (tmp_path / "nn4.small2.v1.t7").write_bytes(written(openface.layers(weights_of(network))))
    crops = (PICTURES.transpose(0, 2, 3, 1) * 255).astype(np.uint8)
    expected = pytorchs(network, np.ascontiguousarray(crops.transpose(0, 3, 1, 2)).astype(np.float32) / 255)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert load(CARD)(crops) == pytest.approx(expected, abs=TOLERANCE)


SPOILT = [
    (lambda f: f.update(weight=np.zeros((3, 3), np.float32)), "kernel of"),
    (lambda f: f.update(kW=5.0), "not square"),
    (lambda f: f.pop("dW"), "'dW' is missing"),
    (lambda f: f.update(bias=np.full(64, np.nan, np.float32)), "'bias' is missing, or does not fit"),
    (lambda f: f.update(kW=300.0, kH=300.0, weight=np.zeros((64, 3 * 300 * 300), np.float32)), "window of 300"),
]


@pytest.mark.parametrize(("spoil", "said"), SPOILT)
def test_a_layer_that_does_not_fit_is_one_sentence(network: Any, spoil: Any, said: str) -> None:
    tree = openface.layers(weights_of(network))
    spoil(tree.fields["modules"][1].fields)
    with pytest.raises(FormatError, match=said):
        openface.assemble(tree, CARD, "net.t7")


def test_other_networks_are_refused(network: Any, tmp_path: Path) -> None:
    path = tmp_path / "net.t7"
    path.write_bytes(written(Object("nn.Sequential", {"modules": {1: Object("nn.Tanh")}})))
    with pytest.raises(FormatError, match=r"a layer 'nn\.Tanh', which nn4\.small2 does not have"):
        openface.build(path, CARD)
    with pytest.raises(FormatError, match=r"0 layers with weights, and nn4\.small2 has"):
        openface.weights(path)
    path.write_bytes(written({"a": 1.0}))
    with pytest.raises(FormatError, match="does not contain a network"):
        openface.build(path, CARD)
    looped = Object("nn.Sequential", {"modules": {}})
    looped.fields["modules"][1] = looped
    with pytest.raises(FormatError, match="has invalid layers"):
        openface.assemble(looped, CARD, "net.t7")
    with pytest.raises(WeightsError, match=r"lack 'conv1\.conv\.weight'"):
        openface.build_from({}, CARD)
    other: ModelCard = replace(CARD, dimension=64)
    with pytest.raises(ModelError, match="embedding size 128, but the card of openface-nn4-small2 says 64"):
        openface.build_from(weights_of(network), other)
