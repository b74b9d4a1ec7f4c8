"""The docs: what is generated is up to date, what is shown runs, and links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.shown import ROOT, Shown, assert_printed, examples, run

import nitakao

PYTHON = ROOT / "docs" / "python.md"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")  # to a file of ours: an address has a colon


def test_the_page_of_commands_is_what_the_commands_print() -> None:
    command = [sys.executable, str(ROOT / "docs" / "commands.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("shown", examples(PYTHON), ids=lambda shown: shown.title)
def test_what_the_page_on_python_shows_runs_and_prints_what_it_says(shown: Shown, samples: Path) -> None:
    printed = run(shown, samples)
    if shown.printed.strip():
        assert_printed(shown.printed, printed)


def test_the_page_on_python_names_all_that_is_public_and_nothing_else() -> None:
    rows = re.findall(r"^\| `(\w+)[^`]*` \|", PYTHON.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(nitakao.__all__)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
