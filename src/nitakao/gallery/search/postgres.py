"""Searches a gallery in PostgreSQL: scans all vectors while there are few, above that pgvector's HNSW index.

The index holds vectors in half precision; its candidates are ranked with the exact vectors. If the index gives too few
faces for a filter, all allowed faces are scanned.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, text

from nitakao.errors import MisuseError
from nitakao.gallery.columns import Vector
from nitakao.gallery.search import postgres_neighbours
from nitakao.gallery.search.base import IndexState, Neighbours
from nitakao.gallery.store import GalleryStore
from nitakao.values import Doubles, Floats, Ids
from nitakao.values.arrays import rows as checked

INDEX = "ix_vectors_hnsw"  # and the metric and dimension: `reindex` may change them
INDEXED_FROM = (
    20_000  # faces; looking at all of so many took as long as the index with `MIN_CANDIDATES` candidates (128 numbers)
)
MIN_CANDIDATES, MAX_CANDIDATES = (
    200,
    1000,
)  # candidates: recall@10 of 100,000 faces was .988 with 200; pgvector takes no more than 1000
MAX_INDEXED_DIMENSION = 4000  # numbers in a vector that halfvec's index takes
BUILD_LOCK = 0x6E69746C  # advisory lock of whoever builds the index
MEMORY = "512MB"  # for building: the graph of 1,000,000 faces of 128 numbers, nearly
OPERATOR = {"euclidean": "<->", "cosine": "<=>"}
OPERATOR_CLASS = {"euclidean": "halfvec_l2_ops", "cosine": "halfvec_cosine_ops"}
MAX_COLUMNS = 1 << 16  # columns of an answer, unless there are more faces


class PostgresSearcher:
    """Finds the nearest faces; PostgreSQL updates the index with every write."""

    def __init__(self, gallery: GalleryStore) -> None:
        self.gallery = gallery
        self.operator = OPERATOR[gallery.metric]
        self.half = f"halfvec({gallery.dimension})"
        self.of_this_model = f"vector_dims(vector) = {gallery.dimension}"
        self.index = f"{INDEX}_{gallery.metric}_{gallery.dimension}"
        self.near = f"""
            WITH near AS MATERIALIZED (
              SELECT face, vector FROM vectors WHERE {self.of_this_model}
              ORDER BY vector::{self.half} {self.operator} CAST(:probe AS {self.half}) LIMIT :most)
            SELECT face, vector {self.operator} :probe AS distance FROM near ORDER BY distance, face"""

    def search(self, vectors: Floats, k: int, allowed: Ids | None = None) -> tuple[Ids, Doubles]:
        """Face ids (n, k) and distances (n, k); see `Searcher.search`. Raises MisuseError for an invalid `k`."""
        queries = checked(vectors, self.gallery.dimension)
        if k < 1:
            raise MisuseError(f"k must be at least 1, not {k}")
        with self.gallery.read() as connection:
            candidates = self._candidates(connection, k, allowed)
            found = [self._nearest(connection, vector, k, allowed, candidates) for vector in queries]
        width = min(k, max(MAX_COLUMNS, max((len(ids) for ids, _ in found), default=0)))
        ids, distances = np.full((len(found), width), -1, np.int64), np.full((len(found), width), np.inf)
        for row, (numbers, far) in enumerate(found):
            ids[row, : len(numbers)], distances[row, : len(far)] = numbers, far
        return ids, distances

    def neighbours(self, k: int, ids: Ids | None = None) -> Iterator[Neighbours]:
        """For each face, or each of `ids`, its `k` nearest other faces, in blocks by id."""
        if k < 1:
            raise MisuseError(f"k must be at least 1, not {k}")
        return postgres_neighbours.all_neighbours(self.gallery, k, ids, self.search)

    def _candidates(self, connection: Connection, k: int, allowed: Ids | None) -> int:
        """How many candidates to request so that `k` pass the filter; 0 if the index cannot help."""
        indexed, rows = _index(connection, self.index)
        if not indexed or (allowed is not None and not len(allowed)):
            return 0
        share = 1.0 if allowed is None else min(1.0, len(allowed) / max(rows, 1))
        wanted = max(MIN_CANDIDATES, int(2 * k / share))
        return wanted if wanted <= MAX_CANDIDATES else 0

    def _nearest(
        self, connection: Connection, vector: Floats, k: int, allowed: Ids | None, candidates: int
    ) -> tuple[Ids, Doubles]:
        if candidates:
            ids, distances = self._by_index(connection, vector, candidates)
            if allowed is not None:
                kept = np.isin(ids, allowed)
                ids, distances = ids[kept], distances[kept]
            if len(ids) >= k:
                return ids[:k], distances[:k]
        return self._by_all(connection, vector, k, allowed)

    def _by_index(self, connection: Connection, vector: Floats, candidates: int) -> tuple[Ids, Doubles]:
        connection.execute(text("SELECT set_config('hnsw.ef_search', :most, true)"), {"most": str(candidates)})
        return _run(connection, self.near, vector, most=candidates)

    def _by_all(self, connection: Connection, vector: Floats, k: int, allowed: Ids | None) -> tuple[Ids, Doubles]:
        within = "" if allowed is None else "WHERE face = ANY(:ids)"
        asked = (
            f"SELECT face, vector {self.operator} :probe AS distance FROM vectors {within} ORDER BY 2, 1 LIMIT :most"
        )
        return _run(connection, asked, vector, most=k, **({} if allowed is None else {"ids": allowed.tolist()}))

    def refresh(self) -> None:
        """Nothing to do: the index is always up to date."""

    def rebuild(self) -> None:
        """Build the index if it is missing and there are enough faces, without blocking others."""
        with self._outside() as connection:
            if not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": BUILD_LOCK}).scalar():
                return  # another process builds it
            try:
                self._build(connection)
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": BUILD_LOCK})

    def forget(self) -> None:
        """Drop the indexes of other models; `scrub` rewrites the files of this one."""
        with self._outside() as connection:
            self._drop(connection)

    def close(self) -> None:
        """Nothing to do: the gallery owns the connections."""

    def damage(self) -> str:
        """Always empty: `Backend.damage` checks the server's indexes."""
        return ""

    def state(self) -> IndexState:
        """The state of the index: 'hnsw', or 'none' if all faces are scanned."""
        with self.gallery.read() as connection:
            indexed, _ = _index(connection, self.index)
            rows = int(connection.execute(text("SELECT count(*) FROM vectors")).scalar_one())
            size = int(
                connection.execute(text("SELECT pg_relation_size(to_regclass(:name))"), {"name": self.index}).scalar()
                or 0
            )
        return IndexState(
            "hnsw" if indexed else "none", rows if indexed else 0, 0 if indexed else rows, None, size, None
        )

    @contextmanager
    def _outside(self) -> Iterator[Connection]:
        """A connection outside transactions, to build indexes without blocking others."""
        with self.gallery.translate_errors(), self.gallery.backend.engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def _drop(self, connection: Connection) -> None:
        """Drop indexes of other models, and unfinished ones."""
        asked = text(
            "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
            "WHERE i.indrelid = to_regclass('vectors') AND starts_with(c.relname, :first) "
            "AND NOT (c.relname = :own AND i.indisvalid)"
        )
        for name in connection.execute(asked, {"first": INDEX, "own": self.index}).scalars().all():
            connection.execute(text(f"DROP INDEX IF EXISTS {name}"))

    def _build(self, connection: Connection) -> None:
        indexed, _ = _index(connection, self.index)
        enough = text("SELECT count(*) FROM (SELECT 1 FROM vectors LIMIT :most) AS first")
        rows = connection.execute(enough, {"most": INDEXED_FROM}).scalar_one()
        if indexed or rows < INDEXED_FROM or self.gallery.dimension > MAX_INDEXED_DIMENSION:
            return
        self._drop(connection)
        connection.execute(text("SELECT set_config('maintenance_work_mem', :memory, false)"), {"memory": MEMORY})
        kind = OPERATOR_CLASS[self.gallery.metric]
        connection.execute(
            text(
                f"CREATE INDEX CONCURRENTLY {self.index} ON vectors USING hnsw ((vector::{self.half}) {kind}) "
                f"WHERE {self.of_this_model}"
            )
        )
        connection.execute(text("ANALYZE vectors"))
        connection.execute(text("RESET maintenance_work_mem"))


def _index(connection: Connection, name: str) -> tuple[bool, float]:
    """Whether the index exists and is valid, and about how many vectors there are."""
    row = connection.execute(
        text(
            """
            SELECT c.reltuples, coalesce(i.indisvalid, false) FROM pg_class c
            LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indexrelid = to_regclass(:index)
            WHERE c.oid = to_regclass('vectors')"""
        ),
        {"index": name},
    ).one()
    return bool(row[1]), float(row[0])


def _run(connection: Connection, asked: str, vector: Floats, **options: Any) -> tuple[Ids, Doubles]:
    statement = text(asked).bindparams(bindparam("probe", type_=Vector))
    rows = connection.execute(statement, {"probe": vector, **options}).all()
    return np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.float64)
