"""Read tensors saved by PyTorch, without PyTorch, in both formats of `torch.save`.

zip:    since PyTorch 1.6; an uncompressed archive with data.pkl and an entry for each storage.
legacy: before; four pickles (magic number, version, machine, tensors), a fifth with the storage keys in order, then for
        each storage its length as eight bytes and its data.
Layout: torch/serialization.py of PyTorch 2.13 (`_save`, `_legacy_save`).
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import FormatError
from nitakao.system import safe_pickle
from nitakao.system.safe_pickle import MAX_DIMENSIONS, Global, Source

MAX_BYTES = 2 << 30  # of a file and of all its tensors; facenet's with its classifier has 112 million
MAGIC = 0x1950A86A20F9469CFC6C  # torch/serialization.py: MAGIC_NUMBER
CONTAINER_VERSION = 1001  # torch/serialization.py: PROTOCOL_VERSION
STORAGES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}


def read(path: Path) -> dict[str, NDArray[Any]]:
    """Read a state_dict, also if it is nested as 'state_dict' in another dictionary. Other values are ignored.

    Returns:
        Name to read-only array: float32 for all floating-point types, integers as saved.

    Raises:
        FormatError: If the file is damaged, too large, or contains other objects than tensors.
    """
    source = Source.open(path, MAX_BYTES)
    packed = source.peek(4) == b"PK\x03\x04"
    saved, storages = _zip(source) if packed else _legacy(source)
    if isinstance(saved, dict) and isinstance(saved.get("state_dict"), dict):
        saved = saved["state_dict"]
    tensors = {k: v for k, v in saved.items() if isinstance(v, _Tensor)} if isinstance(saved, dict) else {}
    if not tensors:
        raise FormatError(f"{source.name} does not contain a dictionary of tensors (a state_dict)")
    if sum(t.bytes for t in tensors.values()) > MAX_BYTES:
        raise FormatError(f"{source.name} has tensors of more than {MAX_BYTES} bytes: refused")
    return {
        str(name): _array(tensor, storages(tensor.storage), f"the tensor '{name}' of {source.name}")
        for name, tensor in tensors.items()
    }


@dataclass(frozen=True)
class _Storage:
    """A storage elsewhere in the file."""

    key: str
    kind: np.dtype[Any]
    length: int


@dataclass(frozen=True)
class _Tensor:
    """A view of a storage. offset, strides: in elements, not bytes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * max(4, self.storage.kind.itemsize)  # halves are converted to float32

    @property
    def end(self) -> int:
        """One past the last element."""
        if 0 in self.shape:
            return self.offset
        return self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True)) + 1


Fetch = Callable[[_Storage], NDArray[Any]]


def _array(tensor: _Tensor, numbers: NDArray[Any], label: str) -> NDArray[Any]:
    if tensor.end > len(numbers) or math.prod(tensor.shape) > len(numbers):
        raise FormatError(f"{label} exceeds its storage: the file is damaged")
    size = numbers.dtype.itemsize
    view = np.lib.stride_tricks.as_strided(
        numbers[tensor.offset :], tensor.shape, [step * size for step in tensor.strides], writeable=False
    )
    kind = np.dtype(np.float32) if view.dtype.kind == "f" else view.dtype.newbyteorder("=")
    with np.errstate(over="ignore", invalid="ignore"):  # doubles too large for float32 become infinity
        return np.ascontiguousarray(view, kind).reshape(tensor.shape)


def _storage(pid: object) -> _Storage:
    """Parse a persistent id: ('storage', type, key, device, length) and, in legacy files, a view, always None."""
    if not isinstance(pid, tuple) or len(pid) not in (5, 6) or safe_pickle.text(pid[0]) != "storage":
        raise FormatError("the file contains whole PyTorch objects, not a state_dict: refused")
    kind, key, length = pid[1], safe_pickle.text(pid[2]), pid[4]
    if not isinstance(kind, Global) or kind.name not in STORAGES or type(length) is not int or length < 0:
        raise FormatError(f"the storage {key[:40]!r} has an unknown type: damaged")
    if len(pid) == 6 and pid[5] is not None:
        raise FormatError("the file shares storages as PyTorch before 0.4 did: save it again")
    return _Storage(key, np.dtype(STORAGES[kind.name]), length)


def _rebuild(storage: object, offset: object, shape: object, strides: object, *ignored: object) -> _Tensor:
    """Stand-in for torch._utils._rebuild_tensor and _rebuild_tensor_v2."""
    if not isinstance(storage, _Storage) or type(offset) is not int or offset < 0:
        raise FormatError("a tensor has no storage or an invalid offset: the file is damaged")
    return _Tensor(storage, offset, _sizes(shape), _sizes(strides, len(_sizes(shape))))


def _sizes(value: object, count: int | None = None) -> tuple[int, ...]:
    if not isinstance(value, tuple) or len(value) > MAX_DIMENSIONS or count not in (None, len(value)):
        raise FormatError("a tensor has an invalid shape: the file is damaged")
    if not all(type(n) is int and 0 <= n <= MAX_BYTES for n in value):
        raise FormatError(f"a tensor has the shape or strides {str(value)[:80]}: the file is damaged")
    return value


def _parameter(tensor: object, *ignored: object) -> object:
    """Stand-in for torch._utils._rebuild_parameter."""
    return tensor


NAMES: Mapping[str, Global] = {
    "torch._utils _rebuild_tensor": Global("_rebuild_tensor", _rebuild),
    "torch._utils _rebuild_tensor_v2": Global("_rebuild_tensor_v2", _rebuild),
    "torch._utils _rebuild_parameter": Global("_rebuild_parameter", _parameter),
    **{f"torch {kind}": Global(kind) for kind in STORAGES},
}


def _zip(source: Source) -> tuple[Any, Fetch]:
    entries, folder = _entries(source)
    if entries.get(f"{folder}/byteorder", b"little") != b"little":
        raise FormatError(f"{source.name} was saved on a big-endian machine: save it again on another")
    program = Source(entries[f"{folder}/data.pkl"], source.name)
    saved = safe_pickle.load(program, NAMES, _storage)

    def fetch(storage: _Storage) -> NDArray[Any]:
        raw = entries.get(f"{folder}/data/{storage.key}")
        if raw is None or len(raw) != storage.length * storage.kind.itemsize:
            raise FormatError(f"{source.name} lacks the storage {storage.key[:40]!r}: damaged")
        return np.frombuffer(raw, storage.kind)

    return saved, fetch


def _entries(source: Source) -> tuple[dict[str, bytes], str]:
    """The archive's files, and their folder."""
    contents: dict[str, bytes] = {}
    remaining = source.left  # PyTorch does not compress, so the files cannot be larger than the archive
    try:
        with zipfile.ZipFile(io.BytesIO(source.read(source.left))) as archive:
            for entry in archive.infolist():
                remaining -= entry.file_size
                if entry.compress_type != zipfile.ZIP_STORED or remaining < 0 or entry.filename in contents:
                    raise FormatError(f"{source.name} is compressed or has overlapping parts: not from PyTorch")
                contents[entry.filename] = archive.read(entry)
    except FormatError:
        raise
    # zipfile raises many errors for damaged archives: BadZipFile, struct.error, EOFError, NotImplementedError ...
    except Exception as error:
        raise FormatError(f"{source.name} is a damaged zip archive: download it again") from error
    programs = [name for name in contents if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(programs) != 1:
        raise FormatError(f"{source.name} is a zip archive, but not from torch.save")
    return contents, programs[0].split("/")[0]


def _legacy(source: Source) -> tuple[Any, Fetch]:
    if safe_pickle.load(source) != MAGIC or safe_pickle.load(source) != CONTAINER_VERSION:
        raise FormatError(f"{source.name} is not from torch.save")
    machine = safe_pickle.load(source)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise FormatError(f"{source.name} was saved on a big-endian machine, or is damaged")
    by_key: dict[str, _Storage] = {}

    def register(pid: object) -> _Storage:
        storage = _storage(pid)
        return by_key.setdefault(storage.key, storage)

    saved = safe_pickle.load(source, NAMES, register)
    keys = safe_pickle.load(source)
    if not isinstance(keys, list):
        raise FormatError(f"{source.name} does not list its storages: damaged")
    numbers: dict[str, NDArray[Any]] = {}
    for key in map(safe_pickle.text, keys):
        storage = by_key.get(key)
        if storage is None or int.from_bytes(source.read(8), "little") != storage.length:
            raise FormatError(f"{source.name} has a storage of a different length than declared: damaged")
        numbers[key] = np.frombuffer(source.read(storage.length * storage.kind.itemsize), storage.kind)

    def fetch(storage: _Storage) -> NDArray[Any]:
        if storage.key not in numbers:
            raise FormatError(f"{source.name} lacks the storage {storage.key[:40]!r}: damaged")
        return numbers[storage.key]

    return saved, fetch
