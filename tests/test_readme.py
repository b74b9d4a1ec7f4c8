"""The READMEs: what they show is run, and what they say is printed is printed."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ENGLISH, JAPANESE = ROOT / "README.md", ROOT / "README.ja.md"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) ", re.MULTILINE)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Shown:
    """A command, or a piece of Python, and what the README says it prints."""

    kind: str
    text: str
    printed: str


def blocks(readme: Path) -> list[tuple[str, str]]:
    """(language, text) of each code block. Code in comments of HTML is no code block of ours."""
    return FENCE.findall(readme.read_text(encoding="utf-8"))


def examples() -> list[Shown]:
    """What can be run: commands of nitakao in console blocks, and Python blocks with the text block after them."""
    shown = []
    found = [*blocks(ENGLISH), ("", "")]
    for (language, text), (after, output) in itertools.pairwise(found):
        if language == "console":
            for piece in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, printed = piece.partition("\n")
                if command.startswith("nitakao "):
                    shown.append(Shown("command", command, printed))
        elif language == "python":
            shown.append(Shown("python", text, output if after == "text" else ""))
    return shown


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `make run` leaves it: the sample pictures in out/samples."""
    pytest.importorskip("matplotlib", reason="matplotlib, whose Grace Hopper is a sample picture, is not installed")
    pytest.importorskip("skimage", reason="scikit-image, whose astronaut is a sample picture, is not installed")
    folder = tmp_path_factory.mktemp("readme")
    command = [sys.executable, str(ROOT / "examples" / "samples.py"), "out/samples"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    return folder


def run(shown: Shown, folder: Path) -> str:
    """What it prints on standard output."""
    if shown.kind == "python":
        command = [sys.executable, "-c", shown.text]
    else:
        program, *arguments = shlex.split(shown.text)
        command = [str(Path(sysconfig.get_path("scripts")) / program), *arguments]
    environment = {**os.environ, "PYTHONUTF8": "1", "COLUMNS": "120", "NO_COLOR": "1"}
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=300, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def close(said: str, printed: str) -> bool:
    """Whole numbers may be off by 2 (pixels of a box), others by 0.02: libraries' versions decode JPEG differently."""
    allowed = 0.02 if "." in said else 2
    return abs(float(said) - float(printed)) <= allowed


def assert_printed(said: str, printed: str) -> None:
    """Word for word the same, and numbers close. Widths of columns are not compared."""
    words = [" ".join(NUMBER.sub("#", text).split()) for text in (said, printed)]
    assert words[0] == words[1], f"the README says\n{said}\nand it prints\n{printed}"
    numbers = list(zip(NUMBER.findall(said), NUMBER.findall(printed), strict=True))
    assert all(close(*pair) for pair in numbers), f"the README says\n{said}\nand it prints\n{printed}"


@pytest.mark.parametrize("shown", examples(), ids=lambda shown: f"{shown.kind}: {shown.text.splitlines()[0][:60]}")
def test_what_the_readme_shows_runs_and_prints_what_it_says(shown: Shown, samples: Path) -> None:
    printed = run(shown, samples)
    if shown.printed.strip():
        assert_printed(shown.printed, printed)


def test_the_readme_shows_commands_and_python() -> None:
    assert {shown.kind for shown in examples()} == {"command", "python"}


def test_the_readme_opens_with_the_two_commands() -> None:
    for readme in (ENGLISH, JAPANESE):
        assert blocks(readme)[0][1].split() == ["$", "make", "run", "$", "make", "test"]


def test_both_readmes_have_the_same_headings_and_the_same_code() -> None:
    english, japanese = (path.read_text(encoding="utf-8") for path in (ENGLISH, JAPANESE))
    assert HEADING.findall(english) == HEADING.findall(japanese)
    assert blocks(ENGLISH) == blocks(JAPANESE)


def test_both_readmes_name_every_model() -> None:
    from nitakao.models import registry

    for readme in (ENGLISH, JAPANESE):
        rows = [line for line in readme.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
        for card in registry.cards():
            assert any(line.startswith(f"| `{card.name}` | {card.dimension} |") for line in rows), card.name


def test_every_link_to_a_file_leads_somewhere() -> None:
    pages = [ENGLISH, JAPANESE, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
