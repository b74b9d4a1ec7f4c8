"""Pictures of people whose names are known, as vectors: from a folder for each person, lists, or a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import MisuseError
from nitakao.tasks.evaluate import embeddings
from nitakao.tasks.evaluate.embeddings import Measured, Measuring, Model, Watch
from nitakao.values import Metric

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Path_: TypeAlias = "str | os.PathLike[str]"


@dataclass(frozen=True, eq=False)
class Everyone:
    """measured: the vectors, a row a picture.  who: whose picture each is."""

    measured: Measured
    who: tuple[str, ...]

    @property
    def people(self) -> Ints:
        """(n,) the number of each picture's person, in the order of their names."""
        return np.asarray(np.unique(np.array(self.who), return_inverse=True)[1].ravel(), np.int64)

    @property
    def names(self) -> list[str]:
        """Where each picture lies, to be shown."""
        return [picture if isinstance(picture, str) else picture.source for picture in self.measured.pictures]

    def only(self, wanted: Bools) -> Everyone:
        """Those rows that are wanted, (n,)."""
        rows = [int(row) for row in np.flatnonzero(wanted)]
        if not rows:
            raise MisuseError("no picture is left to measure: is everything named that was meant?")
        pictures = tuple(self.measured.pictures[row] for row in rows)
        return Everyone(embeddings.chosen(self.measured, rows, pictures), tuple(self.who[row] for row in rows))

    def with_faces(self) -> Everyone:
        """Those that have a vector."""
        return self.only(self.measured.there)


@dataclass(frozen=True)
class PeopleWanted:
    """Which people count.  named: a file with a name on each line, before a tab or blank.  least: pictures, each."""

    named: Path_ | None = None
    least: int = 1

    def of(self, who: Sequence[str]) -> Bools:
        """(n,) whether each picture counts."""
        names, row, counts = np.unique(np.array(who), return_inverse=True, return_counts=True)
        kept = counts >= self.least
        if self.named is not None:
            from nitakao.protocols.pairs import text

            wanted = {line.split()[0] for line in text(Path(self.named)).splitlines() if line.strip()}
            kept &= np.isin(names, sorted(wanted))
        return np.asarray(kept[row.ravel()])


def of_people(
    folder: Path_ | None,
    *,
    model: Model = None,
    vectors: Path_ | None = None,
    metric: Metric | None = None,
    wanted: PeopleWanted | None = None,
    look: Measuring | None = None,
    started: Callable[[int], None] = lambda pictures: None,
    watch: Watch = lambda outcome: None,
) -> Everyone:
    """Everybody in a folder with a folder for each person, or in a file that `embed` left of one.

    started: called with the number of pictures before the first of them is looked at.
    """
    wanted = wanted or PeopleWanted()
    if vectors is not None:
        measured, who = _of_file(vectors, model, metric)
        everyone = Everyone(measured, who)
        return everyone.only(wanted.of(who))
    if folder is None:
        raise MisuseError("a folder with a folder for each person is needed, or a file of vectors")
    from nitakao import protocols

    listed = protocols.of_folder(Path(folder))
    kept = wanted.of(listed.who)
    pictures = [picture for picture, keep in zip(listed.pictures, kept, strict=True) if keep]
    if not pictures:
        raise MisuseError(f"nobody in '{os.fspath(folder)}' is among the people who were asked for")
    started(len(pictures))
    measured = embeddings.embedded(pictures, model, look, metric, watch)
    return Everyone(measured, tuple(name for name, keep in zip(listed.who, kept, strict=True) if keep))


def _of_file(vectors: Path_, model: Model, metric: Metric | None) -> tuple[Measured, tuple[str, ...]]:
    """Everything in the file; whose each is: as it says, else the name of the folder in which the picture lay."""
    measured, persons = embeddings.whole_file(vectors, model=model, metric=metric)
    names = [str(picture) for picture in measured.pictures]
    folders = [os.path.basename(os.path.dirname(name)) for name in names]
    who = tuple(person or folder for person, folder in zip(persons, folders, strict=True))
    if not all(who):
        raise MisuseError(f"'{os.fspath(vectors)}' does not tell whose '{names[who.index('')]}' is")
    return measured, who
