"""dlib's ResNet against dlib itself, chip for chip."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nitakao.errors import ModelError
from nitakao.models.formats.dlib_dat import Block, Convolution, Network
from nitakao.models.networks import dlib_resnet
from nitakao.models.onnx.session import Session
from nitakao.values import CropRule, ModelCard, Normalisation, WeightsFile

NAME = "dlib_face_recognition_resnet_model_v1.dat"
MEAN = np.array([122.782, 117.001, 104.298], np.float32)  # dlib's input_rgb_image_sized
TEMPLATE = ((0.0, 0.0), (1.0, 0.0), (0.5, 0.5), (0.0, 1.0), (1.0, 1.0))


@pytest.fixture(scope="module")
def weights() -> Path:
    """dlib's file in the installed package, whose __init__ is not run: it wants the removed pkg_resources."""
    package = importlib.util.find_spec("face_recognition_models")
    if package is None or package.origin is None:
        pytest.skip("face_recognition_models is not installed: no dlib weights")
    return Path(package.origin).parent / "models" / NAME


@pytest.fixture(scope="module")
def session(weights: Path) -> Session:
    return Session(dlib_resnet.build(weights, card()))


def card(size: int = 150, dimension: int = 128) -> ModelCard:
    return ModelCard(
        name="dlib-resnet",
        title="",
        network="dlib_resnet",
        crop=CropRule("template", size, template=TEMPLATE),
        normalisation=Normalisation("per-channel", tuple(float(v) for v in MEAN), (256.0,)),
        dimension=dimension,
        files=(WeightsFile(NAME),),
    )


def chips() -> NDArray[np.uint8]:
    """(6, 150, 150, 3): a face, its mirror, the face dark, noise, all black and all white."""
    data = pytest.importorskip("skimage.data")
    face = np.ascontiguousarray(data.astronaut()[45:195, 148:298])
    noise = np.random.default_rng(7).integers(0, 256, face.shape, np.uint8)
    return np.stack([face, face[:, ::-1], face // 4, noise, np.zeros_like(face), np.full_like(face, 255)])


def embed(session: Session, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    pixels = (crops.astype(np.float32) - MEAN) / 256
    vectors: NDArray[np.float32] = session.run({"input": np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))})[0]
    return vectors


def test_every_chip_gives_dlibs_own_vector(session: Session, weights: Path) -> None:
    dlib: Any = pytest.importorskip("dlib", reason="dlib (PyPI's dlib-bin) is not installed: nothing to compare with")
    model = dlib.face_recognition_model_v1(str(weights))
    crops = chips()
    expected = np.array([model.compute_face_descriptor(np.ascontiguousarray(c), 0) for c in crops])
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(embed(session, crops), expected, atol=1e-5, rtol=0)


def test_a_chips_vector_does_not_depend_on_its_batch(session: Session) -> None:
    crops = chips()
    alone = np.concatenate([embed(session, crops[i : i + 1]) for i in range(len(crops))])
    np.testing.assert_allclose(embed(session, crops), alone, atol=1e-5, rtol=0)


def test_a_known_face_has_the_vector_that_dlib_gave(session: Session) -> None:
    # dlib 20.0.1 on the astronaut's chip above; first eight of 128
    expected = [-0.0877353, 0.0531241, 0.0295482, 0.0605458, -0.134664, 0.029768, 0.0211563, -0.1330087]
    np.testing.assert_allclose(embed(session, chips()[:1])[0, :8], expected, atol=1e-5, rtol=0)


def test_a_card_of_another_size_or_dimension_is_refused(weights: Path) -> None:
    with pytest.raises(ModelError, match="has crop size 150 and embedding size 128"):
        dlib_resnet.build(weights, card(size=160))
    with pytest.raises(ModelError, match="and 512: correct the card"):
        dlib_resnet.build(weights, card(dimension=512))


def random_convolution(out: int, channels: int, kernel: int, stride: int, padding: int, seed: int) -> Convolution:
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> NDArray[np.float32]:
        return rng.normal(0, 0.3, shape).astype(np.float32)

    return Convolution(draw(out, channels, kernel, kernel), draw(out), draw(out), draw(out), stride, padding)


def small_network(size: int) -> Network:
    """Two blocks: one plain, one that halves the side and doubles the channels."""
    plain = Block(random_convolution(2, 2, 3, 1, 1, 1), random_convolution(2, 2, 3, 1, 1, 2), halved=False)
    down = Block(random_convolution(4, 2, 3, 2, 0, 3), random_convolution(4, 4, 3, 1, 1, 4), halved=True)
    dense = np.random.default_rng(5).normal(0, 1, (3, 4)).astype(np.float32)
    return Network((0.0, 0.0, 0.0), size, random_convolution(2, 3, 7, 2, 0, 6), (plain, down), dense)


def plain_conv(x: NDArray[np.float64], layer: Convolution) -> NDArray[np.float64]:
    """(C, h, w) through one convolution and its affine layer, by sums over windows."""
    x = np.pad(x, ((0, 0), (layer.padding,) * 2, (layer.padding,) * 2))
    k = layer.weight.shape[2]
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), (1, 2))[:, :: layer.stride, :: layer.stride]
    y = np.einsum("chwij,ocij->ohw", windows, layer.weight.astype(np.float64)) + layer.bias[:, None, None]
    return np.asarray(y * layer.scale[:, None, None] + layer.shift[:, None, None])


def plain_network(x: NDArray[np.float64], network: Network) -> NDArray[np.float64]:
    """The network in plain numpy; what differs in size is put into zeros at the top left, as dlib adds tensors."""
    x = np.maximum(plain_conv(x, network.stem), 0)
    x = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (1, 2))[:, ::2, ::2].max((3, 4))
    for block in network.blocks:
        y = plain_conv(np.maximum(plain_conv(x, block.first), 0), block.second)
        if block.halved:
            x = np.lib.stride_tricks.sliding_window_view(x, (2, 2), (1, 2))[:, ::2, ::2].mean((3, 4))
        total = np.zeros(np.maximum(x.shape, y.shape))
        for part in (x, y):
            total[: part.shape[0], : part.shape[1], : part.shape[2]] += part
        x = np.maximum(total, 0)
    return np.asarray(network.dense @ x.mean((1, 2)))


@pytest.mark.parametrize("size", [37, 41, 43])  # sides before halving: 7, 8 (where block and shortcut differ) and 9
def test_a_small_network_gives_what_plain_sums_give(size: int) -> None:
    network = small_network(size)
    picture = np.random.default_rng(size).normal(0, 1, (3, size, size))
    found = Session(dlib_resnet.assemble(network, "small")).run({"input": picture[None].astype(np.float32)})[0][0]
    np.testing.assert_allclose(found, plain_network(picture, network), atol=1e-4, rtol=1e-4)


def test_a_network_that_runs_out_of_pixels_is_refused() -> None:
    with pytest.raises(ModelError, match="has input side 1"):
        dlib_resnet.assemble(small_network(11), "tiny")
