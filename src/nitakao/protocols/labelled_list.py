"""Labelled pictures, from a folder per person or from a list."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nitakao.errors import FormatError, MisuseError
from nitakao.photos import find
from nitakao.protocols.pairs import read_text
from nitakao.values import Ids


@dataclass(frozen=True)
class LabelledPictures:
    """The path of each picture, and the name of its person as its label."""

    pictures: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def person_ids(self) -> Ids:
        """(n,) the number of each picture's person, from 0 in order of names."""
        return np.asarray(np.unique(np.array(self.labels), return_inverse=True)[1].ravel(), np.int64)


def read_folder(folder: Path) -> LabelledPictures:
    """List the pictures of a folder with one subfolder per person, in order of paths.

    Raises:
        MisuseError: If there are none.
    """
    if not folder.is_dir():
        raise MisuseError(f"no such folder: '{folder}'")
    rows = [(path, person) for path in find([str(folder)]) if (person := person_of(path, folder))]
    if not rows:
        raise MisuseError(f"'{folder}' has no pictures in subfolders: one subfolder per person is expected")
    return LabelledPictures(tuple(path for path, _ in rows), tuple(person for _, person in rows))


def person_of(path: str, folder: Path) -> str:
    """The path of a picture's folder relative to `folder`; empty for a picture directly in it."""
    relative = os.path.dirname(os.path.relpath(path, folder))
    return relative.replace(os.sep, "/")


def read_list(path: Path, folder: Path | None = None) -> LabelledPictures:
    """Read a list of pictures: a path on each line and, after a tab, the person.

    Args:
        path: The list.
        folder: Folder that the paths are relative to. None: the folder of the list.

    Returns:
        The pictures. Without a person on its line, a picture is of the person whose name its folder has.

    Raises:
        FormatError: If the list is unreadable, empty or malformed.
    """
    base = path.parent if folder is None else folder
    pictures, labels = [], []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        place, _, person = line.strip().partition("\t")
        full = os.path.join(base, place)
        person = person.strip() or os.path.basename(os.path.dirname(os.path.abspath(full)))
        if not place or not person:
            raise FormatError(f"'{path}' has no path and person in line {number}: {line[:80]!r}")
        pictures.append(full)
        labels.append(person)
    if not pictures:
        raise FormatError(f"'{path}' lists no pictures")
    return LabelledPictures(tuple(pictures), tuple(labels))
