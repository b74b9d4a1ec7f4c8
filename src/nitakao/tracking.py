"""Faces seen one after the other in a video, joined into tracks of one person, and of each track its best shots."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nitakao import geometry, metrics
from nitakao.values import Metric, NewFace

OVERLAP = 0.5  # share of two boxes, one frame after the other, from which on they are the same face in the same place
MOVED = 1.25  # times the distance of the same person, up to which that still holds: a face that turns looks less alike
DIFFERENT = 0.75  # times that distance, from which on a shot shows something new
WORTH = 0.5  # of the best shot's quality, below which a shot is not kept however different
SHOTS = 3  # of one track
OPEN = 256  # tracks that are followed at a time; a crowd beyond that closes those unseen for longest


@dataclass(frozen=True)
class Rules:
    """When two faces are the same person's.

    same: distance below which they are; not-a-number where it is not known, and only places count.  gap: seconds
    without being seen after which a track ends.  near: seconds from one frame to the next within which places count.
    """

    same: float
    metric: Metric
    gap: float = 10.0
    near: float = 1.5


@dataclass(frozen=True, eq=False)
class Track:
    """One person, seen from `start` to `end` (seconds) in `seen` frames.  shots: the best of it, best first."""

    shots: tuple[NewFace, ...]
    start: float
    end: float
    seen: int


def tracks(frames: Iterable[tuple[float, Sequence[NewFace]]], rules: Rules) -> Iterator[Track]:
    """Tracks, as each comes to its end.

    frames: seconds, rising, and the faces of the frame at that time.  Memory holds only the tracks that go on, and of
    each its `SHOTS` best faces.
    """
    going: list[_Going] = []
    for time, faces in frames:
        over = [track for track in going if time - track.end > rules.gap]
        going = [track for track in going if time - track.end <= rules.gap]
        new = _joined(going, time, faces, rules)
        going += [_Going(time, face) for face in new]
        going.sort(key=lambda track: track.end)
        over += going[: max(0, len(going) - OPEN)]
        going = going[len(going) - min(len(going), OPEN) :]
        yield from (track.ended() for track in over)
    yield from (track.ended() for track in sorted(going, key=lambda track: track.start))


class _Going:
    """A track that may go on."""

    def __init__(self, time: float, face: NewFace) -> None:
        self.start = self.end = time
        self.last = face
        self.shots = [face]
        self.seen = 1

    def distance(self, face: NewFace, metric: Metric) -> float:
        """From the nearest of the shots, or of the face as it was last seen."""
        return min(metrics.distance(shot.vector, face.vector, metric) for shot in (*self.shots, self.last))

    def add(self, time: float, face: NewFace, rules: Rules) -> None:
        self.end, self.last, self.seen = time, face, self.seen + 1
        self.shots = _best([*self.shots, face], rules)

    def ended(self) -> Track:
        return Track(tuple(self.shots), self.start, self.end, self.seen)


def _joined(going: list[_Going], time: float, faces: Sequence[NewFace], rules: Rules) -> list[NewFace]:
    """The faces that belong to no track; all others are added to theirs, the most alike first."""
    costs = sorted(
        (cost, number, place)
        for number, track in enumerate(going)
        for place, face in enumerate(faces)
        if (cost := _cost(track, time, face, rules)) < math.inf
    )
    taken: set[int] = set()
    used: set[int] = set()
    for _, number, place in costs:
        if number not in taken and place not in used:  # two faces of one frame are two people
            taken.add(number)
            used.add(place)
            going[number].add(time, faces[place], rules)
    return [face for place, face in enumerate(faces) if place not in used]


def _cost(track: _Going, time: float, face: NewFace, rules: Rules) -> float:
    """How unlike the face is to the track, or infinity where it is somebody else's."""
    overlap = float(geometry.iou([track.last.face.box], [face.face.box])[0, 0])
    placed = overlap >= OVERLAP and time - track.end <= rules.near
    if math.isnan(rules.same):
        return 1 - overlap if placed else math.inf
    distance = track.distance(face, rules.metric)
    return distance if distance < rules.same * (MOVED if placed else 1.0) else math.inf


def _best(shots: list[NewFace], rules: Rules) -> list[NewFace]:
    """Of these the one with the best quality, then those that differ from all that are better."""
    kept: list[NewFace] = []
    for shot in sorted(shots, key=_quality, reverse=True):
        if not kept or (_quality(shot) >= WORTH * _quality(kept[0]) and _differs(shot, kept, rules)):
            kept.append(shot)
    return kept[:SHOTS]


def _differs(shot: NewFace, kept: list[NewFace], rules: Rules) -> bool:
    least = DIFFERENT * rules.same
    return all(metrics.distance(shot.vector, other.vector, rules.metric) > least for other in kept)


def _quality(shot: NewFace) -> float:
    """The quality's score; where it is not known, the detector's."""
    return shot.face.score if np.isnan(shot.quality.score) else shot.quality.score
