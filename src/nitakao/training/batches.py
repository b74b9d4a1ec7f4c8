"""Batches made ready on other threads while the network computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nitakao.models.embedder import normalise
from nitakao.system.cpu import cores
from nitakao.training.augment import augmented
from nitakao.training.sampling import Sampler
from nitakao.training.splits import Examples
from nitakao.values import Normalisation

CHANCE = 4  # the stream that augmentation draws from, beside those of sampling


@dataclass(frozen=True, eq=False)
class Batches:
    """What is fed: a function of a batch's number alone, whatever was fed before."""

    examples: Examples
    sampler: Sampler
    normalisation: Normalisation
    how: tuple[str, ...]
    seed: int

    def made(self, number: int) -> tuple[Tensor, Tensor]:
        """(n, 3, S, S) float32 as the network takes them, and (n,) the person of each."""
        rows = self.sampler.batch(number)
        chance = np.random.default_rng([self.seed, CHANCE, number])
        pictures = augmented(self.examples.crops(rows), self.how, chance)
        return torch.from_numpy(normalise(pictures, self.normalisation)), torch.from_numpy(self.examples.labels[rows])

    def stream(self, numbers: Iterator[int]) -> Generator[tuple[Tensor, Tensor], None, None]:
        """The batches of these numbers, in order, a few of them ahead."""
        workers = cores()
        waiting: deque[Future[tuple[Tensor, Tensor]]] = deque()
        with ThreadPoolExecutor(workers, "nitakao-batches") as pool:
            try:
                for number in numbers:
                    waiting.append(pool.submit(self.made, number))
                    if len(waiting) > workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
