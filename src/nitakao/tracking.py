"""Joins the faces of a video into tracks of one person each, and selects the best shots of each track."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nitakao import geometry, metrics
from nitakao.values import Metric, NewFace

OVERLAP = 0.5  # IoU from which boxes in consecutive frames show the same face
MOVED = 1.25  # factor on the threshold for such boxes: a turning face changes its vector
DIFFERENT = 0.75  # of the threshold: minimum distance between the shots of a track
WORTH = 0.5  # of the best shot's quality: minimum for other shots
SHOTS = 3  # maximum per track
OPEN = 256  # maximum of open tracks; beyond it those unseen for longest are closed


@dataclass(frozen=True)
class Rules:
    """When two faces belong to one track.

    Attributes:
        threshold: Same-person distance; NaN if unknown, then only positions count.
        metric: Of the distance.
        max_gap: Seconds without a face after which a track ends.
        max_frame_gap: Maximum of seconds between frames for positions to count.
    """

    threshold: float
    metric: Metric
    max_gap: float = 10.0
    max_frame_gap: float = 1.5


@dataclass(frozen=True, eq=False)
class Track:
    """One person from `start` to `end` (seconds), in `frames` frames.  shots: the best faces, best first."""

    shots: tuple[NewFace, ...]
    start: float
    end: float
    frames: int


def tracks(frames: Iterable[tuple[float, Sequence[NewFace]]], rules: Rules) -> Iterator[Track]:
    """Yield tracks as they end. Only open tracks, with their `SHOTS` best faces, are in memory.

    Args:
        frames: Times in seconds, ascending, with the faces of each frame.
        rules: When faces belong to one track.
    """
    open_tracks: list[_OpenTrack] = []
    for time, faces in frames:
        ended = [track for track in open_tracks if time - track.end > rules.max_gap]
        open_tracks = [track for track in open_tracks if time - track.end <= rules.max_gap]
        new = _joined(open_tracks, time, faces, rules)
        open_tracks += [_OpenTrack(time, face) for face in new]
        open_tracks.sort(key=lambda track: track.end)
        ended += open_tracks[: max(0, len(open_tracks) - OPEN)]
        open_tracks = open_tracks[len(open_tracks) - min(len(open_tracks), OPEN) :]
        yield from (track.ended() for track in ended)
    yield from (track.ended() for track in sorted(open_tracks, key=lambda track: track.start))


class _OpenTrack:
    """An open track."""

    def __init__(self, time: float, face: NewFace) -> None:
        self.start = self.end = time
        self.last = face
        self.shots = [face]
        self.frames = 1

    def distance(self, face: NewFace, metric: Metric) -> float:
        """The distance to the nearest of the shots and the last face."""
        return min(metrics.distance(shot.vector, face.vector, metric) for shot in (*self.shots, self.last))

    def add(self, time: float, face: NewFace, rules: Rules) -> None:
        self.end, self.last, self.frames = time, face, self.frames + 1
        self.shots = _best([*self.shots, face], rules)

    def ended(self) -> Track:
        return Track(tuple(self.shots), self.start, self.end, self.frames)


def _joined(open_tracks: list[_OpenTrack], time: float, faces: Sequence[NewFace], rules: Rules) -> list[NewFace]:
    """Add faces to their tracks, nearest first; the faces that belong to none."""
    costs = sorted(
        (cost, number, place)
        for number, track in enumerate(open_tracks)
        for place, face in enumerate(faces)
        if (cost := _cost(track, time, face, rules)) < math.inf
    )
    taken: set[int] = set()
    used: set[int] = set()
    for _, number, place in costs:
        if number not in taken and place not in used:  # two faces of one frame are two people
            taken.add(number)
            used.add(place)
            open_tracks[number].add(time, faces[place], rules)
    return [face for place, face in enumerate(faces) if place not in used]


def _cost(track: _OpenTrack, time: float, face: NewFace, rules: Rules) -> float:
    """The distance of the face to the track; infinity if it does not belong to it."""
    overlap = float(geometry.iou([track.last.face.box], [face.face.box])[0, 0])
    placed = overlap >= OVERLAP and time - track.end <= rules.max_frame_gap
    if math.isnan(rules.threshold):
        return 1 - overlap if placed else math.inf
    distance = track.distance(face, rules.metric)
    return distance if distance < rules.threshold * (MOVED if placed else 1.0) else math.inf


def _best(shots: list[NewFace], rules: Rules) -> list[NewFace]:
    """The shot with the best quality, then those that differ from all better ones."""
    kept: list[NewFace] = []
    for shot in sorted(shots, key=_quality, reverse=True):
        if not kept or (_quality(shot) >= WORTH * _quality(kept[0]) and _differs(shot, kept, rules)):
            kept.append(shot)
    return kept[:SHOTS]


def _differs(shot: NewFace, kept: list[NewFace], rules: Rules) -> bool:
    least = DIFFERENT * rules.threshold
    return all(metrics.distance(shot.vector, other.vector, rules.metric) > least for other in kept)


def _quality(shot: NewFace) -> float:
    """The quality score, or the detector's score if it is unknown."""
    return shot.face.score if np.isnan(shot.quality.score) else shot.quality.score
