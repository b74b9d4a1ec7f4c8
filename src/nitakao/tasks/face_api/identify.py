"""Identify: which person of a group or the directory a face shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nitakao.errors import FaceApiError
from nitakao.gallery.face_api import candidates, containers
from nitakao.gallery.face_api.kinds import Kind
from nitakao.tasks.face_api import persons
from nitakao.tasks.face_api.confidence import SAME
from nitakao.tasks.face_api.context import FaceQueries, as_argument, check_model
from nitakao.tasks.face_api.persons import Persons
from nitakao.values import Floats


@dataclass(frozen=True)
class Guess:
    """Who a face may be."""

    person: str
    confidence: float


@dataclass(frozen=True)
class Identity:
    """A face and its candidates, most confident first."""

    face: str
    guesses: tuple[Guess, ...]


def in_group(
    queries: FaceQueries, faces: Sequence[str], kind: Kind, word: str, most: int, least: float | None
) -> list[Identity]:
    """Identify faces among the people of a trained group.

    Args:
        queries: What to work on.
        faces: Ids of detected faces.
        kind: Kind of the group.
        word: Id of the group.
        most: Limit of candidates per face.
        least: Minimum confidence; None for the confidence at the threshold.
    """
    seen = queries.seen(faces)
    with as_argument():
        container = containers.get(queries.gallery, kind, word)
    for face in seen:
        check_model(face, container)
    if container.trained is None:
        raise kind.not_trained(word, 400)
    known = persons.of(queries.face_cache.of(queries.gallery, container), queries.gallery.metric)
    return [_identity(queries, face.uuid, face.vector, known, most, least) for face in seen]


def in_directory(
    queries: FaceQueries, faces: Sequence[str], people: Sequence[str] | None, most: int, least: float | None
) -> list[Identity]:
    """Identify faces among these people of the directory; None for all."""
    return _each(queries, faces, most, least, lambda model: candidates.of_directory(queries.gallery, people, model))


def in_dynamic(queries: FaceQueries, faces: Sequence[str], word: str, most: int, least: float | None) -> list[Identity]:
    """Identify faces among the people of a dynamic group."""
    return _each(queries, faces, most, least, lambda model: candidates.of_dynamic(queries.gallery, word, model))


def _each(
    queries: FaceQueries, faces: Sequence[str], most: int, least: float | None, read: Callable[[str], candidates.Faces]
) -> list[Identity]:
    seen = queries.seen(faces)
    known: dict[str, Persons] = {}
    for face in seen:  # people of the directory may have faces of each recognition model
        if face.recognition not in known:
            with as_argument():
                known[face.recognition] = persons.of(read(face.recognition), queries.gallery.metric)
    return [_identity(queries, face.uuid, face.vector, known[face.recognition], most, least) for face in seen]


def _identity(
    queries: FaceQueries, face: str, vector: Floats, known: Persons, most: int, least: float | None
) -> Identity:
    apart = known.distances(vector)
    sure = queries.scale(apart)
    order = np.argsort(apart, kind="stable")[:most]
    enough = SAME if least is None else least
    return Identity(face, tuple(Guess(known.uuids[n], float(sure[n])) for n in order if sure[n] >= enough))


def nowhere() -> FaceApiError:
    """The error for a request without a scope."""
    return FaceApiError(
        400,
        "MissingIdentificationScopeParameters",
        "Give one of personGroupId, largePersonGroupId, personIds and dynamicPersonGroupId.",
    )
