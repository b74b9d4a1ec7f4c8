"""Who is it, of the people in a gallery who have a name? 'Nobody known' is an answer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nitakao import metrics
from nitakao.errors import MisuseError
from nitakao.tasks import probes
from nitakao.tasks.arguments import Place, calibration_of, card_for, opened
from nitakao.tasks.probes import Asked, Look
from nitakao.tasks.scoring import PRIOR, Judge
from nitakao.values import Candidate, FaceFilter, FaceRecord, Floats, IdentifyResult, Identity, Metric, Probe

if TYPE_CHECKING:  # SQLAlchemy is loaded only where there is a gallery
    from nitakao.gallery import GalleryStore
    from nitakao.values import Ids

DEFAULT_MOST = 5
LOOKED_AT = 20  # persons, those with the nearest faces, whose faces are all taken together
SURE = 0.5  # likelier than everybody else and nobody put together


def identify(
    place: Place,
    *asked: Asked,
    k: int = DEFAULT_MOST,
    each: bool = False,
    threshold: float | None = None,
    prior: float = PRIOR,
    look: Look | None = None,
) -> IdentifyResult:
    """Who each face is that is asked about, with up to `k` candidates each.

    asked, each: as for `search`; every face of one photograph is answered.  prior: that a face is one of the people
    with a name; each of them is then as likely as the others.  A face is somebody where that is likelier than all else;
    with `threshold`, or a model without a calibration, where the likeliest person is nearer than the threshold.

    A person's faces are taken together, at their mean, which on LFW ranks better than the nearest or the mean distance:
    of 705 people with 1 to some faces enrolled, rank 1 was 97.7% (nearest face 97.2, mean distance 97.6) for
    facenet-vggface2 and 95.5% (94.8, 95.4) for dlib-resnet. People in no way used for that are in benchmarks/.
    """
    if k < 1:
        raise MisuseError(f"one candidate or more is asked for, not {k}")
    look = look or Look()
    with opened(place) as gallery:
        card = card_for(gallery, look.model)
        judge = Judge(card, calibration_of(gallery, card), threshold, prior)
        if judge.calibration is None:
            judge.needed("identifying")
        asking, problems = probes.wanted(gallery, asked, (), card, look, each=each, flip=gallery.flip)
        from nitakao.gallery import faces
        from nitakao.gallery import nearest as gate

        allowed = gate.filtered_ids(gallery, FaceFilter(named=True))
        known = gate.count_named_people(gallery, FaceFilter(named=True))
        question = _Question(gallery, judge, allowed, known, min(k, max(known, 1)))
        basis = judge.basis(len(allowed), faces.count(gallery, FaceFilter(hidden=True)))
        return IdentifyResult(tuple(question.answers(asking)), known, basis, problems)


@dataclass(frozen=True, eq=False)
class _Question:
    """What all probes share.  people: how many persons there are to choose among."""

    gallery: GalleryStore
    judge: Judge
    allowed: Ids
    people: int
    most: int

    def answers(self, asking: Sequence[Probe]) -> Iterator[Identity]:
        from nitakao.gallery import nearest as gate

        if not len(self.allowed):
            yield from (Identity(probe, None, (), self._posterior(np.zeros(0), -math.inf)[1]) for probe in asking)
            return
        vectors = np.stack([probe.vector for probe in asking])
        first = 2 * max(self.most, LOOKED_AT) + max(len(probe.faces) for probe in asking)
        for probe, way in zip(asking, gate.nearest_first(self.gallery, vectors, self.allowed, first), strict=True):
            yield self._identity(probe, way)

    def _identity(self, probe: Probe, way: Iterator[tuple[int, float]]) -> Identity:
        nearest = self._nearest(probe, way)
        people, distances = self._people(probe, list(nearest))
        farthest = max((best for _, best in nearest.values()), default=math.inf)
        sure, nobody = self._posterior(distances, farthest)
        kept = self._kept([nearest[person][0] for person in people])
        order = [n for n in np.argsort(distances, kind="stable") if nearest[people[n]][0] in kept][: self.most]
        candidates = tuple(
            Candidate(rank, people[n], face.name, float(distances[n]), face, nearest[people[n]][1], float(sure[n]))
            for rank, n in enumerate(order, start=1)
            for face in [kept[nearest[people[n]][0]]]
        )
        return Identity(probe, self._decided(candidates), candidates, nobody)

    def _nearest(self, probe: Probe, way: Iterator[tuple[int, float]]) -> dict[int, tuple[int, float]]:
        """The persons with the nearest faces: of each that face, and its distance."""
        from nitakao.gallery import nearest as gate

        found: dict[int, tuple[int, float]] = {}
        own = set(probe.faces)
        for person, number, distance in gate.persons_of(self.gallery, (near for near in way if near[0] not in own)):
            if person not in found:
                found[person] = number, self._told(distance, probe.spread)
            if len(found) >= max(self.most, LOOKED_AT):
                break
        return found

    def _told(self, distance: float, spread: float) -> float:
        return float(probes.as_from_one(np.array([distance]), spread, self.judge.card.metric)[0])

    def _people(self, probe: Probe, people: Sequence[int]) -> tuple[list[int], NDArray[np.float64]]:
        """Persons and their distances from the probe; those who lost all their faces meanwhile are left out."""
        from nitakao.gallery import nearest as gate

        own, metric = set(probe.faces), self.judge.card.metric
        rows: dict[int, Floats] = {}
        for person, faces in gate.faces_of(self.gallery, people).items():
            others = [place for place, number in enumerate(faces.ids.tolist()) if number not in own]
            if others:
                rows[person] = faces.vectors[others]
        told = person_distances(probe, list(rows.values()), metric)
        return list(rows), told

    def _kept(self, numbers: Sequence[int]) -> dict[int, FaceRecord]:
        from nitakao.gallery import faces

        return faces.records(self.gallery, numbers)

    def _posterior(self, distances: NDArray[np.float64], farthest: float) -> tuple[NDArray[np.float64], float]:
        """How likely each candidate is the probe, and nobody known; NaN without a calibration.

        By Bayes' rule: before anything was compared each person was it with probability prior / people. Whoever was not
        looked at is taken to be as near as the last one who was, so that nobody's probability is overstated.
        """
        if self.judge.calibration is None:
            return np.full(len(distances), math.nan), math.nan
        if not self.people:
            return np.zeros(0), 1.0
        share = math.log(self.judge.prior) - math.log(self.people)
        nobody = math.log1p(-self.judge.prior)
        logs = share + self.judge.log_ratios(distances)
        rest = max(self.people - len(distances), 0)
        last = share + self.judge.log_ratios(np.array([farthest])) + (math.log(rest) if rest else -math.inf)
        whole = np.logaddexp.reduce(np.concatenate([logs, last, [nobody]]))
        return np.exp(logs - whole), math.exp(nobody - whole)

    def _decided(self, candidates: Sequence[Candidate]) -> Candidate | None:
        if not candidates:
            return None
        first = candidates[0]
        if self.judge.by_hand is None and self.judge.calibration is not None:
            return first if first.probability > SURE else None
        return first if first.distance < self.judge.threshold else None


def person_distances(probe: Probe, people: Sequence[Floats], metric: Metric) -> NDArray[np.float64]:
    """(n,) distances of a probe from persons, each given by her faces (m, D), told as from one picture.

    The mean of m faces lies nearer to everybody by (1 - 1/m) of the variance among faces of one person. That much is
    added again, so that persons with many pictures and with few can be compared and the calibration holds; the variance
    is pooled over these persons, since few faces do not tell it for each of them.
    """
    if not people:
        return np.zeros(0)
    counts = np.array([len(vectors) for vectors in people], np.float64)
    centres = [probes.centre(vectors, metric) for vectors in people]
    spreads = np.array([spread for _, spread in centres])
    variance = float((counts * spreads).sum() / max((counts - 1).sum(), 1.0))
    means = np.stack([mean for mean, _ in centres])
    apart = metrics.distances(probe.vector, means, metric)
    return probes.as_from_one(apart, (1 - 1 / counts) * variance + probe.spread, metric)
