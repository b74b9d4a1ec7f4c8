"""The nearest faces in a gallery.

Whatever says where to look (a matrix, cells, rows held in memory), distances are those of the vectors in the database,
in double precision: an index can be incomplete, never wrong. A face that is not in the database is not found.
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

MAX_QUERIES = 256  # queries that go through at a time,
MAX_HITS = 1 << 18  # and hits of all of them: what is held of candidates stays within tens of MB
MAX_COLUMNS = 1 << 16  # columns of an answer, unless there are more faces
WAIT = 600.0  # seconds that `forget` and `rebuild` wait for another process that makes the index
RETRY_LOCKED, RETRY_UNWRITABLE = (
    5.0,
    300.0,
)  # seconds until a search tries again where another process makes it, where it cannot be written


class SqliteSearcher:
    """What finds the nearest faces of a gallery in SQLite; safe to use from several threads.

    The index lives in the folder `<gallery>-index`. It is made when a search needs it and it is missing, damaged, or
    has fallen behind; where it cannot be, searches look at every face.  notice: told what a person should know.
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
        """Numbers (n, k) and distances (n, k), nearest first, ties by number; -1 and infinity for want of more.

        vectors: (n, D).  allowed: numbers of the faces that may answer; None: all may.  As many are found as there are,
        `k` at most.  Past 65,536 columns there are none that would hold nothing but -1.
        """
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
        """For each face, or each of `ids`, its `k` nearest others, in blocks, ascending."""
        if k < 1:
            raise MisuseError(f"at least 1 neighbour can be asked for, not {k}")
        for faces, vectors in self._each(None if ids is None else _sorted_ids(ids)):
            found, distances = self.search(vectors, k + 1)
            others = found != faces[:, None]
            others[others.all(axis=1), -1] = False  # among many that are all alike, a face need not be found itself
            shape = (len(faces), found.shape[1] - 1)
            yield Neighbours(faces, found[others].reshape(shape), distances[others].reshape(shape))

    def refresh(self) -> None:
        """Make the index anew where it is missing, damaged or has fallen behind, so that no search has to wait."""
        self.close()
        self._retry_at = 0.0
        if self._is_stale():
            self._try_build()

    def rebuild(self) -> None:
        """Make the index anew. Raises GalleryError where it cannot be written."""
        with self._building, self._translate_errors("written"):
            build.build(self.gallery, self.index_folder, self.limits, WAIT)
        self._retry_at = 0.0

    def forget(self) -> None:
        """Remove every file in which something of a vector may be. Raises GalleryError where one stays.

        Comes after the vectors have gone from the database, or the next search puts them into a file again.
        """
        self.close()
        with self._building, self._translate_errors("removed"):
            self.index_folder.clear(WAIT)
        self.close()  # another thread may have opened it meanwhile

    def close(self) -> None:
        """Let go of the files and of what is held in memory; the next search opens them again."""
        with self._opening:
            self._view = None

    def damage(self) -> str:
        """The damaged file of the index; empty where every file is as it was written."""
        try:
            if (manifest := self.index_folder.manifest()) is not None:
                self.index_folder.verify(manifest)
        except IndexDamaged as error:
            return str(error)
        return ""

    def state(self) -> IndexState:
        """What the index is; nothing is verified or made."""
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
            raise MisuseError(f"at least 1 face can be asked for, not {k}")
        dimension = self.gallery.dimension
        queries = checked(vectors, dimension) if len(vectors) else np.empty((0, dimension), np.float32)
        if self.gallery.metric == "cosine" and not queries.any(axis=1).all():
            raise MisuseError("a vector of zeros has no direction: its cosine distance is not defined")
        return queries

    def _each(self, ids: Ids | None) -> Iterator[tuple[Ids, Floats]]:
        """Numbers and vectors in blocks, each read in a transaction of its own, since a long one holds up others."""
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
        """Whether the index is to be made now: too much is new, or there is none that can be used."""
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
        """Make the index, unless somebody is at it; where that fails, searches go on without."""
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
                "searches look at every face, which takes longer"
            )
        finally:
            self._building.release()

    def _open_index(self) -> OpenIndex:
        """The index as it is now, verified when it is opened."""
        with self._opening:
            stamp = self.index_folder.stamp()
            while self._view is None or stamp != self._stamp:
                index = self._index()
                again = self.index_folder.stamp()
                if again == stamp:  # else another was swapped in meanwhile, and the files of this one are gone
                    self._view, self._stamp = OpenIndex(index, self._unindexed(index)), stamp
                stamp = again
            return self._view

    def _unindexed(self, index: FlatIndex | IvfIndex | None) -> UnindexedFaces:
        last = 0 if index is None else index.manifest.last
        return UnindexedFaces(last, self.gallery.dimension, self.gallery.metric)

    def _index(self) -> FlatIndex | IvfIndex | None:
        """None where there is none that can be used."""
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
                    f"the search index of gallery '{self.gallery.location}' is damaged ({error}): it is made anew, "
                    "and nothing is lost"
                )
            return None

    def _usable(self, manifest: Manifest) -> bool:
        with self.gallery.read() as connection:
            return build.is_usable(self.gallery, connection, manifest, self.limits)

    @contextmanager
    def _translate_errors(self, what: str) -> Iterator[None]:
        """Turns what stands in the way into a sentence."""
        where = self.gallery.location
        try:
            yield
        except IndexLocked:
            raise GalleryBusyError(
                f"another process is making the search index of gallery '{where}': try again when it is done"
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
    """The numbers, ascending, each once; as SQL gives them, most are: NumPy takes 0.9 s to find that of 500,000."""
    found = np.asarray(ids, np.int64)
    return found if (found[1:] > found[:-1]).all() else np.unique(found)
