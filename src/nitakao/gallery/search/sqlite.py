"""Searches a gallery in SQLite.

The index, flat or of cells, only proposes candidates. Distances are computed in double precision from the vectors in
the database, so an index can be incomplete but never wrong, and deleted faces are never found.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, RLock

import numpy as np

from nitakao.errors import GalleryBusyError, GalleryError, MisuseError
from nitakao.gallery.search import build, rows
from nitakao.gallery.search.base import IndexState, Neighbours
from nitakao.gallery.search.batching import MAX_SHARED, Batcher
from nitakao.gallery.search.build import Limits
from nitakao.gallery.search.flat_index import FlatIndex
from nitakao.gallery.search.index_folder import IndexDamaged, IndexFolder, IndexLocked, Manifest
from nitakao.gallery.search.ivf import IvfIndex
from nitakao.gallery.search.query import OpenIndex, Query
from nitakao.gallery.search.unindexed import UnindexedFaces
from nitakao.gallery.store import GalleryStore
from nitakao.values import Doubles, Floats, Ids
from nitakao.values.arrays import rows as checked

Notice = Callable[[str], None]

MAX_QUERIES = 256  # queries searched together
MAX_HITS = 1 << 18  # of all queries searched together: limits memory to tens of MB
MAX_COLUMNS = 1 << 16  # of a result, unless there are more faces
WAIT = 600.0  # seconds that `forget` and `rebuild` wait for another process that builds the index
RETRY_LOCKED, RETRY_UNWRITABLE = (
    5.0,
    300.0,
)  # seconds until a search tries again where another process makes it, where it cannot be written


class SqliteSearcher:
    """Finds the nearest faces of a gallery in SQLite; safe to use from several threads.

    The index is in the folder `<gallery>-index`. A search builds it if it is missing, damaged or out of date; if it
    cannot be written, searches scan every face.

    Args:
        gallery: The gallery.
        limits: When to build which index.
        notice: Receives messages for the user.
    """

    def __init__(self, gallery: GalleryStore, *, limits: Limits | None = None, notice: Notice | None = None) -> None:
        place = Path(gallery.location)
        self.gallery = gallery
        self.limits = limits or Limits()
        self.notice: Notice = notice or logging.getLogger("nitakao").warning
        self.index_folder = IndexFolder(place.with_name(place.name + "-index"))
        self._view: OpenIndex | None = None
        self._stamp: object = None
        self._opening, self._building = RLock(), Lock()
        self._retry_at = 0.0
        self._batcher = Batcher(self._search)

    def search(self, vectors: Floats, k: int, allowed: Ids | None = None) -> tuple[Ids, Doubles]:
        """Face ids (n, k) and distances (n, k); see `Searcher.search`. Raises MisuseError for an invalid `k`."""
        queries = self._queries(vectors, k)
        if allowed is None and 0 < len(queries) <= MAX_SHARED:
            return self._batcher.search(queries, k)
        return self._search(queries, k, None if allowed is None else _sorted_ids(allowed))

    def _search(self, queries: Floats, k: int, chosen: Ids | None = None) -> tuple[Ids, Doubles]:
        if self._is_stale():
            self._try_build()
        view = self._open_index()
        with self.gallery.read() as connection:
            newest = rows.newest_id(connection)
            if newest > view.unindexed.last:
                view.unindexed.catch_up(connection)
            query = Query(view, connection, newest, self.gallery.dimension, self.gallery.metric)
            return _search_in_blocks(query, queries, min(k, max(newest + 1, MAX_COLUMNS)), chosen)

    def neighbours(self, k: int, ids: Ids | None = None) -> Iterator[Neighbours]:
        """For each face, or each of `ids`, its `k` nearest other faces, in blocks by ascending id."""
        if k < 1:
            raise MisuseError(f"k must be at least 1, not {k}")
        for faces, vectors in self._each(None if ids is None else _sorted_ids(ids)):
            found, distances = self.search(vectors, k + 1)
            others = found != faces[:, None]
            others[others.all(axis=1), -1] = False  # among identical vectors a face may not find itself
            shape = (len(faces), found.shape[1] - 1)
            yield Neighbours(faces, found[others].reshape(shape), distances[others].reshape(shape))

    def refresh(self) -> None:
        """Rebuild the index if it is missing, damaged or out of date, so that no search has to wait."""
        self.close()
        self._retry_at = 0.0
        if self._is_stale():
            self._try_build()

    def rebuild(self) -> None:
        """Rebuild the index. Raises GalleryError if it cannot be written."""
        with self._building, self._translate_errors("written"):
            build.build(self.gallery, self.index_folder, self.limits, WAIT)
        self._retry_at = 0.0

    def forget(self) -> None:
        """Delete every file that may hold part of a vector. Raises GalleryError on failure.

        Delete the vectors from the database first, or the next search writes them to a file again.
        """
        self.close()
        with self._building, self._translate_errors("removed"):
            self.index_folder.clear(WAIT)
        self.close()  # another thread may have opened it meanwhile

    def close(self) -> None:
        """Release files and memory; the next search opens them again."""
        with self._opening:
            self._view = None

    def damage(self) -> str:
        """The damaged file of the index; empty if there is none."""
        try:
            if (manifest := self.index_folder.manifest()) is not None:
                self.index_folder.verify(manifest)
        except IndexDamaged as error:
            return str(error)
        return ""

    def state(self) -> IndexState:
        """The kind and size of the index; verifies and builds nothing."""
        try:
            manifest = self.index_folder.manifest()
        except IndexDamaged:
            manifest = None
        size = self.index_folder.size()
        with self.gallery.read() as connection:
            if manifest is None:
                return IndexState("none", 0, rows.count(connection), None, size, self.index_folder.folder)
            tail = rows.count_after(connection, manifest.last)
        return IndexState(manifest.kind, manifest.rows, tail, manifest.built, size, self.index_folder.folder)

    def _queries(self, vectors: Floats, k: int) -> Floats:
        if k < 1:
            raise MisuseError(f"k must be at least 1, not {k}")
        dimension = self.gallery.dimension
        queries = checked(vectors, dimension) if len(vectors) else np.empty((0, dimension), np.float32)
        if self.gallery.metric == "cosine" and not queries.any(axis=1).all():
            raise MisuseError("a zero vector has no direction: its cosine distance is undefined")
        return queries

    def _each(self, ids: Ids | None) -> Iterator[tuple[Ids, Floats]]:
        """Ids and vectors in blocks, each in its own transaction, since a long one blocks others."""
        last, dimension = 0, self.gallery.dimension
        while True:
            with self.gallery.read() as connection:
                if ids is None:
                    part = next(rows.after(connection, last, dimension, MAX_QUERIES), None)
                else:
                    asked = ids[np.searchsorted(ids, last, "right") :][:MAX_QUERIES]
                    part = rows.existing(connection, asked, dimension) if len(asked) else None
            if part is None:
                return
            last = int(part[0][-1] if ids is None else asked[-1])
            if len(part[0]):
                yield part

    def _is_stale(self) -> bool:
        """Whether to build the index now: it is unusable, or too many faces are new."""
        if time.monotonic() < self._retry_at:
            return False
        view = self._open_index()
        newest = self.gallery.cached("newest", self._newest)
        unusable = view.index is None and self._stamp is not None
        return unusable or newest - view.last > self.limits.allowance(view.rows)

    def _newest(self) -> int:
        with self.gallery.read() as connection:
            return rows.newest_id(connection)

    def _try_build(self) -> None:
        """Build the index, unless another thread or process does; on failure, searches work without."""
        if not self._building.acquire(blocking=False):
            return
        try:
            build.build(self.gallery, self.index_folder, self.limits)
        except IndexLocked:
            self._retry_at = time.monotonic() + RETRY_LOCKED
        except OSError as error:
            self._retry_at = time.monotonic() + RETRY_UNWRITABLE
            self.notice(
                f"the search index of gallery '{self.gallery.location}' cannot be written ({error.strerror or error}): "
                "searches scan every face, which takes longer"
            )
        finally:
            self._building.release()

    def _open_index(self) -> OpenIndex:
        """The current index, verified when it is opened."""
        with self._opening:
            stamp = self.index_folder.stamp()
            while self._view is None or stamp != self._stamp:
                index = self._index()
                again = self.index_folder.stamp()
                if again == stamp:  # else another index has replaced it meanwhile
                    self._view, self._stamp = OpenIndex(index, self._unindexed(index)), stamp
                stamp = again
            return self._view

    def _unindexed(self, index: FlatIndex | IvfIndex | None) -> UnindexedFaces:
        last = 0 if index is None else index.manifest.last
        return UnindexedFaces(last, self.gallery.dimension, self.gallery.metric)

    def _index(self) -> FlatIndex | IvfIndex | None:
        """The index; None if there is no usable one."""
        stamp = self.index_folder.stamp()
        try:
            manifest = self.index_folder.manifest()
            if manifest is None or not self._usable(manifest):
                return None
            self.index_folder.verify(manifest)
            return (
                FlatIndex(self.index_folder, manifest)
                if manifest.kind == "matrix"
                else IvfIndex(self.index_folder, manifest)
            )
        except (IndexDamaged, OSError) as error:
            if stamp == self.index_folder.stamp():
                self.notice(
                    f"the search index of gallery '{self.gallery.location}' is damaged ({error}): rebuilding it; "
                    "no data is lost"
                )
            return None

    def _usable(self, manifest: Manifest) -> bool:
        with self.gallery.read() as connection:
            return build.is_usable(self.gallery, connection, manifest, self.limits)

    @contextmanager
    def _translate_errors(self, what: str) -> Iterator[None]:
        """Turns errors of the index folder into GalleryErrors that say what to do."""
        where = self.gallery.location
        try:
            yield
        except IndexLocked:
            raise GalleryBusyError(
                f"another process is building the search index of gallery '{where}': try again later"
            ) from None
        except OSError as error:
            raise GalleryError(
                f"the search index of gallery '{where}' cannot be {what}: {error.strerror or error} "
                f"('{self.index_folder.folder}')"
            ) from error


def _search_in_blocks(query: Query, queries: Floats, k: int, allowed: Ids | None) -> tuple[Ids, Doubles]:
    step = max(1, min(MAX_QUERIES, MAX_HITS // k))
    parts = [query.run(queries[at : at + step], k, allowed) for at in range(0, len(queries), step)]
    if not parts:
        return np.empty((0, k), np.int64), np.empty((0, k))
    return np.concatenate([ids for ids, _ in parts]), np.concatenate([distances for _, distances in parts])


def _sorted_ids(ids: Ids) -> Ids:
    """The ids, ascending, without duplicates; skips sorting if they are, since it takes 0.9 s for 500,000."""
    numbers = np.asarray(ids, np.int64)
    return numbers if (numbers[1:] > numbers[:-1]).all() else np.unique(numbers)
