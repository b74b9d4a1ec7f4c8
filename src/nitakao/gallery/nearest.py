"""Building blocks of searches: face filters, faces in order of distance, and the best faces of a person."""

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

BLOCK = 64  # vectors searched together: enough for a matrix product, few enough for its result to stay small
GROWTH = 4  # factor by which a search asks for more faces if the caller needs more
READ = 256  # faces read from the database together
MAX_PERSON_FACES = 100  # faces that represent a person: their mean changes little with more


class Neighbour(NamedTuple):
    """A face at a distance from the probe.

    Attributes:
        face: The face.
        distance: To the probe, in the gallery's metric.
        vector: (D,) float32, or (0,) if vectors were not requested.
    """

    face: FaceRecord
    distance: float
    vector: Floats


class PersonFaces(NamedTuple):
    """Faces of one person: ids (n,), ids of their photographs (n,), vectors (n, D)."""

    ids: Ids
    photos: Ids
    vectors: Floats


def allowed_ids(gallery: GalleryStore, face_filter: FaceFilter) -> Ids | None:
    """The ids of the faces that pass the filter, ascending; None if all faces do."""
    only_hidden_matters = face_filter == FaceFilter(hidden=face_filter.hidden)
    if only_hidden_matters and (face_filter.hidden or not _has_hidden_people(gallery)):
        return None
    return filtered_ids(gallery, face_filter)


def filtered_ids(gallery: GalleryStore, face_filter: FaceFilter) -> Ids:
    """The ids of the faces that pass the filter, ascending."""
    return gallery.cached(("ids", face_filter), lambda: faces.ids(gallery, face_filter))


def _has_hidden_people(gallery: GalleryStore) -> bool:
    def query() -> bool:
        with gallery.read() as connection:
            row = connection.execute(select(schema.people.c.id).where(schema.people.c.hidden).limit(1)).first()
        return row is not None

    return gallery.cached("hidden", query)


def nearest_first(
    gallery: GalleryStore, vectors: Floats, allowed: Ids | None, first: int
) -> Iterator[Iterator[tuple[int, float]]]:
    """For each vector, all allowed faces in order of distance.

    Args:
        gallery: The gallery.
        vectors: (n, D) probes.
        allowed: Ids of the faces that may match, see `allowed_ids`.
        first: How many faces the first search asks for; it asks for more only if more are taken.

    Returns:
        For each vector an iterator over (face id, distance).
    """
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK]
        ids, distances = searcher(gallery).search(block, first, allowed)
        for row, vector in enumerate(block):
            yield _continued(gallery, vector, allowed, first, ids[row], distances[row])


def _continued(
    gallery: GalleryStore, vector: Floats, allowed: Ids | None, count: int, ids: Ids, distances: NDArray[np.float64]
) -> Iterator[tuple[int, float]]:
    """Yields the result of a search for `count` faces, then of larger searches; ids are -1 where there are no more."""
    seen: set[int] = set()
    while True:
        for number, distance in zip(ids.tolist(), distances.tolist(), strict=True):
            if number >= 0 and number not in seen:
                seen.add(number)
                yield number, distance
        if np.count_nonzero(ids >= 0) < count:
            return
        count *= GROWTH
        (ids,), (distances,) = searcher(gallery).search(vector[None], count, allowed)


def load_faces(
    gallery: GalleryStore, pairs: Iterable[tuple[int, float]], at_once: int = READ, *, vectors: bool = False
) -> Iterator[Neighbour]:
    """Load the faces of (face id, distance) pairs, in order; skips faces that have been deleted meanwhile.

    Args:
        gallery: The gallery.
        pairs: Face ids and distances.
        at_once: How many faces to read together.
        vectors: Whether to load the vectors too.
    """
    pairs = iter(pairs)
    while chunk := list(islice(pairs, at_once)):
        ids = [number for number, _ in chunk]
        with gallery.read() as connection:
            records = faces.records_in(connection, ids)
            present = [(records[number], distance) for number, distance in chunk if number in records]
            rows = np.empty((len(present), 0), np.float32)
            if vectors:
                rows = faces.vectors_in(connection, [face.id for face, _ in present], gallery.dimension)
        yield from (Neighbour(face, distance, row) for (face, distance), row in zip(present, rows, strict=True))


def count_named_people(gallery: GalleryStore, face_filter: FaceFilter) -> int:
    """The number of named people with a face that passes the filter, which must have `named` set."""
    table = schema.faces
    query = select(func.count(table.c.person.distinct())).where(
        table.c.person.is_not(None), *faces.conditions(face_filter)
    )

    def count() -> int:
        with gallery.read() as connection:
            return int(connection.execute(query).scalar_one())

    return gallery.cached(("people", face_filter), count)


def faces_of(gallery: GalleryStore, people: Iterable[int]) -> dict[int, PersonFaces]:
    """The faces of each person by person id, at most the `MAX_PERSON_FACES` of the best quality."""
    table, vectors = schema.faces, schema.vectors
    by_quality = (func.coalesce(table.c.quality, 0).desc(), table.c.id)
    place = func.row_number().over(partition_by=table.c.person, order_by=by_quality).label("place")
    columns = (table.c.person, table.c.id, table.c.photo)
    rows: dict[int, list[tuple[int, int, Floats]]] = {}
    with gallery.read() as connection:
        for chunk in faces.chunks(people):
            ranked = select(*columns, place).where(table.c.person.in_(chunk)).subquery()
            query = select(ranked, vectors.c.vector).join(vectors, vectors.c.face == ranked.c.id)
            for row in connection.execute(query.where(ranked.c.place <= MAX_PERSON_FACES).order_by(ranked.c.id)):
                rows.setdefault(int(row.person), []).append((int(row.id), int(row.photo), row.vector))
    return {person: _person_faces(own) for person, own in rows.items()}


def _person_faces(rows: Sequence[tuple[int, int, Floats]]) -> PersonFaces:
    ids, photos, vectors = zip(*rows, strict=True)
    return PersonFaces(np.array(ids, np.int64), np.array(photos, np.int64), np.stack(vectors))


def persons_of(gallery: GalleryStore, pairs: Iterable[tuple[int, float]]) -> Iterator[tuple[int, int, float]]:
    """(person id, face id, distance) for (face id, distance) pairs, in order; skips unassigned faces."""
    pairs = iter(pairs)
    table = schema.faces
    while chunk := list(islice(pairs, READ)):
        with gallery.read() as connection:
            query = select(table.c.id, table.c.person).where(table.c.id.in_([number for number, _ in chunk]))
            people = {int(row.id): row.person for row in connection.execute(query)}
        for number, distance in chunk:
            if people.get(number) is not None:
                yield int(people[number]), number, distance
