"""Trains classifiers of people: preparation of vectors, an estimator, and a score threshold that rejects strangers."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import MissingExtraError, MisuseError
from nitakao.values import Doubles, Floats, ModelCard

Method = Literal["logistic", "svm", "nearest"]
METHODS: tuple[Method, ...] = get_args(Method)
Labels = NDArray[np.int64]

# Measured on LFW people who are not in its people.txt, 100 of them with 3 pictures each, others as strangers of whom 1%
# is let through; known faces that get their right name, with facenet-vggface2 and dlib-resnet: logistic at C=100 98.0%
# and 88.0% (C=30: 97.6 and 86.0, C=1000: 81 and 80), a linear SVM at C=10 97.6% and 84.8% (C=1: 97 and 78, C=100: 97
# and 83), nearest 92.4% and 82.0%. With one picture each of 200 people: 88.5 and 64.7, 85.8 and 67.8, 81.7 and 61.8.
LOGISTIC_C, SVM_C = 100.0, 10.0
STEPS = 10_000  # at most, for solvers that end far sooner
LEAST_PEOPLE = 3  # two remain when each is left out in turn to see what strangers look like
PARTS = 5  # groups of people that are left out in turn
STRANGERS = 0.99  # share that is refused, unless told otherwise


@dataclass(frozen=True, eq=False)
class Examples:
    """Faces whose person is known.

    vectors: (n, D).  people: (n,) which of `names` each is.  photos: (n,) number of the photograph it is in.
    """

    vectors: Floats
    people: Labels
    photos: Labels
    names: tuple[str, ...]

    def part(self, chosen: NDArray[np.bool_]) -> Examples:
        """The chosen faces, (n,) bool, and of the names only theirs."""
        there, people = np.unique(self.people[chosen], return_inverse=True)
        names = tuple(self.names[person] for person in there)
        return Examples(self.vectors[chosen], people.astype(np.int64), self.photos[chosen], names)


@dataclass(frozen=True, eq=False)
class Classifier:
    """Assigns a face to one of `people`, or to none.

    model, fingerprint, flip: whose vectors it takes.  mean, scale: what they are prepared with.
    threshold: a face with a lower score is a stranger's.  refused: the share of strangers whom that should refuse.
    faces: how many it was fitted on.
    """

    method: Method
    model: str
    fingerprint: str
    flip: bool
    people: tuple[str, ...]
    mean: Floats
    scale: float
    threshold: float
    refused: float
    faces: int
    estimator: Any

    def check(self, card: ModelCard, flip: bool | None = None) -> None:
        """Raises MisuseError where vectors of this card, with or without `flip`, are not those it was fitted on."""
        if card.name != self.model:
            raise MisuseError(
                f"the classifier was trained on {self.model} vectors, not {card.name}: "
                "use that model, or train it again"
            )
        if card.fingerprint != self.fingerprint:
            raise MisuseError(
                f"the classifier was trained with another card of the name {card.name}, whose numbers differ: "
                "give that card, or train it again"
            )
        if flip is not None and flip != self.flip:
            raise MisuseError("the classifier was trained on vectors made with and not without --flip, or the reverse")

    def guess(self, vectors: Floats) -> tuple[Labels, Doubles]:
        """(n,) the likeliest of `people` for each vector (n, D), and (n,) its score, large when sure."""
        if not len(vectors):
            return np.zeros(0, np.int64), np.zeros(0)
        scores = _scores(self.method, self.estimator, _prepared(vectors, self.mean, self.scale))
        return scores.argmax(axis=1), scores.max(axis=1)

    def known(self, scores: Doubles) -> NDArray[np.bool_]:
        """Which scores are above the threshold."""
        return scores > self.threshold


def fit(
    examples: Examples,
    card: ModelCard,
    *,
    method: Method = "logistic",
    refuse: float = STRANGERS,
    flip: bool = False,
) -> Classifier:
    """A classifier of these people that refuses about the share `refuse` of strangers.

    What strangers score is seen by leaving out groups of the people in turn, everybody weighing the same.
    """
    check(examples, method, refuse)
    mean, scale = _preparation(examples.vectors)
    estimator = _fitted(method, _prepared(examples.vectors, mean, scale), examples.people)
    return Classifier(
        method,
        card.name,
        card.fingerprint,
        flip,
        examples.names,
        mean,
        scale,
        _threshold(examples, method, refuse),
        refuse,
        len(examples.vectors),
        estimator,
    )


def check(examples: Examples, method: Method, refuse: float) -> None:
    """Raises MisuseError if the examples or options are invalid."""
    if method not in METHODS:
        raise MisuseError(f"no method '{method}': choose one of {', '.join(METHODS)}")
    if not 0 < refuse < 1:
        raise MisuseError(f"a share of strangers lies between 0 and 1, not {refuse:g}")
    if len(examples.names) < LEAST_PEOPLE:
        raise MisuseError(
            f"{LEAST_PEOPLE} people with a name are needed to learn from, and there "
            f"{'is' if len(examples.names) == 1 else 'are'} {len(examples.names)}: name more people"
        )


def left_out(examples: Examples) -> Iterator[tuple[Examples, NDArray[np.bool_]]]:
    """For each group of people left out: the other faces, and (n,) bool, the group's faces."""
    groups = np.random.default_rng(0).permutation(len(examples.names)) % min(PARTS, len(examples.names))
    for group in range(groups.max() + 1):
        strange = groups[examples.people] == group
        yield examples.part(~strange), strange


def _threshold(examples: Examples, method: Method, refuse: float) -> float:
    scores = np.zeros(len(examples.vectors))
    for others, strange in left_out(examples):
        mean, scale = _preparation(others.vectors)
        estimator = _fitted(method, _prepared(others.vectors, mean, scale), others.people)
        scores[strange] = _scores(method, estimator, _prepared(examples.vectors[strange], mean, scale)).max(axis=1)
    return _quantile(scores, 1 / np.bincount(examples.people)[examples.people], refuse)


def _quantile(values: Doubles, weights: Doubles, share: float) -> float:
    """The value at or below which this share of the weight lies."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][min(int(np.searchsorted(reached, share - 1e-12)), len(values) - 1)])


def _preparation(vectors: Floats) -> tuple[Floats, float]:
    """What `_prepared` takes off unit vectors and divides them by, so that one C suits every model.

    Vectors of dlib-resnet lie in a narrow cone, those of facenet all around; about their mean and in units of their
    spread they are alike.
    """
    unit = _unit(vectors)
    mean = unit.mean(axis=0)
    scale = math.sqrt(float(np.mean(np.sum((unit - mean) ** 2, axis=1))))
    return mean.astype(np.float32), scale or 1.0


def _prepared(vectors: Floats, mean: Floats, scale: float) -> Doubles:
    return (_unit(vectors) - mean) / scale


def _unit(vectors: Floats) -> Doubles:
    exact = vectors.astype(np.float64)
    return np.asarray(exact / np.maximum(np.linalg.norm(exact, axis=1, keepdims=True), 1e-12))


def _fitted(method: Method, rows: Doubles, people: Labels) -> Any:
    """The method's estimator, fitted on one thread: with several, waiting for a busy core takes a hundred times longer
    than the work (79 people, 237 faces: 0.1 seconds against 12).
    """
    try:
        from threadpoolctl import threadpool_limits  # comes with scikit-learn
    except ImportError:
        raise MissingExtraError("learning to tell people apart", "learn") from None
    with threadpool_limits(1), warnings.catch_warnings():
        # scikit-learn takes many people with one picture each for a mistake
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        return _estimator(method).fit(rows, people)


def _estimator(method: Method) -> Any:
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.neighbors import KNeighborsClassifier
        from sklearn.svm import LinearSVC
    except ImportError:
        raise MissingExtraError("learning to tell people apart", "learn") from None
    if method == "nearest":
        return KNeighborsClassifier(1, algorithm="brute")
    if method == "svm":
        return LinearSVC(C=SVM_C, dual=True, random_state=0, max_iter=STEPS)
    return LogisticRegression(C=LOGISTIC_C, max_iter=STEPS)


def _scores(method: Method, estimator: Any, rows: Doubles) -> Doubles:
    """(n, people), large when sure: minus the distance to the nearest face, the SVM's margin, logistic's share."""
    if method == "nearest":
        return _nearness(estimator, rows)
    if method == "logistic":
        return np.asarray(estimator.predict_proba(rows), np.float64)
    margins = np.asarray(estimator.decision_function(rows), np.float64)
    return margins if margins.ndim == 2 else np.stack([-margins, margins], axis=1)


def _nearness(estimator: Any, rows: Doubles) -> Doubles:
    """Only the nearest face's person has a score: the others' would be a search of their own each."""
    distances, _ = estimator.kneighbors(rows, n_neighbors=1)
    scores = np.full((len(rows), len(estimator.classes_)), -math.inf)
    scores[np.arange(len(rows)), estimator.predict(rows)] = -distances[:, 0]
    return scores
