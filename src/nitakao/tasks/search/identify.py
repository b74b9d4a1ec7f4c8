"""Identify a probe among the named people of a gallery, or report that it is none of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nitakao import metrics
from nitakao.errors import MisuseError
from nitakao.tasks.arguments import GalleryLike, gallery_calibration, gallery_card, open_gallery
from nitakao.tasks.probes import ProbeLike, SearchOptions, as_from_one, centre, embed_probes
from nitakao.tasks.scoring import Scorer
from nitakao.values import Candidate, FaceFilter, FaceRecord, Floats, IdentifyResult, Identity, Metric, Probe

if TYPE_CHECKING:  # SQLAlchemy is loaded only where there is a gallery
    from nitakao.gallery import GalleryStore
    from nitakao.values import Ids

DEFAULT_K = 5
CANDIDATES = 20  # people with the nearest faces, whose faces are all compared
SURE = 0.5  # more likely than all other people and 'unknown' together


def identify(
    place: GalleryLike, *probes: ProbeLike, k: int = DEFAULT_K, options: SearchOptions = SearchOptions()
) -> IdentifyResult:
    """Identify each probe among the people with a name.

    A person matches if their probability exceeds 0.5; with `options.threshold`, or without a calibration, if the most
    likely person is nearer than the threshold.

    A person's faces are compared at their mean, which ranks better on LFW than the nearest face or the mean distance:
    with one or more faces of 705 people enrolled, rank 1 was 97.7% (nearest face 97.2, mean distance 97.6) for
    facenet-vggface2 and 95.5% (94.8, 95.4) for dlib-resnet. Figures on held-out people are in benchmarks/.

    Args:
        place: The gallery.
        probes: As for `search`; every face of a single photo is identified.
        k: Number of candidates per probe, at most.
        options: How to embed the probes, and how to judge distances. The prior is the probability that a probe is any
            of the named people, who are equally likely.

    Returns:
        The match and the candidates of each probe.

    Raises:
        MisuseError: If k is below 1, or the model has neither calibration nor threshold.
        NoFaceError: If a probe has no face.
        UnreadablePhotoError: If a probe cannot be read.
    """
    if k < 1:
        raise MisuseError(f"k must be at least 1, not {k}")
    with open_gallery(place) as gallery:
        card = gallery_card(gallery, options.model)
        scorer = Scorer(card, gallery_calibration(gallery, card), options.threshold, options.prior)
        if scorer.calibration is None:
            scorer.require_threshold("identifying")
        embedded, problems = embed_probes(gallery, probes, (), card, options)
        from nitakao.gallery import faces, nearest

        allowed = nearest.filtered_ids(gallery, FaceFilter(named=True))
        people = nearest.count_named_people(gallery, FaceFilter(named=True))
        query = _Query(gallery, scorer, allowed, people, min(k, max(people, 1)))
        info = scorer.info(len(allowed), faces.count(gallery, FaceFilter(hidden=True)))
        return IdentifyResult(tuple(query.identities(embedded)), people, info, problems)


@dataclass(frozen=True, eq=False)
class _Query:
    """What all probes share.  people: number of people to choose among."""

    gallery: GalleryStore
    scorer: Scorer
    allowed: Ids
    people: int
    most: int

    def identities(self, probes: Sequence[Probe]) -> Iterator[Identity]:
        from nitakao.gallery import nearest

        if not len(self.allowed):
            yield from (Identity(probe, None, (), self._posterior(np.zeros(0), -math.inf)[1]) for probe in probes)
            return
        vectors = np.stack([probe.vector for probe in probes])
        first = 2 * max(self.most, CANDIDATES) + max(len(probe.faces) for probe in probes)
        streams = nearest.nearest_first(self.gallery, vectors, self.allowed, first)
        for probe, neighbours in zip(probes, streams, strict=True):
            yield self._identity(probe, neighbours)

    def _identity(self, probe: Probe, neighbours: Iterator[tuple[int, float]]) -> Identity:
        nearest = self._nearest(probe, neighbours)
        people, distances = self._people(probe, list(nearest))
        farthest = max((best for _, best in nearest.values()), default=math.inf)
        probabilities, unknown = self._posterior(distances, farthest)
        records = self._records([nearest[person][0] for person in people])
        order = [n for n in np.argsort(distances, kind="stable") if nearest[people[n]][0] in records][: self.most]
        candidates = tuple(
            Candidate(
                rank, people[n], face.name, float(distances[n]), face, nearest[people[n]][1], float(probabilities[n])
            )
            for rank, n in enumerate(order, start=1)
            for face in [records[nearest[people[n]][0]]]
        )
        return Identity(probe, self._match(candidates), candidates, unknown)

    def _nearest(self, probe: Probe, neighbours: Iterator[tuple[int, float]]) -> dict[int, tuple[int, float]]:
        """The people with the nearest faces: the nearest face of each, and its distance."""
        from nitakao.gallery import nearest

        found: dict[int, tuple[int, float]] = {}
        own = set(probe.faces)
        others = (pair for pair in neighbours if pair[0] not in own)
        for person, number, distance in nearest.persons_of(self.gallery, others):
            if person not in found:
                found[person] = number, self._distance(distance, probe.spread)
            if len(found) >= max(self.most, CANDIDATES):
                break
        return found

    def _distance(self, distance: float, spread: float) -> float:
        return float(as_from_one(np.array([distance]), spread, self.scorer.card.metric)[0])

    def _people(self, probe: Probe, people: Sequence[int]) -> tuple[list[int], NDArray[np.float64]]:
        """People and their distances from the probe, without those whose faces are gone by now."""
        from nitakao.gallery import nearest

        own, metric = set(probe.faces), self.scorer.card.metric
        rows: dict[int, Floats] = {}
        for person, faces in nearest.faces_of(self.gallery, people).items():
            others = [place for place, number in enumerate(faces.ids.tolist()) if number not in own]
            if others:
                rows[person] = faces.vectors[others]
        return list(rows), person_distances(probe, list(rows.values()), metric)

    def _records(self, numbers: Sequence[int]) -> dict[int, FaceRecord]:
        from nitakao.gallery import faces

        return faces.records(self.gallery, numbers)

    def _posterior(self, distances: NDArray[np.float64], farthest: float) -> tuple[NDArray[np.float64], float]:
        """Probability of each candidate, and of an unknown person, by Bayes' rule; NaN without a calibration.

        Each person's prior is prior / people. People who were not compared count as if at the distance `farthest`, that
        of the last one compared, so that no probability is too high.
        """
        if self.scorer.calibration is None:
            return np.full(len(distances), math.nan), math.nan
        if not self.people:
            return np.zeros(0), 1.0
        prior = math.log(self.scorer.prior) - math.log(self.people)
        unknown = math.log1p(-self.scorer.prior)
        logs = prior + self.scorer.log_ratios(distances)
        rest = max(self.people - len(distances), 0)
        last = prior + self.scorer.log_ratios(np.array([farthest])) + (math.log(rest) if rest else -math.inf)
        total = np.logaddexp.reduce(np.concatenate([logs, last, [unknown]]))
        return np.exp(logs - total), math.exp(unknown - total)

    def _match(self, candidates: Sequence[Candidate]) -> Candidate | None:
        if not candidates:
            return None
        first = candidates[0]
        if self.scorer.by_hand is None and self.scorer.calibration is not None:
            return first if first.probability > SURE else None
        return first if first.distance < self.scorer.threshold else None


def person_distances(probe: Probe, people: Sequence[Floats], metric: Metric) -> NDArray[np.float64]:
    """Distances of a probe from people, corrected for averaging over their faces.

    The mean of m faces is nearer to everyone by (1 - 1/m) of the variance within one person. This adds that part back,
    so that people with many and with few faces compare and the calibration holds. The variance is pooled over all
    people, since few faces do not determine it for each.

    Args:
        probe: The probe.
        people: Vectors (m, D) of each person's faces.
        metric: 'euclidean' or 'cosine'.

    Returns:
        (n,) float64.
    """
    if not people:
        return np.zeros(0)
    counts = np.array([len(vectors) for vectors in people], np.float64)
    centres = [centre(vectors, metric) for vectors in people]
    spreads = np.array([spread for _, spread in centres])
    variance = float((counts * spreads).sum() / max((counts - 1).sum(), 1.0))
    means = np.stack([mean for mean, _ in centres])
    from_means = metrics.distances(probe.vector, means, metric)
    return as_from_one(from_means, (1 - 1 / counts) * variance + probe.spread, metric)
