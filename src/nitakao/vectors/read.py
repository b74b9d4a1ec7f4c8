"""Read vectors files, also from other programs. Only names and vectors of equal length are required."""

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
    """The content of a vectors file.

    Attributes:
        path: The file.
        names: (n,), as in the file.
        vectors: (n, D) float32, finite.
        model: The model's name; empty if the file has none.
        numbers: (n,) each face's number in its photo, or empty.
        faces, sha256, persons: (n,), or empty if the file has none.
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
        """Raise VectorsError if these vectors cannot be from this model."""
        if self.model and self.model != card.name:
            raise VectorsError(
                f"'{self.path}' holds vectors of {self.model}, not of {card.name}: use --model {self.model}"
            )
        if len(self.names) and self.dimension != card.dimension:
            raise VectorsError(
                f"'{self.path}' holds vectors of size {self.dimension}, but {card.name} has size {card.dimension}: "
                "use the model that made them, or embed the photographs again"
            )

    def find(self, name: str) -> int:
        """Find the row with this name: an exact match, a base name, or a base name without extension.

        'NAME#2' selects face number 2 of a photo.

        Raises:
            VectorsError: If no row or several rows match.
        """
        rows = self._rows(name)
        if not rows and "#" in name:
            base, _, number = name.rpartition("#")
            rows = [row for row in self._rows(base) if str(self._number(row)) == number]
        if not rows:
            raise VectorsError(f"'{self.path}' has no entry '{name}'{self._hint(name)}")
        if len(rows) > 1:
            places = ", ".join(f"'{self.names[row]}#{self._number(row)}'" for row in rows[:3])
            raise VectorsError(f"'{name}' matches {len(rows)} faces in '{self.path}': choose one, such as {places}")
        return rows[0]

    def _rows(self, name: str) -> list[int]:
        for view in (str, os.path.basename, lambda path: os.path.splitext(os.path.basename(path))[0]):
            rows = [row for row, entry in enumerate(self.names) if view(entry) == name]
            if rows:
                return rows
        return []

    def _number(self, row: int) -> int:
        return self.numbers[row] if self.numbers else 0

    def _hint(self, name: str) -> str:
        near = difflib.get_close_matches(name, self.names[:10_000], n=2, cutoff=0.7)
        return f": did you mean {' or '.join(repr(n) for n in near)}?" if near else ""


def read(path: str | os.PathLike[str]) -> Vectors:
    """Read a vectors file in any of the five formats.

    Raises:
        VectorsError: If the file is damaged or cannot be read.
        MisuseError: If its extension is unknown.
    """
    from nitakao.vectors.write import suffix_of

    name = os.fspath(path)
    reader = _READERS[suffix_of(name)]
    try:
        with np.errstate(over="ignore"):  # values too large for float32 become infinite, which is refused below
            return reader(Path(name))
    except VectorsError:
        raise
    except NitakaoError as error:
        raise VectorsError(str(error)) from error
    except OSError as error:
        raise VectorsError(f"'{name}' cannot be read: {error.strerror or error}") from error
    # zipfile, numpy and pyarrow raise many kinds of errors for damaged files.
    except Exception as error:
        raise VectorsError(f"'{name}' is not a vectors file, or is damaged: {_brief(error)}") from error


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
    """Check what all formats have in common."""
    keys = tuple(str(name) for name in names)
    if len(keys) != len(rows):
        raise VectorsError(f"'{path}' has {len(keys)} names for {len(rows)} vectors: it is damaged")
    lengths = {len(row) for row in rows}
    if len(lengths) > 1:
        raise VectorsError(f"'{path}' mixes vectors of sizes {_some(lengths)}: it is damaged, or holds several models")
    array = np.ascontiguousarray(rows, np.float32)
    if not len(keys):
        array = array.reshape(0, array.shape[1] if array.ndim == 2 else 0)
    if array.ndim != 2 or (len(keys) and not 1 <= array.shape[1] <= MAX_DIMENSION):
        raise VectorsError(f"'{path}' holds an array of shape {array.shape}, not one vector per name")
    if not np.isfinite(array).all():
        raise VectorsError(f"'{path}' holds numbers that are not finite: it is damaged")
    model_names = sorted(set(models))
    if len(model_names) > 1:
        raise VectorsError(f"'{path}' mixes vectors of several models ({_some(model_names)}): use one file per model")
    hashes, people = tuple(str(value) for value in sha256), tuple(str(name or "") for name in persons)
    vectors = Vectors(str(path), keys, array, "".join(model_names), tuple(numbers), tuple(faces), hashes, people)
    if any(len(column) not in (0, len(keys)) for column in (vectors.numbers, vectors.faces, hashes, people)):
        raise VectorsError(f"'{path}' has fields for only some of its faces: it is damaged")
    return vectors


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
        raise ValueError(f"a face rotated by {turn} degrees")
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
                f"'{path}' does not begin with a header line from 'key' to v0, v1 ...: is it a CSV file?"
            )
        names = header[:-width]
        columns = {name: [] for name in names}
        for line in lines:
            if len(line) != len(header):
                raise VectorsError(f"'{path}' has {len(line)} columns in line {lines.line_num}, not {len(header)}")
            for name, value in zip(names, line[:-width], strict=True):
                columns[name].append(value)
            rows.append(np.array(line[-width:], np.float32))
    return _from_columns(path, columns, rows if rows else np.zeros((0, width), np.float32))


def _from_columns(path: Path, columns: Mapping[str, list[Any]], rows: Sequence[Any] | Floats) -> Vectors:
    """CSV and Parquet have the same columns: CSV as text, Parquet as numbers and nulls."""
    faces = []
    if all(name in columns for name in (*BOX, "score", "turn")):
        boxes = zip(*(columns[name] for name in BOX), strict=True)
        missing: list[Any] = [None] * len(columns["score"])
        marks = zip(*(columns.get(name, missing) for name in LANDMARKS), strict=True)
        for box, score, turn, points in zip(boxes, columns["score"], columns["turn"], marks, strict=True):
            landmarks = None if any(point in (None, "") for point in points) else points
            faces.append(_face(box, score, landmarks, int(turn)))
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
    """The article's dictionary. Vectors may have any real type and shape (1, D), as facenet's session returns them."""
    content = safe_pickle.load(safe_pickle.Source.open(path))
    if not isinstance(content, dict):
        raise VectorsError(f"'{path}' holds a {type(content).__name__}, not a dictionary of names and vectors")
    return _vectors(path, content, [_flat(path, name, value) for name, value in content.items()])


def _flat(path: Path, name: object, value: object) -> Floats:
    numbers = isinstance(value, (list, tuple)) and all(isinstance(part, (int, float)) for part in value)
    if not numbers and not (isinstance(value, np.ndarray) and value.dtype.kind in "fiu"):
        raise VectorsError(f"'{path}' holds a {type(value).__name__} for '{str(name)[:80]}', not a vector")
    array = np.asarray(value, np.float32)
    if array.ndim == 2 and len(array) == 1:
        array = array[0]
    if array.ndim != 1:
        raise VectorsError(f"'{path}' holds an array of shape {array.shape} for '{str(name)[:80]}', not a vector")
    return array


_READERS: dict[str, Callable[[Path], Vectors]] = {
    ".npz": _read_npz,
    ".parquet": _read_parquet,
    ".csv": _read_csv,
    ".jsonl": _read_jsonl,
    ".pkl": _read_pkl,
}
