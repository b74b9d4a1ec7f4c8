"""Identify: which person of a group or the directory a face shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nitakao.errors import FaceApiError
from nitakao.gallery.face_api import candidates, containers
from nitakao.gallery.face_api.kinds import Kind
from nitakao.tasks.face_api import persons
from nitakao.tasks.face_api.confidence import SAME_PERSON
from nitakao.tasks.face_api.context import FaceQueries, as_bad_request, check_model
from nitakao.tasks.face_api.persons import Persons
from nitakao.values import Floats


@dataclass(frozen=True)
class Candidate:
    """Who a face may be."""

    person: str
    confidence: float


@dataclass(frozen=True)
class Identity:
    """A face and its candidates, most confident first."""

    face: str
    candidates: tuple[Candidate, ...]


def in_group(
    queries: FaceQueries, faces: Sequence[str], kind: Kind, container_id: str, limit: int, min_confidence: float | None
) -> list[Identity]:
    """Identify faces among the people of a trained group.

    Args:
        queries: What to work on.
        faces: Ids of detected faces.
        kind: Kind of the group.
        container_id: Id of the group.
        most: Limit of candidates per face.
        least: Minimum confidence; None for the confidence at the threshold.
    """
    detected = queries.detected(faces)
    with as_bad_request():
        container = containers.get(queries.gallery, kind, container_id)
    for face in detected:
        check_model(face, container)
    if container.trained is None:
        raise kind.not_trained(container_id, 400)
    people = persons.load(queries.face_cache.of(queries.gallery, container), queries.gallery.metric)
    return [_identity(queries, face.uuid, face.vector, people, limit, min_confidence) for face in detected]


def in_directory(
    queries: FaceQueries, faces: Sequence[str], people: Sequence[str] | None, limit: int, min_confidence: float | None
) -> list[Identity]:
    """Identify faces among these people of the directory; None for all."""
    return _identify_each(
        queries, faces, limit, min_confidence, lambda model: candidates.of_directory(queries.gallery, people, model)
    )


def in_dynamic(
    queries: FaceQueries, faces: Sequence[str], container_id: str, limit: int, min_confidence: float | None
) -> list[Identity]:
    """Identify faces among the people of a dynamic group."""
    return _identify_each(
        queries, faces, limit, min_confidence, lambda model: candidates.of_dynamic(queries.gallery, container_id, model)
    )


def _identify_each(
    queries: FaceQueries,
    faces: Sequence[str],
    limit: int,
    min_confidence: float | None,
    read: Callable[[str], candidates.Faces],
) -> list[Identity]:
    detected = queries.detected(faces)
    people_by_model: dict[str, Persons] = {}
    for face in detected:  # people of the directory may have faces of each recognition model
        if face.recognition not in people_by_model:
            with as_bad_request():
                people_by_model[face.recognition] = persons.load(read(face.recognition), queries.gallery.metric)
    return [
        _identity(queries, face.uuid, face.vector, people_by_model[face.recognition], limit, min_confidence)
        for face in detected
    ]


def _identity(
    queries: FaceQueries, face: str, vector: Floats, people: Persons, limit: int, min_confidence: float | None
) -> Identity:
    distances = people.distances(vector)
    confidences = queries.scale(distances)
    order = np.argsort(distances, kind="stable")[:limit]
    minimum = SAME_PERSON if min_confidence is None else min_confidence
    return Identity(
        face,
        tuple(Candidate(people.uuids[n], float(confidences[n])) for n in order if confidences[n] >= minimum),
    )


def missing_scope() -> FaceApiError:
    """The error for a request without a scope."""
    return FaceApiError(
        400,
        "MissingIdentificationScopeParameters",
        "Give one of personGroupId, largePersonGroupId, personIds and dynamicPersonGroupId.",
    )
