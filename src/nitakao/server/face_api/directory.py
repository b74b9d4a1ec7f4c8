"""/persons, /dynamicpersongroups and /operations: the directory of people who belong to any number of groups.

All of it is told as accepted, as its clients expect, and is done by then.
"""

from __future__ import annotations

from fastapi import Request, Response

from nitakao.gallery.face_api import containers, directory, faces, people
from nitakao.gallery.face_api.faces import Spot
from nitakao.gallery.face_api.kinds import DYNAMIC
from nitakao.server.face_api import parameters
from nitakao.server.face_api.context import Routes, TheContext
from nitakao.server.face_api.faces import face_data, seen
from nitakao.server.face_api.faces import told as told_face
from nitakao.server.face_api.parameters import Body, JsonBody, Paging
from nitakao.server.face_api.pictures import Picture
from nitakao.server.face_api.responses import Json, accepted, empty, moment

router = Routes()

MOST_MOVED = 1000  # persons who join or leave a dynamic group at once
_FACES = "/persons/{person}/recognitionmodels/{model}/persistedfaces"


def _spot(person: str, model: str) -> Spot:
    model = parameters.one_of({"recognitionModel": model}, "recognitionModel", parameters.RECOGNITION, "")
    return Spot(None, parameters.identifier(person, "personId"), model)


@router.post("/persons")
def create(request: Request, context: TheContext, body: JsonBody) -> Response:
    name = parameters.name(body, needed=True)
    assert name is not None
    made, operation = directory.create_person(context.gallery, name, parameters.data(body))
    return accepted(request, f"/operations/{operation}", {"personId": made}, f"/persons/{made}")


@router.get("/persons")
def listed(request: Request, context: TheContext, paging: Paging) -> Response:
    if paging[0]:
        paging = parameters.identifier(paging[0], "start"), paging[1]
    found = people.listed(context.gallery, None, *paging)
    return Json([{"personId": one.uuid, "name": one.name, "userData": one.data} for one in found])


@router.get("/persons/{person}")
def get(context: TheContext, person: str) -> Response:
    found = people.get(context.gallery, None, parameters.identifier(person, "personId"))
    return Json({"personId": found.uuid, "name": found.name, "userData": found.data})


@router.patch("/persons/{person}")
def change(context: TheContext, person: str, body: JsonBody) -> Response:
    name, data = parameters.name(body, needed=False), parameters.data(body)
    if name is None and data is None:
        parameters.bad("Give a name or userData.")
    people.change(context.gallery, None, parameters.identifier(person, "personId"), name, data)
    return empty()


@router.delete("/persons/{person}")
def remove(request: Request, context: TheContext, person: str) -> Response:
    operation = directory.remove_person(context.gallery, parameters.identifier(person, "personId"))
    return accepted(request, f"/operations/{operation}")


@router.get("/persons/{person}/dynamicpersongroupreferences")
def groups_of(context: TheContext, person: str, paging: Paging) -> Response:
    found = directory.groups_of(context.gallery, parameters.identifier(person, "personId"), *paging)
    return Json({"dynamicPersonGroupIds": found})


@router.post(_FACES)
def add_face(request: Request, context: TheContext, person: str, model: str, picture: Picture) -> Response:
    spot, data = _spot(person, model), face_data(request)
    vector = seen(request, context, picture, spot)
    made, operation = directory.add_face(context.gallery, spot, vector, data)
    place = f"/persons/{spot.person}/recognitionModels/{spot.recognition}/persistedfaces/{made}"
    return accepted(request, f"/operations/{operation}", {"persistedFaceId": made}, place)


@router.get(_FACES)
def list_faces(context: TheContext, person: str, model: str) -> Response:
    spot = _spot(person, model)
    found = faces.listed(context.gallery, spot)
    return Json({"personId": spot.person, "persistedFaceIds": [one.uuid for one in found]})


@router.get(_FACES + "/{face}")
def get_face(context: TheContext, person: str, model: str, face: str) -> Response:
    face = parameters.identifier(face, "persistedFaceId")
    return Json(told_face(faces.get(context.gallery, _spot(person, model), face)))


@router.patch(_FACES + "/{face}")
def change_face(context: TheContext, person: str, model: str, face: str, body: JsonBody) -> Response:
    face, data = parameters.identifier(face, "persistedFaceId"), parameters.data(body, parameters.LONGEST_FACE_DATA)
    faces.change(context.gallery, _spot(person, model), face, data)
    return empty()


@router.delete(_FACES + "/{face}")
def remove_face(request: Request, context: TheContext, person: str, model: str, face: str) -> Response:
    face = parameters.identifier(face, "persistedFaceId")
    operation = directory.remove_face(context.gallery, _spot(person, model), face)
    return accepted(request, f"/operations/{operation}")


@router.put("/dynamicpersongroups/{word}")
def create_group(request: Request, context: TheContext, word: str, body: JsonBody) -> Response:
    word, name = parameters.word(word, DYNAMIC), parameters.name(body, needed=True)
    assert name is not None
    join = _moved(body, "addPersonIds")
    return _done(request, directory.create_group(context.gallery, word, name, parameters.data(body), join))


@router.patch("/dynamicpersongroups/{word}")
def change_group(request: Request, context: TheContext, word: str, body: JsonBody) -> Response:
    word, name, data = parameters.word(word, DYNAMIC), parameters.name(body, needed=False), parameters.data(body)
    join, leave = _moved(body, "addPersonIds"), _moved(body, "removePersonIds")
    if name is None and data is None and not join and not leave:
        parameters.bad("Give a name, userData, addPersonIds or removePersonIds.")
    return _done(request, directory.change_group(context.gallery, word, name, data, join, leave))


@router.delete("/dynamicpersongroups/{word}")
def remove_group(request: Request, context: TheContext, word: str) -> Response:
    operation = directory.remove_group(context.gallery, parameters.word(word, DYNAMIC))
    return accepted(request, f"/operations/{operation}")


@router.get("/dynamicpersongroups")
def list_groups(context: TheContext, paging: Paging) -> Response:
    found = containers.listed(context.gallery, DYNAMIC, *paging)
    return Json([{DYNAMIC.key: one.word, "name": one.name, "userData": one.data} for one in found])


@router.get("/dynamicpersongroups/{word}")
def get_group(context: TheContext, word: str) -> Response:
    found = containers.get(context.gallery, DYNAMIC, parameters.word(word, DYNAMIC))
    return Json({DYNAMIC.key: found.word, "name": found.name, "userData": found.data})


@router.get("/dynamicpersongroups/{word}/persons")
def members(context: TheContext, word: str, paging: Paging) -> Response:
    return Json({"personIds": directory.members(context.gallery, parameters.word(word, DYNAMIC), *paging)})


@router.get("/operations/{operation}")
def get_operation(context: TheContext, operation: str) -> Response:
    operation = parameters.identifier(operation, "operationId")
    when = moment(directory.operation(context.gallery, operation))
    dates = {"createdDateTime": when, "lastActionDateTime": when, "finishedDateTime": when}
    return Json({"operationId": operation, "status": "succeeded", **dates, "message": None})


def _moved(body: Body, key: str) -> list[str]:
    return parameters.identifiers(body, key, 0, MOST_MOVED) if key in body else []


def _done(request: Request, operation: str | None) -> Response:
    return empty() if operation is None else accepted(request, f"/operations/{operation}")
