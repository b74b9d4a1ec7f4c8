"""Inputs of MTCNN's networks: tiles of an image pyramid, and windows resized to 24 and 48 pixels.

Every value is the unrounded mean of whole photograph pixels. MTCNN selects among nearly equal candidates: rounding to
bytes, or smoothing twice, moves one box in five by more than a twentieth of its size (measured on LFW). A summed-area
table per photograph gives each mean in four look-ups.
Source: Crow 1984, SIGGRAPH, 'Summed-area tables for texture mapping'; bins as in PyTorch's 'area' interpolation.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from nitakao.values import Floats, Pixels

Indices = NDArray[np.intp]
Bins = tuple[Indices, Indices]  # first and one past the last pixel of each bin
Sums = NDArray[np.int32]  # (h + 1, w + 1, 3), summed over all pixels above and to the left; wraps around

WINDOW, STRIDE = 12, 2  # px of a level: P-Net's window and step
OVERLAP = WINDOW - STRIDE  # px shared by neighbouring tiles
TILE = 180  # px; side of P-Net's tiles, so that its tensors fit into a core's cache (measured: 128 to 192 is best)
MAX_KEPT_BYTES = 256 * 1024 * 1024  # tables kept by each thread: for 22 megapixels


@dataclass(frozen=True)
class Tile:
    """A tile of a pyramid level.

    Attributes:
        photo: Index of the photograph.
        scale: Level pixels per decoded pixel.
        level: (width, height) of the level.
        box: x1, y1, x2, y2 in the level.
    """

    photo: int
    scale: float
    level: tuple[int, int]
    box: tuple[int, int, int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.box[3] - self.box[1], self.box[2] - self.box[0]


class TableBuffer(threading.local):
    """Memory for tables, reused by each thread.

    Computing the sums of 20 megapixels takes 10 ms, and 230 ms if the system must allocate the pages first.
    """

    def __init__(self) -> None:
        self._kept = np.empty(0, np.int32)

    def tables(self, sizes: Sequence[tuple[int, int]]) -> list[Sums]:
        """Uninitialised tables for pictures of these (height, width). Invalidates this thread's previous tables."""
        shapes = [(height + 1, width + 1, 3) for height, width in sizes]
        ends = np.cumsum([0, *map(math.prod, shapes)])
        memory = self._kept if len(self._kept) >= ends[-1] else np.empty(ends[-1], np.int32)
        if memory.nbytes <= MAX_KEPT_BYTES:
            self._kept = memory
        return [memory[a:b].reshape(shape) for (a, b), shape in zip(pairwise(ends), shapes, strict=True)]


class Pyramid:
    """An image pyramid. Its first level shows the smallest face at 12 pixels.

    Args:
        pixels: (h, w, 3) uint8.
        smallest: Side of the smallest face in these pixels.
        factor: Scale between levels.
        sums: Memory for the table.
    """

    def __init__(self, pixels: Pixels, smallest: float, factor: float, sums: Sums) -> None:
        self.height, self.width = pixels.shape[:2]
        self._smallest, self._factor = smallest, factor
        # Sums may overflow and wrap around; differences are still correct if each bin's sum is below 2**31.
        self._sums = sums
        cv2.integral(pixels, self._sums, cv2.CV_32S)

    def tiles(self, photo: int) -> Iterator[Tile]:
        """All tiles of all levels. photo: stored in the tiles."""
        scale = WINDOW / self._smallest
        shorter = min(self.height, self.width) * scale
        while shorter >= WINDOW:
            level = int(self.width * scale + 1), int(self.height * scale + 1)
            for y1, y2 in _tile_ranges(level[1]):
                for x1, x2 in _tile_ranges(level[0]):
                    yield Tile(photo, scale, level, (x1, y1, x2, y2))
            scale *= self._factor
            shorter *= self._factor

    def tile(self, tile: Tile) -> Floats:
        """Compute a tile: (3, h, w) float32, 0 to 255."""
        x1, y1, x2, y2 = tile.box
        columns = _bins(self.width, tile.level[0], x1, x2)
        rows = _bins(self.height, tile.level[1], y1, y2)
        left, right = columns[0][0], columns[1][-1] + 1
        lines = self._sums.reshape(self.height + 1, -1)  # one axis per line: NumPy copies contiguous ranges
        strip = lines[rows[1], 3 * left : 3 * right]
        strip -= lines[rows[0], 3 * left : 3 * right]
        strip = strip.reshape(len(strip), -1, 3)
        sums = strip.take(columns[1] - left, axis=1)
        sums -= strip.take(columns[0] - left, axis=1)
        shares = np.outer(1 / (rows[1] - rows[0]), 1 / (columns[1] - columns[0])).astype(np.float32)
        means: Floats = np.empty((3, *tile.shape), np.float32)
        means[:] = sums.transpose(2, 0, 1)
        means *= shares
        return means

    def inside(self, boxes: Floats) -> NDArray[np.int64]:
        """Clip boxes to the photograph: (n, 4) whole pixels; x2 <= x1 or y2 <= y1 for boxes outside.

        Source: pad() of facenet's detect_face.py, which counts pixels from 1 and truncates.
        """
        whole = np.trunc(boxes).astype(np.int64)
        first = np.maximum(whole[:, :2], 1) - 1
        return np.concatenate([first, np.minimum(whole[:, 2:], [self.width, self.height])], axis=1)

    def patches(self, boxes: NDArray[np.int64], side: int) -> Floats:
        """Resize boxes of whole pixels to squares: (n, 3, side, side) float32, 0 to 255."""
        x1, x2 = _resize_bins(boxes[:, 0], boxes[:, 2], side)
        y1, y2 = _resize_bins(boxes[:, 1], boxes[:, 3], side)
        flat, wide = self._sums.reshape(-1, 3), self.width + 1

        def corner(y: Indices, x: Indices) -> NDArray[np.int32]:
            picked: NDArray[np.int32] = flat.take(y[:, :, None] * wide + x[:, None, :], axis=0)
            return picked

        sums = corner(y2, x2)
        sums -= corner(y1, x2)
        sums -= corner(y2, x1)
        sums += corner(y1, x1)
        shares = (1 / ((y2 - y1)[:, :, None] * (x2 - x1)[:, None, :])).astype(np.float32)
        means: Floats = np.empty((len(boxes), 3, side, side), np.float32)
        means[:] = sums.transpose(0, 3, 1, 2)
        means *= shares[:, None]
        return means


def _bins(length: int, count: int, start: int, stop: int) -> Bins:
    """Bins `start` to `stop` of `length` pixels divided into `count`; neighbours share partially covered pixels."""
    number = np.arange(start, stop)
    return number * length // count, -(-(number + 1) * length // count)


def _resize_bins(first: NDArray[np.int64], last: NDArray[np.int64], side: int) -> Bins:
    """(n, side) bins that divide each pixel range into `side`."""
    number, length = np.arange(side), (last - first)[:, None]
    return first[:, None] + number * length // side, first[:, None] - (-(number + 1) * length // side)


def _tile_ranges(length: int) -> list[tuple[int, int]]:
    """Ranges of about TILE pixels that overlap by OVERLAP and start on P-Net's grid, so that they cover all windows."""
    count = max(1, math.ceil((length - OVERLAP) / (TILE - OVERLAP)))
    step = math.ceil((length - OVERLAP) / count / STRIDE) * STRIDE
    return [(start, min(start + step + OVERLAP, length)) for start in range(0, length - OVERLAP, step)]
