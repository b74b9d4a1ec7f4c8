"""Pairs: how well a model tells whether two pictures show one person, by the LFW protocol and others like it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nitakao.errors import MisuseError
from nitakao.metrics import between, bootstrap
from nitakao.metrics.bootstrap import Interval
from nitakao.metrics.verification import FARS, Verification, check_folds, of_own_fold, over_folds, statistics
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.evaluate import embeddings
from nitakao.tasks.evaluate.comparison import Difference, Figures, differences
from nitakao.tasks.evaluate.embeddings import Embedded, Model, Picture, Progress
from nitakao.tasks.evaluate.labelled import FilePath, LabelledSet
from nitakao.values import DetectorSettings, Doubles, Floats, Metric

if TYPE_CHECKING:  # loads OpenCV
    from nitakao.protocols import Pairs


@dataclass(frozen=True)
class PairRules:
    """How pairs are measured.

    Args:
        folds: Split the pairs into this many folds. None: the folds of the file.
        skip_missing: Leave out pairs with missing pictures, in place of an error.
        subtract_mean: Subtract the mean vector of the other folds first (facenet's option of this name).
        grid: Choose thresholds as facenet does, on a grid of squared distances or angles.
        fars: False accept rates at which to measure the validation rate.
    """

    folds: int | None = None
    skip_missing: bool = False
    subtract_mean: bool = False
    grid: bool = False
    fars: tuple[float, ...] = FARS

    def __post_init__(self) -> None:
        if not self.fars or not all(0 < far < 1 for far in self.fars):
            raise MisuseError(f"false accept rates lie between 0 and 1, not at {', '.join(map(str, self.fars))}")


@dataclass(frozen=True, eq=False)
class PairsResult:
    """The result of `pairs`.

    Attributes:
        verification: Accuracy, AUC, EER, folds and rates.
        pairs: The pairs.
        embedded: Vectors of their pictures.
        rules: How they were measured.
        distances: (n,) the distance of each pair, as its own fold measures it; infinite where a picture has no face.
        figures: accuracy, auc, eer, and val at each FAR.
    """

    verification: Verification
    pairs: Pairs
    embedded: Embedded
    rules: PairRules
    distances: Doubles
    figures: Figures

    @property
    def intervals(self) -> dict[str, Interval]:
        """The 95% interval of each figure."""
        return self.figures.intervals

    @property
    def accuracy(self) -> float:
        """Mean accuracy over folds."""
        return self.verification.accuracy

    @property
    def threshold(self) -> float:
        """The best threshold for all pairs together, as on a model's card."""
        return self.verification.threshold

    @property
    def people(self) -> int:
        """Number of people."""
        return len(set(self.pairs.labels))


def pairs(
    data: LabelledSet,
    pairs_file: FilePath,
    *,
    rules: PairRules | None = None,
    model: Model = None,
    options: PipelineOptions | None = None,
    progress: Progress | None = None,
) -> PairsResult:
    """Measure verification of pairs in folds, with intervals over people.

    Pairs with a picture that is unreadable or has no face count as two people.

    Args:
        data: Folder of the pictures, with one subfolder per person, or file of vectors. Not needed for a .bin.
        pairs_file: A list like LFW's pairs.txt, or an InsightFace .bin, which contains its pictures.
        rules: How pairs are measured.
        model: Name, path or card of the model. None: the default model, or the one that the file of vectors names.
        options: How faces are detected and embedded. None: by the most central face; pictures of a .bin as they are.
        progress: Callbacks.

    Raises:
        MisuseError: If pictures are missing, unless `rules.skip_missing`.
    """
    rules = rules or PairRules()
    listed, pictures = open_pairs(data, pairs_file, rules)
    check_folds(listed.same, listed.fold)
    if data.vectors is None:
        embedded = data.embed(pictures, model, options or default_options(pairs_file), progress)
    else:
        listed, embedded = _read_vectors(data, data.vectors, listed, pictures, model, rules)
    return measure_pairs(listed, embedded, rules, data.draws)


def default_options(pairs_file: FilePath) -> PipelineOptions:
    """Options for the pictures of these pairs: no detection in a .bin, whose pictures are aligned faces."""
    is_bin = os.fspath(pairs_file).lower().endswith(".bin")
    return PipelineOptions(DetectorSettings("none")) if is_bin else PipelineOptions()


def open_pairs(data: LabelledSet, pairs_file: FilePath, rules: PairRules) -> tuple[Pairs, Sequence[Picture]]:
    """The pairs, and the path or bytes of each of their pictures.

    With a file of vectors pictures only serve for display; those that are missing are ''.
    """
    from nitakao import protocols

    path = Path(pairs_file)
    if path.suffix.lower() == ".bin":
        listed, contents = protocols.read_bin(path)
        listed = listed if rules.folds is None else protocols.split_folds(listed, rules.folds)
        return listed, [_parse(name, content) for name, content in zip(listed.pictures, contents, strict=True)]
    listed = protocols.read_pairs(path)
    listed = listed if rules.folds is None else protocols.split_folds(listed, rules.folds)
    if data.folder is None:
        if data.vectors is None:
            raise MisuseError("give the folder of the pictures, or a file of their vectors")
        return listed, [""] * len(listed.pictures)
    paths = protocols.find_pictures(Path(data.folder), listed.pictures)
    if data.vectors is not None:
        return listed, [path or "" for path in paths]
    listed = _drop_missing(listed, [path is None for path in paths], f"'{os.fspath(data.folder)}'", rules)
    return listed, [path for path in paths if path is not None]


def _parse(name: str, content: bytes) -> Picture:
    from nitakao import photos
    from nitakao.errors import PhotoError

    try:
        return photos.parse(name, content)
    except PhotoError:  # reported when the picture is decoded, as for any other
        return photos.Encoded(name, content, "JPEG", (112, 112), 1, hashlib.sha256(content).hexdigest())


def _drop_missing(listed: Pairs, missing: Sequence[bool], where: str, rules: PairRules) -> Pairs:
    """The pairs without missing pictures. Raises MisuseError for missing pictures, unless rules.skip_missing."""
    if not any(missing):
        return listed
    if not rules.skip_missing:
        name = listed.pictures[list(missing).index(True)]
        raise MisuseError(
            f"{sum(missing)} of {len(listed.pictures)} pictures of the pairs are not in {where}, such as '{name}': "
            "leave their pairs out with --skip-missing"
        )
    return listed.without(missing)


def _read_vectors(
    data: LabelledSet, vectors: FilePath, listed: Pairs, pictures: Sequence[Picture], model: Model, rules: PairRules
) -> tuple[Pairs, Embedded]:
    embedded, missing = embeddings.read_some(vectors, listed.pictures, model=model, metric=data.metric)
    listed = _drop_missing(listed, missing, f"'{os.fspath(vectors)}'", rules)
    rows = [row for row, is_missing in enumerate(missing) if not is_missing]
    return listed, embedded.select(rows, tuple(pictures[row] or embedded.pictures[row] for row in rows))


def measure_pairs(
    listed: Pairs, embedded: Embedded, rules: PairRules | None = None, draws: int = bootstrap.DRAWS
) -> PairsResult:
    """As `pairs`, of vectors."""
    rules = rules or PairRules()
    rows = fold_distances(listed, embedded.vectors, embedded.metric, subtract_mean=rules.subtract_mean)
    if rules.grid:
        rows = as_facenet(rows, embedded.metric)
    result = over_folds(rows, listed.same, listed.fold, fars=rules.fars, grid=rules.grid)
    rates = {f"val@{rate.far:g}": rate.val for rate in result.rates}
    values = {"accuracy": result.accuracy, "auc": result.auc, "eer": result.eer, **rates}
    drawn = _resample(listed, rows, rules.fars, draws) if draws else {}
    figures = Figures(embedded.model, values, drawn)
    return PairsResult(result, listed, embedded, rules, of_own_fold(rows, listed.fold), figures)


def fold_distances(listed: Pairs, vectors: Floats, metric: Metric, *, subtract_mean: bool = False) -> Doubles:
    """(folds, n) the distance of each pair, in each fold; infinite where a picture has no vector."""
    folds = np.unique(listed.fold)
    has_vector = np.asarray(np.isfinite(vectors).all(axis=1))
    complete = np.flatnonzero(has_vector[listed.first] & has_vector[listed.second])
    first, second = (vectors[side[complete]].astype(np.float64) for side in (listed.first, listed.second))
    distances = np.full((len(folds), len(listed.same)), np.inf)
    if not subtract_mean:
        distances[:, complete] = between(first, second, metric)
        return distances
    for row, fold in enumerate(folds):
        others = listed.fold[complete] != fold
        mean = np.concatenate([first[others], second[others]]).mean(axis=0)
        distances[row, complete] = between(first - mean, second - mean, metric)
    return distances


def as_facenet(distances: Doubles, metric: Metric) -> Doubles:
    """Distances as facenet measures them: squared, or the angle as a share of half a turn."""
    if metric == "euclidean":
        return np.asarray(distances**2)
    angles = np.arccos(np.clip(1 - np.where(np.isfinite(distances), distances, 0), -1, 1)) / np.pi
    return np.where(np.isfinite(distances), angles, np.inf)


def _resample(listed: Pairs, rows: Doubles, fars: Sequence[float], draws: int) -> dict[str, Doubles]:
    """Each figure for every draw of people."""
    ids = listed.person_ids
    first, second = ids[listed.first], ids[listed.second]

    def figures(drawn: Doubles) -> dict[str, Doubles]:
        return statistics(rows, listed.same, listed.fold, bootstrap.of_pairs(drawn, first, second), fars)

    return bootstrap.resample(int(ids.max()) + 1, len(listed.same) * (len(rows) + 1), figures, draws)


def compare_pairs(results: Sequence[PairsResult]) -> list[Difference]:
    """Compare each model with each one after it, in every figure. Raises MisuseError where pairs differ."""
    for other in results[1:]:
        one, two = results[0].pairs, other.pairs
        if one.pictures != two.pictures or not np.array_equal(one.first, two.first):
            raise MisuseError("models are compared on the same pairs: some pictures are missing for one of them only")
    return differences([each.figures for each in results])


def worst_errors(result: PairsResult, most: int = 12) -> tuple[list[int], list[int]]:
    """The nearest accepted pairs of two people, and the farthest rejected pairs of one person.

    Errors at the threshold of each pair's fold; pairs with a picture without a face are left out.
    """
    thresholds = {fold.fold: fold.threshold for fold in result.verification.folds}
    accepted = result.distances < np.array([thresholds[int(fold)] for fold in result.pairs.fold])
    order, same = np.argsort(result.distances, kind="stable"), result.pairs.same
    false_matches = [int(row) for row in order if accepted[row] and not same[row]]
    false_non_matches = [
        int(row) for row in order[::-1] if not accepted[row] and same[row] and np.isfinite(result.distances[row])
    ]
    return false_matches[:most], false_non_matches[:most]
