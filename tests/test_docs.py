"""The docs: what is generated is up to date."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_page_of_commands_is_what_the_commands_print() -> None:
    command = [sys.executable, str(ROOT / "docs" / "commands.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
