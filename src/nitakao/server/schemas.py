"""The shapes of what is answered: their names and fields are those of the commands' --json where there is one."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from nitakao.gallery.jobs import Job as KeptJob
from nitakao.values import Candidate as Likely
from nitakao.values import Face as Found
from nitakao.values import FaceRecord, Floats, Quality
from nitakao.values import Hit as Matched
from nitakao.values import Person as Somebody
from nitakao.values import Probe as Asked
from nitakao.values import ResultInfo as Based

Box = tuple[float, float, float, float]
Marks = list[tuple[float, float]]


def example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": value})


class QualityOf(BaseModel):
    """score: 0 to 1, all of it together.  Angles in degrees, roughly."""

    score: float | None
    sharpness: float | None
    yaw: float | None
    pitch: float | None
    roll: float | None


class Face(BaseModel):
    """A face of the gallery. box, landmarks: pixels of the upright photograph. time: seconds into a video."""

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
    landmarks: Marks | None
    score: float
    quality: QualityOf
    time: float | None
    taken: float | None
    person: int | None
    name: str


class Seen(BaseModel):
    """A face of a picture that was handed in.  turn: degrees counter-clockwise until it stands upright."""

    model_config = example(
        {"number": 0, "box": [367.5, 79.0, 616.4, 428.3], "landmarks": None, "score": 0.9997, "turn": 0}
    )

    number: int
    box: Box
    landmarks: Marks | None
    score: float
    turn: int


class Probe(BaseModel):
    """Somebody who was asked about.  face, person: of the gallery.  size: of the picture."""

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
    landmarks: Marks | None
    face: int | None
    person: int | None
    size: tuple[int, int] | None


class Match(BaseModel):
    rank: int
    distance: float
    probability: float | None
    face: Face
    path: str


class Basis(BaseModel):
    """What makes distances and probabilities readable."""

    model_config = example(
        {
            "model": "dlib-resnet",
            "metric": "euclidean",
            "threshold": 0.617,
            "threshold_source": "best on LFW folds 1-5",
            "prior": 0.5,
            "calibration": "LFW folds 1-5",
            "searched": 47,
            "faces": 47,
            "false_matches": 0.48,
        }
    )

    model: str
    metric: str
    threshold: float | None
    threshold_source: str
    prior: float | None
    calibration: str
    searched: int
    faces: int
    false_matches: float | None


class Answer(BaseModel):
    probe: Probe
    matches: list[Match]


class Searched(BaseModel):
    answers: list[Answer]
    basis: Basis
    problems: list[str]


class Candidate(BaseModel):
    rank: int
    person: int
    name: str
    distance: float
    probability: float | None
    nearest: Face
    best: float


class Identity(BaseModel):
    probe: Probe
    who: Candidate | None
    candidates: list[Candidate]
    nobody: float | None


class Identified(BaseModel):
    identities: list[Identity]
    people: int
    basis: Basis
    problems: list[str]


class Person(BaseModel):
    model_config = example({"id": 12, "name": "Ada", "faces": 31, "photos": 29, "hidden": False, "cover": 31})

    id: int
    name: str
    faces: int
    photos: int
    hidden: bool
    cover: int | None


class Job(BaseModel):
    """A job. problem, code, values: why it failed, as in a problem document: a sentence, its code, what it names."""

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


def number(value: float | None) -> float | None:
    """The number, or None where it is not known."""
    return None if value is None or not math.isfinite(value) else float(value)


def shown(path: str) -> str:
    """A path as text: bytes that are none are shown with escapes."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def box(corners: tuple[float, float, float, float]) -> Box:
    x1, y1, x2, y2 = (round(float(v), 1) for v in corners)
    return x1, y1, x2, y2


def marks(points: Floats | None) -> Marks | None:
    return None if points is None else [(round(float(x), 1), round(float(y), 1)) for x, y in points]


def of_face(kept: FaceRecord) -> dict[str, Any]:
    return {
        "id": kept.id,
        "photo": kept.photo_id,
        "number": kept.number,
        "box": box(kept.face.box),
        "landmarks": marks(kept.face.landmarks),
        "score": kept.face.score,
        "quality": _quality(kept.quality),
        "time": kept.time,
        "taken": kept.taken,
        "person": kept.person_id,
        "name": kept.name,
    }


def _quality(quality: Quality) -> dict[str, Any]:
    return {name: number(getattr(quality, name)) for name in ("score", "sharpness", "yaw", "pitch", "roll")}


def of_seen(face: Found, place: int) -> dict[str, Any]:
    return {
        "number": place,
        "box": box(face.box),
        "landmarks": marks(face.landmarks),
        "score": face.score,
        "turn": face.turn,
    }


def of_probe(probe: Asked, size: tuple[int, int] | None = None) -> dict[str, Any]:
    face = probe.face
    return {
        "name": probe.name,
        "number": probe.number,
        "box": None if face is None else box(face.box),
        "landmarks": None if face is None else marks(face.landmarks),
        "face": probe.faces[0] if len(probe.faces) == 1 else None,
        "person": probe.person_id,
        "size": size if face is not None else None,
    }


def of_match(match: Matched) -> dict[str, Any]:
    told = {"rank": match.rank, "distance": match.distance, "probability": number(match.probability)}
    return told | {"face": of_face(match.face), "path": shown(match.face.path)}


def of_basis(basis: Based) -> dict[str, Any]:
    return {
        "model": basis.model,
        "metric": basis.metric,
        "threshold": number(basis.threshold),
        "threshold_source": basis.threshold_source,
        "prior": number(basis.prior),
        "calibration": basis.calibration,
        "searched": basis.searched,
        "faces": basis.faces,
        "false_matches": number(basis.false_matches),
    }


def of_candidate(candidate: Likely) -> dict[str, Any]:
    return {
        "rank": candidate.rank,
        "person": candidate.person_id,
        "name": candidate.name,
        "distance": candidate.distance,
        "probability": number(candidate.probability),
        "nearest": of_face(candidate.face),
        "best": candidate.face_distance,
    }


def of_person(person: Somebody) -> dict[str, Any]:
    return {name: getattr(person, name) for name in ("id", "name", "faces", "photos", "hidden", "cover")}


def of_job(job: KeptJob) -> dict[str, Any]:
    return {name: getattr(job, name) for name in Job.model_fields}


def of_vector(vector: Floats) -> list[float]:
    """float32 in as few digits as give it back."""
    return [float(text) for text in np.char.mod("%.9g", vector)]
