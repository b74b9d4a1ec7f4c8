"""Reads vectors and ids from a SQLite gallery for the search."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from sqlalchemy import Connection, LargeBinary, func, select, text, type_coerce

from nitakao.gallery import schema
from nitakao.gallery.columns import verify_checksum
from nitakao.values import Floats, Ids

CHUNK = 1 << 12  # vectors read at a time: 2 MB with 128 numbers, four times that while unpacking
CACHE_KIB = 2048  # page cache while all rows are read

# The ids are passed as one JSON text: one parameter per id took twice as long.
_BY_IDS = text("SELECT face, vector FROM vectors WHERE face IN (SELECT value FROM json_each(:ids)) ORDER BY face")


@contextmanager
def small_page_cache(connection: Connection) -> Iterator[None]:
    """Reduce the page cache while every row is read once: the pages would take 64 MB and not be used again."""
    before = int(connection.execute(text("PRAGMA cache_size")).scalar_one())
    connection.execute(text(f"PRAGMA cache_size = -{CACHE_KIB}"))
    try:
        yield
    finally:
        connection.execute(text(f"PRAGMA cache_size = {before}"))


def existing(connection: Connection, ids: Ids, dimension: int) -> tuple[Ids, Floats]:
    """The existing faces among `ids` (n,), ascending: their ids (m,) and vectors (m, D)."""
    parts = [np.empty((0, dimension), np.float32)]
    found = [np.empty(0, np.int64)]
    for piece in _chunks(ids):
        there, vectors = _unpack_rows(connection.execute(_BY_IDS, {"ids": json.dumps(piece.tolist())}).all(), dimension)
        found.append(there)
        parts.append(vectors)
    return np.concatenate(found), np.concatenate(parts)


def after(connection: Connection, number: int, dimension: int, most: int = CHUNK) -> Iterator[tuple[Ids, Floats]]:
    """Ids (n,) and vectors (n, D) of all faces with an id above `number`, ascending, in blocks."""
    table = schema.vectors
    asked = select(table.c.face, type_coerce(table.c.vector, LargeBinary)).order_by(table.c.face).limit(most)
    while True:
        ids, vectors = _unpack_rows(connection.execute(asked.where(table.c.face > number)).all(), dimension)
        if len(ids):
            yield ids, vectors
        if len(ids) < most:
            return
        number = int(ids[-1])


def selected(connection: Connection, ids: Ids | None, dimension: int) -> Iterator[tuple[Ids, Floats]]:
    """Ids and vectors of the existing faces among `ids` (ascending), or of all, in ascending blocks."""
    if ids is None:
        yield from after(connection, 0, dimension)
        return
    for piece in _chunks(ids):
        yield existing(connection, piece, dimension)


def newest_id(connection: Connection) -> int:
    """The largest id of a face with a vector; 0 in an empty gallery."""
    return int(connection.execute(select(func.coalesce(func.max(schema.vectors.c.face), 0))).scalar_one())


def last_assigned_id(connection: Connection) -> int:
    """The largest id ever given to a face, deleted or not; smaller in an older copy of the gallery."""
    return int(connection.execute(text("SELECT max(seq) FROM sqlite_sequence WHERE name = 'faces'")).scalar() or 0)


def count(connection: Connection) -> int:
    """The number of faces; faster than counting vectors, which reads them."""
    return int(connection.execute(select(func.count()).select_from(schema.faces)).scalar_one())


def count_after(connection: Connection, number: int) -> int:
    """The number of faces with a vector and an id above this."""
    table = schema.vectors
    return int(connection.execute(select(func.count()).where(table.c.face > number)).scalar_one())


def all_ids(connection: Connection) -> Ids:
    """(n,) the ids of all faces with a vector, ascending."""
    table = schema.vectors
    asked = select(table.c.face).order_by(table.c.face).execution_options(yield_per=CHUNK)  # not all rows at once
    return np.fromiter(connection.execute(asked).scalars(), np.int64)


def _chunks(ids: Ids) -> Iterator[Ids]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


def _unpack_rows(found: Sequence[Any], dimension: int) -> tuple[Ids, Floats]:
    ids = np.fromiter((row[0] for row in found), np.int64, len(found))
    vectors = np.frombuffer(b"".join([verify_checksum(row[1]) for row in found]), "<f4").astype(np.float32, copy=False)
    return ids, vectors.reshape(len(ids), dimension)
