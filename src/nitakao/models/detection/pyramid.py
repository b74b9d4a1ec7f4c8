"""What MTCNN's networks look at: tiles of a photograph at falling scales, and windows of it at 24 and 48 pixels.

Every value is the mean of whole photograph pixels, and never rounded: MTCNN chooses among near-equal candidates, so
that rounding to bytes, or smoothing once more, moves one box in five by more than a twentieth of its size (measured
on LFW). One summed-area table per photograph gives all those means in four look-ups each.  Source: Crow 1984,
SIGGRAPH, 'Summed-area tables for texture mapping'; the bins are those of PyTorch's 'area' interpolation.
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
Bins = tuple[Indices, Indices]  # first pixel, and the one after the last, of each bin
Sums = NDArray[np.int32]  # (h + 1, w + 1, 3), of all pixels above and to the left; wraps around

WINDOW, STRIDE = 12, 2  # px of a level: P-Net's window and its step
OVERLAP = WINDOW - STRIDE  # px that two neighbouring tiles share
TILE = 180  # px; side of what P-Net is given at once: its tensors stay in a core's cache (measured: 128 to 192 best)
MAX_KEPT_BYTES = 256 * 1024 * 1024  # bytes of tables that a thread keeps: those of 22 megapixels


@dataclass(frozen=True)
class Tile:
    """A piece of one level of one photograph's pyramid, still to be computed.

    scale: level pixels per decoded pixel.  level: (width, height) of the whole level.  box: x1, y1, x2, y2 in it.
    """

    photo: int
    scale: float
    level: tuple[int, int]
    box: tuple[int, int, int, int]

    @property
    def shape(self) -> tuple[int, int]:
        return self.box[3] - self.box[1], self.box[2] - self.box[0]


class TableBuffer(threading.local):
    """Memory for tables, which each thread keeps for its next photographs.

    The sums of 20 megapixels take 10 ms to make, and 230 ms where the system has to find pages for them first.
    """

    def __init__(self) -> None:
        self._kept = np.empty(0, np.int32)

    def tables(self, sizes: Sequence[tuple[int, int]]) -> list[Sums]:
        """A table for a picture of each (height, width), not filled in. Those this thread was given before are void."""
        shapes = [(height + 1, width + 1, 3) for height, width in sizes]
        ends = np.cumsum([0, *map(math.prod, shapes)])
        room = self._kept if len(self._kept) >= ends[-1] else np.empty(ends[-1], np.int32)
        if room.nbytes <= MAX_KEPT_BYTES:
            self._kept = room
        return [room[a:b].reshape(shape) for (a, b), shape in zip(pairwise(ends), shapes, strict=True)]


class Pyramid:
    """A photograph ready to be looked at in any size. The first level shows the smallest face at 12 pixels.

    pixels: (h, w, 3) uint8.  smallest: side of the smallest face in those pixels.  sums: memory for the table.
    """

    def __init__(self, pixels: Pixels, smallest: float, factor: float, sums: Sums) -> None:
        self.height, self.width = pixels.shape[:2]
        self._smallest, self._factor = smallest, factor
        # Sums may pass 2**31 and wrap around; their differences are right all the same while one bin stays below it.
        self._sums = sums
        cv2.integral(pixels, self._sums, cv2.CV_32S)

    def tiles(self, photo: int) -> Iterator[Tile]:
        """All pieces of all levels; `photo` is only passed on."""
        scale = WINDOW / self._smallest
        shorter = min(self.height, self.width) * scale
        while shorter >= WINDOW:
            level = int(self.width * scale + 1), int(self.height * scale + 1)
            for y1, y2 in _spans(level[1]):
                for x1, x2 in _spans(level[0]):
                    yield Tile(photo, scale, level, (x1, y1, x2, y2))
            scale *= self._factor
            shorter *= self._factor

    def tile(self, tile: Tile) -> Floats:
        """(3, h, w) float32, 0 to 255."""
        x1, y1, x2, y2 = tile.box
        columns = _bins(self.width, tile.level[0], x1, x2)
        rows = _bins(self.height, tile.level[1], y1, y2)
        left, right = columns[0][0], columns[1][-1] + 1
        lines = self._sums.reshape(self.height + 1, -1)  # one axis a line: NumPy picks whole stretches
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
        """(n, 4) whole pixels x1, y1, x2, y2 that show of each box; x2 <= x1 or y2 <= y1 where nothing does.

        Source: pad() of facenet's detect_face.py, which counts pixels from 1 and cuts fractions off.
        """
        whole = np.trunc(boxes).astype(np.int64)
        first = np.maximum(whole[:, :2], 1) - 1
        return np.concatenate([first, np.minimum(whole[:, 2:], [self.width, self.height])], axis=1)

    def patches(self, boxes: NDArray[np.int64], side: int) -> Floats:
        """(n, 3, side, side) float32, 0 to 255: what each box of whole pixels shows, stretched to a square."""
        x1, x2 = _stretched(boxes[:, 0], boxes[:, 2], side)
        y1, y2 = _stretched(boxes[:, 1], boxes[:, 3], side)
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
    """Bins start to stop when `length` pixels are shared out to `count`: neighbours share a pixel that both touch."""
    number = np.arange(start, stop)
    return number * length // count, -(-(number + 1) * length // count)


def _stretched(first: NDArray[np.int64], last: NDArray[np.int64], side: int) -> Bins:
    """(n, side) bins that share each stretch of pixels out to `side`."""
    number, length = np.arange(side), (last - first)[:, None]
    return first[:, None] + number * length // side, first[:, None] - (-(number + 1) * length // side)


def _spans(length: int) -> list[tuple[int, int]]:
    """Stretches of about TILE that overlap by OVERLAP and begin on P-Net's grid: together they give every window."""
    count = max(1, math.ceil((length - OVERLAP) / (TILE - OVERLAP)))
    step = math.ceil((length - OVERLAP) / count / STRIDE) * STRIDE
    return [(start, min(start + step + OVERLAP, length)) for start in range(0, length - OVERLAP, step)]
