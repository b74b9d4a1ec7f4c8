"""What a gallery is and holds, and making it small."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Table, func, or_, select

from nitakao.gallery import migrate, schema
from nitakao.gallery.forget import scrub
from nitakao.gallery.search.base import IndexState
from nitakao.gallery.search.open import searcher
from nitakao.gallery.store import GalleryStore


@dataclass(frozen=True)
class GalleryInfo:
    """What a gallery is and holds.

    kind: the database.  created: seconds since 1970; None where that was not kept.  problems: files that could not be
    used, or whose photographs could not.  doubtful: faces that wait for an answer.  tables: the version of the tables.
    size: bytes of the database, the chips in it included.  log: bytes that have not gone into it yet.  chips: bytes.
    index: of the search.
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
    doubtful: int
    tables: str
    size: int
    log: int
    chips: int
    index: IndexState


@dataclass(frozen=True)
class Compacted:
    """Bytes before and after, and in sentences what could not be done."""

    before: int
    after: int
    left: tuple[str, ...]


def info(gallery: GalleryStore) -> GalleryInfo:
    """What the gallery is and holds, counted now."""
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
            doubtful=_count(connection, schema.reviews),
            tables=migrate.version(connection),
            size=size,
            log=log,
            chips=int(chips),
            index=searcher(gallery).state(),
        )


def compact(gallery: GalleryStore) -> Compacted:
    """Give back the room of what was deleted; nothing of it stays in the gallery's files."""
    before = _bytes(gallery)
    left = scrub.scrub(gallery)
    return Compacted(before, _bytes(gallery), tuple(left))


def _bytes(gallery: GalleryStore) -> int:
    with gallery.read() as connection:
        return sum(gallery.backend.sizes(connection))


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _named(connection: Connection) -> int:
    return int(connection.execute(select(func.count(schema.people.c.name))).scalar_one())


def _problems(connection: Connection) -> int:
    """Files that could not be read, and files of photographs that have no faces or cannot be used."""
    files, photos = schema.files, schema.photos
    asked = select(func.count()).select_from(files.outerjoin(photos, photos.c.id == files.c.photo))
    return int(connection.execute(asked.where(or_(files.c.problem != "", photos.c.problem != ""))).scalar_one())
