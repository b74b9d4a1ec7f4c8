"""Labelled pictures to measure a model on, from a folder per person or from a file of vectors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from nitakao.errors import MisuseError
from nitakao.metrics import bootstrap
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.evaluate import embeddings
from nitakao.tasks.evaluate.embeddings import Embedded, Model, Progress
from nitakao.values import Flags, Ids, Metric

FilePath: TypeAlias = "str | os.PathLike[str]"


@dataclass(frozen=True)
class LabelledSet:
    """Labelled pictures to measure a model on.

    Args:
        folder: Folder with one subfolder of pictures per person.
        vectors: File that `embed` wrote; its vectors are used in place of pictures.
        people: Text file with one name per line, up to a tab or space. Only these people are measured.
        min_pictures: Smallest number of pictures of a person.
        aligned: Whether pictures are aligned faces. The centre of each, in the size of the model's crop, is then used
            without detection.
        metric: Distance to compare vectors in. None: the model's.
        draws: Bootstrap draws of people for the intervals; 0 for no intervals.
    """

    folder: FilePath | None = None
    vectors: FilePath | None = None
    people: FilePath | None = None
    min_pictures: int = 1
    aligned: bool = False
    metric: Metric | None = None
    draws: int = bootstrap.DRAWS

    def __post_init__(self) -> None:
        if self.draws < 0:
            raise MisuseError(f"intervals come from 0 draws or more, not {self.draws}")

    def includes(self, labels: Sequence[str]) -> Flags:
        """(n,) whether each picture is of a person to measure. labels: (n,) the person of each picture."""
        names, row, counts = np.unique(np.array(labels), return_inverse=True, return_counts=True)
        included = counts >= self.min_pictures
        if self.people is not None:
            from nitakao.protocols.pairs import read_text

            listed = {line.split()[0] for line in read_text(Path(self.people)).splitlines() if line.strip()}
            included &= np.isin(names, sorted(listed))
        return np.asarray(included[row.ravel()])

    def embed(
        self,
        pictures: Sequence[embeddings.Picture],
        model: Model,
        options: PipelineOptions | None,
        progress: Progress | None,
    ) -> Embedded:
        """Embed pictures of this set."""
        return embeddings.embed_pictures(
            pictures, model, options=options, metric=self.metric, aligned=self.aligned, progress=progress
        )


@dataclass(frozen=True, eq=False)
class LabelledVectors:
    """Vectors of pictures, and the person of each.

    Attributes:
        embedded: The vectors, one row per picture.
        labels: (n,) the name of each picture's person.
    """

    embedded: Embedded
    labels: tuple[str, ...]

    @property
    def person_ids(self) -> Ids:
        """(n,) the number of each picture's person, from 0 in order of names."""
        return np.asarray(np.unique(np.array(self.labels), return_inverse=True)[1].ravel(), np.int64)

    @property
    def people(self) -> int:
        return len(set(self.labels))

    @property
    def names(self) -> list[str]:
        """The path of each picture, for display."""
        return [picture if isinstance(picture, str) else picture.source for picture in self.embedded.pictures]

    def only(self, included: Flags) -> LabelledVectors:
        """The rows where `included`, (n,), is true."""
        rows = [int(row) for row in np.flatnonzero(included)]
        if not rows:
            raise MisuseError("no pictures are left to measure: check the folder and the list of people")
        pictures = tuple(self.embedded.pictures[row] for row in rows)
        return LabelledVectors(self.embedded.select(rows, pictures), tuple(self.labels[row] for row in rows))

    def with_faces(self) -> LabelledVectors:
        """The rows that have a vector."""
        return self.only(self.embedded.has_vector)


def embed_labelled(
    data: LabelledSet,
    *,
    model: Model = None,
    options: PipelineOptions | None = None,
    progress: Progress | None = None,
) -> LabelledVectors:
    """Embed all pictures of a labelled set, or read its file of vectors."""
    if data.vectors is not None:
        labelled = _read_file(data.vectors, model, data.metric)
        return labelled.only(data.includes(labelled.labels))
    if data.folder is None:
        raise MisuseError("give a folder with a subfolder per person, or a file of vectors")
    from nitakao import protocols

    listed = protocols.read_folder(Path(data.folder))
    included = data.includes(listed.labels)
    pictures = [picture for picture, include in zip(listed.pictures, included, strict=True) if include]
    if not pictures:
        raise MisuseError(f"'{os.fspath(data.folder)}' has none of the people to measure")
    embedded = data.embed(pictures, model, options, progress)
    return LabelledVectors(
        embedded, tuple(label for label, include in zip(listed.labels, included, strict=True) if include)
    )


def _read_file(path: FilePath, model: Model, metric: Metric | None) -> LabelledVectors:
    """All vectors of a file; a person is the one that the file names, else the name of the picture's folder."""
    embedded, persons = embeddings.read_all(path, model=model, metric=metric)
    names = [str(picture) for picture in embedded.pictures]
    folders = [os.path.basename(os.path.dirname(name)) for name in names]
    labels = tuple(person or folder for person, folder in zip(persons, folders, strict=True))
    if not all(labels):
        raise MisuseError(f"'{os.fspath(path)}' does not name the person of '{names[labels.index('')]}'")
    return LabelledVectors(embedded, labels)
