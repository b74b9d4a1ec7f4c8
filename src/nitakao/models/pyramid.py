"""What MTCNN's networks look at: tiles of a photograph at falling scales, and windows of it at 24 and 48 pixels.

Every value is the mean of whole photograph pixels, and never rounded: MTCNN chooses among near-equal candidates, so
that rounding to bytes, or smoothing once more, moves one box in five by more than a twentieth of its size (measured
on LFW). Summed-area tables give those means in four look-ups each.  Source: Crow 1984, SIGGRAPH, 'Summed-area tables
for texture mapping'; the bins are those of PyTorch's 'area' interpolation.

A table takes four times its pixels' memory, so there is none of a whole photograph: each tile and each window has one
of its own, which stays in a core's cache; and the small levels, whose tiles span half a photograph, are added up over
bands of rows.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from nitakao.values import Floats, Pixels

Indices = NDArray[np.intp]
Bins = tuple[Indices, Indices]  # first pixel, and the one after the last, of each bin

FINE = 0.25  # scale from which tiles have tables of their own: of at most 720 x 720 pixels
BAND = 250_000  # pixels that one table covers at most: 3 MB
WINDOW, STRIDE = 12, 2  # px of a level: P-Net's window and its step
OVERLAP = WINDOW - STRIDE  # px that two neighbouring tiles share
TILE = 180  # px; side of what P-Net is given at once: its tensors stay in a core's cache (measured: 128 to 192 best)


_local = threading.local()


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


class Pyramid:
    """A photograph ready to be looked at in any size. The first level shows the smallest face at 12 pixels.

    pixels: (h, w, 3) uint8.  smallest: side of the smallest face in those pixels.
    """

    def __init__(self, pixels: Pixels, smallest: float, factor: float) -> None:
        self._pixels = pixels
        self.height, self.width = pixels.shape[:2]
        self._scales: list[float] = []
        scale = WINDOW / smallest
        shorter = min(self.height, self.width) * scale
        while shorter >= WINDOW:
            self._scales.append(scale)
            scale *= factor
            shorter *= factor
        self._small = self._added_up([self._size(scale) for scale in self._scales if scale < FINE])

    def tiles(self, photo: int) -> Iterator[Tile]:
        """All pieces of all levels; `photo` is only passed on."""
        for scale in self._scales:
            width, height = level = self._size(scale)
            for y1, y2 in _spans(height):
                for x1, x2 in _spans(width):
                    yield Tile(photo, scale, level, (x1, y1, x2, y2))

    def tile(self, tile: Tile) -> Floats:
        """(3, h, w) float32, 0 to 255."""
        x1, y1, x2, y2 = tile.box
        if tile.scale < FINE:
            return self._small[tile.level][:, y1:y2, x1:x2]
        columns, rows = _bins(self.width, tile.level[0], x1, x2), _bins(self.height, tile.level[1], y1, y2)
        return _means(self._pixels, rows, columns)

    def inside(self, boxes: Floats) -> NDArray[np.int64]:
        """(n, 4) whole pixels x1, y1, x2, y2 that show of each box; x2 <= x1 or y2 <= y1 where nothing does.

        Source: pad() of facenet's detect_face.py, which counts pixels from 1 and cuts fractions off.
        """
        whole = np.trunc(boxes).astype(np.int64)
        first = np.maximum(whole[:, :2], 1) - 1
        return np.concatenate([first, np.minimum(whole[:, 2:], [self.width, self.height])], axis=1)

    def patches(self, boxes: NDArray[np.int64], side: int) -> Floats:
        """(n, 3, side, side) float32, 0 to 255: what each box of whole pixels shows, stretched to a square."""
        patches = np.empty((len(boxes), 3, side, side), np.float32)
        wide, high = (boxes[:, 2:] - boxes[:, :2]).T
        large = wide * high > BAND // max(1, len(boxes))
        patches[~large] = self._together(boxes[~large], side)
        for i in np.flatnonzero(large):
            x1, y1, x2, y2 = boxes[i].tolist()
            patches[i] = _means(
                self._pixels[y1:y2, x1:x2], _bins(y2 - y1, side, 0, side), _bins(x2 - x1, side, 0, side)
            )
        return patches

    def _together(self, boxes: NDArray[np.int64], side: int) -> Floats:
        """Patches of small boxes: their tables lie one after the other, and all is looked up at once."""
        wide, high = (boxes[:, 2:] - boxes[:, :2]).T
        ends = np.cumsum((wide + 1) * (high + 1))
        starts = ends - (wide + 1) * (high + 1)
        tables = _scratch(int(ends[-1]) if len(ends) else 0)
        for (x1, y1, x2, y2), start, end in zip(boxes.tolist(), starts.tolist(), ends.tolist(), strict=True):
            table = tables[start:end].reshape(y2 - y1 + 1, x2 - x1 + 1, 3)
            cv2.integral(self._pixels[y1:y2, x1:x2], table, sdepth=cv2.CV_32S)
        (left, right), (upper, lower) = _stretched(wide, side), _stretched(high, side)

        def corner(row: Indices, column: Indices) -> NDArray[np.int32]:
            above = starts[:, None] + row * (wide + 1)[:, None]
            picked: NDArray[np.int32] = tables.take(above[:, :, None] + column[:, None, :], axis=0)
            return picked

        sums = corner(lower, right)
        sums -= corner(upper, right)
        sums -= corner(lower, left)
        sums += corner(upper, left)
        shares = (1 / ((lower - upper)[:, :, None] * (right - left)[:, None, :])).astype(np.float32)
        means: Floats = np.multiply(np.ascontiguousarray(sums.transpose(0, 3, 1, 2)), shares[:, None], dtype=np.float32)
        return means

    def _size(self, scale: float) -> tuple[int, int]:
        return int(self.width * scale + 1), int(self.height * scale + 1)

    def _added_up(self, levels: list[tuple[int, int]]) -> dict[tuple[int, int], Floats]:
        """(3, h, w) float32 of each level (width, height)."""
        bins = [(_bins(self.height, height, 0, height), _bins(self.width, width, 0, width)) for width, height in levels]
        means = [_divided(sums, *part) for sums, part in zip(_sums(self._pixels, bins), bins, strict=True)]
        return dict(zip(levels, means, strict=True))


def _sums(pixels: Pixels, bins: list[tuple[Bins, Bins]]) -> list[NDArray[np.int32]]:
    """(rows, columns, 3) sums of a picture's pixels over each of several grids of bins, band by band of its rows."""
    sums = [np.zeros((len(rows[0]), len(columns[0]), 3), np.int32) for rows, columns in bins]
    step = max(1, BAND // pixels.shape[1])
    for top in range(0, len(pixels) if bins else 0, step):
        table = _table(pixels[top : top + step])
        for (rows, columns), total in zip(bins, sums, strict=True):
            first, last = (np.clip(edge - top, 0, len(table) - 1) for edge in rows)
            here = slice(np.searchsorted(last, 1), np.searchsorted(first, len(table) - 1))  # bins with a part in it
            strip = table[last[here]]
            strip -= table[first[here]]
            total[here] += strip.take(columns[1], axis=1)
            total[here] -= strip.take(columns[0], axis=1)
    return sums


def _table(pixels: Pixels) -> NDArray[np.int32]:
    """(h + 1, w + 1, 3): at each corner between pixels the sum of all above and to its left. Good until the next."""
    height, width = pixels.shape[:2]
    table = _scratch((height + 1) * (width + 1)).reshape(height + 1, width + 1, 3)
    return np.asarray(cv2.integral(pixels, table, sdepth=cv2.CV_32S), np.int32)


def _scratch(count: int) -> NDArray[np.int32]:
    """(count, 3): memory that this thread uses again and again, since fresh pages cost more than the adding up."""
    kept: NDArray[np.int32] = getattr(_local, "scratch", np.empty((0, 3), np.int32))
    if len(kept) < count:
        kept = _local.scratch = np.empty((max(count, 2 * len(kept)), 3), np.int32)
    return kept[:count]


def _divided(sums: NDArray[np.int32], rows: Bins, columns: Bins) -> Floats:
    """(3, rows, columns) float32 means of bins whose sums are (rows, columns, 3)."""
    shares = np.outer(1 / (rows[1] - rows[0]), 1 / (columns[1] - columns[0])).astype(np.float32)
    means: Floats = np.multiply(np.ascontiguousarray(sums.transpose(2, 0, 1)), shares, dtype=np.float32)
    return means


def _means(pixels: Pixels, rows: Bins, columns: Bins) -> Floats:
    """(3, rows, columns) float32: the means over bins of a picture's pixels."""
    top, left = rows[0][0], columns[0][0]
    shown = pixels[top : rows[1][-1], left : columns[1][-1]]
    inner = (rows[0] - top, rows[1] - top), (columns[0] - left, columns[1] - left)
    return _divided(_sums(shown, [inner])[0], *inner)


@functools.lru_cache(maxsize=4096)
def _bins(length: int, count: int, start: int, stop: int) -> Bins:
    """Bins start to stop when `length` pixels are shared out to `count`: neighbours share a pixel that both touch."""
    number = np.arange(start, stop)
    return number * length // count, -(-(number + 1) * length // count)


def _stretched(lengths: NDArray[np.int64], side: int) -> Bins:
    """(n, side) bins that share each of n lengths out to `side`."""
    number, length = np.arange(side), lengths[:, None]
    return number * length // side, -(-(number + 1) * length // side)


def _spans(length: int) -> list[tuple[int, int]]:
    """Stretches of about TILE that overlap by OVERLAP and begin on P-Net's grid: together they give every window."""
    count = max(1, math.ceil((length - OVERLAP) / (TILE - OVERLAP)))
    step = math.ceil((length - OVERLAP) / count / STRIDE) * STRIDE
    return [(start, min(start + step + OVERLAP, length)) for start in range(0, length - OVERLAP, step)]
