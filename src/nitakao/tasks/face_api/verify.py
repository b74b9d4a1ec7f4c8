"""Verify: whether a face shows the same person as another face, or a given person."""

from __future__ import annotations

from dataclasses import dataclass

from nitakao import metrics
from nitakao.errors import FaceApiError
from nitakao.gallery.face_api import candidates
from nitakao.gallery.face_api.kinds import Kind
from nitakao.tasks.face_api import persons
from nitakao.tasks.face_api.confidence import SAME
from nitakao.tasks.face_api.context import FaceQueries, as_argument, check_model, one_model
from nitakao.tasks.face_api.persons import Persons
from nitakao.values import Floats


@dataclass(frozen=True)
class Verified:
    """same: whether the confidence reaches that of one person."""

    confidence: float

    @property
    def same(self) -> bool:
        return self.confidence >= SAME


def faces(queries: FaceQueries, one: str, other: str) -> Verified:
    """Compare two detected faces."""
    seen = queries.seen([one, other], status=404)
    one_model(seen)
    return Verified(float(queries.scale(metrics.distance(seen[0].vector, seen[1].vector, queries.gallery.metric))))


def in_group(queries: FaceQueries, face: str, kind: Kind, word: str, person: str) -> Verified:
    """Compare a face with a person of a trained group, with the confidence that Identify gives."""
    (seen,) = queries.seen([face], status=404)
    with as_argument():
        container = candidates.of_person(queries.gallery, kind, word, person)
    check_model(seen, container)
    if container.trained is None:
        raise kind.not_trained(word, 400)
    return _person(
        queries,
        seen.vector,
        persons.of(queries.face_cache.of(queries.gallery, container), queries.gallery.metric),
        person,
    )


def in_directory(queries: FaceQueries, face: str, person: str) -> Verified:
    """Compare a face with a person of the directory."""
    (seen,) = queries.seen([face], status=404)
    found = candidates.of_directory(queries.gallery, [person], seen.recognition)
    return _person(queries, seen.vector, persons.of(found, queries.gallery.metric), person)


def _person(queries: FaceQueries, vector: Floats, known: Persons, person: str) -> Verified:
    if person not in known.uuids:
        raise FaceApiError(404, "PersistedFaceNotFound", f"Person '{person}' has no face.")
    return Verified(float(queries.scale(known.distances(vector)[known.uuids.index(person)])))
