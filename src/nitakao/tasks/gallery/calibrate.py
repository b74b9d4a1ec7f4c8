"""Calibrate distances on the people of a gallery."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nitakao import calibration as calibrations
from nitakao.calibration import Bin
from nitakao.errors import GalleryError
from nitakao.tasks.arguments import CALIBRATION, GalleryLike, gallery_calibration, gallery_card, open_gallery
from nitakao.values import Calibration, FaceFilter, Floats, Metric, ModelCard

if TYPE_CHECKING:  # SQLAlchemy is loaded only where there is a gallery
    from nitakao.gallery import GalleryStore

Rows = NDArray[np.intp]

MIN_PEOPLE = 10  # with pairs; fewer say too little of other people
MIN_PAIRS = 100  # of one person; a share of them is then known to a few per cent
MAX_PAIRS_OF_ONE = 200  # pairs of one person, so that nobody with very many pictures outweighs all others
MAX_DIFFERENT = 1_000_000  # pairs of two people: rates of false matches down to 1 in 100,000
GROUPS = 5  # of people, each judged by a fit on the others
SEED = 1  # the same gallery gives the same calibration
BLOCK = 1 << 14  # pairs whose vectors are held at a time


@dataclass(frozen=True, eq=False)
class Labelled:
    """Faces with a known person.

    Attributes:
        vectors: (n, D).
        people: (n,) numbers of people.
        photos: (n,) numbers of photos.
        taken: (n,) seconds since 1970; NaN if unknown.
    """

    vectors: Floats
    people: NDArray[np.int64]
    photos: NDArray[np.int64]
    taken: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of faces.

    Attributes:
        apart: (m,) distances.
        same: (m,) whether both faces are one person.
        groups: (m, 2) the cross-validation group of each face's person.
    """

    distances: NDArray[np.float64]
    same: NDArray[np.bool_]
    groups: Rows

    def fit(self, chosen: NDArray[np.bool_], source: str = "") -> Calibration:
        return calibrations.fit(self.distances[self.same & chosen], self.distances[~self.same & chosen], source)


@dataclass(frozen=True)
class CalibrationResult:
    """A gallery's own calibration and how good it is.

    Attributes:
        people: People it was fitted on.
        faces: Their faces.
        same: Pairs of the same person.
        different: Pairs of different people.
        bins: Reliability, cross-validated over groups of people.
        error: Expected calibration error (ECE), likewise.
        before: ECE of the previous calibration on the same pairs; NaN if there was none.
        grouped: Faces that clustering assigned.
    """

    calibration: Calibration
    model: str
    metric: Metric
    people: int
    faces: int
    same: int
    different: int
    bins: tuple[Bin, ...]
    error: float
    before: float
    grouped: int


def calibrate(
    place: GalleryLike = None, *, model: str | os.PathLike[str] | ModelCard | None = None, grouped: bool = False
) -> CalibrationResult:
    """Fit probabilities and false match rates on the gallery's named people, and store them in the gallery.

    Args:
        place: The gallery.
        model: Name, path or card of the gallery's model, if it is not found by its name.
        grouped: Include faces that clustering assigned, not only those assigned by hand or by a label. This makes
            probabilities too confident, since clustering goes by the distance.

    Returns:
        The calibration and its quality.

    Raises:
        GalleryError: If there are too few people or pairs.
    """
    with open_gallery(place) as gallery:
        card = gallery_card(gallery, model)
        labelled, clustered = _labelled(gallery, grouped)
        sample = pairs(labelled, card.metric)
        _check_enough(gallery, labelled, sample, grouped)
        previous = gallery_calibration(gallery, card)
        probabilities, scored = cross_validated(sample)
        bins = tuple(calibrations.reliability(probabilities, sample.same[scored]))
        people, same = len(np.unique(labelled.people)), int(sample.same.sum())
        source = f"{same} pairs of one person and {len(sample.same) - same} of two, {people} people of this gallery"
        fitted = sample.fit(np.ones(len(sample.same), bool), source)
        gallery.set_setting(CALIBRATION, calibrations.dumps(fitted))
        return CalibrationResult(
            fitted,
            card.name,
            card.metric,
            people,
            len(labelled.people),
            same,
            len(sample.same) - same,
            bins,
            calibrations.calibration_error(bins),
            _error(previous, sample),
            clustered,
        )


def reset(place: GalleryLike = None) -> bool:
    """Remove the gallery's own calibration, so that the model's applies; return whether there was one."""
    with open_gallery(place) as gallery:
        exists = gallery.setting(CALIBRATION) is not None
        if exists:
            gallery.set_setting(CALIBRATION, None)
        return exists


def _labelled(gallery: GalleryStore, grouped: bool) -> tuple[Labelled, int]:
    """Faces of named people, and how many of them clustering assigned."""
    from nitakao.gallery import faces
    from nitakao.gallery.people import groups

    stored = groups.load_input(gallery)
    by_hand = set(stored.faces[stored.constraints.by_hand].tolist())
    records = [r for r in faces.stream(gallery, FaceFilter(named=True, hidden=True)) if grouped or r.id in by_hand]
    labelled = Labelled(
        faces.vectors(gallery, [r.id for r in records]),
        np.array([r.person_id for r in records], np.int64),
        np.array([r.photo_id for r in records], np.int64),
        np.array([math.nan if r.taken is None else r.taken for r in records], np.float64),
    )
    return labelled, sum(r.id not in by_hand for r in records)


def _check_enough(gallery: GalleryStore, labelled: Labelled, sample: Pairs, grouped: bool) -> None:
    """Raise GalleryError if there are too few people or pairs."""
    several = np.unique(labelled.people, return_counts=True)[1] > 1
    pairs_of_one = int(sample.same.sum())
    if several.sum() >= MIN_PEOPLE and pairs_of_one >= MIN_PAIRS:
        return
    more = "" if grouped else ", or include faces that clustering assigned, with --grouped"
    raise GalleryError(
        f"gallery '{gallery.location}' has {several.sum()} named people with at least two faces, and "
        f"{pairs_of_one} pairs of photos of one person; a calibration needs {MIN_PEOPLE} and {MIN_PAIRS}: "
        f"name more people and confirm their faces{more}"
    )


def pairs(labelled: Labelled, metric: Metric) -> Pairs:
    """Pairs of faces from different photos: a bounded, reproducible sample of each kind.

    Photos taken in the same second count as one, since bursts and copies would make a person look too similar.
    """
    draw = np.random.default_rng(SEED)
    rows = np.concatenate([_same_person(labelled.people, draw), _different_people(labelled.people, draw)])
    first, second = rows.T
    separate = labelled.photos[first] != labelled.photos[second]
    separate &= labelled.taken[first] != labelled.taken[second]  # NaN, not known, equals nothing
    rows = rows[separate]
    same = labelled.people[rows[:, 0]] == labelled.people[rows[:, 1]]
    return Pairs(_distances(labelled.vectors, rows, metric), same, _assign_folds(labelled.people)[rows])


def _same_person(people: NDArray[np.int64], draw: np.random.Generator) -> Rows:
    """(m, 2) rows of pairs of the same person, at most MAX_PAIRS_OF_ONE of each."""
    order = np.argsort(people, kind="stable")
    starts = np.flatnonzero(np.diff(people[order])) + 1
    samples = [rows[_within(len(rows), MAX_PAIRS_OF_ONE, draw)] for rows in np.split(order, starts)]
    return np.concatenate(samples)


def _different_people(people: NDArray[np.int64], draw: np.random.Generator) -> Rows:
    """(m, 2) rows of pairs of different people, at most MAX_DIFFERENT."""
    rows = _within(len(people), MAX_DIFFERENT, draw)
    return np.asarray(rows[people[rows[:, 0]] != people[rows[:, 1]]])


def _within(count: int, limit: int, draw: np.random.Generator) -> Rows:
    """(m, 2) pairs of numbers below `count`: all, or a random sample of `limit`."""
    if count * (count - 1) // 2 <= limit:
        return np.stack(np.triu_indices(count, 1), axis=1).astype(np.intp)
    first = draw.integers(0, count, limit)
    second = (first + draw.integers(1, count, limit)) % count
    return np.stack([first, second], axis=1).astype(np.intp)


def _distances(vectors: Floats, rows: Rows, metric: Metric) -> NDArray[np.float64]:
    """(m,) the distance of each pair."""
    blocks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
    distances = [_between(vectors[b[:, 0]], vectors[b[:, 1]], metric) for b in blocks]
    return np.concatenate(distances) if distances else np.empty(0)


def _between(a: Floats, b: Floats, metric: Metric) -> NDArray[np.float64]:
    first, second = a.astype(np.float64), b.astype(np.float64)
    if metric == "euclidean":
        return np.asarray(np.linalg.norm(first - second, axis=1))
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.asarray(1 - np.clip(np.sum(first * second, axis=1) / lengths, -1, 1))


def _assign_folds(people: NDArray[np.int64]) -> Rows:
    """(n,) the group of each face's person; groups get people in turn, most faces first."""
    _, person, counts = np.unique(people, return_inverse=True, return_counts=True)
    group = np.empty(len(counts), np.intp)
    group[np.argsort(-counts, kind="stable")] = np.arange(len(counts)) % GROUPS
    return group[person]


def cross_validated(sample: Pairs) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Probabilities at a prior of 0.5, each from a fit on other people, and which pairs they belong to.

    A pair is scored if both faces are in the group that is left out; pairs across groups are not.
    """
    probabilities = np.full(len(sample.same), math.nan)
    for group in range(GROUPS):
        in_fold = sample.groups == group
        scored = in_fold.all(axis=1)
        probabilities[scored] = calibrations.probability(sample.distances[scored], sample.fit(~in_fold.any(axis=1)))
    scored = ~np.isnan(probabilities)
    return probabilities[scored], scored


def _error(calibration: Calibration | None, sample: Pairs) -> float:
    """ECE on the cross-validated pairs, for comparison."""
    if calibration is None:
        return math.nan
    scored = sample.groups[:, 0] == sample.groups[:, 1]
    probabilities = calibrations.probability(sample.distances[scored], calibration)
    return calibrations.calibration_error(calibrations.reliability(probabilities, sample.same[scored]))
