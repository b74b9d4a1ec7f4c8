"""Which faces of a gallery are like this one?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import TYPE_CHECKING

import numpy as np

from nitakao import metrics
from nitakao.gallery.search.open import searcher
from nitakao.tasks import probes
from nitakao.tasks.arguments import Place, calibration_of, card_for, opened
from nitakao.tasks.probes import Asked, Look
from nitakao.tasks.scoring import PRIOR, Judge
from nitakao.values import Answer, FaceFilter, FaceRecord, Floats, Metric, Probe, SearchResult

if TYPE_CHECKING:  # SQLAlchemy is loaded only where there is a gallery
    from nitakao.gallery import GalleryStore
    from nitakao.gallery.nearest import Neighbour
    from nitakao.values import Ids

DEFAULT_MOST = 10


def search(
    place: Place,
    *asked: Asked,
    k: int | None = DEFAULT_MOST,
    where: FaceFilter | None = None,
    away: Sequence[Asked] = (),
    each: bool = False,
    within: float | None = None,
    same_person: bool = False,
    different_people: bool = False,
    threshold: float | None = None,
    prior: float = PRIOR,
    look: Look | None = None,
) -> SearchResult:
    """The faces of a gallery nearest to each face that is asked about, `k` for each, or all where there are fewer.

    asked: a photograph, 'face:12', 'person:Ada' or '#12' of the gallery, or a vector; several are pictures of one
    person and are averaged (the largest face of each photograph), or with `each` asked about one by one.
    away: what the answers shall be unlike.
    within: only faces nearer than this, same_person: than the threshold; with k=None all of them.
    different_people: one face of each person, and none of the probe's own.  threshold: in place of the card's.
    Faces that a probe is made of are left out.  Raises NoFaceError or UnreadablePhotoError where nothing asked about
    has a face; with `each`, where only some have none, they are told in `problems`.
    """
    probes.check_count(k, within, same_person=same_person)
    look, where = look or Look(), where or FaceFilter()
    with opened(place) as gallery:
        card = card_for(gallery, look.model)
        judge = Judge(card, calibration_of(gallery, card), threshold, prior)
        within = judge.needed("a list of the same person") if same_person else within
        apart = judge.needed("telling different people apart") if different_people else None
        asking, problems = probes.wanted(gallery, asked, away, card, look, each=each, flip=gallery.flip)
        from nitakao.gallery import faces
        from nitakao.gallery import nearest as gate

        allowed = gate.allowed_ids(gallery, where)
        total = faces.count(gallery, FaceFilter(hidden=True))
        most = None if k is None else min(k, max(total, 1))
        question = _Question(gallery, judge, allowed, most, within, apart)
        answers = tuple(question.answers(asking))
        return SearchResult(answers, judge.basis(total if allowed is None else len(allowed), total), problems)


@dataclass(frozen=True, eq=False)
class _Question:
    """What all probes of one search share.

    apart: faces nearer than this are one person, and one of each person is wanted; None: all faces are.
    """

    gallery: GalleryStore
    judge: Judge
    allowed: Ids | None
    most: int | None
    within: float | None
    apart: float | None

    def answers(self, asking: Sequence[Probe]) -> Iterator[Answer]:
        from nitakao.gallery import nearest as gate

        vectors = np.stack([probe.vector for probe in asking])
        own = max(len(probe.faces) for probe in asking)
        ways = gate.nearest_first(self.gallery, vectors, self.allowed, (self.most or DEFAULT_MOST) + own)
        for probe, way in zip(asking, ways, strict=True):
            yield Answer(probe, self.judge.ranked(list(islice(self._chosen(probe, way), self.most)), probe))

    def _chosen(self, probe: Probe, way: Iterator[tuple[int, float]]) -> Iterator[tuple[FaceRecord, float]]:
        """Faces and distances in their order, those left out that are not wanted."""
        from nitakao.gallery import nearest as gate

        own = set(probe.faces)
        farthest = math.inf if self.within is None else self.within
        told = ((number, self._told(probe, distance)) for number, distance in way if number not in own)
        near = takewhile(lambda found: found[1] < farthest, told)
        at_once, apart = min(self.most or gate.READ, gate.READ), self.apart is not None
        found = gate.load_faces(self.gallery, near, at_once, vectors=apart)
        if self.apart is not None:
            found = filter(_Others(self._own_people(probe, self.apart), self.apart, self.judge.card.metric), found)
        return ((one.face, one.distance) for one in found)

    def _told(self, probe: Probe, distance: float) -> float:
        return float(probes.as_from_one(np.array([distance]), probe.spread, self.judge.card.metric)[0])

    def _own_people(self, probe: Probe, apart: float) -> set[int]:
        """Whom the gallery has the probe as: the person of the nearest face below the threshold that has one."""
        from nitakao.gallery import nearest as gate

        if probe.person_id is not None:
            return {probe.person_id}
        ids, distances = searcher(self.gallery).search(probe.vector[None], gate.READ, None)
        near = ((int(n), self._told(probe, d)) for n, d in zip(ids[0], distances[0], strict=True) if n >= 0)
        close = gate.load_faces(self.gallery, takewhile(lambda found: found[1] < apart, near))
        return set(islice((one.face.person_id for one in close if one.face.person_id is not None), 1))


class _Others:
    """Whether a face is that of somebody else, and the first of that person."""

    def __init__(self, own: set[int], apart: float, metric: Metric) -> None:
        self.people = set(own)
        self.apart = apart
        self.metric = metric
        self.known: list[Floats] = []  # of faces that were taken and have a person
        self.loose: list[Floats] = []  # of those that have none

    def __call__(self, near: Neighbour) -> bool:
        person = near.face.person_id
        if person is None and near.distance < self.apart:
            return False  # nobody has said who it is, and it is like the probe
        if person in self.people or self._like(near.vector, self.loose):
            return False
        if person is None and self._like(near.vector, self.known):
            return False
        self.people.update([] if person is None else [person])
        (self.loose if person is None else self.known).append(near.vector)
        return True

    def _like(self, vector: Floats, others: list[Floats]) -> bool:
        return bool(others) and bool((metrics.distances(vector, np.stack(others), self.metric) < self.apart).any())
