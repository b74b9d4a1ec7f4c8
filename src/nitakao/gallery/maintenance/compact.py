"""Frees the space of deleted rows."""

from __future__ import annotations

from dataclasses import dataclass

from nitakao.gallery.forget import scrub
from nitakao.gallery.store import GalleryStore


@dataclass(frozen=True)
class Compacted:
    """Bytes before and after, and a phrase for each thing that could not be done."""

    before: int
    after: int
    left: tuple[str, ...]


def compact(gallery: GalleryStore) -> Compacted:
    """Free the space of deleted rows, so that nothing of them stays in the gallery's files."""
    before = _bytes(gallery)
    left = scrub.scrub(gallery)
    return Compacted(before, _bytes(gallery), tuple(left))


def _bytes(gallery: GalleryStore) -> int:
    with gallery.read() as connection:
        return sum(gallery.backend.sizes(connection))
