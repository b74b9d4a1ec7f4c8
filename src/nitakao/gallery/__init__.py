"""What is kept: photographs, faces, people, and the search among them. The one place where SQL is written."""

from __future__ import annotations

from nitakao.gallery.store import GalleryStore

__all__ = ["GalleryStore"]
