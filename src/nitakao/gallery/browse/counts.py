"""Counts of a gallery's contents, cached."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, or_, select

from nitakao.gallery import schema
from nitakao.gallery.store import GalleryStore


def counts(gallery: GalleryStore) -> dict[str, int]:
    """The numbers of faces, photos, videos, people, named and unassigned ones, reviews and problems."""
    return gallery.cached("counts", lambda: _counted(gallery))


def _counted(gallery: GalleryStore) -> dict[str, int]:
    faces, photos, people, files = schema.faces, schema.photos, schema.people, schema.files
    both = files.outerjoin(photos, photos.c.id == files.c.photo)
    asked: dict[str, Select[Any]] = {
        "faces": select(func.count()).select_from(faces),
        "photos": select(func.count()).select_from(photos).where(~photos.c.video),
        "videos": select(func.count()).select_from(photos).where(photos.c.video),
        "people": select(func.count()).select_from(people),
        "named": select(func.count(people.c.name)),
        "unassigned": select(func.count()).select_from(faces).where(faces.c.person.is_(None)),
        "reviews": select(func.count()).select_from(schema.reviews),
        "problems": select(func.count()).select_from(both).where(or_(files.c.problem != "", photos.c.problem != "")),
    }
    with gallery.read() as connection:
        return {name: int(connection.execute(one).scalar_one()) for name, one in asked.items()}
