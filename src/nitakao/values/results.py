"""What questions are answered with."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nitakao.values.arrays import Floats
from nitakao.values.cards import Metric
from nitakao.values.photos import Face, Photo
from nitakao.values.records import FaceRecord, Match


@dataclass(frozen=True)
class Check:
    """One thing that was looked at, for 'nitakao doctor' and 'nitakao models verify'.

    needed: whether nitakao is unwell without it; what only some users need is told, and fails nothing.
    """

    name: str
    ok: bool
    detail: str
    needed: bool = True


@dataclass(frozen=True)
class Verdict:
    """Are two faces the same person: the distance and what it was held against.

    distance: in the model's metric; small is alike.  same: distance below threshold.
    """

    distance: float
    threshold: float
    metric: Metric
    model: str
    threshold_source: str

    @property
    def has_threshold(self) -> bool:
        return not math.isnan(self.threshold)

    @property
    def same(self) -> bool:
        return self.distance < self.threshold


@dataclass(frozen=True, eq=False)
class Probe:
    """Somebody who is asked about: a face, or several that are taken together.

    name: how it was named, for people.  vector: (D,), what is searched with.
    spread: what taking several together costs in closeness: distances are told as if from one picture, see
    `tasks.probes.as_from_one`; 0 for one face.
    source, face: a photograph and the face in it; number: its place there.  Without them: a face of the gallery.
    faces: numbers of the gallery's faces that it is made of, which are left out of its own answers.
    parts: the probes that it is made of, where these are several.
    person: whom the gallery has it as.  moved: away from another face, so that no distance from it is calibrated.
    """

    name: str
    vector: Floats
    spread: float = 0.0
    source: str | Photo = ""
    face: Face | None = None
    number: int = 0
    faces: tuple[int, ...] = ()
    parts: tuple[Probe, ...] = ()
    person: int | None = None
    moved: bool = False


@dataclass(frozen=True)
class Basis:
    """What makes an answer's distances and probabilities readable.

    prior: how likely it was, before anything was compared, that two faces are one person; NaN where the model has no
    calibration.  calibration: what it was fitted on.  searched: faces that were looked at, of `faces` in all.
    false_matches: how many of those searched are expected below the threshold although they are somebody else; NaN
    where that is not known.
    """

    model: str
    metric: Metric
    threshold: float
    threshold_source: str
    searched: int
    faces: int
    prior: float = math.nan
    calibration: str = ""
    false_matches: float = math.nan

    @property
    def has_threshold(self) -> bool:
        return not math.isnan(self.threshold)


@dataclass(frozen=True, eq=False)
class Answer:
    """What a search found for one probe, nearest first."""

    probe: Probe
    matches: tuple[Match, ...]


@dataclass(frozen=True, eq=False)
class Found:
    """What a search found for each probe.  problems: of photographs that give no probe, where others do."""

    answers: tuple[Answer, ...]
    basis: Basis
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Candidate:
    """Somebody whom a probe may be.

    distance: to the person, all her faces together, told as from one picture.  nearest: her face that is nearest, at
    `best`.  probability: NaN where the model has no calibration.
    """

    rank: int
    person: int
    name: str
    distance: float
    nearest: FaceRecord
    best: float
    probability: float = math.nan


@dataclass(frozen=True, eq=False)
class Identity:
    """Who a probe is.

    who: None where it is nobody known.  nobody: the probability of that, NaN where the model has no calibration.
    candidates: likeliest first.
    """

    probe: Probe
    who: Candidate | None
    candidates: tuple[Candidate, ...]
    nobody: float = math.nan


@dataclass(frozen=True, eq=False)
class Identified:
    """Who each probe is, among `people` with a name.  problems: as in Found.

    The basis' prior is that a probe is one of these people at all.
    """

    identities: tuple[Identity, ...]
    people: int
    basis: Basis
    problems: tuple[str, ...] = ()
