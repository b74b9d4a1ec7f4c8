"""Pictures that seem to stand under the wrong name: most large sets of faces have some, and networks learn them too."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nitakao.training.splits import Examples
from nitakao.values import Floats

LEAST = 2  # pictures of a person, so that the others can speak for one
HEADER = ("picture", "person", "distance", "nearest", "nearest_distance")


@dataclass(frozen=True)
class Suspect:
    """A picture that is nearer to another person's mean than to that of the others of its own.

    distance, nearest_distance: to the mean of its own person's other pictures, and of the other person's.
    """

    picture: str
    person: str
    distance: float
    nearest: str
    nearest_distance: float


def suspects(vectors: Floats, examples: Examples) -> list[Suspect]:
    """Pictures to be looked at, those first that fit their name least. vectors: (n, D), one for each example."""
    labels, people = examples.labels, len(examples.people)
    counts = np.bincount(labels, minlength=people)
    sums = np.zeros((people, vectors.shape[1]))
    np.add.at(sums, labels, vectors.astype(np.float64))
    if people < 2:
        return []
    means = sums / np.maximum(counts, 1)[:, None]
    found = []
    for row in np.flatnonzero(counts[labels] >= LEAST):
        own = labels[row]
        others = (sums[own] - vectors[row]) / (counts[own] - 1)
        apart = np.linalg.norm(means - vectors[row], axis=1)
        apart[own] = np.inf
        mine, nearest = float(np.linalg.norm(vectors[row] - others)), int(np.argmin(apart))
        if apart[nearest] < mine:
            name = examples.people
            found.append(Suspect(examples.pictures[row], name[own], mine, name[nearest], float(apart[nearest])))
    return sorted(found, key=lambda one: one.nearest_distance - one.distance)


def write(path: Path, doubted: Sequence[Suspect]) -> None:
    """As a table that a spreadsheet opens."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(HEADER)
        for one in doubted:
            numbers = f"{one.distance:.4f}", f"{one.nearest_distance:.4f}"
            table.writerow((one.picture, one.person, numbers[0], one.nearest, numbers[1]))
