"""Train a classifier on a file of vectors, and classify the faces of another."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import PurePath
from typing import Literal

import numpy as np

from nitakao.classifiers import Classifier, Examples, Method, Report, fit
from nitakao.classifiers import report as cross_validate
from nitakao.errors import MisuseError
from nitakao.tasks.arguments import read_vectors
from nitakao.values import ModelCard
from nitakao.vectors import Vectors

Labels = Literal["name", "folder", "person"]


def train_on_vectors(
    path: str | os.PathLike[str],
    labels: Labels,
    *,
    method: Method = "logistic",
    refuse: float = 0.99,
    model: str | None = None,
) -> Classifier:
    """Train a classifier on the labelled faces of a file of vectors.

    Args:
        path: The file of vectors.
        labels: Where the name of a face's person is: in the name of its photo without the number at its end
            ('Ada_0001.jpg': Ada), in the folder of its photo, or in the file's column of persons.
        method: The kind of classifier.
        refuse: The share of strangers to refuse, 0 to 1.
        model: The model of a file that does not name it.

    Raises:
        MisuseError: The model is unknown, or no face has a label.
    """
    vectors, card = _read(path, model)
    return fit(_examples(vectors, labels), card, method=method, refuse=refuse)


def report_on_vectors(
    path: str | os.PathLike[str],
    labels: Labels,
    *,
    method: Method = "logistic",
    refuse: float = 0.99,
    model: str | None = None,
    step: Callable[[], None] = lambda: None,
) -> Report:
    """Cross-validate such a classifier. step: is called after each round."""
    vectors, card = _read(path, model)
    return cross_validate(_examples(vectors, labels), card, method=method, refuse=refuse, step=step)


def _read(path: str | os.PathLike[str], model: str | None) -> tuple[Vectors, ModelCard]:
    vectors, card = read_vectors(path, model)
    if card is None:
        raise MisuseError(f"'{vectors.path}' does not name its model: give --model")
    return vectors, card


def label_of(name: str, labels: Labels) -> str:
    """The person in a photo's name: 'Ada_0001.jpg' is Ada by name, 'Ada/1.jpg' is Ada by folder."""
    path = PurePath(name.replace("\\", "/"))
    if labels == "folder":
        return path.parent.name
    return re.sub(r"[\s_.\-]*\d+$", "", path.stem).strip()


def _examples(vectors: Vectors, labels: Labels) -> Examples:
    if labels == "person":
        names = list(vectors.persons) or [""] * len(vectors.names)
    else:
        names = [label_of(name, labels) for name in vectors.names]
    labelled = np.array([bool(name) for name in names], bool)
    if not labelled.any():
        raise MisuseError(f"no face in '{vectors.path}' has a person by its {labels}: choose another --labels-from")
    people = sorted({name for name in names if name})
    number = {name: place for place, name in enumerate(people)}
    rows = np.flatnonzero(labelled)
    _, photos = np.unique(np.array([vectors.names[row] for row in rows]), return_inverse=True)
    found = np.array([number[names[row]] for row in rows], np.int64)
    return Examples(vectors.vectors[rows], found, photos.astype(np.int64), tuple(people))
