"""MTCNN: detects faces with five landmarks by a cascade of three networks.

P-Net scans every 12x12 window of an image pyramid; R-Net and O-Net refine the remaining candidates at 24x24 and 48x48
pixels. Rounding and box arithmetic follow facenet's detect_face.py, so that boxes match facenet-pytorch's; differences
are noted in the code.
Source: Zhang et al. 2016, IEEE SPL 23(10).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nitakao import geometry
from nitakao.models.cards.registry import MTCNN_WEIGHTS
from nitakao.models.detection import mtcnn_nets
from nitakao.models.detection.pyramid import STRIDE, TILE, WINDOW, Pyramid, Sums, TableBuffer, Tile
from nitakao.models.formats import joblib_lz4
from nitakao.models.onnx.session import Device, Session
from nitakao.models.weights import files
from nitakao.system.cpu import cores
from nitakao.values import DetectorSettings, Face, Floats, Photo

Job = TypeVar("Job")
Result = TypeVar("Result")

RNET_SIDE, ONET_SIDE = 24, 48  # px; input sides of R-Net and O-Net
BATCH = 16  # windows per run of R-Net or O-Net; like TILE, sized for a core's cache
PARALLEL_JOBS = 64  # jobs of about a millisecond submitted together, before checking again for idle cores
SAME_WINDOW, SAME_FACE = 0.5, 0.7  # suppression overlaps, in P-Net's levels and after them: detect_face.py

TABLES = TableBuffer()  # shared by all detectors: a thread processes one group of photographs at a time
INCLUSIVE_EDGE = np.array([0, 0, 1, 1], np.float32)  # detect_face.py includes both edge pixels in its last suppression


@dataclass(frozen=True, eq=False)
class Candidates:
    """Candidate boxes in several photographs.

    Attributes:
        boxes: (n, 4) float32, x1, y1, x2, y2 in decoded pixels.
        logits: (n,) float32.
        photo: (n,) index of the photograph.
    """

    boxes: Floats
    logits: Floats
    photo: NDArray[np.intp]

    def pick(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> Candidates:
        return Candidates(self.boxes[which], self.logits[which], self.photo[which])


class Mtcnn:
    """The MTCNN detector. Thread-safe.

    Args:
        settings: Detector settings.
        device: Where to run; by default the CPU.
        executor: Runs the tiles of large photographs in parallel while fewer threads call than there are cores. None
            runs them one after the other in the calling thread.
    """

    def __init__(
        self, settings: DetectorSettings, device: Device | None = None, executor: Executor | None = None
    ) -> None:
        self.settings = settings
        self._executor = executor
        self._callers: set[int] = set()
        weights = [joblib_lz4.read(files.locate(file)) for file in MTCNN_WEIGHTS]
        self._pnet, self._rnet, self._onet = (
            Session(build(layers), device)
            for build, layers in zip((mtcnn_nets.pnet, mtcnn_nets.rnet, mtcnn_nets.onet), weights, strict=True)
        )

    def __call__(self, photos: Sequence[Photo], *, min_size_factor: float = 1.0) -> list[list[Face]]:
        """Find the faces of each photograph; see `Detector`."""
        caller = threading.get_ident()
        self._callers.add(caller)
        try:
            return self._find(photos, min_size_factor)
        finally:
            self._callers.discard(caller)

    def _find(self, photos: Sequence[Photo], min_size_factor: float) -> list[list[Face]]:
        tables = TABLES.tables([photo.pixels.shape[:2] for photo in photos])
        pyramids = [self._pyramid(photo, min_size_factor, sums) for photo, sums in zip(photos, tables, strict=True)]
        faces: list[list[Face]] = [[] for _ in photos]
        for box, score, points, number in self._finish(pyramids, self._refine(pyramids, self._propose(pyramids))):
            scale = photos[number].scale
            x1, y1, x2, y2 = (float(v) for v in box / scale)
            faces[number].append(Face((x1, y1, x2, y2), score, (points / scale).astype(np.float32)))
        return faces

    def _pyramid(self, photo: Photo, min_size_factor: float, sums: Sums) -> Pyramid:
        smallest = self.settings.smallest_in(photo.size) * min_size_factor * photo.scale
        return Pyramid(photo.pixels, smallest, self.settings.factor, sums)

    def _propose(self, pyramids: Sequence[Pyramid]) -> Candidates:
        """Run P-Net on all tiles of all pyramids; tiles of one shape are batched while they fit into a core's cache."""
        tiles = [tile for number, pyramid in enumerate(pyramids) for tile in pyramid.tiles(number)]
        tiles.sort(key=lambda tile: tile.shape)
        batches = [
            batch
            for shape, alike in groupby(tiles, key=lambda tile: tile.shape)
            for batch in _chunks(list(alike), max(1, TILE * TILE // (shape[0] * shape[1])))
        ]
        min_logit = _logit(self.settings.thresholds[0])

        def run(batch: Sequence[Tile]) -> list[tuple[Tile, Floats]]:
            pixels = np.stack([pyramids[tile.photo].tile(tile) for tile in batch])
            (maps,) = self._pnet.run({"pixels": pixels})
            return [(tile, _cells(tile, values, min_logit)) for tile, values in zip(batch, maps, strict=True)]

        results = [result for batch in self._parallel(run, batches) for result in batch]
        return _proposals([(tile, cells) for tile, cells in results if len(cells)])

    def _refine(self, pyramids: Sequence[Pyramid], candidates: Candidates) -> Candidates:
        """Run R-Net on all candidates: filter by score, suppress, regress boxes, and make them square."""
        seen, (score, moves) = self._run(self._rnet, ("score", "box"), RNET_SIDE, pyramids, _squared(candidates))
        sure = score[:, 0] > _logit(self.settings.thresholds[1])
        seen, moves = Candidates(seen.boxes, score[:, 0], seen.photo).pick(sure), moves[sure]
        kept = _suppress(seen, "union")
        return _squared(_moved(seen.pick(kept), moves[kept], 1))

    def _finish(
        self, pyramids: Sequence[Pyramid], candidates: Candidates
    ) -> Iterator[tuple[Floats, float, Floats, int]]:
        """Run O-Net on the remaining candidates: box, score, landmarks (5, 2) and photo of each face, best first."""
        seen, (score, moves, points) = self._run(
            self._onet, ("score", "box", "points"), ONET_SIDE, pyramids, candidates
        )
        sure = score[:, 0] > _logit(self.settings.thresholds[2])
        seen, moves, points = Candidates(seen.boxes, score[:, 0], seen.photo).pick(sure), moves[sure], points[sure]
        corners, sides = seen.boxes[:, None, :2], seen.boxes[:, None, 2:] - seen.boxes[:, None, :2] + 1
        landmarks = points.reshape(-1, 2, 5).transpose(0, 2, 1) * sides + corners - 1
        faces = _moved(seen, moves, 1)
        for i in _suppress(Candidates(faces.boxes + INCLUSIVE_EDGE, faces.logits, faces.photo), "smaller"):
            yield faces.boxes[i], _probability(float(faces.logits[i])), landmarks[i], int(faces.photo[i])

    def _run(
        self,
        network: Session,
        outputs: tuple[str, ...],
        side: int,
        pyramids: Sequence[Pyramid],
        candidates: Candidates,
    ) -> tuple[Candidates, list[Floats]]:
        """Run a network on the candidates that overlap their photograph. Returns these candidates and the outputs."""
        jobs: list[tuple[Pyramid, NDArray[np.int64]]] = []
        kept = [np.zeros(0, np.intp)]
        for photo in np.unique(candidates.photo):
            which = np.flatnonzero(candidates.photo == photo)
            boxes = pyramids[photo].inside(candidates.boxes[which])
            visible = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
            kept.append(which[visible])
            boxes = boxes[visible]
            jobs += [(pyramids[photo], boxes[i : i + BATCH]) for i in range(0, len(boxes), BATCH)]

        def run(job: tuple[Pyramid, NDArray[np.int64]]) -> list[Floats]:
            return network.run({"pixels": job[0].patches(job[1], side)}, outputs)

        empty = [np.zeros((0, network.outputs[name][1][1]), np.float32) for name in outputs]
        parts = [empty, *self._parallel(run, jobs)]
        return candidates.pick(np.concatenate(kept)), [np.concatenate(part) for part in zip(*parts, strict=True)]

    def _parallel(self, run: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterable[Result]:
        """Yield run(job) for each job, through the executor while there are idle cores.

        When every core has a photograph of its own, sharing would cost 7% in task switches and the GIL.
        """
        for chunk in _chunks(jobs, PARALLEL_JOBS):
            if self._executor is not None and len(chunk) == PARALLEL_JOBS and len(self._callers) < cores():
                yield from self._executor.map(run, chunk)
            else:
                yield from map(run, chunk)


def _cells(tile: Tile, values: Floats, min_logit: float) -> Floats:
    """Windows above the threshold, (n, 7): row and column in the level's grid, then P-Net's five outputs."""
    rows, columns = np.nonzero(values[0] >= min_logit)
    where = np.stack([rows + tile.box[1] // STRIDE, columns + tile.box[0] // STRIDE], axis=1)
    return np.concatenate([where.astype(np.float32), values[:, rows, columns].T], axis=1)


def _proposals(windows: Sequence[tuple[Tile, Floats]]) -> Candidates:
    """Convert windows to boxes in their photographs, suppress overlapping ones, and apply P-Net's box regression.

    Suppression runs per level: windows of different levels never overlap by SAME_FACE, detect_face.py's second bound.
    For that, all levels are placed on one grid, one below the other.
    """
    if not windows:
        return Candidates(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.intp))
    cells = np.concatenate([cells for _, cells in windows])
    counts = [len(cells) for _, cells in windows]
    scale = np.repeat([tile.scale for tile, _ in windows], counts).astype(np.float32)[:, None]
    photo = np.repeat([tile.photo for tile, _ in windows], counts)
    first: dict[tuple[int, float], int] = {}
    below = 0
    for tile, _ in windows:
        if (tile.photo, tile.scale) not in first:
            first[tile.photo, tile.scale] = below
            below += tile.level[1] // STRIDE + 2
    where = cells[:, :2].astype(np.intp)
    where[:, 0] += np.repeat([first[tile.photo, tile.scale] for tile, _ in windows], counts)
    corner = cells[:, 1::-1] * STRIDE + 1
    boxes = np.floor(np.concatenate([corner, corner + (WINDOW - 1)], axis=1) / scale).astype(np.float32)
    kept = geometry.suppress_on_grid(where, boxes, cells[:, 2], SAME_WINDOW)
    return _moved(Candidates(boxes[kept], cells[kept, 2], photo[kept]), cells[kept, 3:], 0)


def _moved(candidates: Candidates, moves: Floats, extra: int) -> Candidates:
    """Shift boxes by fractions of their sides; for R-Net and O-Net, sides are one pixel longer (extra)."""
    sides = candidates.boxes[:, 2:] - candidates.boxes[:, :2] + extra
    boxes = candidates.boxes + moves * np.concatenate([sides, sides], axis=1)
    return Candidates(boxes, candidates.logits, candidates.photo)


def _squared(candidates: Candidates) -> Candidates:
    """Expand boxes about their centres to squares of their longer side."""
    sides = candidates.boxes[:, 2:] - candidates.boxes[:, :2]
    longer = sides.max(axis=1, keepdims=True)
    corner = candidates.boxes[:, :2] + sides * np.float32(0.5) - longer * np.float32(0.5)
    return Candidates(np.concatenate([corner, corner + longer], axis=1), candidates.logits, candidates.photo)


def _suppress(candidates: Candidates, over: geometry.OverlapBase) -> NDArray[np.intp]:
    """Suppress overlapping candidates per photograph. Returns indices, best first."""
    kept = [
        where[geometry.suppress(candidates.boxes[where], candidates.logits[where], SAME_FACE, over)]
        for where in (np.flatnonzero(candidates.photo == photo) for photo in np.unique(candidates.photo))
    ]
    return np.concatenate([np.zeros(0, np.intp), *kept])


def _chunks(items: Sequence[Job], size: int) -> list[Sequence[Job]]:
    return [items[i : i + size] for i in range(0, len(items), size)]


def _logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def _probability(logit: float) -> float:
    return 1 / (1 + math.exp(-logit)) if logit > 0 else math.exp(logit) / (1 + math.exp(logit))
