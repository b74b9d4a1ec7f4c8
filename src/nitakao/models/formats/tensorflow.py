"""Variables of TensorFlow models, from checkpoints and from frozen graphs, by TensorFlow's own reader.

Nothing of a graph is ever run: a graph may hold operators that read and write files. Which files make a model follows
davidsandberg/facenet, src/facenet.py: one .meta file, and of the checkpoints beside it the one of the latest step.
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

LARGEST = 2**31 - 1  # bytes; protobuf's limit for a frozen graph, and twenty times Inception-ResNet-v1
CHECKPOINT = re.compile(r"(?P<prefix>.+\.ckpt(?:-(?P<step>\d+))?)(?:\.index|\.data-\d{5}-of-\d{5})?")


def is_model(path: Path) -> bool:
    """Whether this is what the article passes as a model: a .pb file, or a folder with a .meta file."""
    if path.is_file():
        return path.suffix.lower() == ".pb"
    try:
        return path.is_dir() and any(file.suffix == ".meta" for file in path.iterdir())
    except OSError:
        return False


def files(path: Path) -> list[Path]:
    """The files that the model consists of, the one it is named after first. Raises FormatError if they do not fit."""
    if not path.exists():
        raise FormatError(f"'{path}' is not there: name a frozen .pb file, or a folder with .meta and .ckpt files")
    found = _checkpoint_files(path) if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in found)
    if not 0 < size <= LARGEST:
        raise FormatError(f"'{path.name}' has {size} bytes; a model has 1 to {LARGEST}")
    return found


def read(path: Path, wanted: Callable[[str], bool] = lambda name: True) -> dict[str, NDArray[Any]]:
    """The variables (of a frozen graph: the constants) whose names are wanted, by name, floats only.

    path: a .pb file, or a folder with one .meta file and its checkpoint.
    Raises FormatError if it is damaged, MissingExtraError without TensorFlow.
    """
    found = files(path)
    tf = import_tensorflow()
    if path.is_dir():
        return _checkpoint(tf, _prefix(path), wanted)
    return _frozen(tf, found[0], wanted)


def import_tensorflow() -> Any:
    """TensorFlow's module. Raises MissingExtraError where it is not installed."""
    # Else TensorFlow tells each import which processor features it was built for.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # PyTorch's builds for GPUs load triton when they begin to train. Both bring an LLVM of their own: loaded first it
    # does no harm, loaded after TensorFlow it ends the process (triton 3.8, tensorflow-cpu 2.21).
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
    """Name, without its endings, of the checkpoint of the latest step."""
    names = sorted(os.listdir(folder))
    metas = [name for name in names if name.endswith(".meta")]
    if len(metas) != 1:
        raise FormatError(f"'{folder}' has {len(metas)} .meta files ({_listed(metas)}); a model's folder has just one")
    steps = {m["prefix"]: int(m["step"] or 0) for name in names if (m := CHECKPOINT.fullmatch(name))}
    if not steps:
        raise FormatError(f"'{folder}' has a .meta file but no .ckpt files: put those of the same model beside it")
    return str(folder / max(steps, key=lambda prefix: steps[prefix]))


def _matched(file: Path) -> str:
    match = CHECKPOINT.fullmatch(file.name)
    return str(file.with_name(match["prefix"])) if match else ""


def _checkpoint(tf: Any, prefix: str, wanted: Callable[[str], bool]) -> dict[str, NDArray[Any]]:
    name = Path(prefix).name
    try:
        reader = tf.train.load_checkpoint(prefix)
        kinds, shapes = reader.get_variable_to_dtype_map(), reader.get_variable_to_shape_map()
        names = [n for n in sorted(kinds) if kinds[n].is_floating and wanted(n)]
        _bound(name, sum(math.prod(shapes[n]) for n in names))
        return {n: np.asarray(reader.get_tensor(n)) for n in names}
    except (tf.errors.OpError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise FormatError(f"TensorFlow cannot read the checkpoint '{name}': {_first_line(error)}") from error


def _frozen(tf: Any, path: Path, wanted: Callable[[str], bool]) -> dict[str, NDArray[Any]]:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]

    try:
        graph = tf.compat.v1.GraphDef.FromString(path.read_bytes())
        found: dict[str, NDArray[Any]] = {}
        numbers = 0
        for node in graph.node:
            tensor = node.attr["value"].tensor
            if node.op == "Const" and wanted(str(node.name)) and tf.dtypes.as_dtype(tensor.dtype).is_floating:
                numbers += math.prod(dim.size for dim in tensor.tensor_shape.dim)
                _bound(path.name, numbers)
                found[str(node.name)] = np.asarray(tf.make_ndarray(tensor))
        return found
    except (DecodeError, TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"'{path.name}' is not a frozen graph, or it was cut short: {_first_line(error)}") from error


def _bound(name: str, numbers: int) -> None:
    """A constant may claim any shape for one number: refuse what would not fit, before it is laid out."""
    if 4 * numbers > LARGEST:
        raise FormatError(f"'{name}' asks for more than {LARGEST} bytes of weights: it is damaged")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no reason given"])[0][:200]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:4]) or "none"
