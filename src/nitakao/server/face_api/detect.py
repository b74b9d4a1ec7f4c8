"""POST /detect: the faces of a picture, with an id each that other questions take for a while."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from nitakao.errors import FaceApiError
from nitakao.gallery.face_api import ids
from nitakao.server.face_api import parameters
from nitakao.server.face_api.context import Routes, TheContext
from nitakao.server.face_api.pictures import Picture, usable
from nitakao.server.face_api.responses import Json
from nitakao.tasks.face_api import attributes, face_selection

router = Routes()

SHORTEST, LONGEST = 60, 86_400  # seconds that a face id is good for
NO_MARKS = "Landmarks are not available: the detector here finds five points of a face, and not these 27."


@router.post("/detect")
def detect(request: Request, context: TheContext, picture: Picture) -> Response:
    asked = request.query_params
    recognition, detection = parameters.recognition(asked), parameters.detection(asked)
    wanted = _attributes(asked.get("returnFaceAttributes") or "", recognition, detection)
    _check_landmarks(parameters.flag(asked, "returnFaceLandmarks", False), detection)
    with_id = parameters.flag(asked, "returnFaceId", True)
    told = {"recognitionModel": recognition} if parameters.flag(asked, "returnRecognitionModel", False) else {}
    seconds = parameters.whole(asked, "faceIdTimeToLive", SHORTEST, LONGEST, LONGEST)
    outcome = usable(context.look(picture, embed=with_id, chips=bool(wanted)))
    places = face_selection.large_enough(outcome.faces)
    kept = ids.keep(context.gallery, outcome.vectors[places], recognition, seconds) if with_id and places else []
    answer = []
    for order, n in enumerate(places):
        left, top, width, height = face_selection.rectangle(outcome.faces[n], outcome.size)
        face: dict[str, Any] = {"faceId": kept[order]} if with_id else {}
        face |= told | {"faceRectangle": {"top": top, "left": left, "width": width, "height": height}}
        if wanted:
            face["faceAttributes"] = attributes.of(outcome.faces[n], outcome.qualities[n], outcome.chips[n], wanted)
        answer.append(face)
    return Json(answer)


def _attributes(listed: str, recognition: str, detection: str) -> frozenset[str]:
    """The attributes that are asked for, all of which can be told. Raises FaceApiError where one cannot."""
    known = {word.lower(): word for word in (*attributes.TOLD, *attributes.REFUSED, *attributes.RETIRED)}
    words = [word.strip().lower() for word in listed.split(",") if word.strip()]
    for word in words:
        if word not in known:
            parameters.bad(f"'{word[:40]}' is no face attribute.")
    wanted = frozenset(known[word] for word in words)
    if wanted and detection == "detection_02":
        parameters.bad("detection_02 gives no face attributes.")
    if "qualityForRecognition" in wanted and recognition not in ("recognition_03", "recognition_04"):
        parameters.bad("qualityForRecognition goes with recognition_03 and recognition_04 only.")
    for word in sorted(wanted):
        if word in attributes.RETIRED:
            raise FaceApiError(403, "UnsupportedFeature", f"The attribute {word} is retired.")
        if word in attributes.REFUSED:
            raise FaceApiError(403, "UnsupportedFeature", f"The attribute {word} is not available on this server.")
    return wanted


def _check_landmarks(wanted: bool, detection: str) -> None:
    if wanted and detection == "detection_02":
        parameters.bad("detection_02 gives no face landmarks.")
    if wanted:
        raise FaceApiError(403, "UnsupportedFeature", NO_MARKS)
