"""docs/models.md says what the cards say, and its example of a card is one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from nitakao.models.cards.registry import cards, parse

PAGE = Path(__file__).parents[2] / "docs" / "models.md"


def test_the_page_is_what_the_cards_say() -> None:
    check = subprocess.run(
        [sys.executable, str(PAGE.with_name("cards.py")), "--check"], capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, check.stderr


def test_every_model_has_a_section() -> None:
    sections = re.findall(r"^### (\S+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert sections == [card.name for card in cards()]


def test_the_example_card_is_a_card() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    card = parse(example, "docs/models.md")
    assert (card.name, card.dimension, card.files[0].name) == ("mine", 128, "mine.onnx")
