"""POST /detect: the faces of a picture, each with a temporary id for other operations."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from nitakao.errors import FaceApiError
from nitakao.gallery.face_api import ids
from nitakao.server.face_api import parameters
from nitakao.server.face_api.context import ContextDep, Routes
from nitakao.server.face_api.pictures import Picture, check_readable
from nitakao.server.face_api.responses import Json
from nitakao.tasks.face_api import attributes, face_selection

router = Routes()

MIN_SECONDS, MAX_SECONDS = 60, 86_400  # lifetime of a face id
NO_LANDMARKS = "Landmarks are not available: the detector finds 5 points of a face, not these 27."


@router.post("/detect")
def detect(request: Request, context: ContextDep, picture: Picture) -> Response:
    query = request.query_params
    recognition, detection = parameters.recognition(query), parameters.detection(query)
    requested = _attributes(query.get("returnFaceAttributes") or "", recognition, detection)
    _check_landmarks(parameters.flag(query, "returnFaceLandmarks", False), detection)
    with_id = parameters.flag(query, "returnFaceId", True)
    model_json = {"recognitionModel": recognition} if parameters.flag(query, "returnRecognitionModel", False) else {}
    seconds = parameters.integer(query, "faceIdTimeToLive", MIN_SECONDS, MAX_SECONDS, MAX_SECONDS)
    outcome = check_readable(context.find_faces(picture, embed=with_id, chips=bool(requested)))
    rows = face_selection.large_enough(outcome.faces)
    face_ids = ids.store(context.gallery, outcome.vectors[rows], recognition, seconds) if with_id and rows else []
    detected = []
    for order, n in enumerate(rows):
        left, top, width, height = face_selection.rectangle(outcome.faces[n], outcome.size)
        face: dict[str, Any] = {"faceId": face_ids[order]} if with_id else {}
        face |= model_json | {"faceRectangle": {"top": top, "left": left, "width": width, "height": height}}
        if requested:
            face["faceAttributes"] = attributes.measure(
                outcome.faces[n], outcome.qualities[n], outcome.chips[n], requested
            )
        detected.append(face)
    return Json(detected)


def _attributes(listed: str, recognition: str, detection: str) -> frozenset[str]:
    """The requested attributes. Raises FaceApiError if one is not supported."""
    attribute_names = {
        name.lower(): name for name in (*attributes.SUPPORTED, *attributes.UNSUPPORTED, *attributes.RETIRED)
    }
    names = [name.strip().lower() for name in listed.split(",") if name.strip()]
    for name in names:
        if name not in attribute_names:
            parameters.bad_argument(f"'{name[:40]}' is not a face attribute.")
    requested = frozenset(attribute_names[name] for name in names)
    if requested and detection == "detection_02":
        parameters.bad_argument("detection_02 has no face attributes.")
    if "qualityForRecognition" in requested and recognition not in ("recognition_03", "recognition_04"):
        parameters.bad_argument("qualityForRecognition requires recognition_03 or recognition_04.")
    for name in sorted(requested):
        if name in attributes.RETIRED:
            raise FaceApiError(403, "UnsupportedFeature", f"The attribute {name} is retired.")
        if name in attributes.UNSUPPORTED:
            raise FaceApiError(403, "UnsupportedFeature", f"The attribute {name} is not available on this server.")
    return requested


def _check_landmarks(requested: bool, detection: str) -> None:
    if requested and detection == "detection_02":
        parameters.bad_argument("detection_02 has no face landmarks.")
    if requested:
        raise FaceApiError(403, "UnsupportedFeature", NO_LANDMARKS)
