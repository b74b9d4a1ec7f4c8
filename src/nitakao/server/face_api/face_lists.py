"""/facelists and /largefacelists: lists of faces to look for similar ones in."""

from __future__ import annotations

from fastapi import Request, Response

from nitakao.gallery.face_api import containers, faces
from nitakao.gallery.face_api.faces import Spot
from nitakao.gallery.face_api.kinds import FACE_LIST, LARGE_FACE_LIST, Kind
from nitakao.server.face_api import containers as shared
from nitakao.server.face_api import parameters
from nitakao.server.face_api.context import Routes, TheContext
from nitakao.server.face_api.faces import face_data, seen, told
from nitakao.server.face_api.parameters import JsonBody, Paging
from nitakao.server.face_api.pictures import Picture
from nitakao.server.face_api.responses import Json, empty


def _spot(kind: Kind, word: str) -> Spot:
    return Spot((kind, parameters.word(word, kind)))


def _routes(kind: Kind) -> Routes:
    """Adding and taking away faces, which both kinds have."""
    router = shared.routes(kind)

    @router.post("/{word}/persistedfaces")
    def add(request: Request, context: TheContext, word: str, picture: Picture) -> Response:
        spot, data = _spot(kind, word), face_data(request)
        vector = seen(request, context, picture, spot)
        return Json({"persistedFaceId": faces.add(context.gallery, spot, vector, data)})

    @router.delete("/{word}/persistedfaces/{face}")
    def remove(context: TheContext, word: str, face: str) -> Response:
        face = parameters.identifier(face, "persistedFaceId")
        faces.remove(context.gallery, _spot(kind, word), face)
        return empty()

    return router


small = _routes(FACE_LIST)
large = _routes(LARGE_FACE_LIST)


@small.get("")
def listed(request: Request, context: TheContext) -> Response:
    found = containers.listed(context.gallery, FACE_LIST, "", FACE_LIST.most)
    return Json([shared.told(one, model=shared.wants_model(request)) for one in found])


@small.get("/{word}")
def get(request: Request, context: TheContext, word: str) -> Response:
    found = containers.get(context.gallery, FACE_LIST, parameters.word(word, FACE_LIST))
    inside = faces.listed(context.gallery, _spot(FACE_LIST, word))
    answer = shared.told(found, model=shared.wants_model(request))
    return Json(answer | {"persistedFaces": [told(one) for one in inside]})


@large.get("/{word}/persistedfaces")
def list_faces(context: TheContext, word: str, paging: Paging) -> Response:
    return Json([told(one) for one in faces.listed(context.gallery, _spot(LARGE_FACE_LIST, word), *paging)])


@large.get("/{word}/persistedfaces/{face}")
def get_face(context: TheContext, word: str, face: str) -> Response:
    face = parameters.identifier(face, "persistedFaceId")
    return Json(told(faces.get(context.gallery, _spot(LARGE_FACE_LIST, word), face)))


@large.patch("/{word}/persistedfaces/{face}")
def change_face(context: TheContext, word: str, face: str, body: JsonBody) -> Response:
    face, data = parameters.identifier(face, "persistedFaceId"), parameters.data(body, parameters.LONGEST_FACE_DATA)
    faces.change(context.gallery, _spot(LARGE_FACE_LIST, word), face, data)
    return empty()
