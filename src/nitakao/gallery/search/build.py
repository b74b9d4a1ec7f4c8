"""Making the index of a gallery: which kind, from what, and whether one that is there can still be used."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import Connection

from nitakao.gallery.search import flat_index, ivf, rows
from nitakao.gallery.search.index_folder import IndexFolder, IndexWriter, Manifest
from nitakao.values import Ids

if TYPE_CHECKING:
    from nitakao.gallery.store import GalleryStore

WITNESSES = 8  # of the newest vectors in an index, the checksums are kept


@dataclass(frozen=True)
class Limits:
    """When which index is made.

    least: so many faces are held in memory instead.  matrix: numbers in all vectors together, up to which every one of
    them is looked at; above, cells.  share: of the faces in an index, how many may be new, or gone, before it is made
    anew; but `least` may.
    """

    # Reading 2,000 vectors from the database takes 10 ms.
    least: int = 2000
    # 150,000 faces of 128 numbers: looking at all of them takes 5 ms, twice the time that cells need for 1,000,000.
    matrix: int = 19_200_000
    share: float = 0.1

    def allowance(self, indexed: int) -> int:
        return max(self.least, int(self.share * indexed))


def build(gallery: GalleryStore, cache: IndexFolder, limits: Limits, wait: float = 0) -> None:
    """Make the index and swap it in. Raises Occupied, and OSError where it cannot be written."""
    with cache.open_writer(wait) as writer, gallery.read() as connection, rows.small_page_cache(connection):
        ids = rows.all_ids(connection)
        if len(ids):
            writer.publish(_write_index(gallery, connection, writer, ids, limits))
        else:
            writer.withdraw()


def is_usable(gallery: GalleryStore, connection: Connection, manifest: Manifest, limits: Limits) -> bool:
    """Whether an index is this gallery's, and most of its faces are still there."""
    if _identity(gallery) != (manifest.gallery, manifest.model, manifest.dimension, manifest.metric):
        return False
    if rows.last_assigned_id(connection) < manifest.last:  # an older copy of the gallery was put back
        return False
    # Where it was, and faces were added since, the numbers of the newest in the index now belong to others.
    if not _witnesses(connection, manifest.dimension, manifest.witnesses).items() <= manifest.witnesses.items():
        return False
    return manifest.faces - rows.count(connection) <= limits.allowance(manifest.rows)


def _write_index(
    gallery: GalleryStore, connection: Connection, writer: IndexWriter, ids: Ids, limits: Limits
) -> Manifest:
    small = len(ids) * gallery.dimension <= limits.matrix
    tuning = ivf.Tuning(0, 0)
    if small:
        flat_index.write(writer, rows.after(connection, 0, gallery.dimension), gallery.metric)
    else:
        stream = rows.after(connection, 0, gallery.dimension)
        tuning = ivf.write(
            writer, len(ids), rows.existing(connection, ivf.sample(ids), gallery.dimension), stream, gallery.metric
        )
    return Manifest(
        *_identity(gallery),
        kind="matrix" if small else "ivf",
        rows=len(ids),
        faces=rows.count(connection),
        last=int(ids[-1]),
        built=time.time(),
        generation=writer.generation,
        probes=tuning.probes,
        candidates=tuning.candidates,
        witnesses=_witnesses(connection, gallery.dimension, [str(n) for n in ids[-WITNESSES:]]),
        files=writer.files,
    )


def _identity(gallery: GalleryStore) -> tuple[str, str, int, str]:
    return gallery.id, gallery.model, gallery.dimension, gallery.metric


def _witnesses(connection: Connection, dimension: int, numbers: Iterable[str]) -> dict[str, int]:
    """The checksums of those of these vectors that are there, by number."""
    ids, vectors = rows.existing(connection, np.array([int(n) for n in numbers], np.int64), dimension)
    return {str(number): zlib.crc32(vector.tobytes()) for number, vector in zip(ids, vectors, strict=True)}
