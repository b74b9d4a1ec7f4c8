"""Searches of several threads in one pass."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nitakao.gallery.search.batching import Batcher


def answer(queries, k):
    """The question itself as the number of the nearest, then those after it."""
    ids = queries[:, :1].astype(np.int64) + np.arange(k)
    return ids, ids / 10


def test_each_gets_its_own_answer_as_wide_as_it_asked_for():
    passes, hold = [], threading.Event()

    def slow(queries, k):
        hold.wait(10)
        passes.append(len(queries))
        return answer(queries, k)

    crowd = Batcher(slow)
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(crowd.search, np.full((1 + n % 3, 4), n, np.float32), 1 + n % 5) for n in range(20)]
        while len(crowd._waiting) < 15:
            threading.Event().wait(0.01)
        hold.set()
        for n, future in enumerate(asked):
            ids, distances = future.result(10)
            assert ids.tolist() == [list(range(n, n + 1 + n % 5))] * (1 + n % 3)
            assert distances.shape == ids.shape
    assert sum(passes) == sum(1 + n % 3 for n in range(20))
    assert len(passes) < 20


def test_what_goes_wrong_reaches_everybody_who_waited_and_nobody_else():
    broken = [True]

    def sometimes(queries, k):
        if broken[0]:
            raise ValueError("broken")
        return answer(queries, k)

    crowd = Batcher(sometimes)
    with pytest.raises(ValueError, match="broken"):
        crowd.search(np.zeros((1, 4), np.float32), 1)
    broken[0] = False
    assert crowd.search(np.zeros((1, 4), np.float32), 1)[0].tolist() == [[0]]
