"""Vectors read out of the database for the search: some by number, all in turn, and what is newest."""

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

CHUNK = 1 << 12  # vectors read at a time: 2 MB of 128 numbers, and four times that while they are unpacked
CACHE_KIB = 2048  # of pages, while all rows are read

# The numbers go over as one text: `in_` with a parameter for each took twice as long.
_BY_IDS = text("SELECT face, vector FROM vectors WHERE face IN (SELECT value FROM json_each(:ids)) ORDER BY face")


@contextmanager
def small_page_cache(connection: Connection) -> Iterator[None]:
    """While every row is read once, SQLite keeps few pages: they would be 64 MB that nobody asks for again."""
    before = int(connection.execute(text("PRAGMA cache_size")).scalar_one())
    connection.execute(text(f"PRAGMA cache_size = -{CACHE_KIB}"))
    try:
        yield
    finally:
        connection.execute(text(f"PRAGMA cache_size = {before}"))


def existing(connection: Connection, ids: Ids, dimension: int) -> tuple[Ids, Floats]:
    """Those of the numbers `ids` (n,) that there are, ascending, and their vectors (m, D)."""
    parts = [np.empty((0, dimension), np.float32)]
    found = [np.empty(0, np.int64)]
    for piece in _chunks(ids):
        there, vectors = _unpack_rows(connection.execute(_BY_IDS, {"ids": json.dumps(piece.tolist())}).all(), dimension)
        found.append(there)
        parts.append(vectors)
    return np.concatenate(found), np.concatenate(parts)


def after(connection: Connection, number: int, dimension: int, most: int = CHUNK) -> Iterator[tuple[Ids, Floats]]:
    """Numbers (n,) and vectors (n, D) of all faces with a number above `number`, ascending, in blocks."""
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
    """Numbers and vectors of those of the faces `ids` (ascending) that there are, or of all, ascending, in blocks."""
    if ids is None:
        yield from after(connection, 0, dimension)
        return
    for piece in _chunks(ids):
        yield existing(connection, piece, dimension)


def newest_id(connection: Connection) -> int:
    """The largest number of a face with a vector; 0 in an empty gallery."""
    return int(connection.execute(select(func.coalesce(func.max(schema.vectors.c.face), 0))).scalar_one())


def last_assigned_id(connection: Connection) -> int:
    """The largest number that a face was ever given, though it may be gone; smaller in an older copy of the gallery."""
    return int(connection.execute(text("SELECT max(seq) FROM sqlite_sequence WHERE name = 'faces'")).scalar() or 0)


def count(connection: Connection) -> int:
    """How many faces there are; quicker than counting vectors, which are read whole for it."""
    return int(connection.execute(select(func.count()).select_from(schema.faces)).scalar_one())


def count_after(connection: Connection, number: int) -> int:
    """How many faces with a vector have a number above this one."""
    table = schema.vectors
    return int(connection.execute(select(func.count()).where(table.c.face > number)).scalar_one())


def all_ids(connection: Connection) -> Ids:
    """(n,) the numbers of all faces with a vector, ascending."""
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
