"""Which pictures make up a batch: a function of its number alone, so that a training goes on exactly where it was."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
PEOPLE, PICTURES, PLAIN = 1, 2, 3  # one stream of chance for each use


@dataclass(frozen=True, eq=False)
class Sampler:
    """Batches of pictures.

    labels: (n,) whole numbers, 0 and up, the person of each picture.  people, pictures: P and K.
    natural: each picture comes once before any comes twice; else each person does, with K of theirs.
    """

    labels: NDArray[np.int64]
    people: int
    pictures: int
    natural: bool = False
    seed: int = 0

    @property
    def each_time(self) -> int:
        """Batches until every picture (natural), or as many as there are, have come."""
        return max(1, len(self.labels) // (self.people * self.pictures))

    @cached_property
    def _of_each(self) -> list[Rows]:
        """Each person's rows, for the people who have any."""
        order = np.argsort(self.labels, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(self.labels[order])) + 1)

    def batch(self, number: int) -> Rows:
        """Rows of the batch of this number, 0 and up; P x K of them, or fewer where there are fewer people."""
        return self._natural(number) if self.natural else self._balanced(number)

    def _natural(self, number: int) -> Rows:
        size = min(self.people * self.pictures, len(self.labels))
        turn, place = divmod(number, max(1, len(self.labels) // size))
        order = np.random.default_rng([self.seed, PLAIN, turn]).permutation(len(self.labels))
        return np.asarray(order[place * size : (place + 1) * size], np.intp)

    def _balanced(self, number: int) -> Rows:
        known = len(self._of_each)
        count = min(self.people, known)
        turn, place = divmod(number, known // count)
        order = np.random.default_rng([self.seed, PEOPLE, turn]).permutation(known)
        chance = np.random.default_rng([self.seed, PICTURES, number])
        chosen = order[place * count : (place + 1) * count]
        return np.concatenate([self._some(self._of_each[person], chance) for person in chosen])

    def _some(self, mine: Rows, chance: np.random.Generator) -> Rows:
        """K pictures of a person; who has fewer gives some of them more than once."""
        rounds = [chance.permutation(mine) for _ in range(-(-self.pictures // len(mine)))]
        return np.concatenate(rounds)[: self.pictures].astype(np.intp)
