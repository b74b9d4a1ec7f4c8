"""/persongroups and /largepersongroups: people with their faces, among whom others are identified."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from nitakao.gallery.face_api import faces, people
from nitakao.gallery.face_api.faces import Spot
from nitakao.gallery.face_api.kinds import LARGE_PERSON_GROUP, PERSON_GROUP, Kind
from nitakao.gallery.face_api.people import Known
from nitakao.server.face import arguments
from nitakao.server.face import containers as shared
from nitakao.server.face.answers import Json, empty
from nitakao.server.face.arguments import JsonBody, Paging
from nitakao.server.face.faces import face_data, seen
from nitakao.server.face.faces import told as told_face
from nitakao.server.face.house import Routes, TheHouse
from nitakao.server.face.pictures import Picture


def told(person: Known) -> dict[str, Any]:
    answer = {"personId": person.uuid, "name": person.name, "userData": person.data}
    return answer | {"persistedFaceIds": list(person.faces)}


def _home(kind: Kind, word: str) -> tuple[Kind, str]:
    return kind, arguments.word(word, kind)


def _spot(kind: Kind, word: str, person: str) -> Spot:
    return Spot(_home(kind, word), arguments.identifier(person, "personId"))


def _add_people(router: Routes, kind: Kind) -> None:
    @router.post("/{word}/persons")
    def create(house: TheHouse, word: str, body: JsonBody) -> Response:
        name = arguments.name(body, needed=True)
        assert name is not None
        made = people.create(house.gallery, _home(kind, word), name, arguments.data(body))
        return Json({"personId": made})

    @router.get("/{word}/persons")
    def listed(house: TheHouse, word: str, paging: Paging) -> Response:
        return Json([told(one) for one in people.listed(house.gallery, _home(kind, word), *paging)])

    @router.get("/{word}/persons/{person}")
    def get(house: TheHouse, word: str, person: str) -> Response:
        person = arguments.identifier(person, "personId")
        return Json(told(people.get(house.gallery, _home(kind, word), person)))

    @router.patch("/{word}/persons/{person}")
    def change(house: TheHouse, word: str, person: str, body: JsonBody) -> Response:
        name, data = arguments.name(body, needed=False), arguments.data(body)
        person = arguments.identifier(person, "personId")
        people.change(house.gallery, _home(kind, word), person, name, data)
        return empty()

    @router.delete("/{word}/persons/{person}")
    def remove(house: TheHouse, word: str, person: str) -> Response:
        people.remove(house.gallery, _home(kind, word), arguments.identifier(person, "personId"))
        return empty()


def _add_faces(router: Routes, kind: Kind) -> None:
    @router.post("/{word}/persons/{person}/persistedfaces")
    def add(request: Request, house: TheHouse, word: str, person: str, picture: Picture) -> Response:
        spot, data = _spot(kind, word, person), face_data(request)
        vector = seen(request, house, picture, spot)
        return Json({"persistedFaceId": faces.add(house.gallery, spot, vector, data)})

    @router.get("/{word}/persons/{person}/persistedfaces/{face}")
    def get(house: TheHouse, word: str, person: str, face: str) -> Response:
        face = arguments.identifier(face, "persistedFaceId")
        return Json(told_face(faces.get(house.gallery, _spot(kind, word, person), face)))

    @router.patch("/{word}/persons/{person}/persistedfaces/{face}")
    def change(house: TheHouse, word: str, person: str, face: str, body: JsonBody) -> Response:
        face, data = arguments.identifier(face, "persistedFaceId"), arguments.data(body, arguments.LONGEST_FACE_DATA)
        faces.change(house.gallery, _spot(kind, word, person), face, data)
        return empty()

    @router.delete("/{word}/persons/{person}/persistedfaces/{face}")
    def remove(house: TheHouse, word: str, person: str, face: str) -> Response:
        face = arguments.identifier(face, "persistedFaceId")
        faces.remove(house.gallery, _spot(kind, word, person), face)
        return empty()


def _routes(kind: Kind) -> Routes:
    router = shared.routes(kind)
    _add_people(router, kind)
    _add_faces(router, kind)
    return router


small = _routes(PERSON_GROUP)
large = _routes(LARGE_PERSON_GROUP)
