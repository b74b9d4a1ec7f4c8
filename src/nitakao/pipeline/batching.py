"""Run work on a thread pool in batches that several callers share, and read results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import islice
from threading import Lock
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class BatchingExecutor(Generic[Item, Result]):
    """Runs a function on lists of items, and joins short lists that wait into one call.

    Args:
        pool: The threads that run the work.
        work: Takes a list of items and returns one result per item, in order.
        share: The part of a full batch that an item takes up; lists are joined while their shares add up to 1 at most.
    """

    def __init__(
        self, pool: ThreadPoolExecutor, work: Callable[[list[Item]], list[Result]], share: Callable[[Item], float]
    ) -> None:
        self._pool, self._work, self._share = pool, work, share
        self._waiting: deque[tuple[list[Item], Future[list[Result]]]] = deque()
        self._lock = Lock()

    def submit(self, items: list[Item]) -> Future[list[Result]]:
        """Queue a list of items; the future gives one result per item, in order."""
        future: Future[list[Result]] = Future()
        with self._lock:
            self._waiting.append((items, future))
        self._pool.submit(self._run_next)
        return future

    def _run_next(self) -> None:
        batch = self._next_batch()
        if not batch:
            return  # another thread took this list with its own
        try:
            results = iter(self._work([item for items, _ in batch for item in items]))
            for items, future in batch:
                future.set_result(list(islice(results, len(items))))
        except BaseException as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)

    def _next_batch(self) -> list[tuple[list[Item], Future[list[Result]]]]:
        """Take the oldest lists that fit into one batch; skips cancelled ones."""
        batch: list[tuple[list[Item], Future[list[Result]]]] = []
        share = 0.0
        with self._lock:
            while self._waiting:
                items, future = self._waiting[0]
                share += sum(map(self._share, items))
                if batch and share > 1:
                    break
                self._waiting.popleft()
                if future.set_running_or_notify_cancel():
                    batch.append((items, future))
                elif not batch:
                    share = 0.0
        return batch


def in_order(
    submit: Callable[[Item], Future[Result]], items: Iterable[Item], ahead: int
) -> Generator[Result, None, None]:
    """Yield the result of each item, in order.

    Args:
        submit: Starts the work on one item.
        items: Read only as far as `ahead` requires.
        ahead: Number of items in progress at a time, at most. Closing the generator cancels those not yet started.
    """
    running: deque[Future[Result]] = deque()
    try:
        for item in items:
            running.append(submit(item))
            while running and (len(running) >= ahead or running[0].done()):
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        for future in running:
            future.cancel()
        wait(running)
