"""Persisted faces: the only face of a picture, or the one at targetFace."""

from __future__ import annotations

import re

from fastapi import Request

from nitakao.gallery.face_api import faces
from nitakao.gallery.face_api.faces import FaceLocation, PersistedFace
from nitakao.photos import Encoded
from nitakao.server.face_api import parameters
from nitakao.server.face_api.context import FaceApiContext
from nitakao.server.face_api.pictures import check_readable
from nitakao.tasks.face_api import face_selection
from nitakao.tasks.face_api.face_selection import Rectangle
from nitakao.values import Floats

_TARGET = re.compile(r"\s*(\d{1,6})\s*,\s*(\d{1,6})\s*,\s*(\d{1,6})\s*,\s*(\d{1,6})\s*", re.ASCII)


def target(request: Request) -> Rectangle | None:
    """The targetFace: left, top, width, height; None if absent."""
    arguments = request.query_params.get("targetFace") or ""
    if not arguments:
        return None
    match = _TARGET.fullmatch(arguments)
    if match is None:
        parameters.bad_argument("targetFace must be left,top,width,height in whole pixels.")
    left, top, width, height = map(int, match.groups())
    return left, top, width, height


def face_data(request: Request) -> str | None:
    return parameters.data(request.query_params, parameters.MAX_FACE_DATA)


def embed_target_face(request: Request, context: FaceApiContext, picture: Encoded, location: FaceLocation) -> Floats:
    """The vector of the face to add. Raises FaceApiError if there is none, or the owner is unknown or full."""
    parameters.detection(request.query_params)
    rectangle = target(request)
    faces.check(context.gallery, location)
    outcome = check_readable(context.find_faces(picture))
    vector: Floats = outcome.vectors[face_selection.select_face(outcome.faces, rectangle, outcome.size)]
    return vector


def face_json(face: PersistedFace) -> dict[str, str | None]:
    return {"persistedFaceId": face.uuid, "userData": face.data}
