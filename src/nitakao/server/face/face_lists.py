"""/facelists and /largefacelists: lists of faces to look for similar ones in."""

from __future__ import annotations

from fastapi import Request, Response

from nitakao.gallery.face_api import containers, faces
from nitakao.gallery.face_api.faces import Spot
from nitakao.gallery.face_api.kinds import FACE_LIST, LARGE_FACE_LIST, Kind
from nitakao.server.face import arguments
from nitakao.server.face import containers as shared
from nitakao.server.face.answers import Json, empty
from nitakao.server.face.arguments import JsonBody, Paging
from nitakao.server.face.faces import face_data, seen, told
from nitakao.server.face.house import Routes, TheHouse
from nitakao.server.face.pictures import Picture


def _spot(kind: Kind, word: str) -> Spot:
    return Spot((kind, arguments.word(word, kind)))


def _routes(kind: Kind) -> Routes:
    """Adding and taking away faces, which both kinds have."""
    router = shared.routes(kind)

    @router.post("/{word}/persistedfaces")
    def add(request: Request, house: TheHouse, word: str, picture: Picture) -> Response:
        spot, data = _spot(kind, word), face_data(request)
        vector = seen(request, house, picture, spot)
        return Json({"persistedFaceId": faces.add(house.gallery, spot, vector, data)})

    @router.delete("/{word}/persistedfaces/{face}")
    def remove(house: TheHouse, word: str, face: str) -> Response:
        face = arguments.identifier(face, "persistedFaceId")
        faces.remove(house.gallery, _spot(kind, word), face)
        return empty()

    return router


small = _routes(FACE_LIST)
large = _routes(LARGE_FACE_LIST)


@small.get("")
def listed(request: Request, house: TheHouse) -> Response:
    found = containers.listed(house.gallery, FACE_LIST, "", FACE_LIST.most)
    return Json([shared.told(one, model=shared.wants_model(request)) for one in found])


@small.get("/{word}")
def get(request: Request, house: TheHouse, word: str) -> Response:
    found = containers.get(house.gallery, FACE_LIST, arguments.word(word, FACE_LIST))
    inside = faces.listed(house.gallery, _spot(FACE_LIST, word))
    answer = shared.told(found, model=shared.wants_model(request))
    return Json(answer | {"persistedFaces": [told(one) for one in inside]})


@large.get("/{word}/persistedfaces")
def list_faces(house: TheHouse, word: str, paging: Paging) -> Response:
    return Json([told(one) for one in faces.listed(house.gallery, _spot(LARGE_FACE_LIST, word), *paging)])


@large.get("/{word}/persistedfaces/{face}")
def get_face(house: TheHouse, word: str, face: str) -> Response:
    face = arguments.identifier(face, "persistedFaceId")
    return Json(told(faces.get(house.gallery, _spot(LARGE_FACE_LIST, word), face)))


@large.patch("/{word}/persistedfaces/{face}")
def change_face(house: TheHouse, word: str, face: str, body: JsonBody) -> Response:
    face, data = arguments.identifier(face, "persistedFaceId"), arguments.data(body, arguments.LONGEST_FACE_DATA)
    faces.change(house.gallery, _spot(LARGE_FACE_LIST, word), face, data)
    return empty()
