"""A row of a vectors file: one face. And the column names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nitakao.values import Face, Floats

BOX = ("x1", "y1", "x2", "y2")
LANDMARKS = tuple(
    f"{point}_{axis}" for point in ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth") for axis in "xy"
)


@dataclass(frozen=True, eq=False)
class Row:
    """A row of a vectors file.

    Attributes:
        key: The photo's path or base name.
        number: The face's number in its photo, from 0.
        face: The detected face.
        sha256: Of the photo's file.
        vector: (D,) float32.
        person: The person's name, for files with persons; empty if unknown.
    """

    key: str
    number: int
    face: Face
    sha256: str
    vector: Floats
    person: str = ""


class RowSink(Protocol):
    """A vectors file being written. After every `add`, `finish` makes it a valid file.

    `add` may raise OSError; `finish` then keeps the rows written so far. count: rows that `finish` keeps.
    """

    @property
    def count(self) -> int: ...

    def add(self, rows: list[Row]) -> None: ...

    def finish(self) -> None: ...

    def discard(self) -> None: ...


def landmarks_of(face: Face) -> Floats:
    """Landmarks as (10,) float32: x1, y1, x2, y2 ...; NaN if there are none."""
    if face.landmarks is None:
        return np.full(10, np.nan, np.float32)
    return np.asarray(face.landmarks, np.float32).reshape(10)
