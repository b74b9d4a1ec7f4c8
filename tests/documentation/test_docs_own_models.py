"""What docs/own-models.md shows: its cards hold together, and work with the network they were measured with."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from nitakao.models import embedder
from nitakao.models.cards import card_toml, registry

PAGE = Path(__file__).parents[2] / "docs" / "own-models.md"
CARDS = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("text", CARDS)
def test_each_card_on_the_page_works_with_a_real_network(text: str, shared: Path, tmp_path: Path) -> None:
    card = card_toml.parse(text, "docs/own-models.md")
    shutil.copy(shared / "models" / "mobilefacenet_128d_112px.onnx", tmp_path / card.files[0].name)
    (tmp_path / f"{card.name}.toml").write_text(text, "utf-8")
    network = embedder.load(registry.card(str(tmp_path / card.files[0].name)))
    crops = np.random.default_rng(0).integers(0, 255, (3, 112, 112, 3)).astype(np.uint8)
    vectors = network(crops)
    assert vectors.shape == (3, card.dimension)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_the_page_has_cards() -> None:
    assert len(CARDS) == 2
