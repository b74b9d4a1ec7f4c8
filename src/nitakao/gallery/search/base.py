"""What every search engine of a gallery offers, and what it answers with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from nitakao.values import Doubles, Floats, Ids


@dataclass(frozen=True)
class IndexState:
    """What a gallery's index is.

    kind: 'matrix', 'ivf', or 'none'.  rows: faces in it.  tail: newer faces, looked at one by one.  built: seconds
    since 1970, None where there is none.  bytes: on the disk.
    """

    kind: str
    rows: int
    tail: int
    built: float | None
    bytes: int
    folder: Path | None  # None: within the database


class Neighbours(NamedTuple):
    """Faces (n,), their nearest other faces (n, k) and distances (n, k); padded with -1 and infinity."""

    ids: Ids
    nearest: Ids
    distances: Doubles


class Searcher(Protocol):
    """Finds the nearest faces of one gallery; safe to use from several threads."""

    def search(self, vectors: Floats, k: int, allowed: Ids | None = None) -> tuple[Ids, Doubles]:
        """Face numbers (n, k) and distances (n, k), nearest first, ties by number; padded with -1 and infinity.

        vectors: (n, D).  allowed: ascending numbers of the faces that may match; None: all.  The result has at most
        65,536 columns, unless the gallery has more faces.
        """

    def neighbours(self, k: int, ids: Ids | None = None) -> Iterator[Neighbours]:
        """For each face, or each of `ids`, its `k` nearest other faces, in blocks by ascending number."""

    def refresh(self) -> None:
        """Rebuild the index where it is missing, damaged or out of date, so that no search has to wait."""

    def rebuild(self) -> None:
        """Rebuild the index. Raises GalleryError where it cannot be written."""

    def forget(self) -> None:
        """Delete everything outside the tables that may hold part of a vector. Raises GalleryError on failure."""

    def damage(self) -> str:
        """What is wrong with the index; empty if nothing is."""

    def state(self) -> IndexState:
        """What the index is; nothing is verified or built."""

    def close(self) -> None:
        """Release files and memory; the next search opens them again."""
