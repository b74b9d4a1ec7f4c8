"""Cross-validates a classifier on held-out photographs and on strangers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitakao.classifiers.fitting import PARTS, STRANGERS, Classifier, Examples, Labels, Method, check, fit, left_out
from nitakao.errors import MisuseError
from nitakao.values import ModelCard


@dataclass(frozen=True)
class Tried:
    """The result for one person: all faces, tested faces, and of these correct and rejected ones."""

    name: str
    faces: int
    tried: int
    right: int
    refused: int

    @property
    def wrong(self) -> int:
        """How many got another person's name."""
        return self.tried - self.right - self.refused


@dataclass(frozen=True)
class Report:
    """people: each person's faces.  strangers: faces of people left out of the training; refused: how many of them got
    nobody's name.  share: the share of strangers whom the classifier is asked to refuse.
    """

    method: Method
    people: tuple[Tried, ...]
    strangers: int
    refused: int
    share: float

    @property
    def tried(self) -> int:
        return sum(person.tried for person in self.people)

    @property
    def right(self) -> int:
        return sum(person.right for person in self.people)

    @property
    def wrong(self) -> int:
        return sum(person.wrong for person in self.people)

    @property
    def left_out(self) -> int:
        """How many people could not be tested: all their faces are in one photograph."""
        return sum(not person.tried for person in self.people)


def report(
    examples: Examples,
    card: ModelCard,
    *,
    method: Method = "logistic",
    refuse: float = STRANGERS,
    step: Callable[[], None] = lambda: None,
) -> Report:
    """What a classifier of these people is worth, by cross-validation.

    Faces are tried by classifiers trained on other photographs, and photographs are dealt out so that each person is
    in most of the trainings; people in one photograph only are trained on and not tried. Strangers are groups of the
    people whom a classifier was not trained on. Every classifier's threshold comes from its own training alone.
    step: called after each of the `rounds`.
    """
    check(examples, method, refuse)
    if len(examples.names) < 4:
        raise MisuseError(f"4 people with a name are needed for a report, and there are {len(examples.names)}")
    answers = np.full(len(examples.people), -2)  # -2: not tried, -1: refused, else the person
    for training, tried in _folds(examples):
        found = fit(examples.part(training), card, method=method, refuse=refuse)
        answers[tried] = _answers(found, examples, tried)
        step()
    strangers = refused = 0
    for others, strange in left_out(examples):
        found = fit(others, card, method=method, refuse=refuse)
        _, scores = found.guess(examples.vectors[strange])
        strangers, refused = strangers + len(scores), refused + int((~found.known(scores)).sum())
        step()
    return Report(method, tuple(_people(examples, answers)), strangers, refused, refuse)


def rounds(examples: Examples) -> int:
    """How many classifiers a report trains, without those for their thresholds."""
    return PARTS + min(PARTS, len(examples.names))


def _answers(found: Classifier, examples: Examples, tried: NDArray[np.bool_]) -> Labels:
    guesses, scores = found.guess(examples.vectors[tried])
    numbers = np.array([examples.names.index(name) for name in found.people])
    return np.where(found.known(scores), numbers[guesses], -1)


def _people(examples: Examples, answers: Labels) -> Iterator[Tried]:
    for person, name in enumerate(examples.names):
        own = answers[examples.people == person]
        yield Tried(name, len(own), int((own > -2).sum()), int((own == person).sum()), int((own == -1).sum()))


def _folds(examples: Examples) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """(training, tried) faces, (n,) bool each: no photograph is in both, and whoever is tried was trained on."""
    from sklearn.model_selection import StratifiedGroupKFold

    parts = min(PARTS, len(np.unique(examples.photos)), int(np.bincount(examples.people).max()))
    if parts < 2:
        return  # everybody has one picture
    folds = StratifiedGroupKFold(parts, shuffle=True, random_state=0)
    with warnings.catch_warnings():  # people with fewer pictures than there are folds are usual, and are seen to below
        warnings.filterwarnings("ignore", "The (least populated class|number of unique classes)", UserWarning)
        split = list(folds.split(examples.vectors, examples.people, examples.photos))
    for _, test in split:
        tried = np.zeros(len(examples.people), bool)
        tried[test] = True
        trained = np.isin(examples.people, examples.people[~tried])
        if len(np.unique(examples.people[~tried])) > 2 and (tried & trained).any():
            yield ~tried, tried & trained
