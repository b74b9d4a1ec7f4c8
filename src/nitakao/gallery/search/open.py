"""The search engine of a gallery, chosen in this one place."""

from __future__ import annotations

from nitakao.gallery.search.base import Searcher
from nitakao.gallery.store import GalleryStore


def searcher(gallery: GalleryStore) -> Searcher:
    """The gallery's search engine, opened at first use and kept until the gallery closes."""
    return gallery.keep_open("searcher", lambda: _open(gallery))


def _open(gallery: GalleryStore) -> Searcher:
    if gallery.backend.kind == "postgresql":
        from nitakao.gallery.search.postgres import PostgresSearcher

        return PostgresSearcher(gallery)
    from nitakao.gallery.search.sqlite import SqliteSearcher

    return SqliteSearcher(gallery)
