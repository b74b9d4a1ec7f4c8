"""Lower precision: speed gained and accuracy lost on LFW, on the crops of the lfw benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from accuracy import score
from results import Result
from session import Session, cores
from suite.lfw import files, protocol
from worker import Worker, alternate, disturbed

TITLE = "Lower precision"
CALIBRATION = 96  # crops, of LFW pictures that are in no pair
TIMED = 128


def measure(session: Session) -> Result:
    result = Result(TITLE)
    for model in ("facenet-vggface2", "dlib-resnet"):
        _model(result, session, model)
        session.close()
    result.notes += [
        "bare runtimes on one graph; 'own' is the precision that OpenVINO chooses by itself on this processor",
        "int8: ONNX Runtime's static quantisation, weights per channel, activations ranged on crops outside the pairs",
    ]
    return result


def _model(result: Result, session: Session, model: str) -> None:
    stem, pairs = files(session, model), protocol(session)
    if not Path(f"{stem}-crops.npy").exists():
        raise FileNotFoundError("precision uses the crops of the lfw benchmark: run lfw first")
    ours = session.ours()
    result.versions |= ours.ask("about").result["versions"]
    graph, small, inputs = (str(session.cache / f"{model}{end}") for end in (".onnx", "-int8.onnx", "-inputs.npy"))
    ours.ask("prepare", crops=f"{stem}-crops.npy")
    ours.ask("export", model=model, graph=graph, inputs=inputs)
    print(f"  {model}: quantising", flush=True)
    held_out = [p for p in session.lfw(10**6) if p not in set(pairs.pictures)]
    spread = held_out[:: max(1, len(held_out) // CALIBRATION)][:CALIBRATION]
    ours.ask("central", pictures=spread, model=model, smallest=20, out=f"{stem}-calibration")
    ours.ask(
        "quantise", model=model, graph=graph, crops=f"{stem}-calibration-crops.npy", out=small, reduce_range=not _vnni()
    )
    ours.close()
    missing = ~np.isfinite(np.load(f"{stem}-vectors.npy")).all(axis=1)
    sides = _sides(session, graph, small)
    rates = _rates(result, session, sides, inputs)
    rows = []
    for name, worker in sides.items():
        vectors = _vectors(session, worker, inputs)
        if model.startswith("facenet"):
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors[missing] = np.nan
        found = score(pairs, dict(zip(pairs.pictures, vectors, strict=True)))
        rows.append(
            [name, rates[name], f"{100 * found.accuracy:.2f}", f"{100 * found.val:.1f}", f"{found.threshold:.4f}"]
        )
        result.raw[f"{model}, {name}"] = {"faces/s": rates[name], **vars(found)}
    result.table(model, ["run by", "faces/s", "accuracy, %", "VAL at FAR 1e-3, %", "best threshold"], rows)


def _sides(session: Session, graph: str, small: str) -> dict[str, Worker]:
    sides = {}
    for name, file in (("ONNX Runtime, f32", graph), ("ONNX Runtime, int8", small)):
        sides[name] = session.worker("nitakao", "graph_onnxruntime_worker")
        sides[name].ask("load", graph=file, threads=cores())
    openvino = session.worker("openvino", "graph_openvino_worker")
    chosen = openvino.ask("load", graph=graph, precision="", hint="THROUGHPUT").result["precision"]
    return {**sides, f"OpenVINO, own precision ({chosen})": openvino}


def _rates(result: Result, session: Session, sides: dict[str, Worker], inputs: str) -> dict[str, float]:
    some = np.load(inputs, mmap_mode="r")[:TIMED]
    part = session.cache / "timed-inputs.npy"
    np.save(part, some)
    for worker in sides.values():
        worker.ask("prepare", inputs=str(part))
        worker.ask("embed", batch=8)
    count = len(some) // 8 * 8
    asked = {name: (lambda w=worker: w.ask("embed", batch=8)) for name, worker in sides.items()}
    measured = alternate(asked, count, session.rounds)
    result.disturb(disturbed(measured))
    return {name: rounds.rate for name, rounds in measured.items()}


def _vectors(session: Session, worker: Worker, inputs: str) -> Any:
    out = str(session.cache / "precision-vectors.npy")
    worker.ask("prepare", inputs=inputs)
    worker.ask("embed", batch=1, out=out)  # any number of pictures is a whole number of batches of one
    return np.load(out)


def _vnni() -> bool:
    """Without these instructions 8-bit products can overflow, unless the weights give up a bit."""
    try:
        return "vnni" in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
