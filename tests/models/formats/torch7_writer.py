"""Writing Torch7's binary .t7 files, for tests: the layout of torch7's File.lua, on 64-bit machines."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from nitakao.models.formats.torch7 import Object

KINDS = {"<f4": "Float", "<f8": "Double", "<i8": "Long"}


def written(value: Any) -> bytes:
    return _Writer().value(value)


class _Writer:
    def __init__(self) -> None:
        self._seen: dict[int, int] = {}
        self._kept: list[Any] = []  # so that no two have one id

    def value(self, value: Any) -> bytes:
        if value is None:
            return _int(0)
        if isinstance(value, bool):
            return _int(5) + _int(int(value))
        if isinstance(value, (int, float)):
            return _int(1) + struct.pack("<d", value)
        if isinstance(value, str):
            return _int(2) + _text(value)
        known = id(value) in self._seen
        number = self._seen.setdefault(id(value), len(self._seen) + 1)
        self._kept.append(value)
        head = _int(3 if isinstance(value, dict) else 4) + _int(number)
        if known:
            return head
        if isinstance(value, dict):
            return head + _int(len(value)) + b"".join(self.value(k) + self.value(v) for k, v in value.items())
        if isinstance(value, Object):
            return head + _text("V 1") + _text(value.kind) + self.value(dict(value.fields))
        return head + self._tensor(np.asarray(value))

    def _tensor(self, array: np.ndarray[Any, Any]) -> bytes:
        kind = KINDS[array.dtype.str]
        steps = [step // array.itemsize for step in array.strides]
        sizes = b"".join(struct.pack(f"<{array.ndim}q", *numbers) for numbers in (array.shape, steps))
        flat = np.ascontiguousarray(array if array.flags.c_contiguous else array.T).ravel()
        self._kept.append(flat)
        number = self._seen.setdefault(id(flat), len(self._seen) + 1)
        storage = _int(4) + _int(number) + _text("V 1") + _text(f"torch.{kind}Storage")
        storage += struct.pack("<q", flat.size) + flat.tobytes()
        return _text("V 1") + _text(f"torch.{kind}Tensor") + _int(array.ndim) + sizes + struct.pack("<q", 1) + storage


def _int(value: int) -> bytes:
    return struct.pack("<i", value)


def _text(value: str) -> bytes:
    return _int(len(value)) + value.encode("latin-1")
