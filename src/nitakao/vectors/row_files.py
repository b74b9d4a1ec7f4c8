"""Vectors in row-based formats: .csv, .jsonl and the article's .pkl.

Rows are buffered up to a megabyte. If the disk fills up, the file is truncated after its last complete row, so that it
is always valid.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from nitakao.vectors.article_pickle import HEADER, TRAILER, ArticleRows
from nitakao.vectors.rows import BOX, LANDMARKS, Row, landmarks_of

BUFFER_BYTES = 1 << 20  # few system calls, and little is lost on kill -9

Encode = Callable[[Row], bytes]


class RowFile:
    """A file of header, rows and trailer, which may end after any row.

    Args:
        path: An existing, empty file.
        encode: Encodes a row.
        header, trailer: Written before and after the rows.
        keep_pending: If the disk is full in `add`, keep rows in memory for `finish`; the caller must free space first.
    """

    def __init__(
        self, path: Path, encode: Encode, header: bytes = b"", trailer: bytes = b"", keep_pending: bool = False
    ) -> None:
        self.count = 0
        self._keep_pending = keep_pending
        self._encode = encode
        self._trailer = trailer
        self._file = open(path, "r+b", buffering=0)  # noqa: SIM115 - closed by finish or discard
        self._ends = [0]  # offsets after each row of the last batch on disk, where the file can be truncated
        self._pending: list[bytes] = []
        self._pending_size = 0
        try:
            self._write_all(header)
        except OSError:
            self._file.close()
            raise
        self._ends = [len(header)]

    def add(self, rows: list[Row]) -> None:
        for row in rows:
            encoded = self._encode(row)
            self._pending.append(encoded)
            self._pending_size += len(encoded)
            self.count += 1
        if self._pending_size >= BUFFER_BYTES:
            self._flush()

    def finish(self) -> None:
        self._keep_pending = False
        try:
            self._flush()
            self._write_all(self._trailer)
            os.fsync(self._file.fileno())
        except OSError:
            self._truncate_for_trailer()
            raise
        finally:
            self._file.close()

    def discard(self) -> None:
        self._file.close()

    def _flush(self) -> None:
        pending, self._pending, self._pending_size = self._pending, [], 0
        if not pending:
            return
        start = self._ends[-1]
        ends = [start]
        for encoded in pending:
            ends.append(ends[-1] + len(encoded))
        try:
            self._write_all(b"".join(pending))
        except OSError:
            if self._keep_pending:
                self._truncate()
                self._pending, self._pending_size = pending, ends[-1] - start
                raise
            reached = os.fstat(self._file.fileno()).st_size
            self._ends = self._ends + [end for end in ends[1:] if end <= reached]
            self.count -= sum(end > reached for end in ends)
            self._truncate()
            raise
        self._ends = ends

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) or 0 :]

    def _truncate(self) -> None:
        self._file.truncate(self._ends[-1])
        self._file.seek(self._ends[-1])

    def _truncate_for_trailer(self) -> None:
        """Drop last rows until the trailer fits."""
        self._truncate()
        while True:
            try:
                self._write_all(self._trailer)
                return
            except OSError:
                if len(self._ends) == 1:
                    raise
                self._ends.pop()
                self.count -= 1
                self._truncate()


def csv_file(path: Path, model: str, dimension: int, persons: bool = False) -> RowFile:
    """Open a .csv file for writing."""
    columns = [
        "key",
        "face",
        *BOX,
        "score",
        *LANDMARKS,
        "turn",
        "sha256",
        "model",
        *(["person"] if persons else []),
        *(f"v{i}" for i in range(dimension)),
    ]

    def encode(row: Row) -> bytes:
        face = row.face
        marks = ["" if face.landmarks is None else _number(v) for v in landmarks_of(face)]
        box = [_number(v) for v in face.box]
        vector = [_number(v) for v in row.vector]
        fields = [row.key, row.number, *box, _number(face.score), *marks, face.turn, row.sha256, model]
        return _csv_line([*fields, *([row.person] if persons else []), *vector])

    return RowFile(path, encode, header=_csv_line(columns))


def _csv_line(values: Sequence[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue().encode("utf-8", "surrogateescape")  # file names that are not UTF-8 keep their bytes


def _number(value: float) -> str:
    """The shortest decimal that round-trips float32."""
    return format(value, ".9g")


def jsonl_file(path: Path, model: str, dimension: int, persons: bool = False) -> RowFile:
    """Open a .jsonl file for writing."""

    def encode(row: Row) -> bytes:
        face = row.face
        marks = None if face.landmarks is None else [_rounded(v) for v in landmarks_of(face)]
        record = {
            "key": row.key,
            "face": row.number,
            "box": [_rounded(v) for v in face.box],
            "score": _rounded(face.score),
            "landmarks": None if marks is None else [marks[i : i + 2] for i in range(0, 10, 2)],
            "turn": face.turn,
            "sha256": row.sha256,
            "model": model,
            **({"person": row.person} if persons else {}),
            "vector": [_rounded(v) for v in row.vector],
        }
        try:
            return json.dumps(record, ensure_ascii=False).encode() + b"\n"
        except UnicodeEncodeError:  # for file names that are not UTF-8, JSON escapes keep the bytes
            return json.dumps(record).encode() + b"\n"

    return RowFile(path, encode)


def _rounded(value: float) -> float:
    return float(_number(value))


def pkl_file(path: Path, model: str, dimension: int, persons: bool = False) -> RowFile:
    """The article's dictionary, which cannot store persons."""
    rows = ArticleRows()
    return RowFile(path, lambda row: rows.encode(row.key, row.vector), header=HEADER, trailer=TRAILER)
