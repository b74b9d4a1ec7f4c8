"""CPU cores of this machine, and glibc's malloc arenas."""

from __future__ import annotations

import os
from contextlib import suppress

ARENAS = -8  # M_ARENA_MAX of glibc's malloc.h


def cores() -> int:
    """Number of CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def limit_malloc_arenas() -> None:
    """Limit glibc to one malloc arena per core. Call it before the process starts threads.

    By default glibc creates up to eight arenas per core, and memory freed in one is not available to the others:
    indexing 10,000 photographs takes 340 to 380 MB by default and 300 to 315 MB with this limit, at the same speed.
    MALLOC_ARENA_MAX and GLIBC_TUNABLES take precedence. Does nothing with other C libraries.
    """
    import ctypes

    if "MALLOC_ARENA_MAX" in os.environ or "arena_max" in os.environ.get("GLIBC_TUNABLES", ""):
        return
    with suppress(OSError, AttributeError, TypeError):  # another C library: musl, macOS, Windows
        ctypes.CDLL(None).mallopt(ARENAS, cores())
