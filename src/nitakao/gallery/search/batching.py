"""Runs concurrent searches of several threads in one pass over the index.

Scanning 100,000 faces is limited by memory bandwidth: eight queries take hardly longer than one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock

import numpy as np

from nitakao.values import Doubles, Floats, Ids

MAX_SHARED = 64  # queries of one request that share a pass; larger requests run alone
MAX_BATCH = 256  # queries in one pass


class Request:
    """Queries (n, D) of one thread, and their result."""

    def __init__(self, queries: Floats, k: int) -> None:
        self.queries, self.k = queries, k
        self.result: tuple[Ids, Doubles] | None = None
        self.error: BaseException | None = None


class Batcher:
    """Batches searches of several threads.

    Args:
        search: Returns ids and distances (n, k) of the nearest faces to queries (n, D).
    """

    def __init__(self, search: Callable[[Floats, int], tuple[Ids, Doubles]]) -> None:
        self._run = search
        self._lock = Lock()
        self._waiting: deque[Request] = deque()

    def search(self, queries: Floats, k: int) -> tuple[Ids, Doubles]:
        """Search, perhaps together with requests of other threads."""
        request = Request(queries, k)
        self._waiting.append(request)
        while request.result is None and request.error is None:
            with self._lock:  # the first thread serves all waiting requests
                if request.result is None and request.error is None:
                    self._run_batch()
        if request.error is not None:
            raise request.error
        assert request.result is not None
        return request.result

    def _run_batch(self) -> None:
        batch = [self._waiting.popleft()]
        count = len(batch[0].queries)
        while self._waiting and count + len(self._waiting[0].queries) <= MAX_BATCH:
            batch.append(self._waiting.popleft())
            count += len(batch[-1].queries)
        try:
            widest = max(request.k for request in batch)
            ids, distances = self._run(np.concatenate([request.queries for request in batch]), widest)
        except BaseException as error:
            for request in batch:
                request.error = error
            return
        start = 0
        for request in batch:
            stop = start + len(request.queries)
            request.result = ids[start:stop, : request.k], distances[start:stop, : request.k]
            start = stop
