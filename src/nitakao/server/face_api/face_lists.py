"""/facelists and /largefacelists: lists of faces to search."""

from __future__ import annotations

from fastapi import Request, Response

from nitakao.gallery.face_api import containers, faces
from nitakao.gallery.face_api.faces import FaceLocation
from nitakao.gallery.face_api.kinds import FACE_LIST, LARGE_FACE_LIST, Kind
from nitakao.server.face_api import containers as shared
from nitakao.server.face_api import parameters
from nitakao.server.face_api.context import ContextDep, Routes
from nitakao.server.face_api.faces import embed_target_face, face_data, face_json
from nitakao.server.face_api.parameters import JsonBody, Paging
from nitakao.server.face_api.pictures import Picture
from nitakao.server.face_api.responses import Json, empty_response


def _location(kind: Kind, container_id: str) -> FaceLocation:
    return FaceLocation((kind, parameters.container_id(container_id, kind)))


def _routes(kind: Kind) -> Routes:
    """The routes of both kinds: adding and removing faces."""
    router = shared.routes(kind)

    @router.post("/{container_id}/persistedfaces")
    def add(request: Request, context: ContextDep, container_id: str, picture: Picture) -> Response:
        location, data = _location(kind, container_id), face_data(request)
        vector = embed_target_face(request, context, picture, location)
        return Json({"persistedFaceId": faces.add(context.gallery, location, vector, data)})

    @router.delete("/{container_id}/persistedfaces/{face}")
    def remove(context: ContextDep, container_id: str, face: str) -> Response:
        face = parameters.identifier(face, "persistedFaceId")
        faces.remove(context.gallery, _location(kind, container_id), face)
        return empty_response()

    return router


small = _routes(FACE_LIST)
large = _routes(LARGE_FACE_LIST)


@small.get("")
def listed(request: Request, context: ContextDep) -> Response:
    found = containers.listed(context.gallery, FACE_LIST, "", FACE_LIST.limit)
    return Json([shared.container_json(one, model=shared.wants_model(request)) for one in found])


@small.get("/{container_id}")
def get(request: Request, context: ContextDep, container_id: str) -> Response:
    found = containers.get(context.gallery, FACE_LIST, parameters.container_id(container_id, FACE_LIST))
    inside = faces.listed(context.gallery, _location(FACE_LIST, container_id))
    answer = shared.container_json(found, model=shared.wants_model(request))
    return Json(answer | {"persistedFaces": [face_json(one) for one in inside]})


@large.get("/{container_id}/persistedfaces")
def list_faces(context: ContextDep, container_id: str, paging: Paging) -> Response:
    return Json(
        [face_json(one) for one in faces.listed(context.gallery, _location(LARGE_FACE_LIST, container_id), *paging)]
    )


@large.get("/{container_id}/persistedfaces/{face}")
def get_face(context: ContextDep, container_id: str, face: str) -> Response:
    face = parameters.identifier(face, "persistedFaceId")
    return Json(face_json(faces.get(context.gallery, _location(LARGE_FACE_LIST, container_id), face)))


@large.patch("/{container_id}/persistedfaces/{face}")
def change_face(context: ContextDep, container_id: str, face: str, body: JsonBody) -> Response:
    face, data = parameters.identifier(face, "persistedFaceId"), parameters.data(body, parameters.MAX_FACE_DATA)
    faces.change(context.gallery, _location(LARGE_FACE_LIST, container_id), face, data)
    return empty_response()
