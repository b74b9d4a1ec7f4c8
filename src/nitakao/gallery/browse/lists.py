"""Paginated lists of the photos, people, faces and reviews in a gallery."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, and_, distinct, exists, func, or_, select, tuple_

from nitakao.gallery import schema
from nitakao.gallery.browse import cursors
from nitakao.gallery.browse.cursors import Page
from nitakao.gallery.columns import path_bytes
from nitakao.gallery.faces import chunks, records_in
from nitakao.gallery.photos import PhotoRecord, photo_records_in
from nitakao.gallery.store import GalleryStore
from nitakao.values import FaceRecord, Person

PhotoOrder = Literal["taken", "indexed"]
PeopleOrder = Literal["faces", "name"]

UNNAMED_LAST = "\U0010ffff"  # sorts after every name


@dataclass(frozen=True)
class PhotoFilter:
    """Which photos to list.

    Attributes:
        people: Photos that show all of these people.
        folder: Photos below this folder.
        since: Photos taken at or after this time, in seconds since 1970.
        until: Photos taken before this time.
        problem: Photos with a problem, or without one. None: either.
    """

    people: tuple[int, ...] = ()
    folder: str = ""
    since: float | None = None
    until: float | None = None
    problem: bool | None = None


def photos(
    gallery: GalleryStore,
    photo_filter: PhotoFilter,
    *,
    order: PhotoOrder = "taken",
    after: str | None = None,
    limit: int = 100,
) -> Page[PhotoRecord]:
    """Photos and videos, newest first; with order 'taken', those without a date come last."""
    table, conditions = schema.photos, _photo_conditions(photo_filter)
    with gallery.read() as connection:
        if order == "indexed":
            last = cursors.decode_cursor(after, bool, float, int)
            numbers = _latest(connection, table.c.indexed, conditions, last and last[1:], limit + 1)
        else:
            numbers = _by_taken(connection, conditions, after, limit + 1)
        total = connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one()
        records = {one.photo: one for one in photo_records_in(connection, [number for number, _ in numbers])}
    rows = [(records[number], at) for number, at in numbers if number in records]
    listed = cursors.page(rows, limit, lambda row: (row[1] is not None, row[1] or 0.0, row[0].photo), int(total))
    return Page([one for one, _ in listed.items], listed.next, listed.total)


def _by_taken(
    connection: Connection, conditions: Sequence[ColumnElement[bool]], after: str | None, limit: int
) -> list[tuple[int, float | None]]:
    """Photos with a date, then those without; each part follows an index of the database."""
    table, last = schema.photos, cursors.decode_cursor(after, bool, float, int)
    rows: list[tuple[int, float | None]] = []
    if last is None or last[0]:
        timed = [*conditions, table.c.taken.is_not(None)]
        rows.extend(_latest(connection, table.c.taken, timed, last and last[1:], limit))
    if len(rows) < limit:
        statement = select(table.c.id).where(*conditions, table.c.taken.is_(None)).order_by(table.c.id.desc())
        if last is not None and not last[0]:
            statement = statement.where(table.c.id < last[2])
        rows.extend((int(n), None) for n in connection.execute(statement.limit(limit - len(rows))).scalars())
    return rows


def _latest(
    connection: Connection,
    column: ColumnElement[float],
    conditions: Sequence[ColumnElement[bool]],
    last: tuple[Any, ...] | None,
    limit: int,
) -> list[tuple[int, float | None]]:
    """(id, value of the column) of photos, largest value first."""
    table = schema.photos
    statement = select(table.c.id, column).where(*conditions)
    if last is not None:
        statement = statement.where(tuple_(column, table.c.id) < tuple_(*last))
    statement = statement.order_by(column.desc(), table.c.id.desc()).limit(limit)
    return [(int(number), float(at)) for number, at in connection.execute(statement)]


def _photo_conditions(photo_filter: PhotoFilter) -> list[ColumnElement[bool]]:
    table, faces, files = schema.photos, schema.faces, schema.files
    conditions: list[ColumnElement[bool]] = [
        table.c.id.in_(select(faces.c.photo).where(faces.c.person == person)) for person in photo_filter.people
    ]
    if photo_filter.folder:
        first = photo_filter.folder.rstrip("/\\") + "/"
        past = path_bytes(first)[:-1] + bytes([path_bytes(first)[-1] + 1])
        below = and_(files.c.path >= first, files.c.path < past.decode("utf-8", "surrogateescape"))
        conditions.append(exists().where(files.c.photo == table.c.id, below))
    if photo_filter.since is not None:
        conditions.append(table.c.taken >= photo_filter.since)
    if photo_filter.until is not None:
        conditions.append(table.c.taken < photo_filter.until)
    if photo_filter.problem is not None:
        conditions.append(table.c.problem != "" if photo_filter.problem else table.c.problem == "")
    return conditions


def people(
    gallery: GalleryStore,
    *,
    order: PeopleOrder = "faces",
    named: bool | None = None,
    hidden: bool = False,
    only_hidden: bool = False,
    like: str = "",
    after: str | None = None,
    limit: int = 100,
) -> Page[Person]:
    """People, those with most faces first, or by name.

    Args:
        gallery: The gallery.
        order: 'faces' or 'name'.
        named: Only people with a name, or only those without. None: both.
        hidden: Include hidden people.
        only_hidden: List hidden people only.
        like: Part of the name, in any case.
        after: The cursor of the previous page.
        limit: People per page.
    """
    table, faces = schema.people, schema.faces
    conditions: list[ColumnElement[bool]] = [] if hidden else [~table.c.hidden]
    if only_hidden:
        conditions = [table.c.hidden]
    if named is not None:
        conditions.append(table.c.name.is_not(None) if named else table.c.name.is_(None))
    if like:
        part = unicodedata.normalize("NFC", like).lower()
        conditions.append(func.lower(table.c.name).contains(part, autoescape=True))
    counted = select(faces.c.person, func.count().label("count")).where(faces.c.person.is_not(None))
    inner = counted.group_by(faces.c.person).subquery()
    count = func.coalesce(inner.c.count, 0)
    statement = (
        select(table.c.id, count, table.c.name).outerjoin(inner, inner.c.person == table.c.id).where(*conditions)
    )
    if order == "faces":
        if (last := cursors.decode_cursor(after, int, int)) is not None:
            statement = statement.where(or_(count < last[0], and_(count == last[0], table.c.id > last[1])))
        statement = statement.order_by(count.desc(), table.c.id)
    else:
        name = func.coalesce(table.c.name, UNNAMED_LAST)
        if (reached := cursors.decode_cursor(after, str, int)) is not None:
            statement = statement.where(or_(name > reached[0], and_(name == reached[0], table.c.id > reached[1])))
        statement = statement.order_by(name, table.c.id)
    with gallery.read() as connection:
        rows = connection.execute(statement.limit(limit + 1)).all()
        total = connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one()
        people_by_id = persons_in(connection, [row[0] for row in rows])

    def place(row: Any) -> tuple[Any, ...]:
        return (int(row[1]), int(row[0])) if order == "faces" else (row[2] or UNNAMED_LAST, int(row[0]))

    listed = cursors.page(rows, limit, place, int(total))
    return Page([people_by_id[row[0]] for row in listed.items if row[0] in people_by_id], listed.next, listed.total)


def person(gallery: GalleryStore, number: int) -> Person | None:
    """A person by id, or None."""
    with gallery.read() as connection:
        return persons_in(connection, [number]).get(number)


def persons_in(connection: Connection, numbers: Iterable[int]) -> dict[int, Person]:
    """The people with these ids, within a transaction; unknown ids are left out."""
    table, faces = schema.people, schema.faces
    people_by_id: dict[int, Person] = {}
    best = (func.coalesce(faces.c.quality, 0).desc(), faces.c.id)
    for piece in chunks(set(numbers)):
        of_these = faces.c.person.in_(piece)
        counted = select(faces.c.person, func.count(), func.count(distinct(faces.c.photo))).where(of_these)
        counts = {row[0]: (int(row[1]), int(row[2])) for row in connection.execute(counted.group_by(faces.c.person))}
        place = func.row_number().over(partition_by=faces.c.person, order_by=best).label("place")
        inner = select(faces.c.person, faces.c.id, place).where(of_these).subquery()
        covers = dict(
            tuple(row) for row in connection.execute(select(inner.c.person, inner.c.id).where(inner.c.place == 1))
        )
        for row in connection.execute(select(table).where(table.c.id.in_(piece))):
            count, pictures = counts.get(row.id, (0, 0))
            people_by_id[int(row.id)] = Person(
                int(row.id), row.name or "", count, pictures, row.hidden, covers.get(row.id)
            )
    return people_by_id


def faces_of(gallery: GalleryStore, number: int, *, after: str | None = None, limit: int = 100) -> Page[FaceRecord]:
    """A person's faces, best quality first."""
    table = schema.faces
    quality = func.coalesce(table.c.quality, -1.0)
    statement = select(table.c.id, quality).where(table.c.person == number)
    if (last := cursors.decode_cursor(after, float, int)) is not None:
        statement = statement.where(or_(quality < last[0], and_(quality == last[0], table.c.id > last[1])))
    counted = select(func.count()).select_from(table).where(table.c.person == number)
    with gallery.read() as connection:
        rows = connection.execute(statement.order_by(quality.desc(), table.c.id).limit(limit + 1)).all()
        total = connection.execute(counted).scalar_one()
        records = records_in(connection, [row[0] for row in rows])
    listed = cursors.page(rows, limit, lambda row: (float(row[1]), int(row[0])), int(total))
    return Page([records[row[0]] for row in listed.items], listed.next, listed.total)


@dataclass(frozen=True, eq=False)
class ReviewItem:
    """A face that may belong to a person."""

    face: FaceRecord
    person: Person
    distance: float


def reviews(
    gallery: GalleryStore, number: int | None = None, *, after: str | None = None, limit: int = 100
) -> Page[ReviewItem]:
    """Faces to review, most likely first; for one person, or all."""
    table = schema.reviews
    conditions = [] if number is None else [table.c.person == number]
    statement = select(table).where(*conditions)
    if (last := cursors.decode_cursor(after, float, int, int)) is not None:
        statement = statement.where(tuple_(table.c.distance, table.c.face, table.c.person) > tuple_(*last))
    with gallery.read() as connection:
        ordered = statement.order_by(table.c.distance, table.c.face, table.c.person).limit(limit + 1)
        rows = connection.execute(ordered).all()
        total = connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one()
        records = records_in(connection, {row.face for row in rows})
        persons = persons_in(connection, {row.person for row in rows})
    listed = cursors.page(rows, limit, lambda row: (float(row.distance), int(row.face), int(row.person)), int(total))
    items = [ReviewItem(records[row.face], persons[row.person], float(row.distance)) for row in listed.items]
    return Page(items, listed.next, listed.total)


def paths_of(gallery: GalleryStore, photo: int) -> tuple[bool, str, list[str]] | None:
    """Whether photo `photo` is a video, its sha256 and its paths. None: there is no such photo."""
    table, files = schema.photos, schema.files
    with gallery.read() as connection:
        row = connection.execute(select(table.c.video, table.c.sha256).where(table.c.id == photo)).first()
        if row is None:
            return None
        statement = select(files.c.path).where(files.c.photo == photo).order_by(files.c.path)
        return bool(row.video), str(row.sha256), list(connection.execute(statement).scalars())


def people_of_faces(gallery: GalleryStore) -> dict[int, int | None]:
    """The person id of every face, by face id."""
    with gallery.read() as connection:
        rows = connection.execute(select(schema.faces.c.id, schema.faces.c.person))
        return {int(face): person for face, person in rows}
