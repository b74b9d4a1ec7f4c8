"""Read variables of TensorFlow models from checkpoints and frozen graphs, with TensorFlow's reader.

Graphs are never run, because they may have operators that read and write files. The files of a model are found as in
davidsandberg/facenet, src/facenet.py: one .meta file, and the checkpoint with the latest step next to it.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import FormatError, MissingExtraError

MAX_BYTES = 2**31 - 1  # protobuf's limit for a frozen graph, and twenty times Inception-ResNet-v1
CHECKPOINT = re.compile(r"(?P<prefix>.+\.ckpt(?:-(?P<step>\d+))?)(?:\.index|\.data-\d{5}-of-\d{5})?")


def is_model(path: Path) -> bool:
    """Whether a path is a TensorFlow model, as in the article: a .pb file, or a folder with a .meta file."""
    if path.is_file():
        return path.suffix.lower() == ".pb"
    try:
        return path.is_dir() and any(file.suffix == ".meta" for file in path.iterdir())
    except OSError:
        return False


def files(path: Path) -> list[Path]:
    """The files of a model; the first one is the .pb or .meta file.

    Raises:
        FormatError: If files are missing or too large.
    """
    if not path.exists():
        raise FormatError(f"'{path}' does not exist: name a frozen .pb file, or a folder with .meta and .ckpt files")
    paths = _checkpoint_files(path) if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in paths)
    if not 0 < size <= MAX_BYTES:
        raise FormatError(f"'{path.name}' has {size} bytes; a model has 1 to {MAX_BYTES}")
    return paths


def read(path: Path, select: Callable[[str], bool] = lambda name: True) -> dict[str, NDArray[Any]]:
    """Read float variables, or the constants of a frozen graph.

    Args:
        path: A .pb file, or a folder with one .meta file and its checkpoint.
        select: Selects variables by name.

    Raises:
        FormatError: If the model is damaged.
        MissingExtraError: Without TensorFlow.
    """
    paths = files(path)
    tf = import_tensorflow()
    if path.is_dir():
        return _checkpoint(tf, _prefix(path), select)
    return _frozen(tf, paths[0], select)


def import_tensorflow() -> Any:
    """Import TensorFlow. Raises MissingExtraError if it is not installed."""
    # Otherwise TensorFlow prints its processor features on import.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # PyTorch's GPU builds load triton when training starts. Both include LLVM: loading triton after TensorFlow ends the
    # process, the other order works (triton 3.8, tensorflow-cpu 2.21).
    with suppress(ImportError):
        import triton  # noqa: F401
    try:
        import tensorflow
    except ImportError as error:
        raise MissingExtraError("reading TensorFlow models", "tensorflow") from error
    return tensorflow


def _checkpoint_files(folder: Path) -> list[Path]:
    prefix = _prefix(folder)
    meta = next(file for file in folder.iterdir() if file.suffix == ".meta")
    parts = [f for f in sorted(folder.iterdir()) if _matched(f) == prefix]
    return [meta, *parts]


def _prefix(folder: Path) -> str:
    """Path prefix of the checkpoint with the latest step."""
    names = sorted(os.listdir(folder))
    metas = [name for name in names if name.endswith(".meta")]
    if len(metas) != 1:
        raise FormatError(f"'{folder}' has {len(metas)} .meta files ({_listed(metas)}); it must have one")
    steps = {m["prefix"]: int(m["step"] or 0) for name in names if (m := CHECKPOINT.fullmatch(name))}
    if not steps:
        raise FormatError(f"'{folder}' has a .meta file but no .ckpt files: add those of the same model")
    return str(folder / max(steps, key=lambda prefix: steps[prefix]))


def _matched(file: Path) -> str:
    match = CHECKPOINT.fullmatch(file.name)
    return str(file.with_name(match["prefix"])) if match else ""


def _checkpoint(tf: Any, prefix: str, select: Callable[[str], bool]) -> dict[str, NDArray[Any]]:
    name = Path(prefix).name
    try:
        reader = tf.train.load_checkpoint(prefix)
        kinds, shapes = reader.get_variable_to_dtype_map(), reader.get_variable_to_shape_map()
        names = [n for n in sorted(kinds) if kinds[n].is_floating and select(n)]
        _check_size(name, sum(math.prod(shapes[n]) for n in names))
        return {n: np.asarray(reader.get_tensor(n)) for n in names}
    except (tf.errors.OpError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise FormatError(f"TensorFlow cannot read the checkpoint '{name}': {_first_line(error)}") from error


def _frozen(tf: Any, path: Path, select: Callable[[str], bool]) -> dict[str, NDArray[Any]]:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]

    try:
        graph = tf.compat.v1.GraphDef.FromString(path.read_bytes())
        arrays: dict[str, NDArray[Any]] = {}
        numbers = 0
        for node in graph.node:
            tensor = node.attr["value"].tensor
            if node.op == "Const" and select(str(node.name)) and tf.dtypes.as_dtype(tensor.dtype).is_floating:
                numbers += math.prod(dim.size for dim in tensor.tensor_shape.dim)
                _check_size(path.name, numbers)
                arrays[str(node.name)] = np.asarray(tf.make_ndarray(tensor))
        return arrays
    except (DecodeError, TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"'{path.name}' is not a frozen graph, or it is truncated: {_first_line(error)}") from error


def _check_size(name: str, numbers: int) -> None:
    """Check the size before allocating: a constant may declare any shape for one number."""
    if 4 * numbers > MAX_BYTES:
        raise FormatError(f"'{name}' declares more than {MAX_BYTES} bytes of weights: it is damaged")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no reason given"])[0][:200]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:4]) or "none"
