"""Folders of people: where the pictures lie that a list names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from nitakao.errors import MisuseError
from nitakao.photos.formats import SUFFIXES


def located(folder: Path, names: Sequence[str]) -> list[str | None]:
    """The file of each picture, named 'PERSON/PICTURE' without its ending; None where there is none.

    Of several endings, the one that comes first in the alphabet: a .jpg before a .png.
    """
    if not folder.is_dir():
        raise MisuseError(f"no such folder: '{folder}'")
    seen: dict[str, dict[str, str]] = {}
    found: list[str | None] = []
    for name in names:
        person, _, stem = name.rpartition("/")
        if person not in seen:
            seen[person] = _stems(folder / person)
        found.append(seen[person].get(stem))
    return found


def _stems(folder: Path) -> dict[str, str]:
    """Pictures in this folder by their names without the ending."""
    try:
        with os.scandir(folder) as entries:
            names = sorted((entry.name for entry in entries), reverse=True)
    except OSError:
        return {}
    split = [(os.path.splitext(name), name) for name in names]
    return {stem: str(folder / name) for (stem, ending), name in split if ending.lower() in SUFFIXES}
