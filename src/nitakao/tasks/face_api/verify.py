"""Verify: whether a face shows the same person as another face, or a given person."""

from __future__ import annotations

from dataclasses import dataclass

from nitakao import metrics
from nitakao.errors import FaceApiError
from nitakao.gallery.face_api import candidates
from nitakao.gallery.face_api.kinds import Kind
from nitakao.tasks.face_api import persons
from nitakao.tasks.face_api.confidence import SAME_PERSON
from nitakao.tasks.face_api.context import FaceQueries, as_bad_request, check_model, check_same_model
from nitakao.tasks.face_api.persons import Persons
from nitakao.values import Floats


@dataclass(frozen=True)
class VerifyResult:
    """The result of Verify. `is_identical`: whether the confidence is at least 0.5."""

    confidence: float

    @property
    def is_identical(self) -> bool:
        return self.confidence >= SAME_PERSON


def faces(queries: FaceQueries, one: str, other: str) -> VerifyResult:
    """Compare two detected faces."""
    detected = queries.detected([one, other], status=404)
    check_same_model(detected)
    return VerifyResult(
        float(queries.scale(metrics.distance(detected[0].vector, detected[1].vector, queries.gallery.metric)))
    )


def in_group(queries: FaceQueries, face: str, kind: Kind, container_id: str, person: str) -> VerifyResult:
    """Compare a face with a person of a trained group, with the confidence that Identify gives."""
    (detected,) = queries.detected([face], status=404)
    with as_bad_request():
        container = candidates.of_person(queries.gallery, kind, container_id, person)
    check_model(detected, container)
    if container.trained is None:
        raise kind.not_trained(container_id, 400)
    return _person(
        queries,
        detected.vector,
        persons.load(queries.face_cache.of(queries.gallery, container), queries.gallery.metric),
        person,
    )


def in_directory(queries: FaceQueries, face: str, person: str) -> VerifyResult:
    """Compare a face with a person of the directory."""
    (detected,) = queries.detected([face], status=404)
    found = candidates.of_directory(queries.gallery, [person], detected.recognition)
    return _person(queries, detected.vector, persons.load(found, queries.gallery.metric), person)


def _person(queries: FaceQueries, vector: Floats, people: Persons, person: str) -> VerifyResult:
    if person not in people.uuids:
        raise FaceApiError(404, "PersistedFaceNotFound", f"Person '{person}' has no face.")
    return VerifyResult(float(queries.scale(people.distances(vector)[people.uuids.index(person)])))
