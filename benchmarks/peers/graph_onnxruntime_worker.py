"""ONNX Runtime on a graph, without nitakao."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from worker_loop import serve

state: dict[str, Any] = {}


def about() -> dict[str, Any]:
    return {"versions": {"onnxruntime": onnxruntime.__version__, "numpy": np.__version__}}


def load(graph: str, threads: int) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    state["session"] = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    state["input"] = state["session"].get_inputs()[0].name


def prepare(inputs: str) -> list[int]:
    """Normalised pictures (n, 3, s, s) float32."""
    state["inputs"] = np.load(inputs)
    return list(state["inputs"].shape)


def embed(batch: int, out: str = "") -> int:
    parts = [state["inputs"][at : at + batch] for at in range(0, len(state["inputs"]), batch)]
    vectors = np.concatenate([state["session"].run(None, {state["input"]: part})[0] for part in parts])
    if out:
        np.save(out, vectors)
    return len(vectors)


if __name__ == "__main__":
    serve({"about": about, "load": load, "prepare": prepare, "embed": embed})
