"""Searches that several threads ask for at once, answered in one pass: the index is read once for all of them.

A pass over 100,000 faces costs what reading them costs, hardly more for eight questions than for one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock

import numpy as np

from nitakao.values import Doubles, Floats, Ids

MAX_SHARED = 64  # questions of one thread that may wait for those of others; more have a pass of their own
MAX_BATCH = 256  # questions in one pass


class Request:
    """Questions (n, D) of one thread, and what came of them."""

    def __init__(self, queries: Floats, k: int) -> None:
        self.queries, self.k = queries, k
        self.found: tuple[Ids, Doubles] | None = None
        self.error: BaseException | None = None


class Batcher:
    """answer: numbers and distances (n, k) of the nearest faces to queries (n, D)."""

    def __init__(self, answer: Callable[[Floats, int], tuple[Ids, Doubles]]) -> None:
        self._answer = answer
        self._lock = Lock()
        self._waiting: deque[Request] = deque()

    def search(self, queries: Floats, k: int) -> tuple[Ids, Doubles]:
        """Search, perhaps together with requests of other threads."""
        asked = Request(queries, k)
        self._waiting.append(asked)
        while asked.found is None and asked.error is None:
            with self._lock:  # whoever comes first answers all that wait
                if asked.found is None and asked.error is None:
                    self._answer_some()
        if asked.error is not None:
            raise asked.error
        assert asked.found is not None
        return asked.found

    def _answer_some(self) -> None:
        together = [self._waiting.popleft()]
        count = len(together[0].queries)
        while self._waiting and count + len(self._waiting[0].queries) <= MAX_BATCH:
            together.append(self._waiting.popleft())
            count += len(together[-1].queries)
        try:
            widest = max(asked.k for asked in together)
            ids, distances = self._answer(np.concatenate([asked.queries for asked in together]), widest)
        except BaseException as error:
            for asked in together:
                asked.error = error
            return
        start = 0
        for asked in together:
            stop = start + len(asked.queries)
            asked.found = ids[start:stop, : asked.k], distances[start:stop, : asked.k]
            start = stop
