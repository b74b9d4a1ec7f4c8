"""A classifier of people, trained on a gallery and used without it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nitakao.api.inputs import to_photos
from nitakao.pipeline import PipelineOptions

if TYPE_CHECKING:  # these load NumPy and scikit-learn
    from nitakao import classifiers
    from nitakao.api.inputs import Photos
    from nitakao.tasks.search.classify import ClassifiedPhoto
    from nitakao.values import ModelCard


class Classifier:
    """Names the people in photographs. `Gallery.train_classifier` trains one; `Classifier.load` reads one from a file.

    Attributes:
        fitted: The trained parameters.
    """

    def __init__(self, fitted: classifiers.Classifier) -> None:
        self.fitted = fitted

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Classifier:
        """Read a classifier from a file. The file is data: nothing in it runs.

        Raises:
            FormatError: If `save` did not write the file.
        """
        from nitakao.tasks.search.classify import read_classifier

        return cls(read_classifier(path))

    @property
    def people(self) -> tuple[str, ...]:
        """The names that it knows."""
        return self.fitted.people

    @property
    def model(self) -> str:
        """Name of the embedding model."""
        return self.fitted.model

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the classifier to a file, atomically."""
        from nitakao.tasks.search.classify import save_classifier

        save_classifier(self.fitted, path)

    def classify(
        self, photos: Photos, *, model: str | ModelCard | None = None, options: PipelineOptions = PipelineOptions()
    ) -> Iterator[ClassifiedPhoto]:
        """Name the faces of each photograph.

        Args:
            photos: One photograph or an iterable of them, as for `nitakao.embed`.
            model: Path or card of the embedding model, if it is not found by its name.
            options: How to read photographs and detect faces.

        Yields:
            One result per photograph, in order, with a guess per face.
        """
        from nitakao.tasks.search.classify import classify

        return classify(self.fitted, to_photos(photos, options.limits), model=model, options=options)

    def __repr__(self) -> str:
        return f"Classifier({len(self.people)} people, {self.fitted.method}, {self.model})"
