"""Search a gallery for faces like a probe."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import TYPE_CHECKING

import numpy as np

from nitakao import metrics
from nitakao.gallery.search.open import searcher
from nitakao.tasks.arguments import GalleryLike, gallery_calibration, gallery_card, open_gallery
from nitakao.tasks.probes import ProbeLike, SearchOptions, as_from_one, check_limits, embed_probes
from nitakao.tasks.scoring import Scorer
from nitakao.values import Answer, FaceFilter, FaceRecord, Floats, Metric, Probe, SearchResult

if TYPE_CHECKING:  # SQLAlchemy is loaded only where there is a gallery
    from nitakao.gallery import GalleryStore
    from nitakao.gallery.nearest import Neighbour
    from nitakao.values import Ids

DEFAULT_K = 10


def search(
    place: GalleryLike,
    *probes: ProbeLike,
    k: int | None = DEFAULT_K,
    max_distance: float | None = None,
    exclude: Sequence[ProbeLike] = (),
    where: FaceFilter | None = None,
    same_person: bool = False,
    different_people: bool = False,
    options: SearchOptions = SearchOptions(),
) -> SearchResult:
    """Find the faces of a gallery nearest to each probe, leaving out the faces that a probe is made of.

    Args:
        place: The gallery.
        probes: Photos, 'face:12', 'person:Ada' or '#12' of the gallery, or vectors (D,). Several are averaged as
            pictures of one person, unless `options.each`.
        k: Number of hits per probe, at most. None: all within the distance.
        max_distance: Only hits nearer than this.
        exclude: What the hits should not look like, named as probes are.
        where: Only these faces of the gallery.
        same_person: Only hits below the threshold.
        different_people: One face per person, and none of the probe's own.
        options: How to embed the probes, and how to judge distances.

    Returns:
        The hits of each probe, nearest first. With `options.each`, photos without a face are in `problems`.

    Raises:
        MisuseError: If the arguments contradict each other, or a threshold is needed and there is none.
        NoFaceError: If a probe has no face.
        UnreadablePhotoError: If a probe cannot be read.
    """
    check_limits(k, max_distance, same_person=same_person)
    with open_gallery(place) as gallery:
        card = gallery_card(gallery, options.model)
        scorer = Scorer(card, gallery_calibration(gallery, card), options.threshold, options.prior)
        max_distance = scorer.require_threshold("a list of the same person") if same_person else max_distance
        apart = scorer.require_threshold("telling different people apart") if different_people else None
        embedded, problems = embed_probes(gallery, probes, exclude, card, options)
        from nitakao.gallery import faces, nearest

        allowed = nearest.allowed_ids(gallery, where or FaceFilter())
        total = faces.count(gallery, FaceFilter(hidden=True))
        most = None if k is None else min(k, max(total, 1))
        query = _Query(gallery, scorer, allowed, most, max_distance, apart)
        answers = tuple(query.answers(embedded))
        return SearchResult(answers, scorer.info(total if allowed is None else len(allowed), total), problems)


@dataclass(frozen=True, eq=False)
class _Query:
    """What all probes of one search share.

    apart: Distance below which faces are one person, to return one face per person; None returns all faces.
    """

    gallery: GalleryStore
    scorer: Scorer
    allowed: Ids | None
    most: int | None
    max_distance: float | None
    apart: float | None

    def answers(self, probes: Sequence[Probe]) -> Iterator[Answer]:
        from nitakao.gallery import nearest

        vectors = np.stack([probe.vector for probe in probes])
        own = max(len(probe.faces) for probe in probes)
        streams = nearest.nearest_first(self.gallery, vectors, self.allowed, (self.most or DEFAULT_K) + own)
        for probe, neighbours in zip(probes, streams, strict=True):
            yield Answer(probe, self.scorer.rank_hits(list(islice(self._hits(probe, neighbours), self.most)), probe))

    def _hits(self, probe: Probe, neighbours: Iterator[tuple[int, float]]) -> Iterator[tuple[FaceRecord, float]]:
        """Faces and distances, nearest first, within all limits."""
        from nitakao.gallery import nearest

        own = set(probe.faces)
        limit = math.inf if self.max_distance is None else self.max_distance
        corrected = ((face, self._distance(probe, distance)) for face, distance in neighbours if face not in own)
        near = takewhile(lambda pair: pair[1] < limit, corrected)
        block = min(self.most or nearest.READ, nearest.READ)
        found = nearest.load_faces(self.gallery, near, block, vectors=self.apart is not None)
        if self.apart is not None:
            found = filter(
                _OnePerPerson(self._own_people(probe, self.apart), self.apart, self.scorer.card.metric), found
            )
        return ((one.face, one.distance) for one in found)

    def _distance(self, probe: Probe, distance: float) -> float:
        return float(as_from_one(np.array([distance]), probe.spread, self.scorer.card.metric)[0])

    def _own_people(self, probe: Probe, apart: float) -> set[int]:
        """The probe's person: that of the nearest assigned face below the threshold."""
        from nitakao.gallery import nearest

        if probe.person_id is not None:
            return {probe.person_id}
        ids, distances = searcher(self.gallery).search(probe.vector[None], nearest.READ, None)
        near = ((int(n), self._distance(probe, d)) for n, d in zip(ids[0], distances[0], strict=True) if n >= 0)
        close = nearest.load_faces(self.gallery, takewhile(lambda pair: pair[1] < apart, near))
        return set(islice((one.face.person_id for one in close if one.face.person_id is not None), 1))


class _OnePerPerson:
    """A filter that passes the first face of each person other than the probe's own."""

    def __init__(self, own: set[int], apart: float, metric: Metric) -> None:
        self.people = set(own)
        self.apart = apart
        self.metric = metric
        self.assigned: list[Floats] = []  # of faces passed that have a person
        self.unassigned: list[Floats] = []  # of faces passed that have none

    def __call__(self, near: Neighbour) -> bool:
        person = near.face.person_id
        if person is None and near.distance < self.apart:
            return False  # unassigned and like the probe
        if person in self.people or self._like(near.vector, self.unassigned):
            return False
        if person is None and self._like(near.vector, self.assigned):
            return False
        self.people.update([] if person is None else [person])
        (self.unassigned if person is None else self.assigned).append(near.vector)
        return True

    def _like(self, vector: Floats, others: list[Floats]) -> bool:
        return bool(others) and bool((metrics.distances(vector, np.stack(others), self.metric) < self.apart).any())
