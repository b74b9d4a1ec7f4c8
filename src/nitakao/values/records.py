"""What a gallery keeps of a face, and what it finds again."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nitakao.errors import MisuseError
from nitakao.values.arrays import Floats
from nitakao.values.photos import Chip, Face, Quality


@dataclass(frozen=True)
class FaceRecord:
    """One face of a gallery.

    id: its number in the gallery, never given twice.  photo: its photograph's number.  path: one place where the
    photograph lies; empty where it has none.  size: (width, height) of the photograph.  number: the face's place in its
    photograph, from 0.  time: seconds into a video; None in a photograph.  taken: when, seconds since 1970, or None.
    person, name: who it is, where it belongs to somebody; a person without a name has the name ''.
    """

    id: int
    photo: int
    path: str
    size: tuple[int, int]
    number: int
    face: Face
    quality: Quality
    time: float | None = None
    taken: float | None = None
    person: int | None = None
    name: str = ""


@dataclass(frozen=True)
class Person:
    """Somebody in a gallery: a group of faces, named or not yet.

    cover: the face that stands for the person, None where there is none left.
    """

    id: int
    name: str
    faces: int
    photos: int
    hidden: bool = False
    cover: int | None = None

    @property
    def called(self) -> str:
        """The name, or for want of one the number, as the commands take it: '#12'."""
        return self.name or f"#{self.id}"


@dataclass(frozen=True)
class FaceFilter:
    """Which faces of a gallery are meant.

    people: numbers of persons; empty: anybody.  without: persons left out.  named: only faces of persons with a name.
    folder: only photographs below it.  since, until: seconds since 1970, taken in [since, until); photographs without a
    time are then left out.  least: lowest quality score.  hidden: hidden persons' faces too.
    """

    people: tuple[int, ...] = ()
    without: tuple[int, ...] = ()
    named: bool = False
    folder: str = ""
    since: float | None = None
    until: float | None = None
    least: float = 0.0
    hidden: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.least <= 1:
            raise MisuseError(f"a quality lies between 0 and 1, not {self.least:g}")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise MisuseError("the time looked in ends before it begins")

    @property
    def everything(self) -> bool:
        """Whether no face at all is left out; where persons may be hidden, only `hidden` takes them in."""
        return self == FaceFilter(hidden=True)


@dataclass(frozen=True)
class Match:
    """One face that a search found.

    rank: from 1.  distance: in the gallery's metric.  probability: that it is the probe's person, NaN where the model
    has no calibration.
    """

    rank: int
    kept: FaceRecord
    distance: float
    probability: float = math.nan


@dataclass(frozen=True, eq=False)
class Enrolled:
    """One face on its way into a gallery: what was found, what the network made of it, and its chip."""

    face: Face
    vector: Floats  # (D,)
    quality: Quality
    chip: Chip | None = None
    time: float | None = None
