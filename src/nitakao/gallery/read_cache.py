"""Answers that hold until somebody writes: counts and lists that every question needs, and that take long to find."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

T = TypeVar("T")

ROOM = 1 << 27  # bytes of arrays that are kept: the numbers of 16 million faces


class Remembered:
    """What was found, while the gallery is as it was then.

    version: another value whenever something was written, by whichever process.  Safe to use from several threads.
    """

    def __init__(self, version: Callable[[], object]) -> None:
        self._version = version
        self._lock = Lock()
        self._at: object = None
        self._found: dict[Hashable, Any] = {}

    def get(self, key: Hashable, ask: Callable[[], T]) -> T:
        """What `ask` gives, or gave since the gallery last changed. Arrays must not be changed."""
        with self._lock:
            version = self._version()
            if version != self._at:
                self._at, self._found = version, {}
            if key in self._found:
                kept: T = self._found[key]
                return kept
        found = ask()  # of this version, or of a later one, which the next question then notices
        with self._lock:
            if self._at == version and self._bytes() + _bytes(found) <= ROOM:
                self._found[key] = found
        return found

    def clear(self) -> None:
        with self._lock:
            self._at, self._found = None, {}

    def _bytes(self) -> int:
        return sum(map(_bytes, self._found.values()))


def _bytes(found: object) -> int:
    return int(getattr(found, "nbytes", 64))
