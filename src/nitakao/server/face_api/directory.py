"""/persons, /dynamicpersongroups and /operations: the person directory.

Changes are answered with 202 as the clients expect, but are complete by then.
"""

from __future__ import annotations

from fastapi import Request, Response

from nitakao.gallery.face_api import containers, directory, faces, people
from nitakao.gallery.face_api.faces import FaceLocation
from nitakao.gallery.face_api.kinds import DYNAMIC
from nitakao.server.face_api import parameters
from nitakao.server.face_api.context import ContextDep, Routes
from nitakao.server.face_api.faces import embed_target_face, face_data, face_json
from nitakao.server.face_api.parameters import Body, JsonBody, Paging
from nitakao.server.face_api.pictures import Picture
from nitakao.server.face_api.responses import Json, accepted_response, empty_response, timestamp

router = Routes()

MAX_MEMBER_CHANGES = 1000  # people added to or removed from a dynamic group at once
_FACES = "/persons/{person}/recognitionmodels/{model}/persistedfaces"


def _location(person: str, model: str) -> FaceLocation:
    model = parameters.one_of({"recognitionModel": model}, "recognitionModel", parameters.RECOGNITION, "")
    return FaceLocation(None, parameters.identifier(person, "personId"), model)


@router.post("/persons")
def create(request: Request, context: ContextDep, body: JsonBody) -> Response:
    name = parameters.name(body, needed=True)
    assert name is not None
    person_id, operation = directory.create_person(context.gallery, name, parameters.data(body))
    return accepted_response(request, f"/operations/{operation}", {"personId": person_id}, f"/persons/{person_id}")


@router.get("/persons")
def listed(request: Request, context: ContextDep, paging: Paging) -> Response:
    if paging[0]:
        paging = parameters.identifier(paging[0], "start"), paging[1]
    found = people.listed(context.gallery, None, *paging)
    return Json([{"personId": one.uuid, "name": one.name, "userData": one.data} for one in found])


@router.get("/persons/{person}")
def get(context: ContextDep, person: str) -> Response:
    found = people.get(context.gallery, None, parameters.identifier(person, "personId"))
    return Json({"personId": found.uuid, "name": found.name, "userData": found.data})


@router.patch("/persons/{person}")
def change(context: ContextDep, person: str, body: JsonBody) -> Response:
    name, data = parameters.name(body, needed=False), parameters.data(body)
    if name is None and data is None:
        parameters.bad_argument("Give a name or userData.")
    people.change(context.gallery, None, parameters.identifier(person, "personId"), name, data)
    return empty_response()


@router.delete("/persons/{person}")
def remove(request: Request, context: ContextDep, person: str) -> Response:
    operation = directory.remove_person(context.gallery, parameters.identifier(person, "personId"))
    return accepted_response(request, f"/operations/{operation}")


@router.get("/persons/{person}/dynamicpersongroupreferences")
def groups_of(context: ContextDep, person: str, paging: Paging) -> Response:
    found = directory.groups_of(context.gallery, parameters.identifier(person, "personId"), *paging)
    return Json({"dynamicPersonGroupIds": found})


@router.post(_FACES)
def add_face(request: Request, context: ContextDep, person: str, model: str, picture: Picture) -> Response:
    location, data = _location(person, model), face_data(request)
    vector = embed_target_face(request, context, picture, location)
    face_id, operation = directory.add_face(context.gallery, location, vector, data)
    place = f"/persons/{location.person}/recognitionModels/{location.recognition}/persistedfaces/{face_id}"
    return accepted_response(request, f"/operations/{operation}", {"persistedFaceId": face_id}, place)


@router.get(_FACES)
def list_faces(context: ContextDep, person: str, model: str) -> Response:
    location = _location(person, model)
    found = faces.listed(context.gallery, location)
    return Json({"personId": location.person, "persistedFaceIds": [one.uuid for one in found]})


@router.get(_FACES + "/{face}")
def get_face(context: ContextDep, person: str, model: str, face: str) -> Response:
    face = parameters.identifier(face, "persistedFaceId")
    return Json(face_json(faces.get(context.gallery, _location(person, model), face)))


@router.patch(_FACES + "/{face}")
def change_face(context: ContextDep, person: str, model: str, face: str, body: JsonBody) -> Response:
    face, data = parameters.identifier(face, "persistedFaceId"), parameters.data(body, parameters.MAX_FACE_DATA)
    faces.change(context.gallery, _location(person, model), face, data)
    return empty_response()


@router.delete(_FACES + "/{face}")
def remove_face(request: Request, context: ContextDep, person: str, model: str, face: str) -> Response:
    face = parameters.identifier(face, "persistedFaceId")
    operation = directory.remove_face(context.gallery, _location(person, model), face)
    return accepted_response(request, f"/operations/{operation}")


@router.put("/dynamicpersongroups/{container_id}")
def create_group(request: Request, context: ContextDep, container_id: str, body: JsonBody) -> Response:
    container_id, name = parameters.container_id(container_id, DYNAMIC), parameters.name(body, needed=True)
    assert name is not None
    join = _person_ids(body, "addPersonIds")
    return _operation_response(
        request, directory.create_group(context.gallery, container_id, name, parameters.data(body), join)
    )


@router.patch("/dynamicpersongroups/{container_id}")
def change_group(request: Request, context: ContextDep, container_id: str, body: JsonBody) -> Response:
    container_id, name, data = (
        parameters.container_id(container_id, DYNAMIC),
        parameters.name(body, needed=False),
        parameters.data(body),
    )
    join, leave = _person_ids(body, "addPersonIds"), _person_ids(body, "removePersonIds")
    if name is None and data is None and not join and not leave:
        parameters.bad_argument("Give a name, userData, addPersonIds or removePersonIds.")
    return _operation_response(request, directory.change_group(context.gallery, container_id, name, data, join, leave))


@router.delete("/dynamicpersongroups/{container_id}")
def remove_group(request: Request, context: ContextDep, container_id: str) -> Response:
    operation = directory.remove_group(context.gallery, parameters.container_id(container_id, DYNAMIC))
    return accepted_response(request, f"/operations/{operation}")


@router.get("/dynamicpersongroups")
def list_groups(context: ContextDep, paging: Paging) -> Response:
    found = containers.listed(context.gallery, DYNAMIC, *paging)
    return Json([{DYNAMIC.key: one.container_id, "name": one.name, "userData": one.data} for one in found])


@router.get("/dynamicpersongroups/{container_id}")
def get_group(context: ContextDep, container_id: str) -> Response:
    found = containers.get(context.gallery, DYNAMIC, parameters.container_id(container_id, DYNAMIC))
    return Json({DYNAMIC.key: found.container_id, "name": found.name, "userData": found.data})


@router.get("/dynamicpersongroups/{container_id}/persons")
def members(context: ContextDep, container_id: str, paging: Paging) -> Response:
    return Json(
        {"personIds": directory.members(context.gallery, parameters.container_id(container_id, DYNAMIC), *paging)}
    )


@router.get("/operations/{operation}")
def get_operation(context: ContextDep, operation: str) -> Response:
    operation = parameters.identifier(operation, "operationId")
    when = timestamp(directory.operation(context.gallery, operation))
    dates = {"createdDateTime": when, "lastActionDateTime": when, "finishedDateTime": when}
    return Json({"operationId": operation, "status": "succeeded", **dates, "message": None})


def _person_ids(body: Body, key: str) -> list[str]:
    return parameters.identifiers(body, key, 0, MAX_MEMBER_CHANGES) if key in body else []


def _operation_response(request: Request, operation: str | None) -> Response:
    return empty_response() if operation is None else accepted_response(request, f"/operations/{operation}")
