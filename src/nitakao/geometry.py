"""Boxes, points and the transforms between them: numbers only, no pixels.

A box is x1, y1, x2, y2 in pixels, its sides lying on the edges between pixels: the whole of a 4 x 3 picture is
(0, 0, 4, 3). A point (a landmark) names the middle of a pixel: the first pixel of a picture is (0, 0). That is what
detectors give, and what template crops are laid out in.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nitakao.errors import GeometryError
from nitakao.values import Face, Turn

Box: TypeAlias = tuple[float, float, float, float]
Size: TypeAlias = tuple[int, int]
OverlapBase: TypeAlias = Literal["union", "smaller"]
Numbers: TypeAlias = NDArray[np.floating[Any]]
Matrix: TypeAlias = NDArray[np.float64]  # (2, 3): x' = m00 x + m01 y + m02, y' = m10 x + m11 y + m12


def areas(boxes: ArrayLike) -> Numbers:
    """(n,) areas of (n, 4) boxes; a box turned inside out has none."""
    b = _floats(boxes, 4)
    areas: Numbers = np.maximum(b[:, 2] - b[:, 0], 0) * np.maximum(b[:, 3] - b[:, 1], 0)
    return areas


def iou(one: ArrayLike, other: ArrayLike) -> Numbers:
    """(n, m) shares of overlap, intersection over union, of (n, 4) and (m, 4) boxes; 0 where both are empty."""
    a, b = _floats(one, 4), _floats(other, 4)
    left_top = np.maximum(a[:, None, :2], b[None, :, :2])
    right_bottom = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.maximum(right_bottom - left_top, 0), axis=2)
    union = areas(a)[:, None] + areas(b)[None, :] - shared
    shares: Numbers = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return shares


def suppress(boxes: Numbers, scores: Numbers, most: float, over: OverlapBase = "union") -> NDArray[np.intp]:
    """Indices of the boxes that stay, best score first, when none may overlap a better one by more than `most`.

    boxes: (n, 4).  scores: (n,).  over: what the shared area is divided by, the union or the smaller of the two boxes.
    """
    left = np.argsort(-scores, kind="stable")
    sizes = areas(boxes)
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        corner = np.maximum(boxes[left, :2], boxes[best, :2])
        shared = np.prod(np.maximum(np.minimum(boxes[left, 2:], boxes[best, 2:]) - corner, 0), axis=1)
        whole = np.minimum(sizes[left], sizes[best]) if over == "smaller" else sizes[left] + sizes[best] - shared
        left = left[shared <= most * whole]
    return np.array(kept, np.intp)


def suppress_on_grid(cells: NDArray[np.intp], boxes: Numbers, scores: Numbers, most: float) -> NDArray[np.intp]:
    """What `suppress` over the union gives for boxes on a grid, best first, without comparing all with all.

    cells: (n, 2) whole rows and columns, 0 and up.  Only boxes at most two rows and columns apart are compared, which
    is enough for `most` of 0.5 or more where a step is a sixth of the side.
    """
    order = np.argsort(-scores, kind="stable")
    boxes, (rows, columns) = boxes[order], (cells[order].T + 2)
    grid = np.full((rows.max(initial=0) + 3, columns.max(initial=0) + 3), -1, np.int32)
    grid[rows, columns] = np.arange(len(order))
    ahead = [(0, 1), (0, 2), *((down, right) for down in (1, 2) for right in (-2, -1, 0, 1, 2))]
    shift = np.array([down * grid.shape[1] + right for down, right in ahead])
    other = grid.ravel().take((rows * grid.shape[1] + columns)[:, None] + shift)
    one, where = np.nonzero(other >= 0)
    two = other[one, where]
    shared = np.prod(
        np.maximum(np.minimum(boxes[one, 2:], boxes[two, 2:]) - np.maximum(boxes[one, :2], boxes[two, :2]), 0), axis=1
    )
    sizes = areas(boxes)
    close = shared > most * (sizes[one] + sizes[two] - shared)
    one, two = one[close], two[close]
    return order[_undominated(len(order), np.minimum(one, two), np.maximum(one, two))]


def _undominated(count: int, better: NDArray[np.intp], worse: NDArray[np.intp]) -> NDArray[np.intp]:
    """Greedy choice on a graph: a node stays unless a better neighbour stays. Pairs (better, worse) are its edges."""
    stays, open_ = np.zeros(count, bool), np.ones(count, bool)
    while open_.any():
        live = open_[better] & open_[worse]
        better, worse = better[live], worse[live]
        free = open_.copy()
        free[worse] = False  # no open neighbour is better
        stays |= free
        open_ &= ~free
        open_[worse[free[better]]] = False
    return np.flatnonzero(stays)


def article_box(box: Box, margin: float, size: Size) -> tuple[int, int, int, int]:
    """Whole pixels of a photograph of `size` that the article crops: the box, wider by margin/2 on each side, clipped.

    margin: photograph pixels.  Fractions are cut off, not rounded.
    Source: davidsandberg/facenet, src/align/align_dataset_mtcnn.py.  Raises GeometryError if nothing is left.
    """
    return expand_box(box, margin, margin, size)


def margin_box(box: Box, margin: float, crop: int, size: Size) -> tuple[int, int, int, int]:
    """Whole pixels of a photograph of `size` that a crop shows whose `margin` is counted in pixels of the crop.

    crop: its side.  Across and down the margin has its own scale, since the crop is stretched to a square.  Fractions
    are cut off.  Source: timesler/facenet-pytorch, models/utils/detect_face.py, extract_face.  Raises GeometryError if
    nothing is left.
    """
    share = margin / (crop - margin)
    return expand_box(box, share * (box[2] - box[0]), share * (box[3] - box[1]), size)


def expand_box(box: Box, across: float, down: float, size: Size) -> tuple[int, int, int, int]:
    """Whole pixels of a photograph of `size` that the box covers once it is wider and higher by so many pixels in all.

    Clipped; fractions are cut off.  Raises GeometryError if nothing is left.
    """
    if not all(math.isfinite(v) for v in box):
        raise GeometryError(f"a face's box is four finite numbers, not {_shown(box)}")
    left, top = int(max(box[0] - across / 2, 0)), int(max(box[1] - down / 2, 0))
    right, bottom = int(min(box[2] + across / 2, size[0])), int(min(box[3] + down / 2, size[1]))
    if right <= left or bottom <= top:
        raise GeometryError(f"the box {_shown(box)} covers no pixel of a photograph of {size[0]} x {size[1]}")
    return left, top, right, bottom


def fit_similarity(points: ArrayLike, template: ArrayLike) -> Matrix:
    """Least-squares scale, rotation and shift taking `points` onto `template`.

    points, template: (K, 2), x then y, pixels, K >= 2.  Returns (2, 3) float64.  Never mirrors.
    Source: Umeyama 1991, IEEE PAMI 13(4), eq. 38-43; in the plane, with points as complex numbers, it is the linear
    least squares of z -> a z + b, so no singular values are needed.
    Raises GeometryError if all points coincide, or if no scale above zero fits.
    """
    p, q = _floats(points, 2).astype(np.float64), _floats(template, 2).astype(np.float64)
    if p.shape != q.shape or len(p) < 2:
        raise GeometryError(f"a similarity takes two or more points onto as many, not {len(p)} onto {len(q)}")
    if not (np.isfinite(p).all() and np.isfinite(q).all()):
        raise GeometryError("landmarks are finite numbers")
    middle, onto = p.mean(axis=0), q.mean(axis=0)
    (px, py), (qx, qy) = (p - middle).T, (q - onto).T
    spread = float(px @ px + py @ py)
    if spread <= 1e-12 * max(1.0, float(np.abs(p).max()) ** 2):  # what float64 can still tell apart
        raise GeometryError("all landmarks lie on one point: no turn or scale can be told from them")
    a, b = float(px @ qx + py @ qy) / spread, float(px @ qy - py @ qx) / spread
    if math.hypot(a, b) < 1e-9:
        raise GeometryError("the landmarks have nothing of the template's shape: no turn or scale fits them")
    x, y = float(onto[0] - a * middle[0] + b * middle[1]), float(onto[1] - b * middle[0] - a * middle[1])
    return np.array([[a, -b, x], [b, a, y]])


def scale_of(matrix: Matrix) -> float:
    """How many pixels after for one pixel before, of a similarity."""
    return math.sqrt(abs(float(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0])))


def transform_points(matrix: Matrix, points: ArrayLike) -> Matrix:
    """(n, 2) points where a (2, 3) transform takes them."""
    return _floats(points, 2) @ matrix[:, :2].T + matrix[:, 2]


def invert(matrix: Matrix) -> Matrix:
    """The (2, 3) transform that undoes this one. Raises GeometryError if there is none."""
    if scale_of(matrix) < 1e-12:
        raise GeometryError("a transform that flattens everything cannot be undone")
    back = np.linalg.inv(matrix[:, :2])
    return np.hstack([back, -back @ matrix[:, 2:]])


def rotated_size(size: Size, turn: int) -> Size:
    """(width, height) of a picture after it has been turned."""
    return (size[1], size[0]) if turn % 180 else size


def rotate_boxes(boxes: ArrayLike, turn: int, size: Size) -> Matrix:
    """(n, 4) boxes where they lie after a picture of `size` has been turned counter-clockwise by 0, 90, 180, 270."""
    b = _floats(boxes, 4)
    corners = _turned(b.reshape(-1, 2), turn, size[0], size[1]).reshape(-1, 2, 2)
    return np.hstack([corners.min(axis=1), corners.max(axis=1)])


def rotate_points(points: ArrayLike, turn: int, size: Size) -> Matrix:
    """(n, 2) points where they lie after a picture of `size` has been turned counter-clockwise by 0, 90, 180, 270."""
    return _turned(_floats(points, 2), turn, size[0] - 1, size[1] - 1)


def unrotate_face(face: Face, turn: Turn, size: Size) -> Face:
    """The face in the frame of the upright photograph of `size`, where it was found after turning that by `turn`."""
    seen = rotated_size(size, turn)
    x1, y1, x2, y2 = (float(v) for v in rotate_boxes([face.box], -turn % 360, seen)[0])
    marks = None if face.landmarks is None else rotate_points(face.landmarks, -turn % 360, seen).astype(np.float32)
    return dataclasses.replace(face, box=(x1, y1, x2, y2), landmarks=marks, turn=turn)


def _turned(points: Numbers, turn: int, right: float, bottom: float) -> Matrix:
    """Points turned with their picture, whose far corner is (right, bottom)."""
    x, y = points[:, 0].astype(np.float64), points[:, 1].astype(np.float64)
    if turn % 90:
        raise GeometryError(f"pictures are turned by 0, 90, 180 or 270 degrees, not {turn}")
    quarter = turn // 90 % 4
    if quarter == 1:
        x, y = y, right - x
    elif quarter == 2:
        x, y = right - x, bottom - y
    elif quarter == 3:
        x, y = bottom - y, x
    return np.stack([x, y], axis=1)


def _floats(values: ArrayLike, columns: int) -> Numbers:
    array = np.asarray(values)
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    if array.size == 0:
        return array.reshape(0, columns)
    if array.ndim != 2 or array.shape[1] != columns:
        raise GeometryError(f"rows of {columns} numbers are expected, not an array of shape {array.shape}")
    return array


def _shown(box: Box) -> str:
    return "(" + ", ".join(f"{v:.1f}" for v in box) + ")"
