"""Crops with the person of each, and their division into people to train on and people to be judged by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import TrainingError
from nitakao.values import Pixels

LEAST_TRAINED = 2  # people
LEAST_JUDGED = 2  # people with two pictures or more
SHOWN = 3  # names in a message


@dataclass(frozen=True, eq=False)
class Examples:
    """Faces and whose they are.

    pixels: (m, S, S, 3) uint8, more than are used here perhaps.  rows: (n,) those that are.  labels: (n,) 0 and up.
    people: name of each label.  pictures: (n,) where each came from.
    """

    pixels: Pixels
    rows: NDArray[np.intp]
    labels: NDArray[np.int64]
    people: tuple[str, ...]
    pictures: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def crops(self, chosen: NDArray[np.intp]) -> Pixels:
        """(k, S, S, 3) of these of the n."""
        order = np.argsort(self.rows[chosen], kind="stable")  # a mapped file is read front to back
        found = np.empty((len(chosen), *self.pixels.shape[1:]), np.uint8)
        found[order] = self.pixels[self.rows[chosen][order]]
        return found

    def of(self, people: Sequence[int]) -> Examples:
        """The part that shows these people, labelled anew in this order."""
        new = np.full(len(self.people), -1)
        new[list(people)] = np.arange(len(people))
        kept = np.flatnonzero(new[self.labels] >= 0)
        return Examples(
            self.pixels,
            self.rows[kept],
            new[self.labels[kept]],
            tuple(self.people[p] for p in people),
            tuple(self.pictures[k] for k in kept),
        )


def gathered(pixels: Pixels, faces: Sequence[tuple[str, str, int]]) -> Examples:
    """Examples of (person, picture, row of the crop)."""
    people = tuple(sorted({person for person, _, _ in faces}))
    number = {person: n for n, person in enumerate(people)}
    return Examples(
        pixels,
        np.array([row for _, _, row in faces], np.intp),
        np.array([number[person] for person, _, _ in faces], np.int64),
        people,
        tuple(picture for _, picture, _ in faces),
    )


@dataclass(frozen=True, eq=False)
class Split:
    """trained: examples to learn from.  judged: of other people.  left_out: names of people with too few pictures."""

    trained: Examples
    judged: Examples
    left_out: tuple[str, ...]


def split(examples: Examples, share: float, seed: int, least_pictures: int) -> Split:
    """People dealt into those trained on and those held out, always the same for the same people and seed.

    share: of people, held out, but two at least; 0 for nobody.  least_pictures: of a person, to be trained on.
    People with one picture can be learnt by a head but judge nothing.  Raises TrainingError where too few are left.
    """
    counts = np.bincount(examples.labels, minlength=len(examples.people))
    several = [p for p in range(len(counts)) if counts[p] > 1]
    order = np.random.default_rng([seed, 0]).permutation(len(several))
    count = max(LEAST_JUDGED, math.ceil(share * len(several))) if share else 0
    judged = sorted(several[p] for p in order[:count])
    rest = [p for p in range(len(counts)) if p not in set(judged) and counts[p]]
    trained = [p for p in rest if counts[p] >= least_pictures]
    left = tuple(examples.people[p] for p in rest if counts[p] < least_pictures)
    if len(trained) < LEAST_TRAINED:
        why = f"; {listed(left)} left out for having one picture where triplets need two" if left else ""
        raise TrainingError(
            f"{len(trained)} of {len(examples.people)} people can be trained on, and {LEAST_TRAINED} are needed{why}: "
            "add people and pictures, or hold fewer out"
        )
    if share and len(judged) < LEAST_JUDGED:
        raise TrainingError(
            f"{len(judged)} of {len(examples.people)} people can be held out to judge the network by, and "
            f"{LEAST_JUDGED} with two pictures or more are needed: add people and pictures, or hold more out"
        )
    return Split(examples.of(trained), examples.of(judged), left)


def listed(names: Sequence[str]) -> str:
    """A few names for a message."""
    return ", ".join(f"'{name}'" for name in names[:SHOWN]) + (
        f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    )
