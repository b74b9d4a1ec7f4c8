"""Vectors as .npz: named arrays, each row of each the same face.

An array's length stands before its content, so rows wait in files beside the output (numbers of one size, and one for
each kind of text) and are copied into place at the end.  Room for that copy is claimed while they grow: a disk that
fills up stops the run while it can still be finished.
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
MAX_UNPACKED_BYTES = 1 << 26  # bytes; a member that grows beyond it ...
MAX_RATIO = 100  # ... and by more than this when it is unpacked is a bomb: vectors hardly shrink at all


def record_type(dimension: int) -> np.dtype[Any]:
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
    """The .npz that is being written at `path`, which exists and is empty."""

    def __init__(self, path: Path, model: str, dimension: int, persons: bool = False) -> None:
        self._model = model
        self._type = record_type(dimension)
        self._longest = dict.fromkeys(("keys", "persons") if persons else ("keys",), 1)
        self._claimed = 0
        self._paths = [path.with_name(path.name + end) for end in (".rows", *(f".{name}" for name in self._longest))]
        for waiting in self._paths:
            waiting.touch(exist_ok=False)
        self._file = open(path, "r+b")  # noqa: SIM115 - closed by finish or discard
        self._numbers = RowFile(self._paths[0], self._record, patient=True)
        pairs = zip(self._paths[1:], (_key, _person), strict=False)
        self._texts = [RowFile(waiting, encode, patient=True) for waiting, encode in pairs]

    @property
    def count(self) -> int:
        return min(self._numbers.count, *(text.count for text in self._texts))

    def add(self, rows: list[Row]) -> None:
        texts = {"keys": [len(row.key) for row in rows], "persons": [len(row.person) for row in rows]}
        longest = {name: max([before, *texts[name]]) for name, before in self._longest.items()}
        self._claim(self._numbers.count + len(rows), sum(longest.values()))
        self._longest = longest
        for file in (self._numbers, *self._texts):
            file.add(rows)

    def _claim(self, rows: int, longest: int) -> None:
        """Claim room for the finished file, and for rows that have not reached their waiting files by then."""
        needed = self._size(rows, longest) + 3 * BUFFER_BYTES
        if needed > self._claimed:
            reserve(self._file, self._claimed, needed + needed // 16 - self._claimed)
            self._claimed = needed + needed // 16

    def _size(self, rows: int, longest: int) -> int:
        """Bytes of the finished file at most: text takes 4 bytes a letter, and headers are small."""
        return rows * (self._type.itemsize + 4 * 64 + 4 * longest) + 65_536

    def _record(self, row: Row) -> bytes:
        face = row.face
        marks = landmarks_of(face).reshape(5, 2)
        fields = (row.number, face.box, face.score, marks, face.turn, row.sha256.encode("ascii"), row.vector)
        return np.array(fields, self._type).tobytes()

    def finish(self) -> None:
        try:
            if self._claimed:
                self._file.truncate(
                    self._size(self.count, sum(self._longest.values()))
                )  # gives back what the two lines below need
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
        for waiting in self._paths:
            waiting.unlink(missing_ok=True)

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
    """Texts that end in NUL each, some at a time."""
    if not count:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        start = 0
        for first in range(0, count, CHUNK):
            found = []
            for _ in range(min(CHUNK, count - first)):
                end = content.find(b"\0", start)
                found.append(content[start:end].decode("utf-8", "surrogateescape"))
                start = end + 1
            yield np.array(found, kind)


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
    """The arrays in an .npz by name; never a pickled object, and never more bytes than the file accounts for."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.file_size > MAX_UNPACKED_BYTES and info.file_size > MAX_RATIO * max(info.compress_size, 1):
                raise VectorsError(f"'{path}' unpacks {info.filename} to {info.file_size} bytes: refused as a bomb")
        return {
            info.filename[:-4]: _array(archive, info) for info in archive.infolist() if info.filename[-4:] == ".npy"
        }


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    """One member. Its header is held against the member's size before any memory is taken by what it says."""
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, kind = read_header(member)
        count = int(np.prod(shape, dtype=object)) if shape else 1
        if kind.hasobject or min(shape, default=0) < 0 or count * kind.itemsize != info.file_size - member.tell():
            raise ValueError(f"{info.filename} holds something else than its header says")
        flat = np.frombuffer(member.read(), kind)
        return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
