"""The READMEs: what they show is run, what they say is printed is printed, and both say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.shown import ROOT, Shown, assert_printed, blocks, examples, run

from nitakao.models.cards import registry

ENGLISH, JAPANESE = ROOT / "README.md", ROOT / "README.ja.md"
HEADING = re.compile(r"^(#+) ", re.MULTILINE)
COMMERCIAL = {
    "README.md": {"allowed": "allowed", "forbidden": "forbidden", "unclear": "unclear"},
    "README.ja.md": {"allowed": "可", "forbidden": "不可", "unclear": "不明確"},
}


@pytest.mark.parametrize("shown", examples(ENGLISH), ids=lambda shown: shown.title)
def test_what_the_readme_shows_runs_and_prints_what_it_says(shown: Shown, samples: Path) -> None:
    printed = run(shown, samples)
    if shown.printed.strip():
        assert_printed(shown.printed, printed)


def test_the_readme_shows_commands_and_python() -> None:
    assert {shown.kind for shown in examples(ENGLISH)} == {"command", "python"}


@pytest.mark.parametrize("readme", [ENGLISH, JAPANESE], ids=lambda readme: readme.name)
def test_the_readme_opens_with_installing_and_the_two_commands(readme: Path) -> None:
    assert [text.splitlines() for _, text in blocks(readme)[:2]] == [
        ["$ pip install .", "$ nitakao doctor"],
        ["$ make run", "$ make test"],
    ]


def test_both_readmes_have_the_same_headings_and_the_same_code() -> None:
    english, japanese = (path.read_text(encoding="utf-8") for path in (ENGLISH, JAPANESE))
    assert HEADING.findall(english) == HEADING.findall(japanese)
    assert blocks(ENGLISH) == blocks(JAPANESE)


@pytest.mark.parametrize("readme", [ENGLISH, JAPANESE], ids=lambda readme: readme.name)
def test_the_readme_names_every_model_and_says_what_it_may_be_used_for(readme: Path) -> None:
    rows = [line for line in readme.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    words = COMMERCIAL[readme.name]
    begins = [f"| `{card.name}` | {card.dimension} | {words[card.commercial]} |" for card in registry.cards()]
    assert [begin for begin in begins if not any(row.startswith(begin) for row in rows)] == []
