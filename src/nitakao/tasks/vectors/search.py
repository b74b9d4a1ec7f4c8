"""Search a file of vectors for the faces nearest to a probe."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nitakao import metrics
from nitakao.errors import MisuseError, VectorsError
from nitakao.tasks.arguments import read_vectors
from nitakao.tasks.probes import SearchOptions, check_limits, embed_probes
from nitakao.tasks.scoring import BY_HAND, NO_THRESHOLD
from nitakao.values import Floats, Metric, ModelCard
from nitakao.vectors import Vectors

LIMIT = 10  # hits for each probe


@dataclass(frozen=True)
class NamedHit:
    """One row of the file, at a distance from the probe. number: the face's place in its photo, from 0."""

    rank: int
    distance: float
    name: str
    number: int


@dataclass(frozen=True)
class ProbeHits:
    """The hits of one probe, nearest first."""

    probe: str
    hits: tuple[NamedHit, ...]


@dataclass(frozen=True)
class VectorSearch:
    """The result of a search. threshold: NaN if none is known. searched: rows of the file."""

    results: tuple[ProbeHits, ...]
    model: str
    metric: Metric
    threshold: float
    threshold_source: str
    searched: int


def search_vectors(
    path: str | os.PathLike[str],
    named: Sequence[str],
    *,
    limit: int | None = LIMIT,
    max_distance: float | None = None,
    same_person: bool = False,
    options: SearchOptions = SearchOptions(),
) -> VectorSearch:
    """Find the rows of a file of vectors that are nearest to each probe.

    Args:
        path: The file of vectors.
        named: Names in the file, or photos, which are embedded with the file's model. Every face of a photo is a probe.
        limit: Hits for each probe; None: all below the distance.
        max_distance: List only hits below this distance.
        same_person: List only hits below the threshold.
        options: How to embed photos and judge distances; the model is that of a file that does not name one.

    Raises:
        VectorsError: A probe is neither in the file nor a photo.
        MisuseError: A photo is a probe, and the model of the file is unknown.
    """
    check_limits(limit, max_distance, same_person=same_person)
    vectors, card = read_vectors(path, options.model)
    metric: Metric = card.metric if card is not None else "euclidean"
    known, source = card.threshold if card else math.nan, NO_THRESHOLD
    if options.threshold is not None:
        known, source = options.threshold, BY_HAND
    elif card is not None and card.has_threshold:
        source = card.threshold_source
    if same_person and math.isnan(known):
        raise MisuseError("a list of the same person needs a threshold, and none is known: give --threshold or --model")
    farthest = known if same_person else math.inf if max_distance is None else max_distance
    results = []
    for name in named:
        for probe, vector, row in _probes(vectors, name, card, options):
            distances = metrics.distances(vector, vectors.vectors, metric)
            order = [i for i in np.argsort(distances, kind="stable").tolist() if i != row and distances[i] < farthest]
            hits = (
                NamedHit(rank, float(distances[i]), vectors.names[i], vectors.numbers[i] if vectors.numbers else 0)
                for rank, i in enumerate(order[:limit], start=1)
            )
            results.append(ProbeHits(probe, tuple(hits)))
    model = card.name if card else vectors.model
    return VectorSearch(tuple(results), model, metric, known, source, len(vectors.names))


def _probes(
    vectors: Vectors, name: str, card: ModelCard | None, options: SearchOptions
) -> list[tuple[str, Floats, int | None]]:
    """Name, vector and row of each probe: one row of the file, or the faces of a photo, which have no row."""
    try:
        row = vectors.find(name)
    except VectorsError:
        if not os.path.isfile(name):
            raise
    else:
        return [(name, vectors.vectors[row], row)]
    if card is None:
        raise MisuseError(f"'{vectors.path}' does not name its model: to embed '{name}', give --model")
    found, _ = embed_probes(None, [name], (), card, options)
    return [(probe.name, probe.vector, None) for probe in found]
