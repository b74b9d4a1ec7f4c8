"""Read the weights in PyPI's `mtcnn`: joblib pickles in lz4 frames, with array data inline."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import lz4.frame
from numpy.typing import NDArray

from nitakao.errors import FormatError
from nitakao.system import safe_pickle
from nitakao.system.safe_pickle import MAX_DIMENSIONS, NDARRAY, Dtype, Global, Pending, Source

MAX_BYTES = 64 << 20  # unpacked; the largest file, onet.lz4, has 1.6 million


def read(path: Path) -> Any:
    """Read lists, dictionaries and arrays from a file.

    pnet.lz4, rnet.lz4 and onet.lz4 of mtcnn 1.0.0 hold a list of 13, 16 and 21 float32 arrays by layer (kernel,
    bias, PReLU slope). Convolution kernels are (height, width, in, out), dense kernels (in, out).

    Raises:
        FormatError: If the file is damaged.
    """
    packed = Source.open(path, MAX_BYTES)
    source = Source(_unpacked(packed), packed.name)
    value = safe_pickle.load(source, {"joblib.numpy_pickle NumpyArrayWrapper": Global("NumpyArrayWrapper", _Inline)})
    if source.left:
        raise FormatError(f"{source.name} has {source.left} extra bytes at the end: damaged")
    return value


def _unpacked(packed: Source) -> bytes:
    decompressor = lz4.frame.LZ4FrameDecompressor()
    try:
        data: bytes = decompressor.decompress(packed.read(packed.left), max_length=MAX_BYTES + 1)
    except (RuntimeError, EOFError, ValueError, MemoryError) as error:
        raise FormatError(f"{packed.name} is not an lz4 frame, or it is damaged: {str(error)[:120]}") from error
    if len(data) > MAX_BYTES:
        raise FormatError(f"{packed.name} unpacks to more than {MAX_BYTES} bytes: refused")
    if not decompressor.eof:
        raise FormatError(f"{packed.name} is truncated: download it again")
    return data


class _Inline(Pending):
    """Stand-in for joblib's NumpyArrayWrapper, whose array data follow in the stream."""

    def __init__(self) -> None:
        self._array: NDArray[Any] | None = None

    def fill(self, state: object, source: Source) -> None:
        if not isinstance(state, dict) or self._array is not None or state.get("subclass") is not NDARRAY:
            raise FormatError(f"{source.name} has an array of an unknown class: refused")
        dtype, shape = state.get("dtype"), state.get("shape")
        if not isinstance(dtype, Dtype) or not isinstance(shape, tuple) or len(shape) > MAX_DIMENSIONS:
            raise FormatError(f"{source.name} has an array in an unknown form: damaged")
        if not all(type(n) is int and 0 <= n <= MAX_BYTES for n in shape):
            raise FormatError(f"{source.name} holds an array of shape {str(shape)[:80]}: damaged")
        if state.get("numpy_array_alignment_bytes") is not None:  # joblib 1.2 and newer: a count, then padding
            source.read(source.read(1)[0])
        raw = source.read(math.prod(shape) * dtype.dtype.itemsize)
        self._array = safe_pickle.array(raw, dtype.dtype, shape, safe_pickle.text(state.get("order")))

    def value(self) -> object:
        return self._array if self._array is not None else super().value()
