"""Read binary .t7 files of Torch7 (Lua) without Torch, as plain values, arrays and named objects.

A file is a tree of values, each after a type number; tables and objects have an index for later references. Functions,
which are Lua bytecode, are refused.
Layout: torch7's File.lua (`readObject`), generic/Tensor.c and generic/Storage.c (`read`), on 64-bit machines.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import FormatError
from nitakao.system.safe_pickle import MAX_DIMENSIONS, Source

MAX_BYTES = 1 << 30  # of a file; nn4.small2.v1.t7 has about 30 million
MAX_VALUES = 1_000_000  # of all types
MAX_DEPTH = 64  # levels of nesting; nn4.small2 has 14
MAX_NAME_BYTES = 200  # of a class
NIL, NUMBER, TEXT, TABLE, TORCH, BOOLEAN = range(6)  # 6, 7 and 8 are functions
NUMBERS = {
    "Double": "<f8",
    "Float": "<f4",
    "Cuda": "<f4",
    "Half": "<f2",
    "Long": "<i8",
    "CudaLong": "<i8",
    "Int": "<i4",
    "Short": "<i2",
    "Char": "i1",
    "Byte": "u1",
}


@dataclass(eq=False)
class Object:
    """An object that is not a tensor. kind: its class, such as 'nn.Linear'. fields: by name."""

    kind: str
    fields: dict[Any, Any] = field(default_factory=dict)


def read(path: Path) -> Any:
    """Read a file: tables as dictionaries, tensors as read-only arrays, other objects as `Object`.

    Raises:
        FormatError: If the file is damaged, is not a .t7 file, or contains functions.
    """
    source = Source.open(path, MAX_BYTES)
    try:
        return _Reader(source).value(0)
    except (struct.error, RecursionError, UnicodeDecodeError) as error:
        raise FormatError(f"{source.name} is not a Torch7 file, or it is damaged") from error


class _Reader:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._objects: dict[int, Any] = {}
        self._left = MAX_VALUES

    def value(self, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            raise FormatError(f"{self._source.name} has too many values or is nested too deeply: refused")
        kind = self._int()
        if kind == NIL:
            return None
        if kind == NUMBER:
            return float(struct.unpack("<d", self._source.read(8))[0])
        if kind == BOOLEAN:
            return self._int() == 1
        if kind == TEXT:
            return self._text(self._source.left)
        if kind in (TABLE, TORCH):
            index = self._int()
            if index in self._objects:
                return self._objects[index]
            return self._table(index, depth) if kind == TABLE else self._object(index, depth)
        what = "contains a Lua function" if kind in (6, 7, 8) else "is not a binary Torch7 file, or it is damaged"
        raise FormatError(f"{self._source.name} {what}: refused")

    def _table(self, index: int, depth: int) -> dict[Any, Any]:
        table: dict[Any, Any] = {}
        self._objects[index] = table
        for _ in range(self._count(self._int())):
            key, value = self.value(depth + 1), self.value(depth + 1)
            if isinstance(key, float) and key.is_integer():
                key = int(key)
            if not isinstance(key, (str, int, float, bool)):
                raise FormatError(f"{self._source.name} has a table with keys that are not names or numbers: refused")
            table[key] = value
        return table

    def _object(self, index: int, depth: int) -> Any:
        name = self._text(MAX_NAME_BYTES)
        if name.startswith("V "):  # a version, since 2012; before, the class name
            name = self._text(MAX_NAME_BYTES)
        number = name.removeprefix("torch.").removesuffix("Tensor").removesuffix("Storage")
        if name.startswith("torch.") and number in NUMBERS:
            array = self._tensor(number, depth) if name.endswith("Tensor") else self._storage(number)
            self._objects[index] = array
            return array
        result = Object(name)
        self._objects[index] = result
        fields = self.value(depth + 1)
        if not isinstance(fields, dict):
            raise FormatError(f"{self._source.name} has a '{name[:60]}' without fields: it cannot be read")
        result.fields = fields
        return result

    def _tensor(self, number: str, depth: int) -> NDArray[Any]:
        axes = self._int()
        if not 0 <= axes <= MAX_DIMENSIONS:
            raise FormatError(f"{self._source.name} has a tensor of {axes} axes: damaged")
        shape, strides = self._longs(axes), self._longs(axes)
        (offset,) = self._longs(1)
        storage = self.value(depth + 1)
        if storage is None or axes == 0:
            return np.zeros(0, NUMBERS[number])
        if not isinstance(storage, np.ndarray) or storage.ndim != 1 or storage.dtype != np.dtype(NUMBERS[number]):
            raise FormatError(f"{self._source.name} has a tensor without numbers: damaged")
        if min(shape) < 0 or min(strides) < 0 or offset < 1:
            raise FormatError(f"{self._source.name} has a tensor of shape {shape} at {offset}: damaged")
        end = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True)) if 0 not in shape else offset
        if end > len(storage) or math.prod(shape) > len(storage):
            raise FormatError(f"{self._source.name} has a tensor that exceeds its storage: damaged")
        steps = [step * storage.itemsize for step in strides]
        return np.lib.stride_tricks.as_strided(storage[offset - 1 :], shape, steps, writeable=False)

    def _storage(self, number: str) -> NDArray[Any]:
        (count,) = self._longs(1)
        kind = np.dtype(NUMBERS[number])
        if count < 0:
            raise FormatError(f"{self._source.name} has a storage of {count} numbers: damaged")
        return np.frombuffer(self._source.read(count * kind.itemsize), kind)

    def _int(self) -> int:
        return int(struct.unpack("<i", self._source.read(4))[0])

    def _longs(self, count: int) -> tuple[int, ...]:
        return struct.unpack(f"<{count}q", self._source.read(8 * count))

    def _text(self, longest: int) -> str:
        length = self._int()
        if not 0 <= length <= longest:
            raise FormatError(f"{self._source.name} has a text of invalid length {length}: damaged")
        return self._source.read(length).decode("latin-1")

    def _count(self, count: int) -> int:
        if not 0 <= count <= self._source.left // 8:  # a pair takes at least 8 bytes
            raise FormatError(f"{self._source.name} has a table of invalid size {count}: damaged")
        return count


def list_values(table: Mapping[Any, Any]) -> list[Any]:
    """The values of a Lua table under 1, 2, 3 ..."""
    return [table[n] for n in range(1, len(table) + 1) if n in table]
