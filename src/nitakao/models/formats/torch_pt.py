"""Reading tensors that PyTorch saved, without PyTorch: both containers that `torch.save` has written.

zip:    since PyTorch 1.6; an archive with data.pkl and each storage's bytes in an entry of its own, not compressed.
legacy: before; four pickles (a magic number, the container's version, the machine, the tensors), a fifth with the
        storages' keys in order, then for each storage its length as eight bytes and its numbers.
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

LARGEST = 2 << 30  # bytes, of a file and of all its tensors; facenet's with its classifier are 112 million
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
    """Name to tensor: float32 for all kinds of floating-point numbers, as saved for whole ones; read-only.

    A file that wraps its tensors in one more dictionary named 'state_dict' is read too; what is no tensor is left out.
    """
    source = Source.open(path, LARGEST)
    packed = source.peek(4) == b"PK\x03\x04"
    saved, storages = _zip(source) if packed else _legacy(source)
    if isinstance(saved, dict) and isinstance(saved.get("state_dict"), dict):
        saved = saved["state_dict"]
    tensors = {k: v for k, v in saved.items() if isinstance(v, _Tensor)} if isinstance(saved, dict) else {}
    if not tensors:
        raise FormatError(f"{source.name} holds no dictionary of tensors (a state_dict)")
    if sum(t.bytes for t in tensors.values()) > LARGEST:
        raise FormatError(f"{source.name} has tensors of more than {LARGEST} bytes: refused")
    return {
        str(name): _array(tensor, storages(tensor.storage), f"the tensor '{name}' of {source.name}")
        for name, tensor in tensors.items()
    }


@dataclass(frozen=True)
class _Storage:
    """A row of numbers that lies elsewhere in the file."""

    key: str
    kind: np.dtype[Any]
    length: int


@dataclass(frozen=True)
class _Tensor:
    """A view into a storage. offset, strides: in numbers, not bytes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * max(4, self.storage.kind.itemsize)  # halves grow to float32

    @property
    def end(self) -> int:
        """One past the last number that it touches."""
        if 0 in self.shape:
            return self.offset
        return self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True)) + 1


Fetch = Callable[[_Storage], NDArray[Any]]


def _array(tensor: _Tensor, numbers: NDArray[Any], label: str) -> NDArray[Any]:
    if tensor.end > len(numbers) or math.prod(tensor.shape) > len(numbers):
        raise FormatError(f"{label} reaches past the numbers that are there: the file is damaged")
    size = numbers.dtype.itemsize
    view = np.lib.stride_tricks.as_strided(
        numbers[tensor.offset :], tensor.shape, [step * size for step in tensor.strides], writeable=False
    )
    kind = np.dtype(np.float32) if view.dtype.kind == "f" else view.dtype.newbyteorder("=")
    with np.errstate(over="ignore", invalid="ignore"):  # a double too large for float32 becomes infinity
        return np.ascontiguousarray(view, kind).reshape(tensor.shape)


def _storage(pid: object) -> _Storage:
    """What a persistent id names: ('storage', kind, key, device, length) and, in legacy files, a view, always None."""
    if not isinstance(pid, tuple) or len(pid) not in (5, 6) or safe_pickle.text(pid[0]) != "storage":
        raise FormatError("the file holds whole PyTorch objects, not a state_dict: refused")
    kind, key, length = pid[1], safe_pickle.text(pid[2]), pid[4]
    if not isinstance(kind, Global) or kind.name not in STORAGES or type(length) is not int or length < 0:
        raise FormatError(f"the numbers under {key[:40]!r} are of an unknown kind: damaged")
    if len(pid) == 6 and pid[5] is not None:
        raise FormatError("the file shares storages the way PyTorch before 0.4 did: save it anew")
    return _Storage(key, np.dtype(STORAGES[kind.name]), length)


def _rebuild(storage: object, offset: object, shape: object, strides: object, *ignored: object) -> _Tensor:
    """Stands for torch._utils._rebuild_tensor and _rebuild_tensor_v2."""
    if not isinstance(storage, _Storage) or type(offset) is not int or offset < 0:
        raise FormatError("a tensor has no storage, or lies outside it: the file is damaged")
    return _Tensor(storage, offset, _sizes(shape), _sizes(strides, len(_sizes(shape))))


def _sizes(value: object, count: int | None = None) -> tuple[int, ...]:
    if not isinstance(value, tuple) or len(value) > MAX_DIMENSIONS or count not in (None, len(value)):
        raise FormatError("a tensor's shape is none: the file is damaged")
    if not all(type(n) is int and 0 <= n <= LARGEST for n in value):
        raise FormatError(f"a tensor has the shape or strides {str(value)[:80]}: the file is damaged")
    return value


def _parameter(tensor: object, *ignored: object) -> object:
    """Stands for torch._utils._rebuild_parameter."""
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
        raise FormatError(f"{source.name} was saved on a big-endian machine: save it anew on another")
    program = Source(entries[f"{folder}/data.pkl"], source.name)
    saved = safe_pickle.load(program, NAMES, _storage)

    def fetch(storage: _Storage) -> NDArray[Any]:
        raw = entries.get(f"{folder}/data/{storage.key}")
        if raw is None or len(raw) != storage.length * storage.kind.itemsize:
            raise FormatError(f"{source.name} lacks numbers that it speaks of (entry {storage.key[:40]!r}): damaged")
        return np.frombuffer(raw, storage.kind)

    return saved, fetch


def _entries(source: Source) -> tuple[dict[str, bytes], str]:
    """The archive's files, and the one folder that they lie in."""
    found: dict[str, bytes] = {}
    room = source.left  # PyTorch stores without compression, so the files cannot be larger than the archive
    try:
        with zipfile.ZipFile(io.BytesIO(source.read(source.left))) as archive:
            for entry in archive.infolist():
                room -= entry.file_size
                if entry.compress_type != zipfile.ZIP_STORED or room < 0 or entry.filename in found:
                    raise FormatError(f"{source.name} is compressed or has overlapping parts, as PyTorch never writes")
                found[entry.filename] = archive.read(entry)
    except FormatError:
        raise
    # zipfile raises many kinds for a damaged archive: BadZipFile, struct.error, EOFError, NotImplementedError, ...
    except Exception as error:
        raise FormatError(f"{source.name} is a damaged zip archive: fetch it anew") from error
    programs = [name for name in found if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(programs) != 1:
        raise FormatError(f"{source.name} is a zip archive, but not one that torch.save wrote")
    return found, programs[0].split("/")[0]


def _legacy(source: Source) -> tuple[Any, Fetch]:
    if safe_pickle.load(source) != MAGIC or safe_pickle.load(source) != CONTAINER_VERSION:
        raise FormatError(f"{source.name} is not a file that torch.save wrote")
    machine = safe_pickle.load(source)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise FormatError(f"{source.name} was saved on a big-endian machine, or is damaged")
    known: dict[str, _Storage] = {}

    def note(pid: object) -> _Storage:
        storage = _storage(pid)
        return known.setdefault(storage.key, storage)

    saved = safe_pickle.load(source, NAMES, note)
    keys = safe_pickle.load(source)
    if not isinstance(keys, list):
        raise FormatError(f"{source.name} does not list its storages: damaged")
    numbers: dict[str, NDArray[Any]] = {}
    for key in map(safe_pickle.text, keys):
        storage = known.get(key)
        if storage is None or int.from_bytes(source.read(8), "little") != storage.length:
            raise FormatError(f"{source.name} has a storage of another length than it speaks of: damaged")
        numbers[key] = np.frombuffer(source.read(storage.length * storage.kind.itemsize), storage.kind)

    def fetch(storage: _Storage) -> NDArray[Any]:
        if storage.key not in numbers:
            raise FormatError(f"{source.name} lacks numbers that it speaks of ({storage.key[:40]!r}): damaged")
        return numbers[storage.key]

    return saved, fetch
