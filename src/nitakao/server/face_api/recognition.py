"""POST /findsimilars, /verify, /group, /identify: questions about faces that were detected before."""

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
from nitakao.server.face_api.context import Routes, TheContext
from nitakao.server.face_api.parameters import Body, JsonBody
from nitakao.server.face_api.responses import Json
from nitakao.tasks.face_api import group as grouping
from nitakao.tasks.face_api import identify as identifying
from nitakao.tasks.face_api import similar
from nitakao.tasks.face_api import verify as verifying
from nitakao.tasks.face_api.identify import Identity
from nitakao.tasks.face_api.similar import Mode

router = Routes()

MOST_FACES = 1000  # that are compared with, or grouped
MOST_ASKED, MOST_PERSONS = 10, 30  # faces that are identified at once, and persons of the directory among whom
EVERYBODY = "*"  # in the place of persons' ids: all of the directory
OLD = "v1.0"  # whose clients know no directory


@router.post("/findsimilars")
def find_similar(context: TheContext, body: JsonBody) -> Response:
    face = parameters.identifier(body.get("faceId"), "faceId")
    most = parameters.whole(body, "maxNumOfCandidatesReturned", 1, 1000, 20)
    mode = cast(Mode, parameters.one_of(body, "mode", ("matchPerson", "matchFace"), "matchPerson"))
    scopes = [key for key in ("faceIds", FACE_LIST.key, LARGE_FACE_LIST.key) if key in body]
    if len(scopes) != 1:
        parameters.bad("Give one of faceIds, faceListId and largeFaceListId.")
    if scopes == ["faceIds"]:
        others = parameters.identifiers(body, "faceIds", 1, MOST_FACES)
        found, key = similar.among_ids(context.queries, face, others, most, mode), "faceId"
    else:
        kind = FACE_LIST if scopes == [FACE_LIST.key] else LARGE_FACE_LIST
        word = parameters.word(body[kind.key], kind)
        found, key = similar.in_list(context.queries, face, kind, word, most, mode), "persistedFaceId"
    return Json([{key: one.uuid, "confidence": one.confidence} for one in found])


@router.post("/verify")
def verify(context: TheContext, body: JsonBody) -> Response:
    if "faceId1" in body or "faceId2" in body:
        one, other = (parameters.identifier(body.get(key), key) for key in ("faceId1", "faceId2"))
        found = verifying.faces(context.queries, one, other)
    else:
        face = parameters.identifier(body.get("faceId"), "faceId")
        person = parameters.identifier(body.get("personId"), "personId")
        group = _group(body)
        if group is None:
            found = verifying.in_directory(context.queries, face, person)
        else:
            found = verifying.in_group(context.queries, face, *group, person)
    return Json({"isIdentical": found.same, "confidence": found.confidence})


def _group(body: Body) -> tuple[Kind, str] | None:
    """The group that is meant; None where none is. Raises FaceApiError where two are."""
    kinds = [kind for kind in (PERSON_GROUP, LARGE_PERSON_GROUP) if kind.key in body]
    if len(kinds) > 1:
        raise FaceApiError(
            400, "PersonGroupIdAndLargePersonGroupIdBothNotNull", "Give personGroupId or largePersonGroupId, not both."
        )
    return (kinds[0], parameters.word(body[kinds[0].key], kinds[0])) if kinds else None


@router.post("/group")
def group(context: TheContext, body: JsonBody) -> Response:
    found = grouping.group(context.queries, parameters.identifiers(body, "faceIds", 2, MOST_FACES))
    return Json({"groups": [list(one) for one in found.groups], "messyGroup": list(found.alone)})


@router.post("/identify")
def identify(request: Request, context: TheContext, body: JsonBody) -> Response:
    faces = parameters.identifiers(body, "faceIds", 1, MOST_ASKED)
    most = parameters.whole(body, "maxNumOfCandidatesReturned", 1, 100, 10)
    least = parameters.share(body, "confidenceThreshold")
    group = _scope(body, str(request.path_params.get("version", "")))
    queries = context.queries
    if group is not None:
        found = identifying.in_group(queries, faces, *group, most, least)
    elif DYNAMIC.key in body:
        found = identifying.in_dynamic(queries, faces, parameters.word(body[DYNAMIC.key], DYNAMIC), most, least)
    else:
        everybody = body["personIds"] == [EVERYBODY]
        people = None if everybody else parameters.identifiers(body, "personIds", 1, MOST_PERSONS)
        found = identifying.in_directory(queries, faces, people, most, least)
    return Json([_told(one) for one in found])


def _scope(body: Body, version: str) -> tuple[Kind, str] | None:
    """The group that is meant; None where persons of the directory are. Raises FaceApiError for anything else."""
    group = _group(body)
    given = [key for key in ("personIds", DYNAMIC.key) if key in body]
    if len(given) + (group is not None) > 1:
        raise FaceApiError(
            400, "IncompatibleIdentificationScopeParametersCombination", "Say among whom in one way, not in several."
        )
    if group is None and not given and version == OLD:
        raise FaceApiError(
            400, "PersonGroupIdAndLargePersonGroupIdBothNull", "Give one of personGroupId and largePersonGroupId."
        )
    if group is None and not given:
        raise identifying.nowhere()
    return group


def _told(one: Identity) -> dict[str, Any]:
    guesses = [{"personId": guess.person, "confidence": guess.confidence} for guess in one.guesses]
    return {"faceId": one.face, "candidates": guesses}
