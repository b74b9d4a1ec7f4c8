"""The pictures of each batch: a function of the batch's number alone, so that a training can resume anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
PEOPLE, PICTURES, PLAIN = 1, 2, 3  # streams of random numbers


@dataclass(frozen=True, eq=False)
class Sampler:
    """Batches of P people with K pictures each.

    Args:
        labels: (n,) person of each picture, from 0.
        people: P.
        pictures: K.
        natural: Draw every picture once before any is drawn again, in place of every person with K pictures.
        seed: Random seed.
    """

    labels: NDArray[np.int64]
    people: int
    pictures: int
    natural: bool = False
    seed: int = 0

    @property
    def batches_per_epoch(self) -> int:
        """Batches that have as many pictures as there are."""
        return max(1, len(self.labels) // (self.people * self.pictures))

    @cached_property
    def _rows_by_person(self) -> list[Rows]:
        """The rows of each person."""
        order = np.argsort(self.labels, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(self.labels[order])) + 1)

    def batch(self, number: int) -> Rows:
        """Rows of the batch with this number, from 0: P x K of them, fewer where there are fewer people."""
        return self._natural(number) if self.natural else self._balanced(number)

    def _natural(self, number: int) -> Rows:
        size = min(self.people * self.pictures, len(self.labels))
        epoch, place = divmod(number, max(1, len(self.labels) // size))
        order = np.random.default_rng([self.seed, PLAIN, epoch]).permutation(len(self.labels))
        return np.asarray(order[place * size : (place + 1) * size], np.intp)

    def _balanced(self, number: int) -> Rows:
        people = len(self._rows_by_person)
        count = min(self.people, people)
        epoch, place = divmod(number, people // count)
        order = np.random.default_rng([self.seed, PEOPLE, epoch]).permutation(people)
        rng = np.random.default_rng([self.seed, PICTURES, number])
        batch = order[place * count : (place + 1) * count]
        return np.concatenate([self._draw(self._rows_by_person[person], rng) for person in batch])

    def _draw(self, rows: Rows, rng: np.random.Generator) -> Rows:
        """K pictures of a person, some more than once where the person has fewer."""
        rounds = [rng.permutation(rows) for _ in range(-(-self.pictures // len(rows)))]
        return np.concatenate(rounds)[: self.pictures].astype(np.intp)
