"""Watch folders for new photographs and videos, and report each once it is completely written."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nitakao.errors import MissingExtraError
from nitakao.photos.find import is_photo_or_video, walk_folder

SETTLE_SECONDS = 2.0  # a file that has not changed for this long counts as complete
POLL_SECONDS = 0.5  # interval between checks of files that are being written


@dataclass(frozen=True)
class FileChanges:
    """Changes in watched folders.

    Attributes:
        files: New or changed files that are complete.
        removed: Whether a file was deleted or moved.
    """

    files: tuple[str, ...] = ()
    removed: bool = False


def watch_files(places: Sequence[str], *, settled: float = SETTLE_SECONDS) -> Iterator[FileChanges]:
    """Watch files and folders (recursively) without end.

    Args:
        places: Files and folders.
        settled: Seconds without changes after which a file counts as complete.

    Yields:
        Changes. The first is empty and signals that watching has started.

    Raises:
        MissingExtraError: Without watchfiles.
    """
    try:
        import watchfiles
    except ImportError:
        raise MissingExtraError("watching folders for new files", "watch") from None
    pending = _PendingFiles(places, settled)
    options: dict[str, Any] = {
        "step": 50,
        "debounce": 200,
        "rust_timeout": 1,
        "yield_on_timeout": True,
    }  # ms; never blocks
    events = watchfiles.watch(*places, watch_filter=None, **options)
    changes = next(events)
    yield FileChanges()
    while True:
        pending.add(path for change, path in changes if change is not watchfiles.Change.deleted)
        ready = FileChanges(pending.take_complete(), any(change is watchfiles.Change.deleted for change, _ in changes))
        if ready != FileChanges():
            yield ready
        time.sleep(POLL_SECONDS)
        changes = next(events)


class _PendingFiles:
    """Files that may still be written: size and time when last checked, and since when they are unchanged."""

    def __init__(self, places: Sequence[str], settled: float) -> None:
        self.places = places
        self.settled = settled
        self.states: dict[str, tuple[tuple[int, int] | None, float]] = {}

    def add(self, paths: Iterable[str]) -> None:
        for path in paths:
            for name in walk_folder(path) if os.path.isdir(path) else [path]:
                if not self._is_hidden(name):
                    self.states[name] = (None, time.monotonic())

    def _is_hidden(self, path: str) -> bool:
        """Whether the file or a folder above it, up to the watched folder, is hidden; `find` skips those, too."""
        relative = max((os.path.relpath(path, place) for place in self.places), key=lambda path: -len(path))
        return any(part.startswith(".") and part not in (os.curdir, os.pardir) for part in relative.split(os.sep))

    def take_complete(self) -> tuple[str, ...]:
        """Remove and return the files that have not changed for a while."""
        ready: list[str] = []
        for path, (before, since) in list(self.states.items()):
            try:
                state = os.stat(path)
            except OSError:
                del self.states[path]
                continue
            now = (state.st_size, state.st_mtime_ns)
            if now != before:
                self.states[path] = (now, time.monotonic())
            elif time.monotonic() - since >= self.settled:
                del self.states[path]
                ready.extend([path] if is_photo_or_video(path) else [])
        return tuple(ready)
