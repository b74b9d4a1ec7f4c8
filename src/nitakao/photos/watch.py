"""Photographs and videos as they arrive in folders, each once it is whole."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nitakao.errors import MissingExtraError
from nitakao.photos.find import is_photo_or_video, walk_folder

SETTLE_SECONDS = 2.0  # seconds without growing after which a file counts as whole
POLL_SECONDS = 0.5  # seconds from one look at what grows to the next


@dataclass(frozen=True)
class FileChanges:
    """files: paths that are new or changed, and whole.  gone: whether something was taken away or moved."""

    files: tuple[str, ...] = ()
    removed: bool = False


def watch_files(places: Sequence[str], *, settled: float = SETTLE_SECONDS) -> Iterator[FileChanges]:
    """What arrives at or below these files and folders, without end.

    The first one is empty, and comes as soon as nothing that arrives will be missed.  Raises MissingExtraError.
    """
    try:
        import watchfiles
    except ImportError:
        raise MissingExtraError("going on as files arrive", "watch") from None
    growing = _Growing(places, settled)
    quick: dict[str, Any] = {
        "step": 50,
        "debounce": 200,
        "rust_timeout": 1,
        "yield_on_timeout": True,
    }  # ms: never waits
    listening = watchfiles.watch(*places, watch_filter=None, **quick)
    changes = next(listening)
    yield FileChanges()
    while True:
        growing.add(path for change, path in changes if change is not watchfiles.Change.deleted)
        arrived = FileChanges(growing.whole(), any(change is watchfiles.Change.deleted for change, _ in changes))
        if arrived != FileChanges():
            yield arrived
        time.sleep(POLL_SECONDS)
        changes = next(listening)


class _Growing:
    """Files that may still be written to: their sizes and times as last seen, and since when they are so."""

    def __init__(self, places: Sequence[str], settled: float) -> None:
        self.places = places
        self.settled = settled
        self.seen: dict[str, tuple[tuple[int, int] | None, float]] = {}

    def add(self, paths: Iterable[str]) -> None:
        for path in paths:
            for name in walk_folder(path) if os.path.isdir(path) else [path]:
                if not self._is_hidden(name):
                    self.seen[name] = (None, time.monotonic())

    def _is_hidden(self, path: str) -> bool:
        """Whether the file, or a folder on the way to it from what was named, is hidden, as `find` passes it by."""
        within = max((os.path.relpath(path, place) for place in self.places), key=lambda way: -len(way))
        return any(part.startswith(".") and part not in (os.curdir, os.pardir) for part in within.split(os.sep))

    def whole(self) -> tuple[str, ...]:
        """Those that have not grown for a while; they are not waited for any longer."""
        ready: list[str] = []
        for path, (before, since) in list(self.seen.items()):
            try:
                state = os.stat(path)
            except OSError:
                del self.seen[path]
                continue
            now = (state.st_size, state.st_mtime_ns)
            if now != before:
                self.seen[path] = (now, time.monotonic())
            elif time.monotonic() - since >= self.settled:
                del self.seen[path]
                ready.extend([path] if is_photo_or_video(path) else [])
        return tuple(ready)
