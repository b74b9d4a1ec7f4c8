"""Reading files of vectors, ours and those that others wrote.

What is needed: names and vectors of one length.  Everything else a file may leave out.
"""

from __future__ import annotations

import csv
import difflib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from nitakao.errors import NitakaoError, VectorsError
from nitakao.system import safe_pickle
from nitakao.values import Face, Floats, ModelCard, Turn
from nitakao.vectors.npz import read_npz
from nitakao.vectors.rows import BOX, LANDMARKS

MAX_DIMENSION = 65_536  # as for model cards


@dataclass(frozen=True, eq=False)
class Vectors:
    """names: (n,), as the file gives them.  vectors: (n, D) float32, finite.  model: empty where the file names none.

    numbers: each face's place in its photo.  faces, sha256, persons: (n,), or empty where the file does not tell.
    """

    path: str
    names: tuple[str, ...]
    vectors: Floats
    model: str = ""
    numbers: tuple[int, ...] = ()
    faces: tuple[Face, ...] = ()
    sha256: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()

    @property
    def dimension(self) -> int:
        return int(self.vectors.shape[1])

    def check(self, card: ModelCard) -> None:
        """Raises VectorsError where these vectors cannot be this model's."""
        if self.model and self.model != card.name:
            raise VectorsError(
                f"'{self.path}' holds vectors of {self.model}, not of {card.name}: use --model {self.model}"
            )
        if len(self.names) and self.dimension != card.dimension:
            raise VectorsError(
                f"'{self.path}' holds vectors of {self.dimension} numbers, and {card.name} makes {card.dimension}: "
                "name the model that made them, or embed the photographs again"
            )

    def find(self, name: str) -> int:
        """The row called `name`: as it stands in the file, or by its base name, or without its ending.

        'NAME#2' is the face with number 2 of a photo with several.  Raises VectorsError where none or several fit.
        """
        rows = self._rows(name)
        if not rows and "#" in name:
            base, _, number = name.rpartition("#")
            rows = [row for row in self._rows(base) if str(self._number(row)) == number]
        if not rows:
            raise VectorsError(f"'{self.path}' has nothing called '{name}'{self._hint(name)}")
        if len(rows) > 1:
            places = ", ".join(f"'{self.names[row]}#{self._number(row)}'" for row in rows[:3])
            raise VectorsError(f"'{name}' fits {len(rows)} faces in '{self.path}': say which, as in {places}")
        return rows[0]

    def _rows(self, name: str) -> list[int]:
        for view in (str, os.path.basename, lambda path: os.path.splitext(os.path.basename(path))[0]):
            rows = [row for row, known in enumerate(self.names) if view(known) == name]
            if rows:
                return rows
        return []

    def _number(self, row: int) -> int:
        return self.numbers[row] if self.numbers else 0

    def _hint(self, name: str) -> str:
        near = difflib.get_close_matches(name, self.names[:10_000], n=2, cutoff=0.7)
        return f": did you mean {' or '.join(repr(n) for n in near)}?" if near else ""


def read(path: str | os.PathLike[str]) -> Vectors:
    """A whole vectors file of any of the five kinds. Raises VectorsError."""
    from nitakao.vectors.write import suffix_of

    given = os.fspath(path)
    reader = _READERS[suffix_of(given)]
    try:
        with np.errstate(over="ignore"):  # too large for float32 becomes infinite, which is refused below
            return reader(Path(given))
    except VectorsError:
        raise
    except NitakaoError as error:
        raise VectorsError(str(error)) from error
    except OSError as error:
        raise VectorsError(f"'{given}' cannot be read: {error.strerror or error}") from error
    # zipfile, numpy and pyarrow each raise a dozen kinds of errors for damaged files; all mean one thing here.
    except Exception as error:
        raise VectorsError(f"'{given}' is not a vectors file, or is damaged: {_brief(error)}") from error


def _brief(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__


def _vectors(
    path: Path,
    names: Iterable[object],
    rows: Sequence[Any] | Floats,
    *,
    models: Iterable[str] = (),
    numbers: Iterable[int] = (),
    faces: Iterable[Face] = (),
    sha256: Iterable[str] = (),
    persons: Iterable[str | None] = (),
) -> Vectors:
    """Check once what every kind of file must hold."""
    keys = tuple(str(name) for name in names)
    if len(keys) != len(rows):
        raise VectorsError(f"'{path}' has {len(keys)} names for {len(rows)} vectors: it is damaged")
    lengths = {len(row) for row in rows}
    if len(lengths) > 1:
        raise VectorsError(f"'{path}' mixes vectors of {_some(lengths)} numbers: it is damaged, or not of one model")
    array = np.ascontiguousarray(rows, np.float32)
    if not len(keys):
        array = array.reshape(0, array.shape[1] if array.ndim == 2 else 0)
    if array.ndim != 2 or (len(keys) and not 1 <= array.shape[1] <= MAX_DIMENSION):
        raise VectorsError(f"'{path}' holds an array of shape {array.shape}, where vectors are one row for each name")
    if not np.isfinite(array).all():
        raise VectorsError(f"'{path}' holds numbers that are not finite: it is damaged")
    known = sorted(set(models))
    if len(known) > 1:
        raise VectorsError(f"'{path}' mixes vectors of several models ({_some(known)}): keep one file for each")
    hashes, people = tuple(str(value) for value in sha256), tuple(str(name or "") for name in persons)
    found = Vectors(str(path), keys, array, "".join(known), tuple(numbers), tuple(faces), hashes, people)
    if any(len(told) not in (0, len(keys)) for told in (found.numbers, found.faces, hashes, people)):
        raise VectorsError(f"'{path}' tells some things of some faces only: it is damaged")
    return found


def _some(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in sorted(values, key=str)[:4])


def _read_npz(path: Path) -> Vectors:
    arrays = read_npz(path)
    if "keys" not in arrays or "vectors" not in arrays:
        raise VectorsError(f"'{path}' has no arrays 'keys' and 'vectors': it holds {_some(arrays) or 'none'}")
    names = arrays["keys"].tolist()
    faces: Iterable[Face] = ()
    if all(name in arrays for name in ("boxes", "scores", "landmarks", "turns")):
        columns = (arrays["boxes"].tolist(), arrays["scores"].tolist(), arrays["landmarks"], arrays["turns"].tolist())
        faces = [_face(*row) for row in zip(*columns, strict=True)]
    return _vectors(
        path,
        names,
        arrays["vectors"],
        models=[str(arrays["model"])] if "model" in arrays else [],
        numbers=[int(number) for number in arrays["faces"].tolist()] if "faces" in arrays else [],
        faces=faces,
        sha256=arrays["sha256"].tolist() if "sha256" in arrays else [],
        persons=arrays["persons"].tolist() if "persons" in arrays else [],
    )


def _face(box: Sequence[float], score: float, landmarks: Any, turn: int) -> Face:
    x1, y1, x2, y2 = (float(v) for v in box)
    marks = None if landmarks is None else np.asarray(landmarks, np.float32).reshape(5, 2)
    if marks is not None and np.isnan(marks).any():
        marks = None
    if turn not in get_args(Turn):
        raise ValueError(f"a face turned by {turn} degrees")
    return Face((x1, y1, x2, y2), float(score), marks, cast(Turn, turn))


def _read_parquet(path: Path) -> Vectors:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(pyarrow.BufferReader(path.read_bytes()))
    if not {"key", "vector"} <= set(table.column_names):
        raise VectorsError(f"'{path}' has no columns 'key' and 'vector': it holds {_some(table.column_names)}")
    column = table["vector"].combine_chunks()
    if column.null_count or not (pyarrow.types.is_fixed_size_list(column.type) or pyarrow.types.is_list(column.type)):
        raise VectorsError(f"'{path}' has a column 'vector' that is not lists of numbers: it is damaged")
    flat = column.flatten().to_numpy(zero_copy_only=False)
    if len(column) and len(flat) % len(column):
        raise VectorsError(f"'{path}' mixes vectors of several lengths: it is damaged, or not of one model")
    width = len(flat) // len(column) if len(column) else 0
    if pyarrow.types.is_list(column.type) and set(np.diff(column.offsets.to_numpy())) - {width}:
        raise VectorsError(f"'{path}' mixes vectors of several lengths: it is damaged, or not of one model")
    rest = {name: table[name].to_pylist() for name in table.column_names if name != "vector"}
    return _from_columns(path, rest, flat.reshape(len(column), width))


def _read_csv(path: Path) -> Vectors:
    columns: dict[str, list[str]] = {}
    rows: list[Floats] = []
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines = csv.reader(file)
        header = next(lines, [])
        width = sum(name[:1] == "v" and name[1:].isdecimal() for name in header)
        if "key" not in header or not width or header[-width:] != [f"v{i}" for i in range(width)]:
            raise VectorsError(
                f"'{path}' does not begin with a line of columns from 'key' to v0, v1 ...: another kind?"
            )
        named = header[:-width]
        columns = {name: [] for name in named}
        for line in lines:
            if len(line) != len(header):
                raise VectorsError(f"'{path}' has {len(line)} columns in line {lines.line_num}, not {len(header)}")
            for name, value in zip(named, line[:-width], strict=True):
                columns[name].append(value)
            rows.append(np.array(line[-width:], np.float32))
    return _from_columns(path, columns, rows if rows else np.zeros((0, width), np.float32))


def _from_columns(path: Path, columns: Mapping[str, list[Any]], rows: Sequence[Any] | Floats) -> Vectors:
    """CSV and Parquet hold the same columns: text in the one, numbers and nulls in the other."""
    faces = []
    if all(name in columns for name in (*BOX, "score", "turn")):
        boxes = zip(*(columns[name] for name in BOX), strict=True)
        missing: list[Any] = [None] * len(columns["score"])
        marks = zip(*(columns.get(name, missing) for name in LANDMARKS), strict=True)
        for box, score, turn, points in zip(boxes, columns["score"], columns["turn"], marks, strict=True):
            known = None if any(point in (None, "") for point in points) else points
            faces.append(_face(box, score, known, int(turn)))
    return _vectors(
        path,
        columns["key"],
        rows,
        models=columns.get("model", []),
        numbers=[int(number) for number in columns.get("face", [])],
        faces=faces,
        sha256=columns.get("sha256", []),
        persons=columns.get("person", []),
    )


def _read_jsonl(path: Path) -> Vectors:
    records: list[dict[str, Any]] = []
    rows: list[Floats] = []
    with path.open(encoding="utf-8", errors="surrogateescape") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            record = json.loads(line)
            if not isinstance(record, dict) or not {"key", "vector"} <= record.keys():
                raise VectorsError(f"'{path}' has no object with 'key' and 'vector' in line {number}")
            rows.append(np.array(record.pop("vector"), np.float32))
            records.append(record)
    faces = []
    if all({"box", "score", "turn"} <= record.keys() for record in records):
        faces = [_face(r["box"], r["score"], r.get("landmarks"), r["turn"]) for r in records]
    return _vectors(
        path,
        [record["key"] for record in records],
        rows,
        models=[str(record["model"]) for record in records if "model" in record],
        numbers=[int(r["face"]) for r in records] if all("face" in r for r in records) else [],
        faces=faces,
        sha256=[r["sha256"] for r in records] if all("sha256" in r for r in records) else [],
        persons=[r.get("person") for r in records] if any("person" in r for r in records) else [],
    )


def _read_pkl(path: Path) -> Vectors:
    """The article's dictionary; its vectors may be of any real type and (1, D), as facenet's session gives them."""
    found = safe_pickle.load(safe_pickle.Source.open(path))
    if not isinstance(found, dict):
        raise VectorsError(f"'{path}' holds no dictionary of names and vectors, but a {type(found).__name__}")
    return _vectors(path, found, [_flat(path, name, value) for name, value in found.items()])


def _flat(path: Path, name: object, value: object) -> Floats:
    numbers = isinstance(value, (list, tuple)) and all(isinstance(part, (int, float)) for part in value)
    if not numbers and not (isinstance(value, np.ndarray) and value.dtype.kind in "fiu"):
        raise VectorsError(f"'{path}' holds no vector under '{str(name)[:80]}', but a {type(value).__name__}")
    array = np.asarray(value, np.float32)
    if array.ndim == 2 and len(array) == 1:
        array = array[0]
    if array.ndim != 1:
        raise VectorsError(f"'{path}' holds an array of shape {array.shape} under '{str(name)[:80]}', not a vector")
    return array


_READERS: dict[str, Callable[[Path], Vectors]] = {
    ".npz": _read_npz,
    ".parquet": _read_parquet,
    ".csv": _read_csv,
    ".jsonl": _read_jsonl,
    ".pkl": _read_pkl,
}
