"""Files that a database in this process keeps locked, which must not be opened here by any other means.

POSIX forgets all locks of a process on a file as soon as the process closes it anywhere. Another process would then
take a gallery for left by everybody and remove its log, and what was written to it after that would be lost.
Source: https://www.sqlite.org/howtocorrupt.html, 2.2.
"""

from __future__ import annotations

import os

_held: set[str] = set()


def mark_locked(path: str | os.PathLike[str]) -> None:
    """From here on this file is left alone; it need not be there yet."""
    _held.add(os.path.realpath(path))


def is_locked(path: str | os.PathLike[str]) -> bool:
    return bool(_held) and os.path.realpath(path) in _held
