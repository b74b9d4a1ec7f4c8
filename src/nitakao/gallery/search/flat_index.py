"""A flat index: all vectors in one memory-mapped file, scanned by every search."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from nitakao.gallery.search.exact import Block, Candidates, block, normalize, restrict
from nitakao.gallery.search.index_folder import IndexFolder, IndexWriter, Manifest
from nitakao.values import Floats, Ids

IDS, ROWS = "ids", "rows"  # endings of its files: little-endian int64, and float32 row by row


def write(writer: IndexWriter, blocks: Iterable[tuple[Ids, Floats]], metric: str) -> None:
    """Write ids and normalized vectors as they come."""
    with writer.file(IDS) as ids, writer.file(ROWS) as vectors:
        for numbers, rows in blocks:
            ids.write(np.ascontiguousarray(numbers, "<i8").data)
            vectors.write(np.ascontiguousarray(normalize(rows, metric), "<f4").data)


class FlatIndex:
    """An open flat index; its pages belong to the file, so the system can reclaim them."""

    def __init__(self, cache: IndexFolder, manifest: Manifest) -> None:
        self.manifest = manifest
        ids = np.asarray(_mapped(cache.path(manifest, IDS), "<i8", (manifest.rows,)))
        vectors = np.asarray(_mapped(cache.path(manifest, ROWS), "<f4", (manifest.rows, manifest.dimension)))
        self.block: Block = block(ids, vectors, manifest.metric)

    def collect(self, candidates: Candidates, allowed: Ids | None, wide: bool) -> None:
        """Add the allowed rows to the candidates."""
        candidates.add(restrict(self.block, allowed))

    def exclude(self, gone: Ids) -> None:
        """Exclude these faces from later searches; some may not be in the index."""
        exclude(self.block, gone)


def exclude(rows: Block, gone: Ids) -> None:
    """Exclude the rows of these faces for all users of the block."""
    at = np.searchsorted(rows.ids, gone)
    at = at[at < len(rows.ids)]
    rows.squares[at[np.isin(rows.ids[at], gone)]] = np.inf


def _mapped(path: Path, kind: str, shape: tuple[int, ...]) -> np.memmap:
    return np.memmap(path, kind, "r", shape=shape)
