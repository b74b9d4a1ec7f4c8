"""Find Similar: the faces of a list most similar to a probe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nitakao import metrics
from nitakao.errors import FaceApiError
from nitakao.gallery.face_api import containers
from nitakao.gallery.face_api.containers import Container
from nitakao.gallery.face_api.kinds import FACE_LIST, Kind
from nitakao.tasks.face_api.confidence import SAME_PERSON
from nitakao.tasks.face_api.context import FaceQueries, as_bad_request, check_model, check_same_model
from nitakao.values import Floats

Mode = Literal["matchPerson", "matchFace"]


@dataclass(frozen=True)
class Similar:
    """A face similar to the probe."""

    uuid: str
    confidence: float


def among_ids(queries: FaceQueries, face: str, others: Sequence[str], limit: int, mode: Mode) -> list[Similar]:
    """The most similar of other detected faces, best first.

    `mode`: 'matchPerson' returns only faces within the threshold, 'matchFace' ranks all.
    """
    probe, *rest = queries.detected([face, *dict.fromkeys(others)])
    check_same_model([probe, *rest])
    vectors = np.stack([other.vector for other in rest])
    return _ranked(queries, probe.vector, [other.uuid for other in rest], vectors, limit, mode)


def in_list(queries: FaceQueries, face: str, kind: Kind, container_id: str, limit: int, mode: Mode) -> list[Similar]:
    """The most similar faces of a list, best first. `mode`: as in `among_ids`."""
    (probe,) = queries.detected([face])
    with as_bad_request():
        container = containers.get(queries.gallery, kind, container_id)
    check_model(probe, container)
    found = queries.face_cache.of(queries.gallery, container)
    _check_ready(container, len(found.uuids))
    return _ranked(queries, probe.vector, found.uuids, found.vectors, limit, mode)


def _check_ready(container: Container, faces: int) -> None:
    kind, container_id = container.kind, container.container_id
    if kind.trained and container.trained is None:
        raise kind.not_trained(container_id, 400)
    if kind == FACE_LIST and not faces:
        raise FaceApiError(400, "FaceListNotReady", f"FaceList '{container_id}' is empty.")


def _ranked(
    queries: FaceQueries, probe: Floats, uuids: Sequence[str], vectors: Floats, limit: int, mode: Mode
) -> list[Similar]:
    if not len(vectors):
        return []
    distances = metrics.distances(probe, vectors, queries.gallery.metric)
    confidences = queries.scale(distances)
    order = np.argsort(distances, kind="stable")[:limit]
    return [
        Similar(uuids[n], float(confidences[n])) for n in order if mode == "matchFace" or confidences[n] >= SAME_PERSON
    ]
