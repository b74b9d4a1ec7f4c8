"""Face detection on the Face API route, compared with deepface's API server on the same picture.

    python benchmarks/face_api.py

deepface has no route that only detects, so both sides detect faces and compute a vector of dlib's ResNet for each.
nitakao: POST /face/v1.0/detect with returnFaceId, which also stores the vectors as face ids. deepface: POST /represent
with model_name Dlib, with each detector whose weights are on PyPI: mtcnn (the same three networks as nitakao's, in
TensorFlow), dlib's HOG, and OpenCV's cascade, its default. Its server is gunicorn with one worker, as its own script
starts it, and with one worker per core. Networks of both sides are loaded and warmed up first.

Needs the environment benchmarks/envs/deepface.txt (created once), or its interpreter as DEEPFACE_PYTHON.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import environments
import httpx
from PIL import Image

ROOT = Path(__file__).parents[1]
DETECTORS = ("mtcnn", "dlib", "opencv")
WEIGHTS = {
    "dlib_face_recognition_resnet_model_v1.dat": "dlib_face_recognition_resnet_model_v1.dat",
    "shape_predictor_5_face_landmarks.dat": "shape_predictor_5_face_landmarks.dat",
}
CLIENTS = 8

Ask = Callable[[httpx.Client, bytes], int]  # number of faces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--requests", type=int, default=30, help="one at a time, and again by 8 clients")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for row in measured(Path(folder), given.requests):
            print(json.dumps(row), flush=True)


def measured(folder: Path, count: int) -> Iterator[dict[str, Any]]:
    """One row per side and picture."""
    shown = pictures()
    with nitakao(folder) as url:
        for name, data in shown.items():
            yield timed(f"nitakao, {name}", url, ask_nitakao, data, count)
            yield timed(f"nitakao, {name}, without face ids", url, detect_only, data, count)
    python = Path(os.environ.get("DEEPFACE_PYTHON") or environments.ready("deepface"))
    for workers in (1, os.cpu_count() or 1):
        with deepface(python, folder, workers) as url:
            for detector in DETECTORS:
                for name, data in shown.items():
                    told = f"deepface {detector}, {workers} worker{'s' if workers > 1 else ''}, {name}"
                    yield timed(told, url, deepface_asker(detector), data, count, warm=3 * workers)


def pictures() -> dict[str, bytes]:
    """JPEGs of scikit-image's astronaut: one face, of about 90 pixels and of about 180."""
    from skimage import data

    portrait = Image.fromarray(data.astronaut())
    return {f"{side} x {side}": jpeg(portrait.resize((side, side), Image.Resampling.LANCZOS)) for side in (512, 1024)}


def jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90)
    return out.getvalue()


def timed(told: str, url: str, ask: Ask, data: bytes, count: int, warm: int = 3) -> dict[str, Any]:
    """Milliseconds of single requests, and requests per second of eight clients; or why it failed."""
    try:
        return {"what": told, **asked(url, ask, data, count, warm)}
    except httpx.HTTPError as error:
        return {"what": told, "problem": str(error) or type(error).__name__}


def asked(url: str, ask: Ask, data: bytes, count: int, warm: int) -> dict[str, Any]:
    with httpx.Client(base_url=url, timeout=120) as client:
        faces = {ask(client, data) for _ in range(warm)}
        took = sorted(_took(lambda: ask(client, data)) for _ in range(count))
        with ThreadPoolExecutor(CLIENTS) as pool:
            together = _took(lambda: list(pool.map(lambda _: ask(client, data), range(count))))
    return {
        "faces": sorted(faces),
        "p50_ms": round(1000 * statistics.median(took), 1),
        "p90_ms": round(1000 * took[int(0.9 * (len(took) - 1))], 1),
        "together_per_s": round(count / together, 2),
    }


def _took(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def ask_nitakao(client: httpx.Client, data: bytes, with_id: str = "true") -> int:
    headers = {"Content-Type": "application/octet-stream"}
    answer = client.post("/face/v1.0/detect", params={"returnFaceId": with_id}, content=data, headers=headers)
    return len(answer.raise_for_status().json())


def detect_only(client: httpx.Client, data: bytes) -> int:
    return ask_nitakao(client, data, "false")


def deepface_asker(detector: str) -> Ask:
    def ask(client: httpx.Client, data: bytes) -> int:
        form = {"model_name": "Dlib", "detector_backend": detector}
        answer = client.post("/represent", data=form, files={"img": ("a.jpg", data, "image/jpeg")})
        return len(answer.raise_for_status().json()["results"])

    return ask


@contextmanager
def nitakao(folder: Path) -> Iterator[str]:
    port = free_port()
    command = [str(Path(sys.executable).with_name("nitakao")), "serve", "--gallery", str(folder / "gallery.db")]
    with running([*command, "--model", "dlib-resnet", "--port", str(port)], port, folder, {}) as url:
        yield url


@contextmanager
def deepface(python: Path, folder: Path, workers: int) -> Iterator[str]:
    """deepface's server, with weights in its folder, since they cannot be downloaded everywhere."""
    weights = folder / ".deepface" / "weights"
    weights.mkdir(parents=True, exist_ok=True)
    models = next(python.parents[1].glob("**/face_recognition_models/models"))
    for name, source in WEIGHTS.items():
        shutil.copy(models / source, weights / name)
    port = free_port()
    app = next(python.parents[1].glob("**/deepface/api/src"))
    command = [str(python), "-m", "gunicorn", f"--workers={workers}", "--timeout=600", f"--bind=127.0.0.1:{port}"]
    # It requires the name of a database, which the routes used here do not open.
    variables = {"DEEPFACE_HOME": str(folder), "TF_CPP_MIN_LOG_LEVEL": "3", "DEEPFACE_LOG_LEVEL": "40"}
    with running([*command, "app:create_app()"], port, app, variables) as url:
        yield url


@contextmanager
def running(command: list[str], port: int, folder: Path, variables: dict[str, str]) -> Iterator[str]:
    with tempfile.TemporaryFile() as said:
        server = subprocess.Popen(command, cwd=folder, env={**os.environ, **variables}, stdout=said, stderr=said)
        try:
            until = time.monotonic() + 120
            while not answers(port):
                if server.poll() is not None or time.monotonic() > until:
                    said.seek(0)
                    raise RuntimeError(said.read().decode(errors="replace")[-3000:])
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(60)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
