"""Pictures whose person is known: from a folder for each person, or from a list."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import FormatError, MisuseError
from nitakao.photos import find
from nitakao.protocols.pairs import text


@dataclass(frozen=True, eq=False)
class Listed:
    """pictures: where each lies.  who: whose it is."""

    pictures: tuple[str, ...]
    who: tuple[str, ...]

    @property
    def people(self) -> NDArray[np.int64]:
        """(n,) the number of each picture's person."""
        return np.asarray(np.unique(np.array(self.who), return_inverse=True)[1].ravel(), np.int64)


def of_folder(folder: Path) -> Listed:
    """All pictures of a folder with a folder for each person, in order. Raises MisuseError where there are none."""
    if not folder.is_dir():
        raise MisuseError(f"no such folder: '{folder}'")
    found = [(path, person_of(path, folder)) for path in find([str(folder)])]
    known = [(path, person) for path, person in found if person]
    if not known:
        raise MisuseError(f"'{folder}' has no folder with pictures for each person")
    return Listed(tuple(path for path, _ in known), tuple(person for _, person in known))


def person_of(path: str, folder: Path) -> str:
    """The name of the folder in which a picture lies, below `folder`; empty where it lies in that itself."""
    within = os.path.dirname(os.path.relpath(path, folder))
    return within.replace(os.sep, "/")


def read_list(path: Path, folder: Path | None = None) -> Listed:
    """The pictures of a list, one a line: where it lies, and after a tab whose it is.

    folder: below which they lie; None: the list's own.  Without a tab, a picture is its folder's
    person's.  Raises FormatError.
    """
    base = path.parent if folder is None else folder
    pictures, who = [], []
    for number, line in enumerate(text(path).splitlines(), 1):
        if not line.strip():
            continue
        place, _, person = line.strip().partition("\t")
        full = os.path.join(base, place)
        person = person.strip() or os.path.basename(os.path.dirname(os.path.abspath(full)))
        if not place or not person:
            raise FormatError(f"'{path}' has in line {number} no picture with a person: {line[:80]!r}")
        pictures.append(full)
        who.append(person)
    if not pictures:
        raise FormatError(f"'{path}' names no picture")
    return Listed(tuple(pictures), tuple(who))
