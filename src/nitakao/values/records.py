"""Faces and people as a gallery stores them, and the hits of a search."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nitakao.errors import MisuseError
from nitakao.values.arrays import Floats
from nitakao.values.photos import Chip, Face, Quality


@dataclass(frozen=True)
class FaceRecord:
    """One face stored in a gallery.

    Attributes:
        id: Number of the face in the gallery; never reused.
        photo_id: Number of its photograph.
        path: One path of the photograph; empty if the gallery has none.
        size: (width, height) of the photograph in pixels.
        number: Position of the face in its photograph, from 0.
        face: Box, landmarks and detection score.
        quality: Quality of the face.
        time: Seconds into a video; None for a photograph.
        taken: Date taken, in seconds since 1970; None if unknown.
        person_id: Number of the person, None if unassigned.
        name: Name of the person; empty if unassigned or unnamed.
    """

    id: int
    photo_id: int
    path: str
    size: tuple[int, int]
    number: int
    face: Face
    quality: Quality
    time: float | None = None
    taken: float | None = None
    person_id: int | None = None
    name: str = ""


@dataclass(frozen=True)
class Person:
    """A person in a gallery: a group of faces, with or without a name.

    Attributes:
        id: Number of the person in the gallery.
        name: Name; empty if unnamed.
        faces: Number of faces.
        photos: Number of photographs with one of these faces.
        hidden: Whether searches leave the person out.
        cover: Number of the face that represents the person; None if the person has no faces.
    """

    id: int
    name: str
    faces: int
    photos: int
    hidden: bool = False
    cover: int | None = None

    @property
    def display_name(self) -> str:
        """The name, or '#12' for an unnamed person, as commands accept it."""
        return person_label(self.id, self.name)


def person_label(person_id: int | None, name: str) -> str:
    """The name of a person, '#12' if unnamed, or '' for an unassigned face."""
    return name or ("" if person_id is None else f"#{person_id}")


@dataclass(frozen=True)
class FaceFilter:
    """Restricts a search or a list to some faces of a gallery.

    Attributes:
        people: Only faces of these person numbers; empty for any.
        exclude: Person numbers to leave out.
        named: Only faces of people with a name.
        folder: Only photographs below this folder.
        since: Only photographs taken at or after this time, in seconds since 1970.
        until: Only photographs taken before this time. Either bound leaves out photographs without a date.
        min_quality: Lowest quality score, 0 to 1.
        hidden: Include faces of hidden people.
    """

    people: tuple[int, ...] = ()
    exclude: tuple[int, ...] = ()
    named: bool = False
    folder: str = ""
    since: float | None = None
    until: float | None = None
    min_quality: float = 0.0
    hidden: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.min_quality <= 1:
            raise MisuseError(f"min_quality must be between 0 and 1, not {self.min_quality:g}")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise MisuseError("since must be earlier than until")

    @property
    def matches_all(self) -> bool:
        """Whether no face is left out. Hidden people are only included with `hidden`."""
        return self == FaceFilter(hidden=True)


@dataclass(frozen=True)
class Hit:
    """One face that a search returned.

    Attributes:
        rank: Position in the results, from 1.
        face: The face in the gallery.
        distance: Distance to the probe, in the gallery's metric.
        probability: Probability that the face and the probe are the same person; NaN without a calibration.
    """

    rank: int
    face: FaceRecord
    distance: float
    probability: float = math.nan

    @property
    def person(self) -> str:
        """Name of the person, '#12' if unnamed, or '' if the face is unassigned."""
        return person_label(self.face.person_id, self.face.name)

    @property
    def photo(self) -> str:
        """Path of the photograph."""
        return self.face.path


@dataclass(frozen=True, eq=False)
class NewFace:
    """One face to store in a gallery.

    Attributes:
        face: Box, landmarks and detection score.
        vector: Embedding, (D,) float32.
        quality: Quality of the face.
        chip: Small picture of the face, None if there is none.
        time: Seconds into a video; None for a photograph.
    """

    face: Face
    vector: Floats
    quality: Quality
    chip: Chip | None = None
    time: float | None = None
