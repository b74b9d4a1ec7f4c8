"""How well a model tells whether two pictures show one person: LFW's protocol, and others of its kind."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nitakao.errors import MisuseError
from nitakao.metrics import between, bootstrap
from nitakao.metrics.bootstrap import Interval
from nitakao.metrics.verification import FARS, Verification, check_folds, over_folds, own, statistics
from nitakao.tasks.evaluate import embeddings
from nitakao.tasks.evaluate.comparison import Difference, Figures, differences
from nitakao.tasks.evaluate.embeddings import Measured, Measuring, Model, Picture, Watch
from nitakao.values import DetectorSettings, Doubles, Floats, Metric

if TYPE_CHECKING:  # which loads OpenCV
    from nitakao.protocols import Pairs


@dataclass(frozen=True)
class PairRules:
    """How pairs are judged.

    subtract_mean: from both vectors, first, the mean of those in the other folds (facenet's option of this name).
    grid: thresholds as facenet chooses them, over squared distances or angles.  metric: None: the model's own.
    fars: false accept rates at which the validation rate is told.  draws: of people, for intervals; 0: none.
    """

    subtract_mean: bool = False
    grid: bool = False
    metric: Metric | None = None
    fars: tuple[float, ...] = FARS
    draws: int = bootstrap.DRAWS

    def __post_init__(self) -> None:
        if not self.fars or not all(0 < far < 1 for far in self.fars):
            raise MisuseError(f"false accept rates lie between 0 and 1, not at {', '.join(map(str, self.fars))}")
        if self.draws < 0:
            raise MisuseError(f"intervals come from 0 draws or more, not {self.draws}")


@dataclass(frozen=True, eq=False)
class PairsEvaluated:
    """What a model's pairs came to.

    apart: (n,) each pair's distance as its own fold has it, infinite where a picture has no face.
    figures: accuracy, auc, eer, and val at each FAR, with what draws of people make of them.
    """

    verification: Verification
    pairs: Pairs
    measured: Measured
    rules: PairRules
    apart: Doubles
    figures: Figures

    @property
    def intervals(self) -> dict[str, Interval]:
        return self.figures.intervals

    @property
    def accuracy(self) -> float:
        return self.verification.accuracy

    @property
    def threshold(self) -> float:
        """The best for all pairs together, which is what a model's card names."""
        return self.verification.threshold

    @property
    def people(self) -> int:
        return len(set(self.pairs.who))


def evaluate_pairs(
    folder: str | os.PathLike[str] | None = None,
    *,
    pairs: str | os.PathLike[str],
    model: Model = None,
    vectors: str | os.PathLike[str] | None = None,
    folds: int | None = None,
    rules: PairRules | None = None,
    look: Measuring | None = None,
    skip_missing: bool = False,
    started: Callable[[int], None] = lambda pictures: None,
    watch: Watch = lambda outcome: None,
) -> PairsEvaluated:
    """What a model makes of pairs of pictures, in folds, with intervals over people.

    folder: with a folder for each person, as LFW has it.  pairs: a file like pairs.txt, or an InsightFace .bin, which
    brings its pictures along.  vectors: a file that `embed` left, in place of pictures.  folds: cut the pairs anew.
    look: how pictures become vectors; None: by the face nearest the centre, and of a .bin the whole picture.
    A picture without a face, or that cannot be read, makes its pairs count as two people.  Pairs whose pictures are not
    there raise MisuseError, unless `skip_missing` leaves them out and counts them.
    started: called with the number of pictures before the first of them is looked at.  watch: is shown each outcome.
    """
    rules = rules or PairRules()
    listed, pictures = opened(pairs, folder, folds, vectors=vectors is not None, skip_missing=skip_missing)
    check_folds(listed.same, listed.fold)
    if vectors is None:
        started(len(pictures))
        measured = embeddings.embedded(pictures, model, look or usual(pairs), rules.metric, watch)
    else:
        listed, measured = _in_file(vectors, listed, pictures, model, rules.metric, skip_missing)
    return judged(listed, measured, rules)


def usual(pairs: str | os.PathLike[str]) -> Measuring:
    """How pictures are looked at unless told otherwise: those of a .bin are aligned faces as they are."""
    packed = os.fspath(pairs).lower().endswith(".bin")
    return Measuring(DetectorSettings("none")) if packed else Measuring()


def opened(
    pairs: str | os.PathLike[str],
    folder: str | os.PathLike[str] | None,
    folds: int | None = None,
    *,
    vectors: bool = False,
    skip_missing: bool = False,
) -> tuple[Pairs, Sequence[Picture]]:
    """The pairs, and where each of their pictures lies, or its bytes.

    vectors: they are in a file, so that pictures are wanted for showing only, and there may be none.
    """
    from nitakao import protocols

    path = Path(pairs)
    if path.suffix.lower() == ".bin":
        listed, data = protocols.read_bin(path)
        listed = listed if folds is None else protocols.refolded(listed, folds)
        return listed, [_parsed(name, each) for name, each in zip(listed.pictures, data, strict=True)]
    listed = protocols.read_pairs(path)
    listed = listed if folds is None else protocols.refolded(listed, folds)
    if folder is None:
        if not vectors:
            raise MisuseError("the folder of pictures is needed, or a file of their vectors")
        return listed, [""] * len(listed.pictures)
    found = protocols.located(Path(folder), listed.pictures)
    if vectors:
        return listed, [where or "" for where in found]
    listed = _there(listed, [where is None for where in found], f"'{os.fspath(folder)}'", skip_missing)
    return listed, [where for where in found if where is not None]


def _parsed(name: str, data: bytes) -> Picture:
    from nitakao import photos
    from nitakao.errors import PhotoError

    try:
        return photos.parse(name, data)
    except PhotoError:  # told as of any other picture, when its turn to be decoded comes
        return photos.Encoded(name, data, "JPEG", (112, 112), 1, hashlib.sha256(data).hexdigest())


def _there(listed: Pairs, missing: Sequence[bool], where: str, skip_missing: bool) -> Pairs:
    """The pairs whose pictures are there. Raises MisuseError where others are not asked to be skipped."""
    if not any(missing):
        return listed
    gone = [name for name, out in zip(listed.pictures, missing, strict=True) if out]
    if not skip_missing:
        raise MisuseError(
            f"{len(gone)} of {len(listed.pictures)} pictures that the pairs name are not in {where}, such as "
            f"'{gone[0]}': leave their pairs out with --skip-missing"
        )
    return listed.without(missing)


def _in_file(
    vectors: str | os.PathLike[str],
    listed: Pairs,
    pictures: Sequence[Picture],
    model: Model,
    metric: Metric | None,
    skip_missing: bool,
) -> tuple[Pairs, Measured]:
    measured, missing = embeddings.from_file(vectors, listed.pictures, model=model, metric=metric)
    left = _there(listed, missing, f"'{os.fspath(vectors)}'", skip_missing)
    rows = [row for row, gone in enumerate(missing) if not gone]
    shown = tuple(pictures[row] or measured.pictures[row] for row in rows)
    return left, embeddings.chosen(measured, rows, shown)


def judged(pairs: Pairs, measured: Measured, rules: PairRules | None = None) -> PairsEvaluated:
    """What these vectors make of the pairs, with intervals over people."""
    rules = rules or PairRules()
    rows = apart(pairs, measured.vectors, measured.metric, subtract_mean=rules.subtract_mean)
    if rules.grid:
        rows = as_facenet(rows, measured.metric)
    found = over_folds(rows, pairs.same, pairs.fold, fars=rules.fars, grid=rules.grid)
    rates = {f"val@{rate.far:g}": rate.val for rate in found.rates}
    told = {"accuracy": found.accuracy, "auc": found.auc, "eer": found.eer, **rates}
    figures = Figures(measured.model, told, _drawn(pairs, rows, rules) if rules.draws else {})
    return PairsEvaluated(found, pairs, measured, rules, own(rows, pairs.fold), figures)


def apart(pairs: Pairs, vectors: Floats, metric: Metric, *, subtract_mean: bool = False) -> Doubles:
    """(folds, n) each pair's distance, in each fold; infinite where a picture has no vector."""
    folds = np.unique(pairs.fold)
    there = np.asarray(np.isfinite(vectors).all(axis=1))
    whole = np.flatnonzero(there[pairs.first] & there[pairs.second])
    first, second = (vectors[side[whole]].astype(np.float64) for side in (pairs.first, pairs.second))
    found = np.full((len(folds), len(pairs.same)), np.inf)
    if not subtract_mean:
        found[:, whole] = between(first, second, metric)
        return found
    for row, fold in enumerate(folds):
        rest = pairs.fold[whole] != fold
        mean = np.concatenate([first[rest], second[rest]]).mean(axis=0)
        found[row, whole] = between(first - mean, second - mean, metric)
    return found


def as_facenet(apart: Doubles, metric: Metric) -> Doubles:
    """The same distances as facenet measures them: squared, or the angle as a share of half a turn."""
    if metric == "euclidean":
        return np.asarray(apart**2)
    angles = np.arccos(np.clip(1 - np.where(np.isfinite(apart), apart, 0), -1, 1)) / np.pi
    return np.where(np.isfinite(apart), angles, np.inf)


def _drawn(pairs: Pairs, rows: Doubles, rules: PairRules) -> dict[str, Doubles]:
    people = pairs.people
    first, second = people[pairs.first], people[pairs.second]

    def of(drawn: Doubles) -> dict[str, Doubles]:
        return statistics(rows, pairs.same, pairs.fold, bootstrap.of_pairs(drawn, first, second), rules.fars)

    return bootstrap.gathered(int(people.max()) + 1, len(pairs.same) * (len(rows) + 1), of, rules.draws)


def compared(evaluated: Sequence[PairsEvaluated]) -> list[Difference]:
    """How each model differs from each other one, in every figure. Raises MisuseError for other pairs."""
    for each in evaluated[1:]:
        one, other = evaluated[0].pairs, each.pairs
        if one.pictures != other.pictures or not np.array_equal(one.first, other.first):
            raise MisuseError("models are compared on the same pairs: some pictures are missing for one of them only")
    return differences([each.figures for each in evaluated])


def worst(found: PairsEvaluated, most: int = 12) -> tuple[list[int], list[int]]:
    """The pairs of two people that are nearest, and those of one that lie farthest apart; wrong ones only.

    Wrong as its fold's threshold has it; pairs that could not be compared are left out.
    """
    told = {fold.fold: fold.threshold for fold in found.verification.folds}
    below = found.apart < np.array([told[int(fold)] for fold in found.pairs.fold])
    order = np.argsort(found.apart, kind="stable")
    false = [int(row) for row in order if below[row] and not found.pairs.same[row]]
    refused = [
        int(row) for row in order[::-1] if not below[row] and found.pairs.same[row] and np.isfinite(found.apart[row])
    ]
    return false[:most], refused[:most]
