"""Describes a gallery."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Table, func, or_, select

from nitakao.gallery import migrate, schema
from nitakao.gallery.search.base import IndexState
from nitakao.gallery.search.open import searcher
from nitakao.gallery.store import GalleryStore


@dataclass(frozen=True)
class GalleryInfo:
    """A gallery's properties and counts.

    Attributes:
        kind: The database and its version.
        created: Seconds since 1970, if known.
        problems: Files that are unreadable or whose photograph has a problem.
        to_review: Faces to review.
        tables: The migration version.
        size: Bytes of the database, chips included.
        log: Bytes of the write-ahead log.
        chips: Bytes of the chips.
        index: The search index.
    """

    location: str
    kind: str
    id: str
    model: str
    dimension: int
    metric: str
    flip: bool
    created: float | None
    faces: int
    photos: int
    files: int
    problems: int
    people: int
    named: int
    to_review: int
    tables: str
    size: int
    log: int
    chips: int
    index: IndexState


def info(gallery: GalleryStore) -> GalleryInfo:
    """The gallery's properties and current counts."""
    created = gallery.setting("created")
    with gallery.read() as connection:
        size, log = gallery.backend.sizes(connection)
        chips = connection.execute(select(func.coalesce(func.sum(func.length(schema.chips.c.jpeg)), 0))).scalar_one()
        return GalleryInfo(
            location=gallery.location,
            kind=gallery.backend.description(connection),
            id=gallery.id,
            model=gallery.model,
            dimension=gallery.dimension,
            metric=gallery.metric,
            flip=gallery.flip,
            created=float(created) if created else None,
            faces=_count(connection, schema.faces),
            photos=_count(connection, schema.photos),
            files=_count(connection, schema.files),
            problems=_problems(connection),
            people=_count(connection, schema.people),
            named=_named(connection),
            to_review=_count(connection, schema.reviews),
            tables=migrate.version(connection),
            size=size,
            log=log,
            chips=int(chips),
            index=searcher(gallery).state(),
        )


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _named(connection: Connection) -> int:
    return int(connection.execute(select(func.count(schema.people.c.name))).scalar_one())


def _problems(connection: Connection) -> int:
    """The number of unreadable files, and of files whose photograph has a problem."""
    files, photos = schema.files, schema.photos
    statement = select(func.count()).select_from(files.outerjoin(photos, photos.c.id == files.c.photo))
    return int(connection.execute(statement.where(or_(files.c.problem != "", photos.c.problem != ""))).scalar_one())
