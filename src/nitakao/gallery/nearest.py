"""What questions to a gallery need: which faces may answer, faces nearest first without end, persons as one vector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select

from nitakao.gallery import faces, schema
from nitakao.gallery.search.open import searcher
from nitakao.gallery.store import GalleryStore
from nitakao.values import FaceFilter, FaceRecord, Floats, Ids

BLOCK = 64  # vectors searched with together: enough for a matrix product, few enough for its result to stay small
DEEPER = 4  # times as many faces, where those found so far did not do
READ = 256  # faces looked up together
MANY = 100  # faces that stand for a person who has more: their mean moves little with the hundredth


class Near(NamedTuple):
    """A face that was come upon on the way outwards.  vector: (D,), or (0,) where none was asked for."""

    kept: FaceRecord
    distance: float
    vector: Floats


class Faces(NamedTuple):
    """Faces of one person: numbers (n,), those of their photographs (n,), vectors (n, D)."""

    numbers: Ids
    photos: Ids
    vectors: Floats


def allowed(gallery: GalleryStore, where: FaceFilter) -> Ids | None:
    """The numbers of the faces that may answer, ascending; None where all may."""
    if where == FaceFilter(hidden=where.hidden) and (where.hidden or not _anybody_hidden(gallery)):
        return None
    return meant(gallery, where)


def meant(gallery: GalleryStore, where: FaceFilter) -> Ids:
    """The numbers of the faces that are meant, ascending."""
    return gallery.remember(("meant", where), lambda: faces.ids(gallery, where))


def _anybody_hidden(gallery: GalleryStore) -> bool:
    def asked() -> bool:
        with gallery.read() as connection:
            found = connection.execute(select(schema.people.c.id).where(schema.people.c.hidden).limit(1)).first()
        return found is not None

    return gallery.remember("hidden", asked)


def outwards(
    gallery: GalleryStore, vectors: Floats, within: Ids | None, first: int
) -> Iterator[Iterator[tuple[int, float]]]:
    """For each vector (n, D) an iterator over (number, distance), nearest first, through every face that may answer.

    within: as `allowed` gives it.  first: how many are looked for at once; more only where more are taken.
    """
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK]
        ids, distances = searcher(gallery).search(block, first, within)
        for row, vector in enumerate(block):
            yield _onwards(gallery, vector, within, first, ids[row], distances[row])


def _onwards(
    gallery: GalleryStore, vector: Floats, within: Ids | None, asked: int, ids: Ids, distances: NDArray[np.float64]
) -> Iterator[tuple[int, float]]:
    """asked: how many were looked for so far; ids, distances: what was found, -1 where there were no more."""
    seen: set[int] = set()
    while True:
        for number, distance in zip(ids.tolist(), distances.tolist(), strict=True):
            if number >= 0 and number not in seen:
                seen.add(number)
                yield number, distance
        if np.count_nonzero(ids >= 0) < asked:
            return
        asked *= DEEPER
        (ids,), (distances,) = searcher(gallery).search(vector[None], asked, within)


def looked_up(
    gallery: GalleryStore, near: Iterable[tuple[int, float]], at_once: int = READ, *, vectors: bool = False
) -> Iterator[Near]:
    """The faces behind (number, distance), in their order; those that were forgotten meanwhile are passed over."""
    near = iter(near)
    while piece := list(islice(near, at_once)):
        numbers = [number for number, _ in piece]
        with gallery.read() as connection:
            kept = faces.kept_in(connection, numbers)
            there = [(kept[number], distance) for number, distance in piece if number in kept]
            rows = np.empty((len(there), 0), np.float32)
            if vectors:
                rows = faces.vectors_in(connection, [one.id for one, _ in there], gallery.dimension)
        yield from (Near(one, distance, row) for (one, distance), row in zip(there, rows, strict=True))


def named_people(gallery: GalleryStore, where: FaceFilter) -> int:
    """How many persons have a name and at least one of the faces that are meant."""
    table = schema.faces
    asked = select(func.count(table.c.person.distinct())).where(table.c.person.is_not(None), *faces.conditions(where))

    def counted() -> int:
        with gallery.read() as connection:
            return int(connection.execute(asked).scalar_one())

    return gallery.remember(("people", where), counted)


def faces_of(gallery: GalleryStore, people: Iterable[int]) -> dict[int, Faces]:
    """For each person who has any the faces with the best quality, `MANY` at most."""
    table, vectors = schema.faces, schema.vectors
    best = (func.coalesce(table.c.quality, 0).desc(), table.c.id)
    place = func.row_number().over(partition_by=table.c.person, order_by=best).label("place")
    columns = (table.c.person, table.c.id, table.c.photo)
    found: dict[int, list[tuple[int, int, Floats]]] = {}
    with gallery.read() as connection:
        for piece in faces.in_pieces(people):
            ranked = select(*columns, place).where(table.c.person.in_(piece)).subquery()
            asked = select(ranked, vectors.c.vector).join(vectors, vectors.c.face == ranked.c.id)
            for row in connection.execute(asked.where(ranked.c.place <= MANY).order_by(ranked.c.id)):
                found.setdefault(int(row.person), []).append((int(row.id), int(row.photo), row.vector))
    return {person: _together(listed) for person, listed in found.items()}


def _together(listed: Sequence[tuple[int, int, Floats]]) -> Faces:
    numbers, photos, vectors = zip(*listed, strict=True)
    return Faces(np.array(numbers, np.int64), np.array(photos, np.int64), np.stack(vectors))


def people_behind(gallery: GalleryStore, near: Iterable[tuple[int, float]]) -> Iterator[tuple[int, int, float]]:
    """Person, number and distance of the faces that belong to somebody, in their order."""
    near = iter(near)
    table = schema.faces
    while piece := list(islice(near, READ)):
        with gallery.read() as connection:
            asked = select(table.c.id, table.c.person).where(table.c.id.in_([number for number, _ in piece]))
            people = {int(row.id): row.person for row in connection.execute(asked)}
        for number, distance in piece:
            if people.get(number) is not None:
                yield int(people[number]), number, distance
