"""How far a face lies from persons who have several faces each."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from nitakao import metrics
from nitakao.gallery.face_api.candidates import Faces
from nitakao.tasks import probes
from nitakao.values import Floats, Metric


@dataclass(frozen=True, eq=False)
class Persons:
    """Persons as the means of their faces.

    means: (p, D).  counts: (p,) faces of each.  variance: among faces of one person, pooled over all of them.
    """

    uuids: tuple[str, ...]
    means: Floats
    counts: NDArray[np.float64]
    variance: float
    metric: Metric

    def distances(self, vector: Floats) -> NDArray[np.float64]:
        """(p,) from a face, told as from one picture, so that the model's threshold means the same.

        The mean of m faces lies nearer to everybody by (1 - 1/m) of the variance: that much is added again.
        """
        if not len(self.uuids):
            return np.zeros(0)
        apart = metrics.distances(vector, self.means, self.metric)
        return probes.as_from_one(apart, (1 - 1 / self.counts) * self.variance, self.metric)


_MADE: WeakKeyDictionary[Faces, Persons] = WeakKeyDictionary()  # as long as the faces are kept in memory


def of(faces: Faces, metric: Metric) -> Persons:
    """Each person whose faces these are. Of 30,000 faces the means take 40 ms, so they are kept with the faces."""
    found = _MADE.get(faces)
    if found is None or found.metric != metric:
        found = _MADE[faces] = _of(faces, metric)
    return found


def _of(faces: Faces, metric: Metric) -> Persons:
    """(n, D) to (p, D) without a loop over persons."""
    if not faces.people:
        return Persons((), np.zeros((0, faces.vectors.shape[1]), np.float32), np.zeros(0), 0.0, metric)
    exact = faces.vectors.astype(np.float64)
    if metric == "cosine":
        exact /= np.maximum(np.linalg.norm(exact, axis=1, keepdims=True), 1e-12)
    counts = np.diff([*faces.first, len(exact)]).astype(np.float64)
    means = np.add.reduceat(exact, faces.first) / counts[:, None]
    return Persons(faces.people, means.astype(np.float32), counts, _variance(exact, means, counts, metric), metric)


def _variance(
    vectors: NDArray[np.float64], means: NDArray[np.float64], counts: NDArray[np.float64], metric: Metric
) -> float:
    """The spread about the means as `probes.centre` counts it, pooled over all persons, free of bias."""
    if metric == "cosine":
        within = float((counts * (1 - np.linalg.norm(means, axis=1))).sum())
    else:
        within = float((vectors**2).sum() - (counts * (means**2).sum(axis=1)).sum())
    return max(0.0, within) / max(float((counts - 1).sum()), 1.0)
