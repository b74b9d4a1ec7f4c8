"""Vectors as .parquet: the columns of the .csv, with the vector as a column of fixed-size lists."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from nitakao.vectors.preallocate import reserve
from nitakao.vectors.rows import BOX, LANDMARKS, Row, landmarks_of

GROUP_BYTES = 4 << 20  # rows buffered in memory for one row group
FOOTER_BYTES = 24_576  # upper bound on the footer's growth per row group: 22 columns with statistics
MODEL = b"nitakao.model"


class ParquetFile:
    """Writes a .parquet file to `path`. Disk space for each row group and the footer is reserved in advance."""

    def __init__(self, path: Path, model: str, dimension: int, persons: bool = False) -> None:
        import pyarrow.parquet

        self.count = 0
        self._model = model
        self._dimension = dimension
        self._persons = persons
        self._schema = _schema(model, dimension, persons)
        self._rows: list[Row] = []
        self._per_group = max(64, GROUP_BYTES // (4 * dimension + 512))
        self._groups = 0
        self._file = open(path, "r+b")  # noqa: SIM115 - closed by finish or discard
        try:
            reserve(self._file, 0, 2 * FOOTER_BYTES)
        except OSError:
            self._file.close()
            raise
        self._writer = pyarrow.parquet.ParquetWriter(
            self._file,
            self._schema,
            use_dictionary=["sha256", "model", *(["person"] if persons else [])],
            compression="snappy",
        )

    def add(self, rows: list[Row]) -> None:
        self._rows += rows
        self.count += len(rows)
        if len(self._rows) >= self._per_group:
            self._flush()

    def finish(self) -> None:
        problem = None
        try:
            try:
                self._flush()
            except OSError as error:  # complete the file with the row groups already written
                problem = error
            self._writer.close()
            self._file.truncate(self._file.tell())
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()
        if problem:
            raise problem

    def discard(self) -> None:
        self._writer.close()  # pyarrow's writer must not outlive its file
        self._file.close()

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        if not rows:
            return
        table = self._table(rows)
        room = table.nbytes + table.nbytes // 4 + FOOTER_BYTES * (self._groups + 4)
        try:
            reserve(self._file, self._file.tell(), room)
        except OSError:
            self.count -= len(rows)
            raise
        self._writer.write_table(table)
        self._groups += 1

    def _table(self, rows: list[Row]) -> Any:
        import pyarrow

        boxes = np.array([row.face.box for row in rows], np.float32)
        marks = np.stack([landmarks_of(row.face) for row in rows])
        flat = np.concatenate([np.asarray(row.vector, np.float32) for row in rows])
        columns = [
            pyarrow.array([_utf8(row.key) for row in rows], pyarrow.string()),
            pyarrow.array([row.number for row in rows], pyarrow.int32()),
            *(pyarrow.array(boxes[:, i]) for i in range(4)),
            pyarrow.array(np.array([row.face.score for row in rows], np.float32)),
            *(pyarrow.array(marks[:, i], from_pandas=True) for i in range(10)),  # NaN becomes null
            pyarrow.array([row.face.turn for row in rows], pyarrow.int16()),
            pyarrow.array([row.sha256 for row in rows], pyarrow.string()),
            pyarrow.array([self._model] * len(rows), pyarrow.string()),
            *([pyarrow.array([row.person for row in rows], pyarrow.string())] if self._persons else []),
            pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(flat), self._dimension),
        ]
        return pyarrow.Table.from_arrays(columns, schema=self._schema)


def _schema(model: str, dimension: int, persons: bool) -> Any:
    import pyarrow

    numbers = pyarrow.float32()
    fields = [
        ("key", pyarrow.string()),
        ("face", pyarrow.int32()),
        *((name, numbers) for name in BOX),
        ("score", numbers),
        *((name, numbers) for name in LANDMARKS),
        ("turn", pyarrow.int16()),
        ("sha256", pyarrow.string()),
        ("model", pyarrow.string()),
        *([("person", pyarrow.string())] if persons else []),
        ("vector", pyarrow.list_(numbers, dimension)),
    ]
    return pyarrow.schema(fields, metadata={MODEL: model.encode()})


def _utf8(name: str) -> str:
    """Parquet text must be UTF-8: other bytes in file names become \\x escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
