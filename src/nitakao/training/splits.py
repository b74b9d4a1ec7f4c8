"""Labelled crops, and their split into people to train on and held-out people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import TrainingError
from nitakao.values import Ids, Pixels

MIN_TRAINING_PEOPLE = 2
MIN_HELD_OUT_PEOPLE = 2  # with two pictures or more
QUOTED = 3  # names in a message


@dataclass(frozen=True, eq=False)
class Examples:
    """Labelled crops.

    Attributes:
        pixels: (m, S, S, 3) uint8 RGB, possibly more than are used here.
        rows: (n,) rows of `pixels`.
        labels: (n,) the person of each row, from 0.
        people: The name of each label.
        pictures: (n,) the source of each row.
    """

    pixels: Pixels
    rows: NDArray[np.intp]
    labels: Ids
    people: tuple[str, ...]
    pictures: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def crops(self, numbers: NDArray[np.intp]) -> Pixels:
        """(k, S, S, 3) the crops with these numbers, each below n."""
        order = np.argsort(self.rows[numbers], kind="stable")  # read a mapped file front to back
        crops = np.empty((len(numbers), *self.pixels.shape[1:]), np.uint8)
        crops[order] = self.pixels[self.rows[numbers][order]]
        return crops

    def of(self, people: Sequence[int]) -> Examples:
        """The examples of these people, relabelled in this order."""
        new = np.full(len(self.people), -1)
        new[list(people)] = np.arange(len(people))
        numbers = np.flatnonzero(new[self.labels] >= 0)
        return Examples(
            self.pixels,
            self.rows[numbers],
            new[self.labels[numbers]],
            tuple(self.people[p] for p in people),
            tuple(self.pictures[n] for n in numbers),
        )


def make_examples(pixels: Pixels, faces: Sequence[tuple[str, str, int]]) -> Examples:
    """Examples of faces, given as (person, picture, row of `pixels`)."""
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
    """Examples to train on, examples of held-out people, and names of people with too few pictures."""

    training: Examples
    held_out: Examples
    too_few: tuple[str, ...]


def split(examples: Examples, share: float, seed: int, min_pictures: int) -> Split:
    """Split people into training and held-out people; the same people and seed give the same split.

    A person with one picture can be trained on with a classification loss, but not held out.

    Args:
        examples: All examples.
        share: Share of people to hold out, 2 people or more; 0 for none.
        seed: Random seed.
        min_pictures: Fewest pictures of a person to train on.

    Raises:
        TrainingError: If too few people are left on either side.
    """
    counts = np.bincount(examples.labels, minlength=len(examples.people))
    eligible = [p for p in range(len(counts)) if counts[p] > 1]
    order = np.random.default_rng([seed, 0]).permutation(len(eligible))
    count = max(MIN_HELD_OUT_PEOPLE, math.ceil(share * len(eligible))) if share else 0
    held_out = sorted(eligible[p] for p in order[:count])
    others = [p for p in range(len(counts)) if p not in set(held_out) and counts[p]]
    training = [p for p in others if counts[p] >= min_pictures]
    too_few = tuple(examples.people[p] for p in others if counts[p] < min_pictures)
    if len(training) < MIN_TRAINING_PEOPLE:
        why = f"; {quote_names(too_few)} left out for having one picture where triplets need two" if too_few else ""
        raise TrainingError(
            f"{len(training)} of {len(examples.people)} people can be trained on, and {MIN_TRAINING_PEOPLE} are "
            f"needed{why}: add people and pictures, or hold fewer out"
        )
    if share and len(held_out) < MIN_HELD_OUT_PEOPLE:
        raise TrainingError(
            f"{len(held_out)} of {len(examples.people)} people can be held out for validation, and "
            f"{MIN_HELD_OUT_PEOPLE} with two pictures or more are needed: add people and pictures, or hold more out"
        )
    return Split(examples.of(training), examples.of(held_out), too_few)


def quote_names(names: Sequence[str]) -> str:
    """The first few names, for a message."""
    return ", ".join(f"'{name}'" for name in names[:QUOTED]) + (
        f" and {len(names) - QUOTED} more" if len(names) > QUOTED else ""
    )
