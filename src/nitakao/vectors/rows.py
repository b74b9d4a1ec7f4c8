"""One face as a row of a vectors file, and the names of its columns."""

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
    """key: the photo's path or base name.  number: the face's place in its photo, from 0.  vector: (D,) float32.

    person: whose face it is, for files that say so; empty where nobody knows.
    """

    key: str
    number: int
    face: Face
    sha256: str
    vector: Floats
    person: str = ""


class RowSink(Protocol):
    """A file of one kind that is being written: it can be finished, and is then valid, after every `add`.

    `add` may raise OSError; `finish` then keeps the rows that got through.  kept: rows that `finish` leaves.
    """

    @property
    def count(self) -> int: ...

    def add(self, rows: list[Row]) -> None: ...

    def finish(self) -> None: ...

    def discard(self) -> None: ...


def landmarks_of(face: Face) -> Floats:
    """(10,) float32, x and y in turn; not-a-number where the detector gave none."""
    if face.landmarks is None:
        return np.full(10, np.nan, np.float32)
    return np.asarray(face.landmarks, np.float32).reshape(10)
