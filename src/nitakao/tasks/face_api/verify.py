"""Verify: is this one person, or that person?"""

from __future__ import annotations

from dataclasses import dataclass

from nitakao import metrics
from nitakao.errors import FaceApiError
from nitakao.gallery.face_api import candidates
from nitakao.gallery.face_api.kinds import Kind
from nitakao.tasks.face_api import persons
from nitakao.tasks.face_api.asking import Desk, as_argument, check_model, one_model
from nitakao.tasks.face_api.confidence import SAME
from nitakao.tasks.face_api.persons import Persons
from nitakao.values import Floats


@dataclass(frozen=True)
class Verified:
    """same: whether the confidence reaches that of one person."""

    confidence: float

    @property
    def same(self) -> bool:
        return self.confidence >= SAME


def faces(desk: Desk, one: str, other: str) -> Verified:
    """Whether two faces that were seen are one person."""
    seen = desk.seen([one, other], status=404)
    one_model(seen)
    return Verified(float(desk.scale(metrics.distance(seen[0].vector, seen[1].vector, desk.gallery.metric))))


def in_group(desk: Desk, face: str, kind: Kind, word: str, person: str) -> Verified:
    """Whether a face is a person of a trained group: with the confidence that identifying gives."""
    (seen,) = desk.seen([face], status=404)
    with as_argument():
        container = candidates.of_person(desk.gallery, kind, word, person)
    check_model(seen, container)
    if container.trained is None:
        raise kind.not_trained(word, 400)
    return _person(desk, seen.vector, persons.of(desk.shelf.of(desk.gallery, container), desk.gallery.metric), person)


def in_directory(desk: Desk, face: str, person: str) -> Verified:
    """Whether a face is a person of the directory."""
    (seen,) = desk.seen([face], status=404)
    found = candidates.of_directory(desk.gallery, [person], seen.recognition)
    return _person(desk, seen.vector, persons.of(found, desk.gallery.metric), person)


def _person(desk: Desk, vector: Floats, known: Persons, person: str) -> Verified:
    if person not in known.uuids:
        raise FaceApiError(404, "PersistedFaceNotFound", f"Person '{person}' has no face.")
    return Verified(float(desk.scale(known.distances(vector)[known.uuids.index(person)])))
