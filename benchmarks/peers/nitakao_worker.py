"""The worker of nitakao, by its public Python API where possible."""

from __future__ import annotations

import importlib.metadata
import json
import os
import statistics
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from worker_loop import memory, processor, reset_peak, serve

import nitakao
from nitakao import Outcome
from nitakao.models import embedder
from nitakao.models.cards import registry
from nitakao.models.onnx.session import Device
from nitakao.pipeline import PipelineOptions
from nitakao.system.cpu import cores
from nitakao.values import DetectorSettings, Face, Pixels

state: dict[str, Any] = {}


def about() -> dict[str, Any]:
    names = ("nitakao", "onnxruntime", "numpy", "opencv-python-headless", "pillow")
    return {"versions": {name: importlib.metadata.version(name) for name in names}, "cores": cores()}


def ready(models: list[str]) -> None:
    """models: folders with weights, besides those in packages."""
    os.environ["NITAKAO_MODELS"] = os.pathsep.join(models)
    os.environ["NITAKAO_OFFLINE"] = "1"


def outcomes(
    pictures: Iterable[str], model: str, smallest: float | None, *, retry: bool, crops: bool = False
) -> Iterable[Outcome]:
    """smallest: 20 for the article's setting, None for the everyday default."""
    detector = DetectorSettings(smallest_face=smallest, retry=retry)
    return nitakao.embed(pictures, model=model, keep_crops=crops, options=PipelineOptions(detector=detector))


def pipeline(pictures: list[str], model: str, smallest: float | None, retry: bool) -> dict[str, float]:
    """Timed from the first photo: `embed` loads its networks at each call, the other sides have theirs loaded."""
    called = time.perf_counter()
    started: list[tuple[float, float]] = []

    def names() -> Iterator[str]:
        started.append((time.perf_counter(), processor()))
        yield from pictures

    faces = failed = 0
    for outcome in outcomes(names(), model, smallest, retry=retry):
        faces += len(outcome.vectors)
        failed += outcome.status == "unreadable"
    seconds, spent = time.perf_counter() - started[0][0], processor() - started[0][1]
    loading = started[0][0] - called
    return {"faces": faces, "failed": failed, "loading": loading, "seconds": seconds, "processor_seconds": spent}


def detect(pictures: list[str], out: str, smallest: float | None, retry: bool) -> int:
    """Writes {picture: [[box, score, landmarks], ...]} as JSON; returns the number of faces."""
    detector = DetectorSettings(smallest_face=smallest, retry=retry)
    answer = {
        o.source: [_row(face) for face in o.faces]
        for o in nitakao.detect(pictures, options=PipelineOptions(detector=detector))
    }
    Path(out).write_text(json.dumps(answer), encoding="utf-8")
    return sum(map(len, answer.values()))


def _row(face: Face) -> list[Any]:
    assert face.landmarks is not None
    return [list(face.box), face.score, face.landmarks.tolist()]


def verify(pictures: list[str], model: str, smallest: float) -> dict[str, Any]:
    first, second = pictures
    detector = DetectorSettings(smallest_face=smallest)
    verdict = nitakao.verify(first, second, model=model, options=PipelineOptions(detector=detector))
    return {"distance": verdict.distance, "threshold": verdict.threshold, "same": verdict.same}


def central(pictures: list[str], model: str, smallest: float, out: str) -> dict[str, int]:
    """End to end: the most central face of each picture. Writes OUT-vectors.npy (NaN: none) and OUT-crops.npy."""
    card = registry.card(model)
    row = {picture: number for number, picture in enumerate(pictures)}
    vectors = np.full((len(pictures), card.dimension), np.nan, np.float32)
    crops = np.zeros((len(pictures), card.crop.size, card.crop.size, 3), np.uint8)
    for outcome in outcomes(pictures, model, smallest, retry=True, crops=True):
        if outcome.faces:
            best = min(range(len(outcome.faces)), key=lambda n, o=outcome: _off_centre(o.faces[n], o.size))
            assert outcome.crops is not None
            vectors[row[outcome.source]], crops[row[outcome.source]] = outcome.vectors[best], outcome.crops[best]
    np.save(f"{out}-vectors.npy", vectors)
    np.save(f"{out}-crops.npy", crops)
    return {"found": int(np.isfinite(vectors).all(axis=1).sum())}


def _off_centre(face: Face, size: tuple[int, int]) -> float:
    x1, y1, x2, y2 = face.box
    return (x1 + x2 - size[0]) ** 2 + (y1 + y2 - size[1]) ** 2


def load(model: str, threads: int = 1, flip: bool = False) -> None:
    state["network"] = embedder.load(registry.card(model), device=Device(threads=threads), flip=flip)


def prepare(crops: str) -> list[int]:
    state["crops"] = np.load(crops)
    return list(state["crops"].shape)


def embed(batch: int, out: str = "", at_once: int = 1) -> int:
    """at_once: number of batches in parallel, as in the pipeline."""
    from concurrent.futures import ThreadPoolExecutor

    state["network"].batch_size = batch
    parts: list[Pixels] = [state["crops"][at : at + batch] for at in range(0, len(state["crops"]), batch)]
    with ThreadPoolExecutor(at_once) as pool:
        vectors = np.concatenate(list(pool.map(state["network"], parts)))
    if out:
        np.save(out, vectors)
    return len(vectors)


def export(model: str, graph: str, inputs: str = "") -> None:
    """Writes the network's graph and its inputs, for bare runtimes."""
    from nitakao.models.networks import dlib_resnet, facenet
    from nitakao.models.weights import files

    card = registry.card(model)
    build = {"facenet": facenet.build, "dlib_resnet": dlib_resnet.build}[card.network]
    Path(graph).write_bytes(build(files.locate(card.files[0]), card))
    if inputs:
        np.save(inputs, _normalised(model, state["crops"]))


def _normalised(model: str, crops: Pixels) -> Any:
    """(n, 3, S, S) float32; computed from the card, independently of the embedder."""
    rule = registry.card(model).normalisation
    assert rule.kind != "per-picture"
    mean, scale = (np.array(v, np.float32).reshape(-1, 1, 1) for v in (rule.mean, rule.scale))
    return np.ascontiguousarray((crops.transpose(0, 3, 1, 2) - mean) / scale)


def quantise(model: str, graph: str, crops: str, out: str, reduce_range: bool) -> None:
    """8-bit integers by ONNX Runtime's static quantisation, ranges taken from real crops."""
    from onnxruntime import quantization as q

    inputs = _normalised(model, np.load(crops))

    class Reader(q.CalibrationDataReader):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self._parts = iter(np.array_split(inputs, max(1, len(inputs) // 8)))

        def get_next(self) -> dict[str, Any] | None:
            part = next(self._parts, None)
            return None if part is None else {"input": part}

    q.quantize_static(
        graph,
        out,
        Reader(),
        quant_format=q.QuantFormat.QDQ,
        per_channel=True,
        reduce_range=reduce_range,
        activation_type=q.QuantType.QUInt8,
        weight_type=q.QuantType.QInt8,
    )


def soak(pictures: list[str], model: str, step: int) -> list[dict[str, float]]:
    """One run over all pictures; for each `step` of them, MB resident (median, and at its end) and at peak."""
    samples, seen, faces = [], [], 0
    reset_peak()
    for done, outcome in enumerate(outcomes(pictures, model, None, retry=True), 1):
        faces += len(outcome.vectors)
        now = memory()
        seen.append(now["resident"])
        if done % step == 0 or done == len(pictures):
            median = statistics.median(seen)
            samples.append({"done": done, "median": median, "resident": seen[-1], "peak": now["peak"], "faces": faces})
            seen.clear()
            reset_peak()
    return samples


if __name__ == "__main__":
    jobs = (about, ready, pipeline, detect, verify, central, load, prepare, embed, export, quantise, soak)
    serve({job.__name__: job for job in jobs})
