"""Reading the weights that PyPI's `mtcnn` carries: joblib pickles in lz4 frames, with the arrays' bytes in between."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import lz4.frame
from numpy.typing import NDArray

from nitakao.errors import FormatError
from nitakao.system import safe_pickle
from nitakao.system.safe_pickle import MAX_DIMENSIONS, NDARRAY, Dtype, Global, Pending, Source

LARGEST = 64 << 20  # bytes unpacked; the largest of the three, onet.lz4, has 1.6 million


def read(path: Path) -> Any:
    """The lists, dictionaries and arrays in `path`. Raises FormatError.

    For pnet, rnet and onet.lz4 of mtcnn 1.0.0: one list of 13, 16 and 21 float32 arrays, in the order of their layers
    (kernel, bias, PReLU slope). Convolution kernels are (height, width, in, out), dense ones (in, out).
    """
    packed = Source.open(path, LARGEST)
    source = Source(_unpacked(packed), packed.name)
    value = safe_pickle.load(source, {"joblib.numpy_pickle NumpyArrayWrapper": Global("NumpyArrayWrapper", _Inline)})
    if source.left:
        raise FormatError(f"{source.name} has {source.left} bytes after its end: damaged")
    return value


def _unpacked(packed: Source) -> bytes:
    decompressor = lz4.frame.LZ4FrameDecompressor()
    try:
        data: bytes = decompressor.decompress(packed.read(packed.left), max_length=LARGEST + 1)
    except (RuntimeError, EOFError, ValueError, MemoryError) as error:
        raise FormatError(f"{packed.name} is no lz4 frame, or is damaged: {str(error)[:120]}") from error
    if len(data) > LARGEST:
        raise FormatError(f"{packed.name} unpacks to more than {LARGEST} bytes: refused")
    if not decompressor.eof:
        raise FormatError(f"{packed.name} ends too early: fetch it anew")
    return data


class _Inline(Pending):
    """Stands for joblib's NumpyArrayWrapper: a description, after which the array's bytes follow in the stream."""

    def __init__(self) -> None:
        self._array: NDArray[Any] | None = None

    def fill(self, state: object, source: Source) -> None:
        if not isinstance(state, dict) or self._array is not None or state.get("subclass") is not NDARRAY:
            raise FormatError(f"{source.name} holds an array of an unknown kind: refused")
        dtype, shape = state.get("dtype"), state.get("shape")
        if not isinstance(dtype, Dtype) or not isinstance(shape, tuple) or len(shape) > MAX_DIMENSIONS:
            raise FormatError(f"{source.name} describes an array in an unknown way: damaged")
        if not all(type(n) is int and 0 <= n <= LARGEST for n in shape):
            raise FormatError(f"{source.name} holds an array of shape {str(shape)[:80]}: damaged")
        if state.get("numpy_array_alignment_bytes") is not None:  # joblib 1.2 and newer align: a count, then padding
            source.read(source.read(1)[0])
        raw = source.read(math.prod(shape) * dtype.dtype.itemsize)
        self._array = safe_pickle.array(raw, dtype.dtype, shape, safe_pickle.text(state.get("order")))

    def value(self) -> object:
        return self._array if self._array is not None else super().value()
