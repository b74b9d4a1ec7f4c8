"""Stores photographs, faces and people, and searches them. The only package that contains SQL."""

from __future__ import annotations

from nitakao.gallery.store import GalleryStore

__all__ = ["GalleryStore"]
