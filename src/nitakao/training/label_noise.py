"""Find pictures that are probably labelled with the wrong person."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nitakao.training.splits import Examples
from nitakao.values import Floats

MIN_PICTURES = 2  # of a person: each is compared with the mean of the others
HEADER = ("picture", "person", "distance", "nearest", "nearest_distance")


@dataclass(frozen=True)
class NoisyLabel:
    """A picture that is nearer to another person's mean vector than to that of its own person's other pictures.

    Attributes:
        picture: The picture.
        person: The person of its label.
        distance: Distance to the mean of the person's other pictures.
        nearest: The person with the nearest mean.
        nearest_distance: Distance to it.
    """

    picture: str
    person: str
    distance: float
    nearest: str
    nearest_distance: float


def find_noisy_labels(vectors: Floats, examples: Examples) -> list[NoisyLabel]:
    """Find pictures with probably wrong labels, the most probable first. vectors: (n, D), one per example."""
    labels, people = examples.labels, len(examples.people)
    counts = np.bincount(labels, minlength=people)
    sums = np.zeros((people, vectors.shape[1]))
    np.add.at(sums, labels, vectors.astype(np.float64))
    if people < 2:
        return []
    means = sums / np.maximum(counts, 1)[:, None]
    noisy = []
    for row in np.flatnonzero(counts[labels] >= MIN_PICTURES):
        own = labels[row]
        mean_of_others = (sums[own] - vectors[row]) / (counts[own] - 1)
        distances = np.linalg.norm(means - vectors[row], axis=1)
        distances[own] = np.inf
        distance, nearest = float(np.linalg.norm(vectors[row] - mean_of_others)), int(np.argmin(distances))
        if distances[nearest] < distance:
            name = examples.people
            nearest_distance = float(distances[nearest])
            noisy.append(NoisyLabel(examples.pictures[row], name[own], distance, name[nearest], nearest_distance))
    return sorted(noisy, key=lambda one: one.nearest_distance - one.distance)


def write(path: Path, noisy: Sequence[NoisyLabel]) -> None:
    """Write a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(HEADER)
        for one in noisy:
            numbers = f"{one.distance:.4f}", f"{one.nearest_distance:.4f}"
            table.writerow((one.picture, one.person, numbers[0], one.nearest, numbers[1]))
