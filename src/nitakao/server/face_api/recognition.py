"""POST /findsimilars, /verify, /group and /identify: operations on detected faces."""

from __future__ import annotations

from typing import Any, cast

from fastapi import Request, Response

from nitakao.errors import FaceApiError
from nitakao.gallery.face_api.kinds import (
    DYNAMIC,
    FACE_LIST,
    LARGE_FACE_LIST,
    LARGE_PERSON_GROUP,
    PERSON_GROUP,
    Kind,
)
from nitakao.server.face_api import parameters
from nitakao.server.face_api.context import ContextDep, Routes
from nitakao.server.face_api.parameters import Body, JsonBody
from nitakao.server.face_api.responses import Json
from nitakao.tasks.face_api import group as grouping
from nitakao.tasks.face_api import identify as identifying
from nitakao.tasks.face_api import similar
from nitakao.tasks.face_api import verify as verifying
from nitakao.tasks.face_api.identify import Identity
from nitakao.tasks.face_api.similar import Mode

router = Routes()

MAX_FACES = 1000  # compared or grouped at once
MAX_PROBES, MAX_PERSONS = 10, 30  # faces to identify, and people of the directory, at once
ALL_PEOPLE = "*"  # as personIds: the whole directory
WITHOUT_DIRECTORY = "v1.0"  # API version without the directory


@router.post("/findsimilars")
def find_similar(context: ContextDep, body: JsonBody) -> Response:
    face = parameters.identifier(body.get("faceId"), "faceId")
    limit = parameters.integer(body, "maxNumOfCandidatesReturned", 1, 1000, 20)
    mode = cast(Mode, parameters.one_of(body, "mode", ("matchPerson", "matchFace"), "matchPerson"))
    scopes = [key for key in ("faceIds", FACE_LIST.key, LARGE_FACE_LIST.key) if key in body]
    if len(scopes) != 1:
        parameters.bad_argument("Give one of faceIds, faceListId and largeFaceListId.")
    if scopes == ["faceIds"]:
        others = parameters.identifiers(body, "faceIds", 1, MAX_FACES)
        hits, key = similar.among_ids(context.queries, face, others, limit, mode), "faceId"
    else:
        kind = FACE_LIST if scopes == [FACE_LIST.key] else LARGE_FACE_LIST
        container_id = parameters.container_id(body[kind.key], kind)
        hits, key = similar.in_list(context.queries, face, kind, container_id, limit, mode), "persistedFaceId"
    return Json([{key: one.uuid, "confidence": one.confidence} for one in hits])


@router.post("/verify")
def verify(context: ContextDep, body: JsonBody) -> Response:
    if "faceId1" in body or "faceId2" in body:
        one, other = (parameters.identifier(body.get(key), key) for key in ("faceId1", "faceId2"))
        result = verifying.faces(context.queries, one, other)
    else:
        face = parameters.identifier(body.get("faceId"), "faceId")
        person = parameters.identifier(body.get("personId"), "personId")
        group = _group(body)
        if group is None:
            result = verifying.in_directory(context.queries, face, person)
        else:
            result = verifying.in_group(context.queries, face, *group, person)
    return Json({"isIdentical": result.is_identical, "confidence": result.confidence})


def _group(body: Body) -> tuple[Kind, str] | None:
    """The requested group; None without one. Raises FaceApiError if there are two."""
    kinds = [kind for kind in (PERSON_GROUP, LARGE_PERSON_GROUP) if kind.key in body]
    if len(kinds) > 1:
        raise FaceApiError(
            400, "PersonGroupIdAndLargePersonGroupIdBothNotNull", "Give personGroupId or largePersonGroupId, not both."
        )
    return (kinds[0], parameters.container_id(body[kinds[0].key], kinds[0])) if kinds else None


@router.post("/group")
def group(context: ContextDep, body: JsonBody) -> Response:
    result = grouping.group(context.queries, parameters.identifiers(body, "faceIds", 2, MAX_FACES))
    return Json({"groups": [list(one) for one in result.groups], "messyGroup": list(result.messy)})


@router.post("/identify")
def identify(request: Request, context: ContextDep, body: JsonBody) -> Response:
    faces = parameters.identifiers(body, "faceIds", 1, MAX_PROBES)
    limit = parameters.integer(body, "maxNumOfCandidatesReturned", 1, 100, 10)
    min_confidence = parameters.fraction(body, "confidenceThreshold")
    group = _scope(body, str(request.path_params.get("version", "")))
    queries = context.queries
    if group is not None:
        identities = identifying.in_group(queries, faces, *group, limit, min_confidence)
    elif DYNAMIC.key in body:
        identities = identifying.in_dynamic(
            queries, faces, parameters.container_id(body[DYNAMIC.key], DYNAMIC), limit, min_confidence
        )
    else:
        all_people = body["personIds"] == [ALL_PEOPLE]
        people = None if all_people else parameters.identifiers(body, "personIds", 1, MAX_PERSONS)
        identities = identifying.in_directory(queries, faces, people, limit, min_confidence)
    return Json([_identity_json(one) for one in identities])


def _scope(body: Body, version: str) -> tuple[Kind, str] | None:
    """The requested group; None for people of the directory. Raises FaceApiError without exactly one scope."""
    group = _group(body)
    scopes = [key for key in ("personIds", DYNAMIC.key) if key in body]
    if len(scopes) + (group is not None) > 1:
        raise FaceApiError(
            400,
            "IncompatibleIdentificationScopeParametersCombination",
            "Give only one of personGroupId, largePersonGroupId, personIds and dynamicPersonGroupId.",
        )
    if group is None and not scopes and version == WITHOUT_DIRECTORY:
        raise FaceApiError(
            400, "PersonGroupIdAndLargePersonGroupIdBothNull", "Give one of personGroupId and largePersonGroupId."
        )
    if group is None and not scopes:
        raise identifying.missing_scope()
    return group


def _identity_json(one: Identity) -> dict[str, Any]:
    candidates = [{"personId": candidate.person, "confidence": candidate.confidence} for candidate in one.candidates]
    return {"faceId": one.face, "candidates": candidates}
