"""Results of verification, search and identification."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from nitakao.values.arrays import Floats
from nitakao.values.cards import Metric
from nitakao.values.photos import Chip, Face, Photo
from nitakao.values.records import FaceRecord, Hit, person_label
from nitakao.values.tables import Row, Table, html_table

Chips: TypeAlias = Callable[[Sequence[int]], Mapping[int, Chip]]  # from numbers of faces to their chips


@dataclass(frozen=True)
class Check:
    """One check of 'nitakao doctor' or 'nitakao models verify'.

    Attributes:
        name: What was checked.
        ok: Whether the check passed.
        detail: Result in words.
        needed: Whether nitakao needs this to work; a failed optional check is reported but is not an error.
    """

    name: str
    ok: bool
    detail: str
    needed: bool = True


@dataclass(frozen=True)
class Verdict(Table):
    """Whether two faces are the same person.

    Attributes:
        distance: Distance in the model's metric; small means similar.
        threshold: Same person below this distance; NaN if the model has none.
        metric: 'euclidean' or 'cosine'.
        model: Name of the model.
        threshold_source: Where the threshold comes from.
    """

    distance: float
    threshold: float
    metric: Metric
    model: str
    threshold_source: str

    @property
    def has_threshold(self) -> bool:
        """Whether there is a threshold."""
        return not math.isnan(self.threshold)

    @property
    def same(self) -> bool:
        """Whether the distance is below the threshold."""
        return self.distance < self.threshold

    def to_dicts(self) -> list[Row]:
        """One dict."""
        row = {name: getattr(self, name) for name in ("distance", "threshold", "metric", "model", "threshold_source")}
        return [{"same": self.same if self.has_threshold else None} | row]


@dataclass(frozen=True, eq=False)
class Probe:
    """What a search looks for: one face, or the average of several.

    Attributes:
        name: The probe as the caller named it.
        vector: Embedding to search with, (D,) float32.
        spread: Variance removed by averaging; `tasks.probes.as_from_one` adds it back to distances. 0 for one face.
        source: The photograph; empty for a face of the gallery or a vector.
        face: The face in that photograph.
        number: Position of the face in that photograph, from 0.
        faces: Numbers of the gallery's faces in the probe; results leave them out.
        parts: The probes that were averaged.
        person_id: Person of the probe in the gallery, if it comes from there.
        moved: Whether the vector was moved away from excluded faces; its distances then have no probability.
    """

    name: str
    vector: Floats
    spread: float = 0.0
    source: str | Photo = ""
    face: Face | None = None
    number: int = 0
    faces: tuple[int, ...] = ()
    parts: tuple[Probe, ...] = ()
    person_id: int | None = None
    moved: bool = False


@dataclass(frozen=True)
class ResultInfo:
    """Model, metric and numbers needed to read the distances and probabilities of a result.

    Attributes:
        model: Name of the model.
        metric: 'euclidean' or 'cosine'.
        threshold: Same person below this distance; NaN if there is none.
        threshold_source: Where the threshold comes from.
        searched: Number of faces searched.
        faces: Number of faces in the gallery.
        prior: Prior probability of a match; NaN without a calibration.
        calibration: Data that the calibration was fitted on.
        false_matches: Expected number of false matches below the threshold among the faces searched; NaN if unknown.
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
        """Whether there is a threshold."""
        return not math.isnan(self.threshold)


@dataclass(frozen=True, eq=False)
class Answer:
    """The hits for one probe, nearest first."""

    probe: Probe
    hits: tuple[Hit, ...]

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)


@dataclass(frozen=True, eq=False)
class SearchResult(Table):
    """The result of a search. Iterate over it to get the hits, nearest first.

    Attributes:
        answers: One per probe; a photograph with several faces gives several probes.
        info: Model, metric and threshold.
        problems: Photographs that gave no probe, while others did.
        chips: Reads the chips of faces, to show them in notebooks.
    """

    answers: tuple[Answer, ...]
    info: ResultInfo
    problems: tuple[str, ...] = ()
    chips: Chips | None = field(default=None, repr=False)

    @property
    def hits(self) -> tuple[Hit, ...]:
        """The hits of all probes, in the order of the probes."""
        return tuple(hit for answer in self.answers for hit in answer.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)

    def to_dicts(self) -> list[Row]:
        """One dict per hit."""
        return [
            {
                "probe": answer.probe.name,
                "rank": hit.rank,
                "distance": hit.distance,
                "probability": hit.probability,
                "person": hit.person,
                "photo": hit.photo,
                "face": hit.face.id,
            }
            for answer in self.answers
            for hit in answer.hits
        ]

    def _repr_html_(self) -> str:
        return html_table(self.to_dicts(), _pictures(self.chips, [hit.face.id for hit in self.hits]))


def _pictures(chips: Chips | None, faces: Sequence[int]) -> list[bytes | None]:
    """The JPEG of each face's chip; empty without a gallery."""
    if chips is None:
        return []
    known = chips(faces)
    return [known[face].jpeg if face in known else None for face in faces]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A person whom a probe may show.

    Attributes:
        rank: Position, from 1 (most likely).
        person_id: Number of the person in the gallery.
        name: Name of the person.
        distance: Distance to the mean of the person's faces, corrected for averaging.
        face: The person's face nearest to the probe.
        face_distance: Distance to that face.
        probability: Probability that this is the person; NaN without a calibration.
    """

    rank: int
    person_id: int
    name: str
    distance: float
    face: FaceRecord
    face_distance: float
    probability: float = math.nan

    @property
    def person(self) -> str:
        """Name of the person, or '#12' if unnamed."""
        return person_label(self.person_id, self.name)

    @property
    def photo(self) -> str:
        """Path of the photograph with the nearest face."""
        return self.face.path


@dataclass(frozen=True, eq=False)
class Identity:
    """Who one probe shows.

    Attributes:
        probe: The probe.
        match: The identified person, None for an unknown person.
        candidates: Possible people, most likely first.
        unknown: Probability that the probe is none of the named people; NaN without a calibration.
    """

    probe: Probe
    match: Candidate | None
    candidates: tuple[Candidate, ...]
    unknown: float = math.nan

    @property
    def person(self) -> str:
        """Name of the identified person, '' if unknown."""
        return "" if self.match is None else self.match.person


@dataclass(frozen=True, eq=False)
class IdentifyResult(Table):
    """Who each probe shows. Iterate over it to get one `Identity` per probe.

    Attributes:
        identities: One per probe.
        people: Number of named people to choose from.
        info: Model, metric and threshold; its prior is the probability that a probe is one of these people.
        problems: Photographs that gave no probe, while others did.
    """

    identities: tuple[Identity, ...]
    people: int
    info: ResultInfo
    problems: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Identity]:
        return iter(self.identities)

    def __len__(self) -> int:
        return len(self.identities)

    def to_dicts(self) -> list[Row]:
        """One dict per probe; `person` is empty for an unknown person."""
        return [
            {
                "probe": identity.probe.name,
                "person": identity.person,
                "distance": math.nan if identity.match is None else identity.match.distance,
                "probability": math.nan if identity.match is None else identity.match.probability,
                "unknown": identity.unknown,
                "candidates": [candidate.person for candidate in identity.candidates],
            }
            for identity in self.identities
        ]
