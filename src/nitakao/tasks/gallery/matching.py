"""Match imported names with a gallery's faces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import MisuseError

if TYPE_CHECKING:
    from nitakao.gallery import GalleryStore

OVERLAP = 0.3  # of two boxes, intersection over union, from which on they are the same face


@dataclass
class ImportSummary:
    """The result of an import so far.

    Attributes:
        photos: Photos processed.
        faces: Faces added to the gallery.
        known: Photos that the gallery already had.
        named: Faces named.
        already: Faces that had this name already.
        other: Faces of another person, left as they are.
        unmatched: Names without a face in the gallery.
        problems: A sentence per skipped photo.
    """

    photos: int = 0
    faces: int = 0
    known: int = 0
    named: int = 0
    already: int = 0
    other: int = 0
    unmatched: int = 0
    problems: list[str] = field(default_factory=list)
    pending: dict[int, str] = field(default_factory=dict, repr=False)  # names by face, given together at the end

    def collect_names(self, names: Mapping[int, str], path: str) -> None:
        """Collect names for faces; skips empty names, and reports invalid ones as problems of the photo."""
        from nitakao.gallery.people import clean_name

        for face, name in names.items():
            try:
                if name:
                    self.pending[face] = clean_name(name)
            except MisuseError as error:
                self.problems.append(f"'{path}': {error}")

    def assign_names(self, gallery: GalleryStore, *, dry_run: bool = False) -> None:
        """Give the collected names."""
        from nitakao.gallery.people.naming import assign_names

        for what in assign_names(gallery, self.pending, dry_run=dry_run).values():
            setattr(self, what, getattr(self, what) + 1)


def match_pairs(alike: NDArray[np.floating[Any]], least: float) -> dict[int, int]:
    """Match rows with columns of similarities (n, m), the most similar first, each once, none below `least`."""
    pairs: dict[int, int] = {}
    for flat in np.argsort(-alike, axis=None, kind="stable"):
        row, column = divmod(int(flat), alike.shape[1])
        if alike[row, column] < least:
            break
        if row not in pairs and column not in pairs.values():
            pairs[row] = column
    return pairs


def unmatched(names: Iterable[str], pairs: Mapping[int, int]) -> int:
    """Number of names in rows without a column."""
    return sum(bool(name) and row not in pairs for row, name in enumerate(names))
