"""Run work on its own thread and iterate over its results."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

Item = TypeVar("Item")
Put: TypeAlias = Callable[[Item], None]

POLL_SECONDS = 0.1  # interval at which each side checks whether the other has ended
JOIN_SECONDS = 10.0  # longest wait for the work after an early end: it may be waiting for standard input


class _ClosedError(Exception):
    """The consumer has ended."""


@dataclass(frozen=True)
class _End:
    error: BaseException | None = None


@contextmanager
def run_in_background(work: Callable[[Put[Item]], None], ahead: int) -> Iterator[Iterator[Item | None]]:
    """Run `work` on its own thread and yield an iterator over the items it puts, in order.

    The iterator gives None when no item came for 0.1 seconds. It raises what `work` raises, after all items. If the
    block ends early, `work` is stopped at its next put.

    Args:
        work: Called with a function that puts one item.
        ahead: Number of items held, at most.
    """
    channel = _Channel[Item](ahead)
    thread = threading.Thread(target=channel.run, args=(work,), name="nitakao-background", daemon=True)
    thread.start()
    try:
        yield channel.items()
    finally:
        channel.closed.set()
        thread.join(JOIN_SECONDS)


class _Channel(Generic[Item]):
    def __init__(self, ahead: int) -> None:
        self.queue: queue.Queue[Any] = queue.Queue(ahead)
        self.closed = threading.Event()

    def run(self, work: Callable[[Put[Item]], None]) -> None:
        error: BaseException | None = None
        try:
            work(self.put)
        except BaseException as raised:
            error = raised
        with suppress(_ClosedError):
            self.put(_End(error))

    def put(self, item: Any) -> None:
        while not self.closed.is_set():
            with suppress(queue.Full):
                self.queue.put(item, timeout=POLL_SECONDS)
                return
        raise _ClosedError

    def items(self) -> Iterator[Item | None]:
        while True:
            try:
                item = self.queue.get(timeout=POLL_SECONDS)
            except queue.Empty:
                yield None
                continue
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
