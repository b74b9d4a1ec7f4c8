"""Work on a thread of its own, and what it gives taken here as it comes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

Item = TypeVar("Item")
Give: TypeAlias = Callable[[Item], None]

TICK = 0.1  # seconds after which each side looks whether the other one has ended
PATIENCE = 10.0  # seconds that an early end waits for what is under way, which may be for standard input


class _OverError(Exception):
    """Nobody takes what is given any more."""


@dataclass(frozen=True)
class _End:
    error: BaseException | None = None


@contextmanager
def aside(work: Callable[[Give[Item]], None], ahead: int) -> Iterator[Iterator[Item | None]]:
    """What `work` gives to its argument, in order, up to `ahead` of it held; None where nothing came for a moment.

    What `work` raises is raised here, after all that it gave.  Where the block ends early, so does `work`, with what it
    gives next.
    """
    line = _Line[Item](ahead)
    thread = threading.Thread(target=line.run, args=(work,), name="nitakao-aside", daemon=True)
    thread.start()
    try:
        yield line.taken()
    finally:
        line.over.set()
        thread.join(PATIENCE)


class _Line(Generic[Item]):
    def __init__(self, ahead: int) -> None:
        self.ready: queue.Queue[Any] = queue.Queue(ahead)
        self.over = threading.Event()

    def run(self, work: Callable[[Give[Item]], None]) -> None:
        error: BaseException | None = None
        try:
            work(self.give)
        except BaseException as raised:
            error = raised
        with suppress(_OverError):
            self.give(_End(error))

    def give(self, item: Any) -> None:
        while not self.over.is_set():
            with suppress(queue.Full):
                self.ready.put(item, timeout=TICK)
                return
        raise _OverError

    def taken(self) -> Iterator[Item | None]:
        while True:
            try:
                item = self.ready.get(timeout=TICK)
            except queue.Empty:
                yield None
                continue
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
