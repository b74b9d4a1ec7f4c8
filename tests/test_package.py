"""The package as a whole: what it offers, what importing it does, and what may not be in the repository."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib import resources
from importlib.metadata import version
from pathlib import Path

import pytest

import nitakao

ROOT = Path(__file__).resolve().parent.parent
PUBLIC = sorted(nitakao.__all__)

# Run in a fresh interpreter: what importing `sys.argv[1]` does to the world, told by Python's own audit events.
# Python itself opens sources and byte code, and lists folders on its path: those are not counted.
WATCH = """
import json, sys, warnings
seen = []
CODE = (".py", ".pyc", ".pyd", ".so", ".dll", ".dylib", ".pth", ".zip")
def watch(event, arguments):
    if event == "open":
        path, mode = str(arguments[0]), str(arguments[1] or "")
        writes = any(letter in mode for letter in "wax+")
        if writes and not ".pyc" in path or "nitakao" in path and not path.endswith(CODE):
            seen.append([event, path, mode])
    elif event in ("os.mkdir", "os.remove", "os.rename") and "__pycache__" not in str(arguments[0]):
        seen.append([event, str(arguments[0])])
    elif event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system"):
        seen.append([event, str(arguments[-1])])
filters = list(warnings.filters)
sys.addaudithook(watch)
module = __import__(sys.argv[1])
silent = warnings.filters == filters  # NumPy, loaded with the first public name, sets filters of its own
[getattr(module, name) for name in getattr(module, "__all__", ())]
watched = list(seen)
ours = [m for m in sys.modules if m.split(".")[0] == "nitakao"]
print(json.dumps({"seen": watched, "warnings": silent, "modules": ours}))
"""


def importing(module: str) -> dict[str, object]:
    command = [sys.executable, "-X", "utf8", "-c", WATCH, module]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def tracked_files() -> list[Path]:
    """Every file under version control; skips outside a checkout."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: there is no list of the repository's files")
    command = ["git", "-c", "safe.directory=*", "-C", str(ROOT), "ls-files", "-z"]
    listed = subprocess.run(command, capture_output=True, timeout=60)
    if listed.returncode:
        pytest.skip(f"git does not list the repository's files: {listed.stderr.decode().strip()}")
    names = [name.decode() for name in listed.stdout.split(b"\0") if name]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_every_public_name_is_there_once_and_has_a_docstring() -> None:
    assert sorted(set(PUBLIC)) == PUBLIC
    assert [name for name in PUBLIC if name != "__version__" and not getattr(nitakao, name).__doc__] == []


def test_a_name_that_is_not_public_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'find_faces'"):
        nitakao.__getattr__("find_faces")


def test_the_version_is_the_one_that_is_installed() -> None:
    assert nitakao.__version__ == version("nitakao")


def test_the_package_says_that_it_is_typed() -> None:
    assert resources.files("nitakao").joinpath("py.typed").is_file()


@pytest.mark.parametrize("module", ["nitakao", "nitakao.cli.main"])
def test_importing_makes_no_folder_opens_no_file_asks_no_network_and_silences_no_warning(module: str) -> None:
    did = importing(module)
    assert did["seen"] == []
    if module == "nitakao":  # libraries that the command line brings may set filters of their own
        assert did["warnings"] is True


def test_no_file_carries_a_path_of_this_machine() -> None:
    here = [f"{folder}/".encode() for folder in (ROOT, Path.home()) if len(folder.parts) > 1]
    carrying = [path.relative_to(ROOT) for path in tracked_files() if any(h in path.read_bytes() for h in here)]
    assert carrying == []


def test_the_repository_holds_no_large_files() -> None:
    large = [path.relative_to(ROOT) for path in tracked_files() if path.stat().st_size > 600_000]
    assert large == []


def test_the_layers_hold() -> None:
    pytest.importorskip("importlinter", reason="import-linter is not installed: the layers are not checked")
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_dependency_has_an_upper_bound() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    requirements = re.findall(r'"([A-Za-z0-9_.\-\[\],]+)\s*([<>=!~][^;"]*)', text)
    assert requirements
    assert [r for r in requirements if not r[1].startswith(">=") or "," in r[1]] == []
