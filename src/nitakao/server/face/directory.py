"""/persons, /dynamicpersongroups and /operations: the directory of people who belong to any number of groups.

All of it is told as accepted, as its clients expect, and is done by then.
"""

from __future__ import annotations

from fastapi import Request, Response

from nitakao.gallery.face_api import containers, directory, faces, people
from nitakao.gallery.face_api.faces import Spot
from nitakao.gallery.face_api.kinds import DYNAMIC
from nitakao.server.face import arguments
from nitakao.server.face.answers import Json, accepted, empty, moment
from nitakao.server.face.arguments import Body, JsonBody, Paging
from nitakao.server.face.faces import face_data, seen
from nitakao.server.face.faces import told as told_face
from nitakao.server.face.house import Routes, TheHouse
from nitakao.server.face.pictures import Picture

router = Routes()

MOST_MOVED = 1000  # persons who join or leave a dynamic group at once
_FACES = "/persons/{person}/recognitionmodels/{model}/persistedfaces"


def _spot(person: str, model: str) -> Spot:
    model = arguments.one_of({"recognitionModel": model}, "recognitionModel", arguments.RECOGNITION, "")
    return Spot(None, arguments.identifier(person, "personId"), model)


@router.post("/persons")
def create(request: Request, house: TheHouse, body: JsonBody) -> Response:
    name = arguments.name(body, needed=True)
    assert name is not None
    made, operation = directory.create_person(house.gallery, name, arguments.data(body))
    return accepted(request, f"/operations/{operation}", {"personId": made}, f"/persons/{made}")


@router.get("/persons")
def listed(request: Request, house: TheHouse, paging: Paging) -> Response:
    if paging[0]:
        paging = arguments.identifier(paging[0], "start"), paging[1]
    found = people.listed(house.gallery, None, *paging)
    return Json([{"personId": one.uuid, "name": one.name, "userData": one.data} for one in found])


@router.get("/persons/{person}")
def get(house: TheHouse, person: str) -> Response:
    found = people.get(house.gallery, None, arguments.identifier(person, "personId"))
    return Json({"personId": found.uuid, "name": found.name, "userData": found.data})


@router.patch("/persons/{person}")
def change(house: TheHouse, person: str, body: JsonBody) -> Response:
    name, data = arguments.name(body, needed=False), arguments.data(body)
    if name is None and data is None:
        arguments.bad("Give a name or userData.")
    people.change(house.gallery, None, arguments.identifier(person, "personId"), name, data)
    return empty()


@router.delete("/persons/{person}")
def remove(request: Request, house: TheHouse, person: str) -> Response:
    operation = directory.remove_person(house.gallery, arguments.identifier(person, "personId"))
    return accepted(request, f"/operations/{operation}")


@router.get("/persons/{person}/dynamicpersongroupreferences")
def groups_of(house: TheHouse, person: str, paging: Paging) -> Response:
    found = directory.groups_of(house.gallery, arguments.identifier(person, "personId"), *paging)
    return Json({"dynamicPersonGroupIds": found})


@router.post(_FACES)
def add_face(request: Request, house: TheHouse, person: str, model: str, picture: Picture) -> Response:
    spot, data = _spot(person, model), face_data(request)
    vector = seen(request, house, picture, spot)
    made, operation = directory.add_face(house.gallery, spot, vector, data)
    place = f"/persons/{spot.person}/recognitionModels/{spot.recognition}/persistedfaces/{made}"
    return accepted(request, f"/operations/{operation}", {"persistedFaceId": made}, place)


@router.get(_FACES)
def list_faces(house: TheHouse, person: str, model: str) -> Response:
    spot = _spot(person, model)
    found = faces.listed(house.gallery, spot)
    return Json({"personId": spot.person, "persistedFaceIds": [one.uuid for one in found]})


@router.get(_FACES + "/{face}")
def get_face(house: TheHouse, person: str, model: str, face: str) -> Response:
    face = arguments.identifier(face, "persistedFaceId")
    return Json(told_face(faces.get(house.gallery, _spot(person, model), face)))


@router.patch(_FACES + "/{face}")
def change_face(house: TheHouse, person: str, model: str, face: str, body: JsonBody) -> Response:
    face, data = arguments.identifier(face, "persistedFaceId"), arguments.data(body, arguments.LONGEST_FACE_DATA)
    faces.change(house.gallery, _spot(person, model), face, data)
    return empty()


@router.delete(_FACES + "/{face}")
def remove_face(request: Request, house: TheHouse, person: str, model: str, face: str) -> Response:
    face = arguments.identifier(face, "persistedFaceId")
    operation = directory.remove_face(house.gallery, _spot(person, model), face)
    return accepted(request, f"/operations/{operation}")


@router.put("/dynamicpersongroups/{word}")
def create_group(request: Request, house: TheHouse, word: str, body: JsonBody) -> Response:
    word, name = arguments.word(word, DYNAMIC), arguments.name(body, needed=True)
    assert name is not None
    join = _moved(body, "addPersonIds")
    return _done(request, directory.create_group(house.gallery, word, name, arguments.data(body), join))


@router.patch("/dynamicpersongroups/{word}")
def change_group(request: Request, house: TheHouse, word: str, body: JsonBody) -> Response:
    word, name, data = arguments.word(word, DYNAMIC), arguments.name(body, needed=False), arguments.data(body)
    join, leave = _moved(body, "addPersonIds"), _moved(body, "removePersonIds")
    if name is None and data is None and not join and not leave:
        arguments.bad("Give a name, userData, addPersonIds or removePersonIds.")
    return _done(request, directory.change_group(house.gallery, word, name, data, join, leave))


@router.delete("/dynamicpersongroups/{word}")
def remove_group(request: Request, house: TheHouse, word: str) -> Response:
    operation = directory.remove_group(house.gallery, arguments.word(word, DYNAMIC))
    return accepted(request, f"/operations/{operation}")


@router.get("/dynamicpersongroups")
def list_groups(house: TheHouse, paging: Paging) -> Response:
    found = containers.listed(house.gallery, DYNAMIC, *paging)
    return Json([{DYNAMIC.key: one.word, "name": one.name, "userData": one.data} for one in found])


@router.get("/dynamicpersongroups/{word}")
def get_group(house: TheHouse, word: str) -> Response:
    found = containers.get(house.gallery, DYNAMIC, arguments.word(word, DYNAMIC))
    return Json({DYNAMIC.key: found.word, "name": found.name, "userData": found.data})


@router.get("/dynamicpersongroups/{word}/persons")
def members(house: TheHouse, word: str, paging: Paging) -> Response:
    return Json({"personIds": directory.members(house.gallery, arguments.word(word, DYNAMIC), *paging)})


@router.get("/operations/{operation}")
def get_operation(house: TheHouse, operation: str) -> Response:
    operation = arguments.identifier(operation, "operationId")
    when = moment(directory.operation(house.gallery, operation))
    dates = {"createdDateTime": when, "lastActionDateTime": when, "finishedDateTime": when}
    return Json({"operationId": operation, "status": "succeeded", **dates, "message": None})


def _moved(body: Body, key: str) -> list[str]:
    return arguments.identifiers(body, key, 0, MOST_MOVED) if key in body else []


def _done(request: Request, operation: str | None) -> Response:
    return empty() if operation is None else accepted(request, f"/operations/{operation}")
