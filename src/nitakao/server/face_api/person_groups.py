"""/persongroups and /largepersongroups: people with their faces, among whom others are identified."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from nitakao.gallery.face_api import faces, people
from nitakao.gallery.face_api.faces import Spot
from nitakao.gallery.face_api.kinds import LARGE_PERSON_GROUP, PERSON_GROUP, Kind
from nitakao.gallery.face_api.people import Known
from nitakao.server.face_api import containers as shared
from nitakao.server.face_api import parameters
from nitakao.server.face_api.context import Routes, TheContext
from nitakao.server.face_api.faces import face_data, seen
from nitakao.server.face_api.faces import told as told_face
from nitakao.server.face_api.parameters import JsonBody, Paging
from nitakao.server.face_api.pictures import Picture
from nitakao.server.face_api.responses import Json, empty


def told(person: Known) -> dict[str, Any]:
    answer = {"personId": person.uuid, "name": person.name, "userData": person.data}
    return answer | {"persistedFaceIds": list(person.faces)}


def _home(kind: Kind, word: str) -> tuple[Kind, str]:
    return kind, parameters.word(word, kind)


def _spot(kind: Kind, word: str, person: str) -> Spot:
    return Spot(_home(kind, word), parameters.identifier(person, "personId"))


def _add_people(router: Routes, kind: Kind) -> None:
    @router.post("/{word}/persons")
    def create(context: TheContext, word: str, body: JsonBody) -> Response:
        name = parameters.name(body, needed=True)
        assert name is not None
        made = people.create(context.gallery, _home(kind, word), name, parameters.data(body))
        return Json({"personId": made})

    @router.get("/{word}/persons")
    def listed(context: TheContext, word: str, paging: Paging) -> Response:
        return Json([told(one) for one in people.listed(context.gallery, _home(kind, word), *paging)])

    @router.get("/{word}/persons/{person}")
    def get(context: TheContext, word: str, person: str) -> Response:
        person = parameters.identifier(person, "personId")
        return Json(told(people.get(context.gallery, _home(kind, word), person)))

    @router.patch("/{word}/persons/{person}")
    def change(context: TheContext, word: str, person: str, body: JsonBody) -> Response:
        name, data = parameters.name(body, needed=False), parameters.data(body)
        person = parameters.identifier(person, "personId")
        people.change(context.gallery, _home(kind, word), person, name, data)
        return empty()

    @router.delete("/{word}/persons/{person}")
    def remove(context: TheContext, word: str, person: str) -> Response:
        people.remove(context.gallery, _home(kind, word), parameters.identifier(person, "personId"))
        return empty()


def _add_faces(router: Routes, kind: Kind) -> None:
    @router.post("/{word}/persons/{person}/persistedfaces")
    def add(request: Request, context: TheContext, word: str, person: str, picture: Picture) -> Response:
        spot, data = _spot(kind, word, person), face_data(request)
        vector = seen(request, context, picture, spot)
        return Json({"persistedFaceId": faces.add(context.gallery, spot, vector, data)})

    @router.get("/{word}/persons/{person}/persistedfaces/{face}")
    def get(context: TheContext, word: str, person: str, face: str) -> Response:
        face = parameters.identifier(face, "persistedFaceId")
        return Json(told_face(faces.get(context.gallery, _spot(kind, word, person), face)))

    @router.patch("/{word}/persons/{person}/persistedfaces/{face}")
    def change(context: TheContext, word: str, person: str, face: str, body: JsonBody) -> Response:
        face, data = parameters.identifier(face, "persistedFaceId"), parameters.data(body, parameters.LONGEST_FACE_DATA)
        faces.change(context.gallery, _spot(kind, word, person), face, data)
        return empty()

    @router.delete("/{word}/persons/{person}/persistedfaces/{face}")
    def remove(context: TheContext, word: str, person: str, face: str) -> Response:
        face = parameters.identifier(face, "persistedFaceId")
        faces.remove(context.gallery, _spot(kind, word, person), face)
        return empty()


def _routes(kind: Kind) -> Routes:
    router = shared.routes(kind)
    _add_people(router, kind)
    _add_faces(router, kind)
    return router


small = _routes(PERSON_GROUP)
large = _routes(LARGE_PERSON_GROUP)
