"""Synthetic vectors drawn from the distribution of real ones: people around the mean, faces around people.

model = fit(vectors, names)
vectors, people = model.draw(1_000_000, seed=1)
queries, labels = model.queries(1_000_000, seed=1, count=1000)     # new faces of the same people
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitakao.values import Doubles

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]

FACES_A_PERSON = 8  # on average, geometrically distributed: most people have few faces, some a hundred
PIECE = 1 << 17  # vectors drawn at a time


@dataclass(frozen=True, eq=False)
class Faces:
    """Normal distributions of people around `mean`, (D,), and of faces around their person.

    between, within: (D, D) factors of standard normal numbers.  unit: vectors have length 1.
    """

    mean: Doubles
    between: Doubles
    within: Doubles
    unit: bool

    def draw(self, count: int, seed: int) -> tuple[Floats, Numbers]:
        """Vectors, (count, D), and the person of each, (count,), in order of people."""
        people = _people(count, seed)
        return self._around(self._means(int(people[-1]) + 1, seed), people, seed), people

    def queries(self, stored: int, seed: int, count: int) -> tuple[Floats, Numbers]:
        """New faces, (count, D), of people of `draw(stored, seed)`, and their numbers, (count,)."""
        people = _people(stored, seed)
        whose = np.random.default_rng([seed, 2]).choice(people, count)
        return self._around(self._means(int(people[-1]) + 1, seed), whose, seed + 1_000_003), whose

    def _means(self, people: int, seed: int) -> Floats:
        normal = np.random.default_rng([seed, 0])
        found = np.empty((people, len(self.mean)), np.float32)
        for start in range(0, people, PIECE):
            piece = found[start : start + PIECE]
            piece[:] = self.mean + normal.standard_normal(piece.shape, np.float32) @ self.between
        return found

    def _around(self, means: Floats, people: Numbers, seed: int) -> Floats:
        normal = np.random.default_rng([seed, 1])
        found = np.empty((len(people), len(self.mean)), np.float32)
        for start in range(0, len(people), PIECE):
            piece = found[start : start + PIECE]
            piece[:] = (
                means[people[start : start + PIECE]] + normal.standard_normal(piece.shape, np.float32) @ self.within
            )
            if self.unit:
                piece /= np.linalg.norm(piece, axis=1, keepdims=True)
        return found


def fit(vectors: Floats, names: Sequence[str]) -> Faces:
    """Fit both distributions to these vectors, (n, D), with the name of each row's person.

    The covariance of means of few faces includes part of that within people, which is subtracted: Searle, Casella and
    McCulloch, Variance Components (1992), 3.6 (the unbalanced one-way random model).
    """
    exact = vectors.astype(np.float64)
    _, person, counts = np.unique(np.asarray(names), return_inverse=True, return_counts=True)
    means = np.zeros((len(counts), exact.shape[1]))
    np.add.at(means, person, exact)
    means /= counts[:, None]
    apart = exact - means[person]
    within = apart.T @ apart / (len(exact) - len(counts))
    between = np.cov(means.T) - within * (1 / counts).mean()
    unit = bool(np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3))
    return Faces(means.mean(0), _factor(between), _factor(within), unit)


def _factor(covariance: Doubles) -> Doubles:
    """(D, D) factor with which standard normal rows have this covariance."""
    values, directions = np.linalg.eigh(covariance)
    factor: Doubles = (directions * np.sqrt(np.maximum(values, 0))).T
    return factor


def _people(count: int, seed: int) -> Numbers:
    """(count,) the person of each face: 0, 0, 0, 1, 2, 2 ..."""
    sizes = np.random.default_rng([seed, 3]).geometric(1 / FACES_A_PERSON, count)
    return np.repeat(np.arange(count), sizes)[:count].astype(np.int64)
