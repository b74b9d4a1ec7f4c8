"""Builds the index of a gallery, and decides its kind and whether an existing one is usable."""

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

WITNESSES = 8  # newest vectors of an index whose checksums the manifest stores


@dataclass(frozen=True)
class Limits:
    """When to build which index.

    Attributes:
        least: Up to this many new faces are kept in memory without a rebuild.
        matrix: Up to this many numbers in all vectors together the index is flat, above it has cells.
        share: The share of new or deleted faces above which an index is rebuilt.
    """

    # Reading 2,000 vectors from the database takes 10 ms.
    least: int = 2000
    # 150,000 faces of 128 numbers: scanning them takes 5 ms, twice the time of cells with 1,000,000.
    matrix: int = 19_200_000
    share: float = 0.1

    def allowance(self, indexed: int) -> int:
        """How many faces may be new or deleted before a rebuild."""
        return max(self.least, int(self.share * indexed))


def build(gallery: GalleryStore, cache: IndexFolder, limits: Limits, wait: float = 0) -> None:
    """Build the index and publish it. Raises IndexLocked, and OSError if it cannot be written."""
    with cache.open_writer(wait) as writer, gallery.read() as connection, rows.small_page_cache(connection):
        ids = rows.all_ids(connection)
        if len(ids):
            writer.publish(_write_index(gallery, connection, writer, ids, limits))
        else:
            writer.withdraw()


def is_usable(gallery: GalleryStore, connection: Connection, manifest: Manifest, limits: Limits) -> bool:
    """Whether an index belongs to this gallery, and most of its faces still exist."""
    if _identity(gallery) != (manifest.gallery, manifest.model, manifest.dimension, manifest.metric):
        return False
    if rows.last_assigned_id(connection) < manifest.last:  # an older copy of the gallery was restored
        return False
    # In a restored copy with new faces, ids in the index may now belong to other faces.
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
    """The checksums of the existing vectors among these, by face id."""
    ids, vectors = rows.existing(connection, np.array([int(n) for n in numbers], np.int64), dimension)
    return {str(number): zlib.crc32(vector.tobytes()) for number, vector in zip(ids, vectors, strict=True)}
