"""People learnt from a gallery's names, and recognised in photographs without it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from nitakao.classifiers import Classifier, Examples, Method, Report, fit
from nitakao.classifiers import report as reported
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.arguments import Named, Place, card_for, card_of, opened, sources
from nitakao.tasks.probes import Look
from nitakao.values import DetectorSettings, Outcome

if TYPE_CHECKING:  # SQLAlchemy is loaded only where there is a gallery
    from nitakao.gallery import GalleryStore

REFUSED = 0.99  # share of strangers


@dataclass(frozen=True)
class Guess:
    """Who a face is.  name: empty for nobody known.  likeliest: who it would be else.  score: large when sure."""

    name: str
    likeliest: str
    score: float


@dataclass(frozen=True, eq=False)
class Classified:
    """One photograph and a guess for each of its faces."""

    outcome: Outcome
    guesses: tuple[Guess, ...]


def train_classifier(
    place: Place = None,
    *,
    method: Method = "logistic",
    refuse: float = REFUSED,
    model: str | None = None,
) -> Classifier:
    """A classifier of the people who have a name in the gallery, to be kept with `save_classifier`.

    Hidden people are left out, and of people with very many faces the best are taken.
    refuse: the share of strangers who shall get nobody's name.
    """
    with opened(place) as gallery:
        card = card_for(gallery, model)
        return fit(_examples(gallery), card, method=method, refuse=refuse, flip=gallery.flip)


def report(
    place: Place = None,
    *,
    method: Method = "logistic",
    refuse: float = REFUSED,
    model: str | None = None,
    step: Callable[[], None] = lambda: None,
) -> Report:
    """How well such a classifier does on photographs and people that it was not trained on. step: see `rounds`."""
    with opened(place) as gallery:
        return reported(_examples(gallery), card_for(gallery, model), method=method, refuse=refuse, step=step)


def classify(
    classifier: Classifier | str | os.PathLike[str],
    photos: Iterable[Named],
    *,
    look: Look | None = None,
    stdin: BinaryIO | None = None,
) -> Iterator[Classified]:
    """Each photograph with who its faces are, in order; a bad one has its problem in `outcome`.

    classifier: as `train_classifier` gives it, or the file it was saved in.  look.model: the card of its model, where
    that is not known by its name; look.choice: all faces unless told otherwise.
    """
    look = look or Look()
    known = classifier if isinstance(classifier, Classifier) else read_classifier(classifier)
    card = card_of(look.model or known.model)
    known.check(card)
    found = sources(photos, allow_urls=look.allow_urls, stdin=stdin)
    from nitakao import pipeline

    outcomes = pipeline.run(
        found,
        card=card,
        options=PipelineOptions(
            look.detector or DetectorSettings(), look.choice, look.device, known.flip, allow_urls=look.allow_urls
        ),
    )
    return (Classified(outcome, _guesses(known, outcome)) for outcome in outcomes)


def read_classifier(path: str | os.PathLike[str]) -> Classifier:
    """The classifier in a file that `save_classifier` wrote. Raises FormatError for any other."""
    from nitakao.classifiers.files import load

    return load(path)


def save_classifier(classifier: Classifier, path: str | os.PathLike[str]) -> None:
    """Write a classifier to a file, whole or not at all."""
    from nitakao.classifiers.files import save

    save(classifier, path)


def _guesses(classifier: Classifier, outcome: Outcome) -> tuple[Guess, ...]:
    if not outcome.faces:
        return ()
    people, scores = classifier.guess(outcome.vectors)
    told = zip(people.tolist(), scores.tolist(), classifier.known(scores).tolist(), strict=True)
    names = classifier.people
    return tuple(Guess(names[person] if known else "", names[person], score) for person, score, known in told)


def _examples(gallery: GalleryStore) -> Examples:
    """The faces of everybody with a name."""
    from nitakao.gallery import nearest
    from nitakao.gallery import people as persons

    named = sorted((person.name, person.id) for person in persons.people(gallery, hidden=False) if person.name)
    found = nearest.faces_of(gallery, [number for _, number in named])
    known = [(name, found[number]) for name, number in named if number in found]
    if not known:
        nobody = np.zeros(0, np.int64)
        return Examples(np.zeros((0, gallery.dimension), np.float32), nobody, nobody, ())
    return Examples(
        np.concatenate([faces.vectors for _, faces in known]),
        np.repeat(np.arange(len(known)), [len(faces.ids) for _, faces in known]),
        np.concatenate([faces.photos for _, faces in known]),
        tuple(name for name, _ in known),
    )
