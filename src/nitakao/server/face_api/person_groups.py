"""/persongroups and /largepersongroups: people and their faces, for identification."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from nitakao.gallery.face_api import faces, people
from nitakao.gallery.face_api.faces import FaceLocation
from nitakao.gallery.face_api.kinds import LARGE_PERSON_GROUP, PERSON_GROUP, Kind
from nitakao.gallery.face_api.people import PersonRecord
from nitakao.server.face_api import containers as shared
from nitakao.server.face_api import parameters
from nitakao.server.face_api.context import ContextDep, Routes
from nitakao.server.face_api.faces import embed_target_face, face_data, face_json
from nitakao.server.face_api.parameters import JsonBody, Paging
from nitakao.server.face_api.pictures import Picture
from nitakao.server.face_api.responses import Json, empty_response


def person_json(person: PersonRecord) -> dict[str, Any]:
    answer = {"personId": person.uuid, "name": person.name, "userData": person.data}
    return answer | {"persistedFaceIds": list(person.faces)}


def _group(kind: Kind, container_id: str) -> tuple[Kind, str]:
    return kind, parameters.container_id(container_id, kind)


def _location(kind: Kind, container_id: str, person: str) -> FaceLocation:
    return FaceLocation(_group(kind, container_id), parameters.identifier(person, "personId"))


def _add_people(router: Routes, kind: Kind) -> None:
    @router.post("/{container_id}/persons")
    def create(context: ContextDep, container_id: str, body: JsonBody) -> Response:
        name = parameters.name(body, needed=True)
        assert name is not None
        made = people.create(context.gallery, _group(kind, container_id), name, parameters.data(body))
        return Json({"personId": made})

    @router.get("/{container_id}/persons")
    def listed(context: ContextDep, container_id: str, paging: Paging) -> Response:
        return Json([person_json(one) for one in people.listed(context.gallery, _group(kind, container_id), *paging)])

    @router.get("/{container_id}/persons/{person}")
    def get(context: ContextDep, container_id: str, person: str) -> Response:
        person = parameters.identifier(person, "personId")
        return Json(person_json(people.get(context.gallery, _group(kind, container_id), person)))

    @router.patch("/{container_id}/persons/{person}")
    def change(context: ContextDep, container_id: str, person: str, body: JsonBody) -> Response:
        name, data = parameters.name(body, needed=False), parameters.data(body)
        person = parameters.identifier(person, "personId")
        people.change(context.gallery, _group(kind, container_id), person, name, data)
        return empty_response()

    @router.delete("/{container_id}/persons/{person}")
    def remove(context: ContextDep, container_id: str, person: str) -> Response:
        people.remove(context.gallery, _group(kind, container_id), parameters.identifier(person, "personId"))
        return empty_response()


def _add_faces(router: Routes, kind: Kind) -> None:
    @router.post("/{container_id}/persons/{person}/persistedfaces")
    def add(request: Request, context: ContextDep, container_id: str, person: str, picture: Picture) -> Response:
        location, data = _location(kind, container_id, person), face_data(request)
        vector = embed_target_face(request, context, picture, location)
        return Json({"persistedFaceId": faces.add(context.gallery, location, vector, data)})

    @router.get("/{container_id}/persons/{person}/persistedfaces/{face}")
    def get(context: ContextDep, container_id: str, person: str, face: str) -> Response:
        face = parameters.identifier(face, "persistedFaceId")
        return Json(face_json(faces.get(context.gallery, _location(kind, container_id, person), face)))

    @router.patch("/{container_id}/persons/{person}/persistedfaces/{face}")
    def change(context: ContextDep, container_id: str, person: str, face: str, body: JsonBody) -> Response:
        face, data = parameters.identifier(face, "persistedFaceId"), parameters.data(body, parameters.MAX_FACE_DATA)
        faces.change(context.gallery, _location(kind, container_id, person), face, data)
        return empty_response()

    @router.delete("/{container_id}/persons/{person}/persistedfaces/{face}")
    def remove(context: ContextDep, container_id: str, person: str, face: str) -> Response:
        face = parameters.identifier(face, "persistedFaceId")
        faces.remove(context.gallery, _location(kind, container_id, person), face)
        return empty_response()


def _routes(kind: Kind) -> Routes:
    router = shared.routes(kind)
    _add_people(router, kind)
    _add_faces(router, kind)
    return router


small = _routes(PERSON_GROUP)
large = _routes(LARGE_PERSON_GROUP)
