"""Our graph beside PyTorch's own Inception-ResNet-v1, where both are installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nitakao.models.networks import facenet
from nitakao.models.onnx.session import Session
from nitakao.values import CropRule, ModelCard, Normalisation


def test_our_vectors_are_pytorchs_within_a_ten_thousandth(shared: Path) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")
    peer = pytest.importorskip("facenet_pytorch", reason="facenet-pytorch, the peer, is not installed")
    path = shared / "models" / "20180402-114759-vggface2.pt"
    network = peer.InceptionResnetV1().eval()
    network.load_state_dict(torch.load(path))
    pictures = np.random.default_rng(10).uniform(-1, 1, (4, 3, 160, 160)).astype(np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(pictures)).numpy()
    card = ModelCard("net", "Net", "facenet", CropRule("article", 160), Normalisation("fixed"), 512, ())
    (found,) = Session(facenet.build(path, card)).run({"input": pictures})
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    assert np.abs(found - expected).max() < 1e-4
