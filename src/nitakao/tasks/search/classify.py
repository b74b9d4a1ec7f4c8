"""Train a classifier on a gallery's named people, and use it without the gallery."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from nitakao.classifiers import Classifier, Examples, Method, Report, fit
from nitakao.classifiers import report as reported
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.arguments import (
    GalleryLike,
    PhotoLike,
    find_photos,
    gallery_card,
    load_card,
    open_gallery,
    pipeline_runner,
)
from nitakao.values import ModelCard, Outcome

if TYPE_CHECKING:  # SQLAlchemy is loaded only where there is a gallery
    from nitakao.gallery import GalleryStore

REJECTED = 0.99  # share of strangers


@dataclass(frozen=True)
class Guess:
    """The person of a face.

    Attributes:
        name: Name of the person; empty if rejected as unknown.
        likeliest: The most likely person, rejected or not.
        score: Higher is more certain.
    """

    name: str
    likeliest: str
    score: float


@dataclass(frozen=True, eq=False)
class ClassifiedPhoto:
    """A photo's outcome and one guess per face."""

    outcome: Outcome
    guesses: tuple[Guess, ...]


def train_classifier(
    place: GalleryLike = None,
    *,
    method: Method = "logistic",
    refuse: float = REJECTED,
    model: str | None = None,
) -> Classifier:
    """Train a classifier on the gallery's named people, without hidden ones. Save it with `save_classifier`.

    Args:
        place: The gallery. Of people with very many faces, only the best are used.
        method: The classifier.
        refuse: Share of strangers to reject as unknown.
        model: Name or path of the gallery's model, if it is not found by its name.
    """
    with open_gallery(place) as gallery:
        card = gallery_card(gallery, model)
        return fit(_examples(gallery), card, method=method, refuse=refuse, flip=gallery.flip)


def report(
    place: GalleryLike = None,
    *,
    method: Method = "logistic",
    refuse: float = REJECTED,
    model: str | None = None,
    step: Callable[[], None] = lambda: None,
) -> Report:
    """Cross-validate such a classifier on held-out photos and people.  step: called after each round."""
    with open_gallery(place) as gallery:
        return reported(_examples(gallery), gallery_card(gallery, model), method=method, refuse=refuse, step=step)


def classify(
    classifier: Classifier | str | os.PathLike[str],
    photos: Iterable[PhotoLike],
    *,
    model: str | ModelCard | None = None,
    options: PipelineOptions = PipelineOptions(),
    stdin: BinaryIO | None = None,
) -> Iterator[ClassifiedPhoto]:
    """Classify the faces of each photo.

    Args:
        classifier: The classifier, or the file that it was saved in.
        photos: Files, folders, globs and photos in memory.
        model: Name, path or card of the classifier's model, if it is not found by its name.
        options: How to read photos and detect faces; the classifier decides about `flip`.
        stdin: Where to read the list of photos that '-' stands for.

    Yields:
        One result per photo, in order. A photo that cannot be used has its problem in `outcome`.
    """
    classifier = classifier if isinstance(classifier, Classifier) else read_classifier(classifier)
    card = load_card(model or classifier.model)
    classifier.check(card)
    found = find_photos(photos, allow_urls=options.allow_urls, stdin=stdin)
    outcomes = pipeline_runner(None)(found, card=card, options=replace(options, flip=classifier.flip))
    return (ClassifiedPhoto(outcome, _guesses(classifier, outcome)) for outcome in outcomes)


def read_classifier(path: str | os.PathLike[str]) -> Classifier:
    """Read a classifier that `save_classifier` wrote. Raises FormatError for any other file."""
    from nitakao.classifiers.files import load

    return load(path)


def save_classifier(classifier: Classifier, path: str | os.PathLike[str]) -> None:
    """Write a classifier to a file, atomically."""
    from nitakao.classifiers.files import save

    save(classifier, path)


def _guesses(classifier: Classifier, outcome: Outcome) -> tuple[Guess, ...]:
    if not outcome.faces:
        return ()
    people, scores = classifier.guess(outcome.vectors)
    rows = zip(people.tolist(), scores.tolist(), classifier.known(scores).tolist(), strict=True)
    names = classifier.people
    return tuple(Guess(names[person] if known else "", names[person], score) for person, score, known in rows)


def _examples(gallery: GalleryStore) -> Examples:
    """The faces of all named people."""
    from nitakao.gallery import nearest
    from nitakao.gallery import people as persons

    named = sorted((person.name, person.id) for person in persons.people(gallery, hidden=False) if person.name)
    found = nearest.faces_of(gallery, [number for _, number in named])
    known = [(name, found[number]) for name, number in named if number in found]
    if not known:
        empty = np.zeros(0, np.int64)
        return Examples(np.zeros((0, gallery.dimension), np.float32), empty, empty, ())
    return Examples(
        np.concatenate([faces.vectors for _, faces in known]),
        np.repeat(np.arange(len(known)), [len(faces.ids) for _, faces in known]),
        np.concatenate([faces.photos for _, faces in known]),
        tuple(name for name, _ in known),
    )
