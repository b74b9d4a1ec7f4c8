"""Vectors as .npz: named arrays with one row per face.

An array's header contains its length, so rows are first written to temporary files (one for fixed-size fields, one for
each text field) and copied into the archive at the end. Disk space for that copy is reserved as they grow, so that a
full disk stops the run while the file can still be completed.
"""

from __future__ import annotations

import mmap
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import VectorsError
from nitakao.vectors.preallocate import reserve
from nitakao.vectors.row_files import BUFFER_BYTES, RowFile
from nitakao.vectors.rows import Row, landmarks_of

CHUNK = 4096  # rows copied at a time
COLUMNS = {"faces": "face", "boxes": "box", "scores": "score", "landmarks": "landmarks", "turns": "turn"}
MAX_UNPACKED_BYTES = 1 << 26  # larger members are checked for their compression ratio
MAX_RATIO = 100  # larger ratios are refused as zip bombs; vectors hardly compress


def record_type(dimension: int) -> np.dtype[Any]:
    """The fixed-size fields of a row in the temporary file."""
    return np.dtype(
        [
            ("face", "<i4"),
            ("box", "<f4", (4,)),
            ("score", "<f4"),
            ("landmarks", "<f4", (5, 2)),
            ("turn", "<i2"),
            ("sha256", "S64"),
            ("vector", "<f4", (dimension,)),
        ]
    )


class NpzFile:
    """Writes an .npz file to `path`, which must exist and be empty."""

    def __init__(self, path: Path, model: str, dimension: int, persons: bool = False) -> None:
        self._model = model
        self._type = record_type(dimension)
        self._longest = dict.fromkeys(("keys", "persons") if persons else ("keys",), 1)
        self._reserved = 0
        self._paths = [path.with_name(path.name + end) for end in (".rows", *(f".{name}" for name in self._longest))]
        for temporary in self._paths:
            temporary.touch(exist_ok=False)
        self._file = open(path, "r+b")  # noqa: SIM115 - closed by finish or discard
        self._numbers = RowFile(self._paths[0], self._record, keep_pending=True)
        pairs = zip(self._paths[1:], (_key, _person), strict=False)
        self._texts = [RowFile(temporary, encode, keep_pending=True) for temporary, encode in pairs]

    @property
    def count(self) -> int:
        return min(self._numbers.count, *(text.count for text in self._texts))

    def add(self, rows: list[Row]) -> None:
        texts = {"keys": [len(row.key) for row in rows], "persons": [len(row.person) for row in rows]}
        longest = {name: max([before, *texts[name]]) for name, before in self._longest.items()}
        self._reserve(self._numbers.count + len(rows), sum(longest.values()))
        self._longest = longest
        for file in (self._numbers, *self._texts):
            file.add(rows)

    def _reserve(self, rows: int, longest: int) -> None:
        """Reserve space for the finished file and for rows still in memory."""
        needed = self._size(rows, longest) + 3 * BUFFER_BYTES
        if needed > self._reserved:
            reserve(self._file, self._reserved, needed + needed // 16 - self._reserved)
            self._reserved = needed + needed // 16

    def _size(self, rows: int, longest: int) -> int:
        """Upper bound on the size of the finished file in bytes: text takes 4 bytes per character."""
        return rows * (self._type.itemsize + 4 * 64 + 4 * longest) + 65_536

    def _record(self, row: Row) -> bytes:
        face = row.face
        marks = landmarks_of(face).reshape(5, 2)
        fields = (row.number, face.box, face.score, marks, face.turn, row.sha256.encode("ascii"), row.vector)
        return np.array(fields, self._type).tobytes()

    def finish(self) -> None:
        try:
            if self._reserved:
                self._file.truncate(
                    self._size(self.count, sum(self._longest.values()))
                )  # frees the space that the next lines need
            for file in (self._numbers, *self._texts):
                file.finish()
            self._copy(self.count)
            self._file.truncate(self._file.tell())
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()
            self._remove()

    def discard(self) -> None:
        for file in (self._numbers, *self._texts):
            file.discard()
        self._file.close()
        self._remove()

    def _remove(self) -> None:
        for temporary in self._paths:
            temporary.unlink(missing_ok=True)

    def _copy(self, count: int) -> None:
        rows = self._rows(count)
        with zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED) as archive:
            _member(archive, "vectors", np.dtype("<f4"), rows["vector"].shape, _chunks(rows["vector"]))
            for name, field in COLUMNS.items():
                column = rows[field]
                _member(archive, name, column.dtype, column.shape, _chunks(column))
            letters = np.dtype("<U64")
            _member(archive, "sha256", letters, (count,), (c.astype(letters) for c in _chunks(rows["sha256"])))
            for (name, longest), path in zip(self._longest.items(), self._paths[1:], strict=True):
                kind = np.dtype(f"<U{longest}")
                _member(archive, name, kind, (count,), _texts(path, count, kind))
            _member(archive, "model", np.dtype(f"<U{len(self._model)}"), (), iter([np.array(self._model)]))

    def _rows(self, count: int) -> NDArray[Any]:
        if not count:
            return np.zeros(0, self._type)
        return np.memmap(self._paths[0], self._type, "r", shape=(count,))


def _key(row: Row) -> bytes:
    return row.key.encode("utf-8", "surrogateescape") + b"\0"


def _person(row: Row) -> bytes:
    return row.person.encode("utf-8", "surrogateescape") + b"\0"


def _texts(path: Path, count: int, kind: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    """Read NUL-terminated texts in chunks."""
    if not count:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        start = 0
        for first in range(0, count, CHUNK):
            texts = []
            for _ in range(min(CHUNK, count - first)):
                end = content.find(b"\0", start)
                texts.append(content[start:end].decode("utf-8", "surrogateescape"))
                start = end + 1
            yield np.array(texts, kind)


def _chunks(column: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for first in range(0, len(column), CHUNK):
        yield np.ascontiguousarray(column[first : first + CHUNK])


def _member(
    archive: zipfile.ZipFile, name: str, kind: np.dtype[Any], shape: tuple[int, ...], parts: Iterator[NDArray[Any]]
) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array_header_1_0(member, header)
        for part in parts:
            member.write(part.tobytes())


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of an untrusted .npz by name, without pickled objects and with bounded memory."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.file_size > MAX_UNPACKED_BYTES and info.file_size > MAX_RATIO * max(info.compress_size, 1):
                raise VectorsError(f"'{path}' unpacks {info.filename} to {info.file_size} bytes: refused as a zip bomb")
        return {
            info.filename[:-4]: _array(archive, info) for info in archive.infolist() if info.filename[-4:] == ".npy"
        }


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    """Read one member after checking its header against the member's size."""
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, kind = read_header(member)
        count = int(np.prod(shape, dtype=object)) if shape else 1
        if kind.hasobject or min(shape, default=0) < 0 or count * kind.itemsize != info.file_size - member.tell():
            raise ValueError(f"{info.filename} does not match its header")
        flat = np.frombuffer(member.read(), kind)
        return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
