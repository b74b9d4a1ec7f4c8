"""Vectors as whole rows of bytes, one after the other: .csv, .jsonl and the article's .pkl.

Rows are gathered to a megabyte and then written.  Where the disk fills up, the file is cut back to its last whole row,
so what it holds is always valid.
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

BUFFER_BYTES = 1 << 20  # bytes held before a write: few system calls, little to lose to a kill -9

Encode = Callable[[Row], bytes]


class RowFile:
    """header, rows, trailer: each row is whole bytes, so the file may end after any of them.

    patient: where `add` finds the disk full, rows wait for `finish`, before which the caller makes room.
    """

    def __init__(
        self, path: Path, encode: Encode, header: bytes = b"", trailer: bytes = b"", patient: bool = False
    ) -> None:
        self.count = 0
        self._patient = patient
        self._encode = encode
        self._trailer = trailer
        self._file = open(path, "r+b", buffering=0)  # noqa: SIM115 - closed by finish or discard
        self._ends = [0]  # where the file ended after each row of the last batch on disk: it can be cut at any of them
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        try:
            self._write_whole(header)
        except OSError:
            self._file.close()
            raise
        self._ends = [len(header)]

    def add(self, rows: list[Row]) -> None:
        for row in rows:
            encoded = self._encode(row)
            self._waiting.append(encoded)
            self._waiting_size += len(encoded)
            self.count += 1
        if self._waiting_size >= BUFFER_BYTES:
            self._flush()

    def finish(self) -> None:
        self._patient = False
        try:
            self._flush()
            self._write_whole(self._trailer)
            os.fsync(self._file.fileno())
        except OSError:
            self._end_where_the_trailer_fits()
            raise
        finally:
            self._file.close()

    def discard(self) -> None:
        self._file.close()

    def _flush(self) -> None:
        waiting, self._waiting, self._waiting_size = self._waiting, [], 0
        if not waiting:
            return
        start = self._ends[-1]
        ends = [start]
        for encoded in waiting:
            ends.append(ends[-1] + len(encoded))
        try:
            self._write_whole(b"".join(waiting))
        except OSError:
            if self._patient:
                self._cut()
                self._waiting, self._waiting_size = waiting, ends[-1] - start
                raise
            reached = os.fstat(self._file.fileno()).st_size
            self._ends = self._ends + [end for end in ends[1:] if end <= reached]
            self.count -= sum(end > reached for end in ends)
            self._cut()
            raise
        self._ends = ends

    def _write_whole(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) or 0 :]

    def _cut(self) -> None:
        self._file.truncate(self._ends[-1])
        self._file.seek(self._ends[-1])

    def _end_where_the_trailer_fits(self) -> None:
        """Give up last rows until the trailer can be written in their place."""
        self._cut()
        while True:
            try:
                self._write_whole(self._trailer)
                return
            except OSError:
                if len(self._ends) == 1:
                    raise
                self._ends.pop()
                self.count -= 1
                self._cut()


def csv_file(path: Path, model: str, dimension: int, persons: bool = False) -> RowFile:
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
        known = [row.key, row.number, *box, _number(face.score), *marks, face.turn, row.sha256, model]
        return _csv_line([*known, *([row.person] if persons else []), *vector])

    return RowFile(path, encode, header=_csv_line(columns))


def _csv_line(values: Sequence[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue().encode("utf-8", "surrogateescape")  # a file name that is no UTF-8 keeps its bytes


def _number(value: float) -> str:
    """The shortest digits that give the same float32 back."""
    return format(value, ".9g")


def jsonl_file(path: Path, model: str, dimension: int, persons: bool = False) -> RowFile:
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
        except UnicodeEncodeError:  # a file name that is no UTF-8: JSON's escapes carry it through
            return json.dumps(record).encode() + b"\n"

    return RowFile(path, encode)


def _rounded(value: float) -> float:
    return float(_number(value))


def pkl_file(path: Path, model: str, dimension: int, persons: bool = False) -> RowFile:
    """The article's dictionary, which has no place for persons."""
    rows = ArticleRows()
    return RowFile(path, lambda row: rows.encode(row.key, row.vector), header=HEADER, trailer=TRAILER)
