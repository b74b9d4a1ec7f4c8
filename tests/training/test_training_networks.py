"""The networks as PyTorch trains them and as our graphs that run without it; what they begin with; what is exported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install nitakao[train]")

from tests.models.formats.torch7_writer import written  # noqa: E402
from tests.training.runs import SETTINGS, examples  # noqa: E402

from nitakao.errors import MisuseError, TrainingError, WeightsError  # noqa: E402  # after the look for PyTorch
from nitakao.models import embedder, golden  # noqa: E402
from nitakao.models.cards import registry  # noqa: E402
from nitakao.models.formats import torch_pt  # noqa: E402
from nitakao.models.networks import facenet, mobilefacenet, openface  # noqa: E402
from nitakao.models.onnx.session import Session  # noqa: E402
from nitakao.training import export, initial_weights, networks, pretrained  # noqa: E402
from nitakao.training.networks import ARCHITECTURES  # noqa: E402
from nitakao.training.settings import NETWORKS, TrainingSettings  # noqa: E402
from nitakao.values import ModelCard  # noqa: E402

SMALL = [
    TrainingSettings(width=0.1, size=33, dimension=20),
    TrainingSettings(width=0.25, size=112, dimension=16),
    TrainingSettings(network="facenet", width=0.1, size=80, dimension=24),
    TrainingSettings(network="nn4-small2", width=0.1),
]


def lively(settings: TrainingSettings) -> Any:
    """A network whose normalisations do something."""
    network = initial_weights.make_network(settings, None, "").eval()
    for part in network.modules():
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
            part.running_mean.normal_(0, 0.2)
            part.running_var.uniform_(0.3, 1.5)
            part.weight.data.uniform_(0.5, 1.5)
            part.bias.data.normal_(0, 0.2)
        if isinstance(part, torch.nn.PReLU):
            part.weight.data.uniform_(-0.1, 0.4)
    return network


def weights_of(network: Any) -> dict[str, np.ndarray[Any, Any]]:
    return {name: value.numpy() for name, value in network.state_dict().items()}


def card_of(settings: TrainingSettings) -> ModelCard:
    kind = ARCHITECTURES[settings.network]
    crop = kind.crop(networks.side(settings))
    return ModelCard("net", "Net", "onnx", crop, kind.normalisation, networks.dimension(settings), ())


@pytest.mark.parametrize("settings", SMALL, ids=lambda s: f"{s.network}-{s.size}")
def test_a_network_and_its_graph_give_the_same(settings: TrainingSettings) -> None:
    network = lively(settings)
    side = networks.side(settings)
    pictures = np.random.default_rng(1).normal(0, 1, (3, 3, side, side)).astype(np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(pictures)).numpy()
    graph = ARCHITECTURES[settings.network].graph(weights_of(network), card_of(settings))
    (found,) = Session(graph).run({"input": pictures})
    assert np.ptp(expected, axis=0).max() > 1e-4  # pictures of noise are much alike
    assert found == pytest.approx(expected, abs=2e-6 * max(1.0, float(np.abs(expected).max())))


def test_every_network_of_the_settings_can_be_made() -> None:
    assert set(ARCHITECTURES) == set(NETWORKS)
    sizes = {
        name: sum(p.numel() for p in networks.make(TrainingSettings(network=name)).parameters()) for name in NETWORKS
    }
    assert sizes["nn4-small2"] == 3_733_968  # OpenFace, models/openface/nn4.small2.def.lua
    assert 0.9e6 < sizes["mobilefacenet"] < 1.1e6  # Chen et al. 2018: 0.99 million
    assert sizes["facenet"] == 23_482_624  # facenet-pytorch's InceptionResnetV1 without logits


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (TrainingSettings(network="facenet", size=70), "facenet needs crops of 75 pixels or more, not 70"),
        (TrainingSettings(network="nn4-small2", size=112), "nn4-small2 takes crops of 96 pixels, not 112"),
        (TrainingSettings(size=16), "mobilefacenet needs crops of 32 pixels or more, not 16"),
    ],
)
def test_a_size_that_a_network_cannot_take_is_one_sentence(settings: TrainingSettings, said: str) -> None:
    with pytest.raises(MisuseError, match=said):
        networks.make(settings)


@pytest.mark.parametrize(("settings", "build"), [(SMALL[0], mobilefacenet), (SMALL[2], facenet), (SMALL[3], openface)])
def test_weights_that_are_missing_are_named(settings: TrainingSettings, build: Any) -> None:
    weights = weights_of(lively(settings))
    gone = next(name for name in weights if name.endswith("conv.weight"))
    del weights[gone]
    with pytest.raises(WeightsError, match=gone.replace(".", r"\.")):
        build.build_from(weights, card_of(settings))


def test_the_published_weights_of_facenet_fit_and_give_what_our_graph_gives(shared: Path) -> None:
    settings = TrainingSettings(network="facenet")
    weights = torch_pt.read(shared / "models" / "20180402-114759-vggface2.pt")
    network = initial_weights.make_network(settings, weights, "file").eval()
    pictures = np.random.default_rng(1).normal(0, 1, (2, 3, 160, 160)).astype(np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(pictures)).numpy()
    (found,) = Session(facenet.build_from(weights, card_of(settings))).run({"input": pictures})
    assert found == pytest.approx(expected, abs=2e-4)


def test_weights_of_another_network_are_named(tmp_path: Path) -> None:
    settings = SMALL[0]
    weights = weights_of(lively(replace(settings, dimension=30)))
    with pytest.raises(
        TrainingError, match=r"'net\.pt' is of another network: 'embedding\.weight' is 20x51 here, and it has"
    ):
        initial_weights.make_network(settings, weights, "net.pt")
    with pytest.raises(TrainingError, match=r"'stem\.conv\.weight' is 6x3x3x3 here, and it lacks it"):
        initial_weights.make_network(settings, {}, "net.pt")


def test_a_training_begins_with_openfaces_file_a_state_dict_or_a_card(tmp_path: Path, monkeypatch: Any) -> None:
    settings = TrainingSettings(network="nn4-small2")
    network = lively(settings)
    (tmp_path / "nn4.small2.v1.t7").write_bytes(written(openface.layers(weights_of(network))))
    torch.save(network.state_dict(), tmp_path / "net.pt")
    monkeypatch.setenv("NITAKAO_MODELS", str(tmp_path))
    for begin in (str(tmp_path / "nn4.small2.v1.t7"), str(tmp_path / "net.pt"), "openface-nn4-small2"):
        card, weights = pretrained.read_weights(begin)
        assert (card is not None) == (begin == "openface-nn4-small2")
        made = initial_weights.make_network(settings, weights, begin)
        same = all(torch.equal(a, b) for a, b in zip(made.parameters(), network.parameters(), strict=True))
        assert same, begin
    with pytest.raises(TrainingError, match="dlib-resnet is a graph whose weights have no names"):
        pretrained.read_weights("dlib-resnet")


@pytest.mark.parametrize("unit", [True, False])
def test_what_is_exported_is_a_model_at_once(tmp_path: Path, unit: bool) -> None:
    settings = replace(SETTINGS, unit_length=unit)
    faces = examples(4, 2)
    card, parity = export.export(lively(settings), settings, faces, export.CardDetails("8 pictures"), tmp_path, "mine")
    assert parity < 1e-4
    read = registry.card(str(tmp_path))
    assert (read.name, read.dimension, read.unit_length, read.crop.size) == ("mine", 16, unit, 32)
    network = embedder.load(read)
    assert golden.check(network, read).ok
    vectors = network(faces.crops(np.arange(3)))
    assert vectors.shape == (3, 16)
    assert not read.has_threshold
    assert card.golden == read.golden


def test_a_graph_that_does_not_give_what_pytorch_gives_is_not_kept(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(mobilefacenet, "EPSILON", 0.5)
    with pytest.raises(TrainingError, match=r"from PyTorch by .* more than 0\.0001: the model is not written"):
        export.export(lively(SETTINGS), SETTINGS, examples(4, 2), export.CardDetails("8 pictures"), tmp_path, "mine")
    assert list(tmp_path.iterdir()) == []
