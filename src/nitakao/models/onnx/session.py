"""Run ONNX graphs. The only module that imports ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from nitakao.errors import DeviceError, MisuseError, ModelError


@dataclass(frozen=True)
class Device:
    """Where networks run.

    Attributes:
        name: 'cpu' or 'cuda'.
        memory_fraction: Limit on GPU memory, as a share (the article's gpu_memory_fraction); None for no limit.
        threads: Threads per network run; the pipeline uses 1 and processes several photographs in parallel.
    """

    name: str = "cpu"
    memory_fraction: float | None = None
    threads: int = 1

    def __post_init__(self) -> None:
        if self.name not in ("cpu", "cuda"):
            raise MisuseError(f"no device '{self.name}': choose cpu or cuda")
        if self.memory_fraction is not None and not 0 < self.memory_fraction <= 1:
            raise MisuseError(f"the memory fraction must be above 0 and at most 1, not {self.memory_fraction:g}")
        if self.threads < 1:
            raise MisuseError(f"the number of threads must be 1 or more, not {self.threads}")


def available() -> list[str]:
    """ONNX Runtime's execution providers in this installation."""
    return list(onnxruntime.get_available_providers())


def version() -> str:
    """ONNX Runtime's version."""
    return str(onnxruntime.__version__)


class Session:
    """A loaded graph. `run` is thread-safe.

    Args:
        model: Serialised graph, or a path.
        device: Where to run; by default the CPU.

    Raises:
        DeviceError: If the device is not available; there is no fallback.
        ModelError: If the graph cannot be loaded.
    """

    def __init__(self, model: bytes | str, device: Device | None = None) -> None:
        device = device or Device()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = device.threads
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = (
            False  # patterns are per shape, and tiles have many shapes (measured: P-Net is 4% faster without)
        )
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=_providers(device))
        except DeviceError:
            raise
        except Exception as error:  # ONNX Runtime has its own exceptions
            raise ModelError(f"the network cannot be loaded: {str(error).splitlines()[0][:300]}") from error
        if device.name == "cuda" and "CUDAExecutionProvider" not in self._session.get_providers():
            raise DeviceError("ONNX Runtime could not start CUDA: see 'nitakao doctor', or use --device cpu")
        self.inputs = {i.name: (i.type, list(i.shape)) for i in self._session.get_inputs()}
        self.outputs = {o.name: (o.type, list(o.shape)) for o in self._session.get_outputs()}

    def run(self, feeds: Mapping[str, NDArray[np.generic]], outputs: Sequence[str] | None = None) -> list[Any]:
        return list(self._session.run(None if outputs is None else list(outputs), dict(feeds)))


def _providers(device: Device) -> list[Any]:
    if device.name == "cpu":
        return ["CPUExecutionProvider"]
    if "CUDAExecutionProvider" not in available():
        raise DeviceError(
            "this ONNX Runtime has no CUDA: pip install onnxruntime-gpu in place of onnxruntime, or use --device cpu"
        )
    settings: dict[str, Any] = {}
    if device.memory_fraction is not None:
        settings["gpu_mem_limit"] = int(device.memory_fraction * _gpu_memory())
        settings["arena_extend_strategy"] = "kSameAsRequested"
    return [("CUDAExecutionProvider", settings), "CPUExecutionProvider"]


def _gpu_memory() -> int:
    """Memory of the first GPU in bytes, from nvidia-smi."""
    import subprocess

    query = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits", "--id=0"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout
        return int(answer.split()[0]) * 1024 * 1024
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        raise DeviceError("the GPU's memory could not be read with nvidia-smi: omit the memory fraction") from error
