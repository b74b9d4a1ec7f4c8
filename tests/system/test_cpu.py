"""Heaps of the C library, as a process of its own sees them."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys

import pytest

from nitakao.system.cpu import cores

THREADS = 6
HEAPS = f"""
import ctypes, sys, tempfile, threading
from nitakao.system import cpu
if sys.argv[1:]:
    cpu.limit_malloc_arenas()
libc, there, enough = ctypes.CDLL(None), threading.Barrier({THREADS} + 1), threading.Event()
libc.malloc.restype, libc.fdopen.restype = ctypes.c_void_p, ctypes.c_void_p
def take():
    libc.malloc(ctypes.c_size_t(5000))
    there.wait()
    enough.wait()
for _ in range({THREADS}):
    threading.Thread(target=take).start()
there.wait()
sys.stdout.flush()
libc.malloc_info(0, ctypes.c_void_p(libc.fdopen(1, b"w")))
libc.fflush(None)
enough.set()
"""
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc")


def heaps(*arguments: str, **environment: str) -> int:
    """How many heaps the C library has once several threads have taken memory."""
    kept = {name: value for name, value in os.environ.items() if name not in ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES")}
    command = [sys.executable, "-c", HEAPS, *arguments]
    said = subprocess.run(command, env={**kept, **environment}, capture_output=True, text=True, check=True, timeout=60)
    return len(re.findall(r"<heap nr=", said.stdout))


@glibc
def test_there_are_no_more_heaps_than_cores() -> None:
    assert heaps() > min(cores(), THREADS)
    assert heaps("limited") == min(cores(), THREADS)


@glibc
def test_the_environment_has_its_way() -> None:
    assert heaps("limited", MALLOC_ARENA_MAX="5") == 5
    assert heaps("limited", GLIBC_TUNABLES="glibc.malloc.arena_max=4") == 4


def test_the_command_line_limits_them_before_it_does_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from nitakao.cli import main

    called = []
    monkeypatch.setattr(main, "limit_malloc_arenas", lambda: called.append(True))
    CliRunner().invoke(main.main, ["completion", "bash"])
    assert called == [True]
