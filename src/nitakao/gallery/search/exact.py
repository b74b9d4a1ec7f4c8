"""Exact search: preselects rows in float32 with an error bound, and ranks them in double precision."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nitakao.values import Doubles, Floats, Ids

TILE = 1 << 20  # products at a time: 4 MB, which fit a core's cache
GROUP = 64  # products whose minimum is compared first
MAX_UNCHECKED = 8  # times k rows per query that may be collected before the bounds are tightened
PAIRS = 1 << 14  # pairs computed in double precision at a time
UNIT = 2.0**-24  # relative rounding error of float32


class Block(NamedTuple):
    """Rows to search. With cosine distance the vectors have length 1.

    Attributes:
        ids: (n,) face ids.
        vectors: (n, D) float32.
        squares: (n,) squared lengths, infinite for excluded rows.
        longest: No vector is longer than this.
    """

    ids: Ids
    vectors: Floats
    squares: Floats
    longest: float


class Pairs(NamedTuple):
    """Pairs of a query (its row, (n,)) and a face (its id, (n,))."""

    which: Ids
    ids: Ids


def normalize(vectors: Floats, metric: str) -> Floats:
    """Vectors (n, D) whose Euclidean distances rank as the metric does: for cosine, scaled to length 1."""
    if metric == "euclidean":
        return vectors
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)


def block(ids: Ids, vectors: Floats, metric: str) -> Block:
    """A block of rows; `vectors` (n, D) as returned by `normalize`."""
    if metric == "cosine":  # all are 1; a zero vector counts as orthogonal to all others
        return Block(ids, vectors, np.ones(len(ids), np.float32), 1.0)
    squares = np.einsum("ij,ij->i", vectors, vectors)
    return Block(ids, vectors, squares, float(np.sqrt(squares.max(initial=0))))


def restrict(rows: Block, allowed: Ids | None) -> Block:
    """The block with all rows excluded but those of `allowed` (ascending)."""
    if allowed is None:
        return rows
    at = np.searchsorted(allowed, rows.ids)
    at[at == len(allowed)] = 0
    kept = allowed[at] == rows.ids if len(allowed) else np.zeros(len(rows.ids), bool)
    return rows._replace(squares=np.where(kept, rows.squares, np.float32(np.inf)))


class Candidates:
    """Collects every row that may be one of the `k` nearest to a query, and few others.

    Squared distances, less the query's own square, are computed as |x|^2 - 2 x.q in float32, which is fast but inexact.
    All rows within the error bound of the k-th are collected, so ties are never lost.

    Source: Higham 2002, Accuracy and Stability of Numerical Algorithms, 3.5 (error of a dot product).
    """

    def __init__(self, queries: Floats, k: int) -> None:
        self.k = k
        self.queries = queries
        self.scaled_queries = _pad_to_fours(-2 * queries)
        self.bounds = np.full(len(queries), np.inf, np.float32)  # at least k rows are this near
        self.slack = np.zeros(len(queries), np.float32)
        self.found: list[tuple[Ids, Ids, Floats]] = []
        self.unchecked = 0  # rows collected since the bounds were last tightened
        self.unfiltered: list[Pairs] = []

    def add(self, rows: Block) -> None:
        """Add the rows of a block that may be among the nearest."""
        self._loosen(rows.longest)
        step = max(GROUP, TILE // len(self.queries))
        for start in range(0, len(rows.ids), step):
            part = slice(start, start + step)
            self._tile(rows.ids[part], rows.vectors[part], rows.squares[part])

    def add_pairs(self, pairs: Pairs) -> None:
        """Add pairs without checking them."""
        self.unfiltered.append(pairs)

    def pairs(self) -> Pairs:
        """All candidates."""
        self._tighten()
        return _concatenate([*self.unfiltered, *(Pairs(which, ids) for which, ids, _ in self.found)])

    def _loosen(self, longest: float) -> None:
        lengths = np.sqrt(np.einsum("ij,ij->i", self.queries, self.queries, dtype=np.float64))
        dimension = self.queries.shape[1]
        error = UNIT * longest * (2 * (dimension + 2) * lengths + (dimension + 4) * longest)
        np.maximum(self.slack, 2 * error, out=self.slack, casting="same_kind")

    def _tile(self, ids: Ids, vectors: Floats, squares: Floats) -> None:
        near = (
            (vectors @ self.scaled_queries[0])[None]
            if len(self.scaled_queries) == 1
            else (self.scaled_queries @ vectors.T)[: len(self.queries)]
        )
        near += squares
        np.minimum(self.bounds, _kth(near, self.k), out=self.bounds)
        # In two dimensions, np.nonzero takes six times as long.
        which, at = np.divmod(np.flatnonzero(near <= self._limits()[:, None]), near.shape[1])
        self.found.append((which, ids[at], near[which, at]))
        self.unchecked += len(which)
        if self.unchecked > MAX_UNCHECKED * self.k * len(self.queries):
            self._tighten()

    def _limits(self) -> Floats:
        # Excluded rows are infinitely far: they never pass, even if there are fewer than k others.
        return np.asarray(np.minimum(self.bounds + self.slack, np.finfo(np.float32).max))

    def _tighten(self) -> None:
        """Tighten the bounds to the k-th of all tiles, and drop candidates beyond them."""
        self.unchecked = 0
        if not self.found:
            return
        which, ids, near = (np.concatenate(parts) for parts in zip(*self.found, strict=True))
        count = np.bincount(which, minlength=len(self.queries))
        full = np.flatnonzero(count >= self.k)
        kth = near[np.lexsort((near, which))][(np.cumsum(count) - count)[full] + self.k - 1]
        self.bounds[full] = np.minimum(self.bounds[full], kth)
        kept = near <= self._limits()[which]
        self.found = [(which[kept], ids[kept], near[kept])]


def _pad_to_fours(rows: Floats) -> Floats:
    """Several rows padded with zeros to a multiple of four: OpenBLAS takes 2.7 ms for four, 4.0 for three."""
    whole = np.zeros((len(rows) if len(rows) < 2 else -(-len(rows) // 4) * 4, rows.shape[1]), np.float32)
    whole[: len(rows)] = rows
    return whole


def _concatenate(parts: list[Pairs]) -> Pairs:
    if not parts:
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int64))
    return Pairs(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _kth(near: Floats, k: int) -> Floats:
    """(q,) an upper bound of the k-th smallest in each row of `near` (q, n); infinite if n < k."""
    if near.shape[1] < k:
        return np.full(len(near), np.inf, np.float32)
    whole = near.shape[1] // GROUP
    if whole >= 2 * k:  # then the k-th smallest of the groups' minima is close to the k-th smallest of all
        near = near[:, : whole * GROUP].reshape(len(near), GROUP, whole).min(axis=1)
    found: Floats = np.partition(near, k - 1, axis=1)[:, k - 1]
    return found


def distances_of(queries: Floats, vectors: Floats, which: Ids, at: Ids, metric: str) -> Doubles:
    """(n,) the distances of queries[which] and vectors[at], as `metrics.distance` defines them.

    A stored zero vector has cosine distance 1 to everything.
    """
    found = np.empty(len(which))
    for start in range(0, len(which), PAIRS):
        part = slice(start, start + PAIRS)
        a, b = queries[which[part]].astype(np.float64), vectors[at[part]].astype(np.float64)
        found[part] = np.linalg.norm(a - b, axis=1) if metric == "euclidean" else _cosine(a, b)
    return found


def _cosine(a: Doubles, b: Doubles) -> Doubles:
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosines = np.einsum("ij,ij->i", a, b) / np.where(lengths > 0, lengths, 1)
    return np.asarray(1.0 - np.clip(cosines, -1.0, 1.0))


def rank(pairs: Pairs, distances: Doubles, queries: int, k: int) -> tuple[Ids, Doubles]:
    """Ids and distances (queries, k), nearest first, ties by id; -1 and infinity where there are no more."""
    order = np.lexsort((pairs.ids, distances, pairs.which))
    which = pairs.which[order]
    place = np.arange(len(which)) - np.searchsorted(which, which)
    kept = place < k
    ids = np.full((queries, k), -1, np.int64)
    found = np.full((queries, k), np.inf)
    ids[which[kept], place[kept]] = pairs.ids[order][kept]
    found[which[kept], place[kept]] = distances[order][kept]
    return ids, found
