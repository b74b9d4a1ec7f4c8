"""One virtual environment per side, since their pins conflict. Standard library only."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE / ".envs"
PROJECT = HERE.parent


def ready(name: str) -> Path:
    """The interpreter of environment `name`, created, or created again where its requirements have changed.

    envs/NAME.txt is installed as it stands, then envs/NAME.alone.txt without dependencies (its pins are obsolete, or
    ask for a package that has no wheel). 'nitakao' also gets the working tree, so that it is the tree that is measured.
    """
    given = os.environ.get("NITAKAO_BENCHMARKS_INSIDE")
    if name == "nitakao" and given:
        return Path(given)
    python = FOLDER / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = FOLDER / name / "made-from"
    wanted = _fingerprint(name)
    if python.exists() and stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return python
    print(f"making environment {name} (once)", flush=True)
    venv.create(FOLDER / name, clear=True, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for file, extra in _requirements(name):
        subprocess.run([*install, *extra, "-r", str(file)], check=True)
    if name == "nitakao":
        subprocess.run([*install, "--editable", str(PROJECT)], check=True)
    stamp.write_text(wanted, encoding="ascii")
    return python


def _requirements(name: str) -> list[tuple[Path, list[str]]]:
    alone = HERE / "envs" / f"{name}.alone.txt"
    files: list[tuple[Path, list[str]]] = [(HERE / "envs" / f"{name}.txt", [])]
    return files + ([(alone, ["--no-deps"])] if alone.exists() else [])


def _fingerprint(name: str) -> str:
    parts = [file.read_bytes() for file, _ in _requirements(name)]
    if name == "nitakao":
        parts.append((PROJECT / "pyproject.toml").read_bytes())
    return hashlib.sha256(b"\0".join([sys.version.encode(), *parts])).hexdigest()
