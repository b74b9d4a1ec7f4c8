"""The embedding networks alone: crops to vectors, compared with PyTorch, bare ONNX Runtime and OpenVINO, and dlib."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sample_images
from results import Result
from session import Session, cores
from worker import Answer, Worker, alternate, disturbed

TITLE = "Embedding alone"
FACES, CHIPS = 128, 32  # a round's faces for FaceNet, and for dlib, which takes 0.1 s each
BATCHES = (1, 8, 32)
EXTRA_ROUNDS = 2  # rounds are short here


@dataclass(frozen=True)
class Side:
    """A way to run the network: batch size tried, and how to ask for it."""

    name: str
    worker: Worker
    request: Mapping[str, Any]
    precision: str = "f32"

    def ask(self, batch: int, out: str = "") -> Answer:
        return self.worker.ask("embed", batch=batch, out=out, **self.request)


def measure(session: Session) -> Result:
    result = Result(TITLE)
    _facenet(result, session)
    session.close()
    _dlib(result, session)
    result.notes += [
        f"each side at its best batch size of {', '.join(map(str, BATCHES))}, picked beforehand in one round each",
        "nitakao takes uint8 crops and returns unit vectors; the bare runtimes take normalised floats",
        "bare OpenVINO is compiled for a fixed batch size; 'own precision' is its default (with AMX: bf16)",
    ]
    return result


def _facenet(result: Result, session: Session) -> None:
    count = 32 if session.quick else FACES
    crops = sample_images.centres((session.lfw(count) * FACES)[:count], 160, session.cache / "crops160.npy")
    ours = _ours(result, session, "facenet-vggface2", crops)
    graph, inputs = session.cache / "facenet-vggface2.onnx", session.cache / "inputs160.npy"
    ours[0].worker.ask("export", model="facenet-vggface2", graph=str(graph), inputs=str(inputs))
    torch = [(threads, session.facenet_pytorch(network=True)) for threads in sorted({1, cores()})]
    for threads, worker in torch:
        worker.ask("threads", count=threads)
        worker.ask("prepare", crops=str(crops))
    bare = session.worker("nitakao", "graph_onnxruntime_worker")
    bare.ask("load", graph=str(graph), threads=cores())
    bare.ask("prepare", inputs=str(inputs))
    sides = [*ours, Side("bare ONNX Runtime", bare, {})]
    sides += [Side(f"PyTorch, threads: {threads}", worker, {}) for threads, worker in torch]
    for hint in ("THROUGHPUT", "LATENCY"):
        for precision in ("f32", ""):
            worker = session.worker("openvino", "graph_openvino_worker")
            chosen = worker.ask("load", graph=str(graph), precision=precision, hint=hint).result
            worker.ask("prepare", inputs=str(inputs))
            name = f"bare OpenVINO, {hint.lower()}" + ("" if precision else ", own precision")
            sides.append(Side(name, worker, {}, chosen["precision"]))
            result.versions |= worker.ask("about").result["versions"]
    result.versions |= torch[0][1].ask("about").result["versions"] | bare.ask("about").result["versions"]
    rates = _compare(result, session, f"facenet-vggface2, {count} faces", sides, count, session.cache)
    own = max(rate for name, rate in rates.items() if name.startswith("nitakao"))
    f32 = max(rate for name, rate in rates.items() if "bare" in name and "own precision" not in name)
    low = max(rate for name, rate in rates.items() if "own precision" in name)
    pytorch = max(rate for name, rate in rates.items() if name.startswith("PyTorch"))
    result.timed("facenet-vggface2: 1.5 x PyTorch", f"{own / pytorch:.2f} x", own >= 1.5 * pytorch)
    result.timed("facenet-vggface2: 0.95 of the better bare runtime, f32", f"{own / f32:.2f}", own >= 0.95 * f32)
    result.timed("facenet-vggface2 compared with OpenVINO at its own precision", f"{own / low:.2f}", None)


def _dlib(result: Result, session: Session) -> None:
    count = 8 if session.quick else CHIPS
    crops = sample_images.centres(session.lfw(count)[:count], 150, session.cache / "crops150.npy")
    ours = _ours(result, session, "dlib-resnet", crops)
    peer = session.face_recognition()
    peer.ask("prepare", crops=str(crops))
    result.versions |= peer.ask("about").result["versions"]
    rates = _compare(
        result, session, f"dlib-resnet, {count} chips", [*ours, Side("dlib", peer, {})], count, session.cache
    )
    own = max(rate for name, rate in rates.items() if name.startswith("nitakao"))
    result.timed("dlib-resnet: 8 x dlib", f"{own / rates['dlib']:.1f} x", own >= 8 * rates["dlib"])


def _ours(result: Result, session: Session, model: str, crops: Path) -> list[Side]:
    """All cores on one batch, and one core per batch as in the pipeline."""
    sides = []
    for name, threads, at_once in (
        (f"{cores()} threads a batch", cores(), 1),
        (f"{cores()} batches at once", 1, cores()),
    ):
        worker = session.ours()
        worker.ask("load", model=model, threads=threads)
        worker.ask("prepare", crops=str(crops))
        sides.append(Side(f"nitakao, {name}", worker, {"at_once": at_once}))
        result.versions |= worker.ask("about").result["versions"]
    return sides


def _compare(
    result: Result, session: Session, caption: str, sides: list[Side], count: int, cache: Path
) -> dict[str, float]:
    """Pictures per second of each side at its best batch size, and its difference from nitakao's vectors."""
    print(f"  {caption}: choosing batch sizes", flush=True)
    best, vectors = {}, {}
    for number, side in enumerate(sides):
        fitting = [b for b in BATCHES if b <= count]
        best[side.name] = max(fitting, key=lambda batch, s=side: _quick_rate(s, batch))
        out = str(cache / f"vectors-{number}.npy")
        side.ask(best[side.name], out)
        vectors[side.name] = _unit(np.load(out)) if "facenet" in caption else np.load(out)
    asked: dict[str, Callable[[], Answer]] = {s.name: lambda s=s: s.ask(best[s.name]) for s in sides}  # type: ignore[misc]
    measured = alternate(asked, count, session.rounds + (0 if session.quick else EXTRA_ROUNDS))
    result.disturb(disturbed(measured))
    reference = vectors[sides[0].name]
    rows = []
    for side in sides:
        rounds = measured[side.name]
        away = float(np.abs(vectors[side.name] - reference[: len(vectors[side.name])]).max())
        rows.append([side.name, side.precision, best[side.name], rounds.rate, f"{away:.1e}", rounds.resident])
    header = ["side", "precision", "batch", "faces/s", "largest difference from nitakao", "resident MB"]
    result.table(caption, header, rows)
    result.raw[caption] = {name: r.seconds for name, r in measured.items()}
    return {name: rounds.rate for name, rounds in measured.items()}


def _quick_rate(side: Side, batch: int) -> float:
    side.ask(batch)  # the first is warm-up, or compiles
    answer = side.ask(batch)
    return float(answer.result) / answer.seconds


def _unit(vectors: Any) -> Any:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
