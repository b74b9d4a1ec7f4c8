"""Cached counts and lists of a gallery, valid until the next write."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

T = TypeVar("T")

MAX_BYTES = 1 << 27  # of cached arrays: the ids of 16 million faces


class ReadCache:
    """Caches values computed from a gallery until the gallery changes. Safe to use from several threads.

    Args:
        version: Returns a value that differs after every write, by whichever process.
    """

    def __init__(self, version: Callable[[], object]) -> None:
        self._version = version
        self._lock = Lock()
        self._cached_version: object = None
        self._values: dict[Hashable, Any] = {}

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The result of `compute`, or its cached result if the gallery has not changed since. Do not modify arrays."""
        with self._lock:
            version = self._version()
            if version != self._cached_version:
                self._cached_version, self._values = version, {}
            if key in self._values:
                cached: T = self._values[key]
                return cached
        value = compute()  # of this version or a later one; the next call notices a later one
        with self._lock:
            if self._cached_version == version and self._bytes() + _bytes(value) <= MAX_BYTES:
                self._values[key] = value
        return value

    def clear(self) -> None:
        """Drop all cached values."""
        with self._lock:
            self._cached_version, self._values = None, {}

    def _bytes(self) -> int:
        return sum(map(_bytes, self._values.values()))


def _bytes(value: object) -> int:
    return int(getattr(value, "nbytes", 64))
