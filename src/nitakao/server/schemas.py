"""Response schemas of the REST API, and how nitakao's values become them."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from nitakao import values
from nitakao.gallery import jobs
from nitakao.values import NO_FACE, FaceRecord, Floats, Quality

Box = tuple[float, float, float, float]
Points = list[tuple[float, float]]
ThresholdKind = Literal["request", "gallery", "model", "none"]
CalibrationKind = Literal["gallery", "model", "none"]


def example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": value})


class FaceQuality(BaseModel):
    """Quality of a face: `score` and `sharpness` from 0 to 1, angles in degrees (approximate)."""

    score: float | None
    sharpness: float | None
    yaw: float | None
    pitch: float | None
    roll: float | None


class Face(BaseModel):
    """A face of the gallery.

    `box` (x1, y1, x2, y2) and `landmarks` are in pixels of the upright photograph. `time`: seconds into a video.
    `taken`: seconds since 1970. `person` is null for an unassigned face.
    """

    model_config = example(
        {
            "id": 31,
            "photo": 27,
            "number": 0,
            "box": [367.5, 79.0, 616.4, 428.3],
            "landmarks": None,
            "score": 0.9997,
            "quality": {"score": 0.94, "sharpness": 0.96, "yaw": 0.4, "pitch": -4.5, "roll": -0.3},
            "time": None,
            "taken": 1354808761.0,
            "person": 12,
            "name": "Ada",
        }
    )

    id: int
    photo: int
    number: int
    box: Box
    landmarks: Points | None
    score: float
    quality: FaceQuality
    time: float | None
    taken: float | None
    person: int | None
    name: str


class DetectedFace(BaseModel):
    """A face in an uploaded picture. `turn`: degrees counter-clockwise that make it upright."""

    model_config = example(
        {"number": 0, "box": [367.5, 79.0, 616.4, 428.3], "landmarks": None, "score": 0.9997, "turn": 0}
    )

    number: int
    box: Box
    landmarks: Points | None
    score: float
    turn: int


class Probe(BaseModel):
    """What was searched for: a face of a picture of this `size`, or a `face` or `person` of the gallery."""

    model_config = example(
        {
            "name": "image",
            "number": 0,
            "box": [367.5, 79.0, 616.4, 428.3],
            "landmarks": None,
            "face": None,
            "person": None,
            "size": [910, 1137],
        }
    )

    name: str
    number: int
    box: Box | None
    landmarks: Points | None
    face: int | None
    person: int | None
    size: tuple[int, int] | None


class Hit(BaseModel):
    """A face of the gallery that resembles the probe."""

    rank: int
    distance: float
    probability: float | None
    face: Face
    path: str


class ResultInfo(BaseModel):
    """The model, threshold and calibration behind distances and probabilities.

    `threshold_kind` and `calibration_kind` say where the threshold and the calibration come from: the request, the
    gallery's settings, or the model's card. `threshold_source` and `calibration` describe them in English.
    `false_matches`: faces of other people expected below the threshold.
    """

    model_config = example(
        {
            "model": "dlib-resnet",
            "metric": "euclidean",
            "threshold": 0.617,
            "threshold_kind": "model",
            "threshold_source": "best on LFW folds 1-5",
            "prior": 0.5,
            "calibration": "LFW folds 1-5",
            "calibration_kind": "model",
            "searched": 47,
            "faces": 47,
            "false_matches": 0.48,
        }
    )

    model: str
    metric: str
    threshold: float | None
    threshold_kind: ThresholdKind
    threshold_source: str
    prior: float | None
    calibration: str
    calibration_kind: CalibrationKind
    searched: int
    faces: int
    false_matches: float | None


class Answer(BaseModel):
    """The hits for one probe, nearest first."""

    probe: Probe
    hits: list[Hit]


class SearchResponse(BaseModel):
    """One answer for each probe. `problems`: pictures without a usable face."""

    answers: list[Answer]
    info: ResultInfo
    problems: list[str]


class Candidate(BaseModel):
    """A person whom a probe may show. `face`: the person's nearest face, at `face_distance`."""

    rank: int
    person: int
    name: str
    distance: float
    probability: float | None
    face: Face
    face_distance: float


class Identity(BaseModel):
    """Who a probe shows. `match` is null for an unknown person, which has the probability `unknown`."""

    probe: Probe
    match: Candidate | None
    candidates: list[Candidate]
    unknown: float | None


class IdentifyResponse(BaseModel):
    """One identity for each probe. `people`: how many named people were compared."""

    identities: list[Identity]
    people: int
    info: ResultInfo
    problems: list[str]


class Person(BaseModel):
    """A person of the gallery. `name` is empty if unnamed; `cover` is the face that represents the person."""

    model_config = example({"id": 12, "name": "Ada", "faces": 31, "photos": 29, "hidden": False, "cover": 31})

    id: int
    name: str
    faces: int
    photos: int
    hidden: bool
    cover: int | None


class Job(BaseModel):
    """A background job. Times are seconds since 1970.

    A failed job has a `problem` sentence, with `code` and `values` as in a problem document.
    """

    model_config = example(
        {
            "id": 3,
            "kind": "index",
            "state": "running",
            "created": 1795663267.6,
            "started": 1795663267.7,
            "finished": None,
            "done": 120,
            "total": 1000,
            "message": "140 faces",
            "result": None,
            "problem": None,
            "code": None,
            "values": {},
        }
    )

    id: int
    kind: str
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    created: float
    started: float | None
    finished: float | None
    done: int
    total: int | None
    message: str
    result: dict[str, Any] | None
    problem: str | None
    code: str | None
    values: dict[str, str | int | float | None]


def finite(value: float | None) -> float | None:
    """The number; None for NaN and infinity, which JSON does not have."""
    return None if value is None or not math.isfinite(value) else float(value)


def printable(path: str) -> str:
    """The path as valid Unicode; undecodable bytes are escaped."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def box(corners: tuple[float, float, float, float]) -> Box:
    x1, y1, x2, y2 = (round(float(v), 1) for v in corners)
    return x1, y1, x2, y2


def points(landmarks: Floats | None) -> Points | None:
    return None if landmarks is None else [(round(float(x), 1), round(float(y), 1)) for x, y in landmarks]


def face(record: FaceRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "photo": record.photo_id,
        "number": record.number,
        "box": box(record.face.box),
        "landmarks": points(record.face.landmarks),
        "score": record.face.score,
        "quality": _quality(record.quality),
        "time": record.time,
        "taken": record.taken,
        "person": record.person_id,
        "name": record.name,
    }


def _quality(quality: Quality) -> dict[str, Any]:
    return {name: finite(getattr(quality, name)) for name in FaceQuality.model_fields}


def detected_face(detected: values.Face, number: int) -> dict[str, Any]:
    return {
        "number": number,
        "box": box(detected.box),
        "landmarks": points(detected.landmarks),
        "score": detected.score,
        "turn": detected.turn,
    }


def probe(record: values.Probe, size: tuple[int, int] | None = None) -> dict[str, Any]:
    detected = record.face
    return {
        "name": record.name,
        "number": record.number,
        "box": None if detected is None else box(detected.box),
        "landmarks": None if detected is None else points(detected.landmarks),
        "face": record.faces[0] if len(record.faces) == 1 else None,
        "person": record.person_id,
        "size": size if detected is not None else None,
    }


def hit(record: values.Hit) -> dict[str, Any]:
    shape = {"rank": record.rank, "distance": record.distance, "probability": finite(record.probability)}
    return shape | {"face": face(record.face), "path": printable(record.face.path)}


def result_info(
    info: values.ResultInfo, threshold_kind: ThresholdKind, calibration_kind: CalibrationKind
) -> dict[str, Any]:
    return {
        "model": info.model,
        "metric": info.metric,
        "threshold": finite(info.threshold),
        "threshold_kind": threshold_kind,
        "threshold_source": info.threshold_source,
        "prior": finite(info.prior),
        "calibration": info.calibration,
        "calibration_kind": calibration_kind if info.calibration else "none",
        "searched": info.searched,
        "faces": info.faces,
        "false_matches": finite(info.false_matches),
    }


def candidate(record: values.Candidate) -> dict[str, Any]:
    return {
        "rank": record.rank,
        "person": record.person_id,
        "name": record.name,
        "distance": record.distance,
        "probability": finite(record.probability),
        "face": face(record.face),
        "face_distance": record.face_distance,
    }


def person(record: values.Person) -> dict[str, Any]:
    return {name: getattr(record, name) for name in Person.model_fields}


def job(stored: jobs.Job) -> dict[str, Any]:
    return {name: getattr(stored, name) for name in Job.model_fields}


def photo_problem_code(problem: str) -> str:
    """The code for the English `problem` of a photograph."""
    return "" if not problem else "no-face" if problem == NO_FACE else "unreadable-photo"


def vector(row: Floats) -> list[float]:
    """float32 values in as few digits as restore them exactly."""
    return [float(text) for text in np.char.mod("%.9g", row)]
