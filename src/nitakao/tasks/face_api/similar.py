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
from nitakao.tasks.face_api.confidence import SAME
from nitakao.tasks.face_api.context import FaceQueries, as_argument, check_model, one_model
from nitakao.values import Floats

Mode = Literal["matchPerson", "matchFace"]


@dataclass(frozen=True)
class Similar:
    """A face similar to the probe."""

    uuid: str
    confidence: float


def among_ids(queries: FaceQueries, face: str, others: Sequence[str], most: int, mode: Mode) -> list[Similar]:
    """The most similar of other detected faces, best first.

    `mode`: 'matchPerson' returns only faces within the threshold, 'matchFace' ranks all.
    """
    asked, *rest = queries.seen([face, *dict.fromkeys(others)])
    one_model([asked, *rest])
    vectors = np.stack([other.vector for other in rest])
    return _ranked(queries, asked.vector, [other.uuid for other in rest], vectors, most, mode)


def in_list(queries: FaceQueries, face: str, kind: Kind, word: str, most: int, mode: Mode) -> list[Similar]:
    """The most similar faces of a list, best first. `mode`: as in `among_ids`."""
    (asked,) = queries.seen([face])
    with as_argument():
        container = containers.get(queries.gallery, kind, word)
    check_model(asked, container)
    found = queries.face_cache.of(queries.gallery, container)
    _check_ready(container, len(found.uuids))
    return _ranked(queries, asked.vector, found.uuids, found.vectors, most, mode)


def _check_ready(container: Container, faces: int) -> None:
    kind, word = container.kind, container.word
    if kind.trained and container.trained is None:
        raise kind.not_trained(word, 400)
    if kind == FACE_LIST and not faces:
        raise FaceApiError(400, "FaceListNotReady", f"FaceList '{word}' is empty.")


def _ranked(
    queries: FaceQueries, asked: Floats, uuids: Sequence[str], vectors: Floats, most: int, mode: Mode
) -> list[Similar]:
    if not len(vectors):
        return []
    apart = metrics.distances(asked, vectors, queries.gallery.metric)
    sure = queries.scale(apart)
    order = np.argsort(apart, kind="stable")[:most]
    return [Similar(uuids[n], float(sure[n])) for n in order if mode == "matchFace" or sure[n] >= SAME]
