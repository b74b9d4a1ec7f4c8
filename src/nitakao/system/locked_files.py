"""Files that a database in this process has locked. Nothing else in this process may open them.

POSIX drops all locks of a process on a file as soon as the process closes any descriptor of it. Another process could
then treat a gallery as unused and delete its write-ahead log, and later writes would be lost.
Source: https://www.sqlite.org/howtocorrupt.html, section 2.2.
"""

from __future__ import annotations

import os

_locked: set[str] = set()


def mark_locked(path: str | os.PathLike[str]) -> None:
    """Register a file as locked; it need not exist yet."""
    _locked.add(os.path.realpath(path))


def is_locked(path: str | os.PathLike[str]) -> bool:
    """Whether a database in this process has this file locked."""
    return bool(_locked) and os.path.realpath(path) in _locked
