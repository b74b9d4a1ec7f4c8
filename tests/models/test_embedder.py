"""Crops to vectors: pixels, batches, mirror images, unit length, and every card's own numbers."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nitakao.errors import CardError, MisuseError, ModelError, WeightsError
from nitakao.models import embedder, golden
from nitakao.models.cards import registry
from nitakao.models.embedder import Embedder, normalise
from nitakao.models.onnx.graph import Graph
from nitakao.models.onnx.session import Session
from nitakao.values import CropRule, ModelCard, Normalisation, WeightsFile

SIDE = 8
PLAIN = Normalisation("fixed", (0.0,), (1.0,))


def picture(*values: float) -> np.ndarray:
    """(1, 1, n/3, 3) uint8: pixels of red, green, blue after one another."""
    return np.array(values, np.uint8).reshape(1, 1, -1, 3)


def test_fixed_is_less_127_5_over_128() -> None:
    found = normalise(picture(0, 127, 255), Normalisation("fixed"))
    assert found.shape == (1, 3, 1, 1)
    assert found.dtype == np.float32
    assert found.ravel().tolist() == [-0.99609375, -0.00390625, 0.99609375]


def test_channels_come_first_and_pixels_stay_where_they_were() -> None:
    found = normalise(np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3), PLAIN)
    assert found[0, 0].tolist() == [[0, 3], [6, 9]]
    assert found[0, 2].tolist() == [[2, 5], [8, 11]]


def test_per_channel_takes_each_channels_own_mean_and_scale() -> None:
    found = normalise(picture(10, 20, 30, 14, 20, 22), Normalisation("per-channel", (10, 18, 26), (4, 2, 8)))
    assert found[0, :, 0].tolist() == [[0, 1], [1, 1], [0.5, -0.5]]


def test_per_picture_takes_each_pictures_own_mean_and_deviation() -> None:
    # First: mean 1, deviation 1. Second: mean 100, from which it is -40 40 -40 20 20 0 away: variance 5600/6
    pictures = np.concatenate([picture(0, 2, 0, 2, 0, 2), picture(60, 140, 60, 120, 120, 100)])
    found = normalise(pictures, Normalisation("per-picture"))
    assert found[0].transpose(1, 2, 0).ravel().tolist() == [-1, 1, -1, 1, -1, 1]
    expected = np.array([-40, 40, -40, 20, 20, 0]) / np.sqrt(5600 / 6)
    assert found[1].transpose(1, 2, 0).ravel() == pytest.approx(expected, rel=1e-6)


def test_per_picture_divides_a_flat_picture_by_one_over_the_root_of_its_count() -> None:
    # Twelve values, one of them 1: deviation sqrt(11)/12 = 0.276 is below 1/sqrt(12) = 0.289, which is taken instead
    found = normalise(picture(1, *[0] * 11), Normalisation("per-picture")).ravel()
    assert sorted(found)[-1] == pytest.approx(11 / 12 * 12**0.5, rel=1e-6)
    assert sorted(found)[0] == pytest.approx(-1 / 12 * 12**0.5, rel=1e-6)
    assert not normalise(picture(*[200] * 12), Normalisation("per-picture")).any()


@pytest.mark.parametrize("kind", ["fixed", "per-picture", "per-channel"])
def test_no_pictures_give_no_numbers(kind: Any) -> None:
    assert normalise(np.zeros((0, 4, 4, 3), np.uint8), Normalisation(kind)).shape == (0, 3, 4, 4)


def card(**changes: Any) -> ModelCard:
    whole = ModelCard("toy", "Toy", "onnx", CropRule("article", SIDE), PLAIN, 3, (), unit_length=False)
    return replace(whole, **changes)


def toy() -> bytes:
    """The red, green and blue of the crop's top left corner."""
    graph = Graph("toy", {"input": ("N", 3, SIDE, SIDE)})
    corner = np.zeros((3, 3, SIDE, SIDE), np.float32)
    corner[range(3), range(3), 0, 0] = 1
    return graph.build({"embedding": (graph.node("Flatten", [graph.conv("input", corner)]), ("N", 3))})


def crops(*corners: tuple[int, int, int]) -> np.ndarray:
    found = np.zeros((len(corners), SIDE, SIDE, 3), np.uint8)
    found[:, 0, 0] = corners
    return found


@pytest.mark.parametrize("batch_size", [1, 2, 3, 64])
def test_every_crop_has_its_row_whatever_the_batch(batch_size: int) -> None:
    embed = Embedder(card(), Session(toy()), batch_size=batch_size)
    colours = [(n, 2 * n, 3 * n) for n in range(7)]
    assert embed(crops(*colours)).tolist() == [list(c) for c in colours]
    assert embed(crops(*colours)).dtype == np.float32


def test_a_bgr_network_sees_blue_first() -> None:
    rule = Normalisation("per-channel", (1, 0, 0), (1, 1, 1))  # in the card's order: taken from blue
    embed = Embedder(card(channels="BGR", normalisation=rule), Session(toy()))
    assert embed(crops((10, 20, 30))).tolist() == [[29, 20, 10]]


def test_unit_length_is_made_where_the_card_says_so_and_zeros_stay_zeros() -> None:
    embed = Embedder(card(unit_length=True), Session(toy()))
    assert embed(crops((3, 4, 0), (0, 0, 0))) == pytest.approx(np.array([[0.6, 0.8, 0], [0, 0, 0]]))


def test_flip_is_the_mean_of_a_crop_and_its_mirror_image() -> None:
    both = crops((30, 0, 0))
    both[0, 0, -1] = (0, 40, 0)  # comes to the top left in the mirror
    assert Embedder(card(), Session(toy()), flip=True)(both).tolist() == [[15, 20, 0]]
    # (1, 0, 0) and (0, 1, 0) are averaged as unit vectors, and the mean made one again
    unit = Embedder(card(unit_length=True), Session(toy()), flip=True)(both)
    assert unit == pytest.approx(np.array([[0.5**0.5, 0.5**0.5, 0]]))


def test_no_crops_give_no_rows() -> None:
    assert Embedder(card(), Session(toy()))(np.zeros((0, SIDE, SIDE, 3), np.uint8)).shape == (0, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((SIDE, SIDE, 3), np.uint8),
        np.zeros((1, SIDE, 9, 3), np.uint8),
        np.zeros((1, SIDE, SIDE, 3), np.float32),
    ],
)
def test_crops_of_another_shape_or_kind_are_refused(wrong: np.ndarray) -> None:
    with pytest.raises(MisuseError, match=r"toy takes \(N, 8, 8, 3\) uint8 RGB crops, not"):
        Embedder(card(), Session(toy()))(wrong)


def test_a_network_of_another_dimension_is_refused() -> None:
    with pytest.raises(ModelError, match="not vectors of size 5"):
        Embedder(card(dimension=5), Session(toy()))
    with pytest.raises(MisuseError, match="the batch size must be 1 or more"):
        Embedder(card(), Session(toy()), batch_size=0)


def test_numbers_that_are_not_finite_are_an_error() -> None:
    graph = Graph("nan", {"input": ("N", 3, SIDE, SIDE)})
    pooled = graph.node("Flatten", [graph.node("GlobalAveragePool", ["input"])])
    root = graph.node("Sqrt", [graph.node("Sub", [pooled, graph.constant(np.array([1], np.float32))])])
    embed = Embedder(card(), Session(graph.build({"embedding": (root, ("N", 3))})))
    with pytest.raises(ModelError, match="toy returns numbers that are not finite"):
        embed(crops((0, 0, 0)))


def test_load_builds_the_network_that_the_card_names(tmp_path: Path) -> None:
    (tmp_path / "toy.onnx").write_bytes(toy())
    digest = hashlib.sha256(toy()).hexdigest()
    known = card(files=(WeightsFile("toy.onnx", sha256=digest, folder=str(tmp_path)),))
    assert embedder.load(known)(crops((1, 2, 3))).tolist() == [[1, 2, 3]]
    with pytest.raises(CardError, match="'resnet': it must be one of dlib_resnet, facenet, onnx"):
        embedder.load(replace(known, network="resnet"))
    with pytest.raises(CardError, match="has 0 weights files"):
        embedder.load(replace(known, files=()))


@pytest.mark.parametrize("name", [c.name for c in registry.cards()])
def test_every_card_gives_its_golden_vector(name: str, monkeypatch: pytest.MonkeyPatch, request: Any) -> None:
    monkeypatch.setenv("NITAKAO_OFFLINE", "1")
    known = registry.card(name)
    if not known.files[0].package:
        monkeypatch.setenv("NITAKAO_MODELS", str(request.getfixturevalue("shared") / "models"))
    try:
        embed = embedder.load(known)
    except WeightsError as missing:
        pytest.skip(f"the weights of {name} are not here: {missing}")
    if not known.golden:
        pytest.skip(f"the card of {name} has no golden vector yet")
    check = golden.check(embed, known)
    assert check.ok, check.detail
    assert embedder.load(known, flip=True).flip  # averaging changes vectors, and the golden one is held to plain ones
