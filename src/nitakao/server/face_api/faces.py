"""Faces that stay: a picture's only face, or the one that targetFace means, put into a list or given to a person."""

from __future__ import annotations

import re

from fastapi import Request

from nitakao.gallery.face_api import faces
from nitakao.gallery.face_api.faces import Persisted, Spot
from nitakao.photos import Encoded
from nitakao.server.face_api import parameters
from nitakao.server.face_api.context import FaceApiContext
from nitakao.server.face_api.pictures import usable
from nitakao.tasks.face_api import face_selection
from nitakao.tasks.face_api.face_selection import Rectangle
from nitakao.values import Floats

_TARGET = re.compile(r"\s*(\d{1,6})\s*,\s*(\d{1,6})\s*,\s*(\d{1,6})\s*,\s*(\d{1,6})\s*", re.ASCII)


def target(request: Request) -> Rectangle | None:
    """left, top, width, height of the face that is meant; None where there is only one to be."""
    given = request.query_params.get("targetFace") or ""
    if not given:
        return None
    found = _TARGET.fullmatch(given)
    if found is None:
        parameters.bad("targetFace is left,top,width,height in whole pixels.")
    left, top, width, height = map(int, found.groups())
    return left, top, width, height


def face_data(request: Request) -> str | None:
    return parameters.data(request.query_params, parameters.LONGEST_FACE_DATA)


def seen(request: Request, context: FaceApiContext, picture: Encoded, spot: Spot) -> Floats:
    """The vector of the face that is meant. Raises FaceApiError where there is none, or no place for it."""
    parameters.detection(request.query_params)
    where = target(request)
    faces.check(context.gallery, spot)
    outcome = usable(context.look(picture))
    vector: Floats = outcome.vectors[face_selection.meant(outcome.faces, where, outcome.size)]
    return vector


def told(face: Persisted) -> dict[str, str | None]:
    return {"persistedFaceId": face.uuid, "userData": face.data}
