"""What a page of the docs shows, as commands and programs that can be run and compared with what it says they print."""

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

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = Path(sysconfig.get_path("scripts"))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RATE = re.compile(r"[\d.]+ a second")  # of no interest here, and never twice the same
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Shown:
    """kind: 'command' or 'python'.  text: what is run.  printed: what the page says it prints; empty: nothing said."""

    kind: str
    text: str
    printed: str = ""

    @property
    def title(self) -> str:
        return f"{self.kind}: {self.text.strip().splitlines()[0][:70]}"


def blocks(page: Path) -> list[tuple[str, str]]:
    """(language, text) of each code block."""
    return FENCE.findall(page.read_text(encoding="utf-8"))


def examples(page: Path) -> list[Shown]:
    """What can be run: nitakao and Python in console blocks, and Python blocks with the text block after them."""
    found = []
    for (language, text), (after, output) in itertools.pairwise([*blocks(page), ("", "")]):
        if language == "console":
            found += list(_commands(text))
        elif language == "python":
            found.append(Shown("python", text, output if after == "text" else ""))
    return found


def _commands(text: str) -> list[Shown]:
    pieces = [piece.partition("\n") for piece in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]]
    return [Shown("command", line, rest) for line, _, rest in pieces if line.startswith(("nitakao ", "python "))]


def run(shown: Shown, folder: Path) -> str:
    """What it prints on standard output, run in `folder`."""
    if shown.kind == "python":
        command = [sys.executable, "-c", shown.text]
    else:
        program, *arguments = shlex.split(shown.text)
        command = [sys.executable if program == "python" else str(SCRIPTS / program), *arguments]
        command = [str(ROOT / part) if part.startswith("examples/") else part for part in command]
    environment = {**os.environ, "PYTHONUTF8": "1", "COLUMNS": "120", "NO_COLOR": "1"}
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=300, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def prepare(folder: Path) -> None:
    """The folder as `make run` leaves it: the sample pictures in out/samples, their vectors in out/faces.npz."""
    for command in ("python examples/samples.py out/samples", "nitakao embed out/samples -o out/faces.npz"):
        run(Shown("command", command), folder)


def assert_printed(said: str, printed: str) -> None:
    """Word for word the same, and numbers close. Widths of columns are not compared."""
    told = f"the page says\n{said}\nand it prints\n{printed}"
    said, printed = (RATE.sub("some a second", text) for text in (said, printed))
    words = [" ".join(NUMBER.sub("#", text).split()) for text in (said, printed)]
    assert words[0] == words[1], told
    numbers = zip(NUMBER.findall(said), NUMBER.findall(printed), strict=True)
    assert all(_close(*pair) for pair in numbers), told


def _close(said: str, printed: str) -> bool:
    """Whole numbers may be off by 2 (pixels of a box), others by 0.02: libraries' versions decode JPEG differently."""
    return abs(float(said) - float(printed)) <= (0.02 if "." in said else 2)
