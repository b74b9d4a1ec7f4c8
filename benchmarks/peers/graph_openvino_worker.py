"""OpenVINO on a graph, without nitakao."""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino
from worker_loop import serve

state: dict[str, Any] = {}


def about() -> dict[str, Any]:
    return {"versions": {"openvino": openvino.__version__.split("-")[0], "numpy": np.__version__}}


def load(graph: str, precision: str = "", hint: str = "THROUGHPUT") -> dict[str, str]:
    """precision 'f32', or empty for its own choice (bfloat16 where the processor has AMX).

    hint LATENCY: one request on all cores; THROUGHPUT: as many requests at once as it finds best.
    """
    core = openvino.Core()
    settings = {"PERFORMANCE_HINT": hint}
    if precision:
        settings["INFERENCE_PRECISION_HINT"] = precision
    state["core"], state["model"], state["settings"], state["ready"] = core, core.read_model(graph), settings, {}
    network = core.compile_model(state["model"], "CPU", settings)
    state["requests"] = int(network.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
    return {
        "precision": network.get_property("INFERENCE_PRECISION_HINT").get_type_name(),
        "requests": str(state["requests"]),
        "hint": hint,
    }


def prepare(inputs: str) -> list[int]:
    state["inputs"] = np.load(inputs)
    return list(state["inputs"].shape)


def embed(batch: int, out: str = "") -> int:
    """The batch size is fixed in the compiled network, which OpenVINO prefers; the first round compiles it."""
    network = _compiled(batch)
    inputs = state["inputs"]
    count = len(inputs) // batch * batch
    vectors: list[Any] = [None] * (count // batch)

    def take(request: Any, number: int) -> None:
        vectors[number] = request.get_output_tensor(0).data.copy()

    queue = openvino.AsyncInferQueue(network, state["requests"])
    queue.set_callback(take)
    for number in range(count // batch):
        queue.start_async({0: inputs[number * batch : (number + 1) * batch]}, number)
    queue.wait_all()
    if out:
        np.save(out, np.concatenate(vectors))
    return count


def _compiled(batch: int) -> Any:
    if batch not in state["ready"]:
        model = state["model"].clone()
        model.reshape([batch, *state["inputs"].shape[1:]])
        state["ready"][batch] = state["core"].compile_model(model, "CPU", state["settings"])
    return state["ready"][batch]


if __name__ == "__main__":
    serve({"about": about, "load": load, "prepare": prepare, "embed": embed})
