"""Batches, prepared on other threads while the network computes."""

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
from nitakao.training.augment import augment_crops
from nitakao.training.sampling import Sampler
from nitakao.training.splits import Examples
from nitakao.values import Normalisation

STREAM = 4  # of random numbers for augmentation; sampling has its own


@dataclass(frozen=True, eq=False)
class Batches:
    """Batches of augmented crops. A batch depends on its number alone, not on those before it."""

    examples: Examples
    sampler: Sampler
    normalisation: Normalisation
    augmentations: tuple[str, ...]
    seed: int

    def batch(self, number: int) -> tuple[Tensor, Tensor]:
        """(n, 3, S, S) float32, as the network takes them, and the (n,) label of each."""
        rows = self.sampler.batch(number)
        rng = np.random.default_rng([self.seed, STREAM, number])
        pictures = augment_crops(self.examples.crops(rows), self.augmentations, rng)
        return torch.from_numpy(normalise(pictures, self.normalisation)), torch.from_numpy(self.examples.labels[rows])

    def stream(self, numbers: Iterator[int]) -> Generator[tuple[Tensor, Tensor], None, None]:
        """The batches of these numbers in order, a few of them prepared ahead."""
        workers = cores()
        waiting: deque[Future[tuple[Tensor, Tensor]]] = deque()
        with ThreadPoolExecutor(workers, "nitakao-batches") as pool:
            try:
                for number in numbers:
                    waiting.append(pool.submit(self.batch, number))
                    if len(waiting) > workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
