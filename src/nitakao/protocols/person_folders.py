"""Find listed pictures in a folder with one subfolder per person."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from nitakao.errors import MisuseError
from nitakao.photos.formats import SUFFIXES


def find_pictures(folder: Path, names: Sequence[str]) -> list[str | None]:
    """Find the file of each picture.

    Args:
        folder: Folder with one subfolder per person.
        names: The pictures, as 'PERSON/PICTURE' without the file ending.

    Returns:
        The path of each, None where it is missing. Of several endings the alphabetically first counts.
    """
    if not folder.is_dir():
        raise MisuseError(f"no such folder: '{folder}'")
    stems: dict[str, dict[str, str]] = {}
    paths: list[str | None] = []
    for name in names:
        person, _, stem = name.rpartition("/")
        if person not in stems:
            stems[person] = _stems(folder / person)
        paths.append(stems[person].get(stem))
    return paths


def _stems(folder: Path) -> dict[str, str]:
    """Paths of the pictures in this folder, by file name without ending."""
    try:
        with os.scandir(folder) as entries:
            names = sorted((entry.name for entry in entries), reverse=True)
    except OSError:
        return {}
    split = [(os.path.splitext(name), name) for name in names]
    return {stem: str(folder / name) for (stem, ending), name in split if ending.lower() in SUFFIXES}
