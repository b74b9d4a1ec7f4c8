"""Boxes, points and transforms between them.

A box is x1, y1, x2, y2 in pixels, and its coordinates are pixel edges: the whole of a 4 x 3 image is (0, 0, 4, 3).
A point (a landmark) is a pixel centre: the first pixel of an image is (0, 0). Detectors and crop templates use the same
convention.
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
    """Areas (n,) of boxes (n, 4) in square pixels; 0 for inverted boxes."""
    b = _floats(boxes, 4)
    areas: Numbers = np.maximum(b[:, 2] - b[:, 0], 0) * np.maximum(b[:, 3] - b[:, 1], 0)
    return areas


def iou(one: ArrayLike, other: ArrayLike) -> Numbers:
    """Intersection over union (n, m) of boxes (n, 4) and (m, 4); 0 if both are empty."""
    a, b = _floats(one, 4), _floats(other, 4)
    left_top = np.maximum(a[:, None, :2], b[None, :, :2])
    right_bottom = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.maximum(right_bottom - left_top, 0), axis=2)
    union = areas(a)[:, None] + areas(b)[None, :] - shared
    shares: Numbers = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return shares


def suppress(boxes: Numbers, scores: Numbers, max_overlap: float, over: OverlapBase = "union") -> NDArray[np.intp]:
    """Greedy non-maximum suppression.

    Args:
        boxes: (n, 4) pixels.
        scores: (n,).
        max_overlap: Largest overlap with a better box at which a box is kept.
        over: Denominator of the overlap: the union, or the smaller of the two boxes.

    Returns:
        Indices of the boxes kept, best score first.
    """
    left = np.argsort(-scores, kind="stable")
    sizes = areas(boxes)
    keep = []
    while len(left):
        best, left = left[0], left[1:]
        keep.append(best)
        corner = np.maximum(boxes[left, :2], boxes[best, :2])
        shared = np.prod(np.maximum(np.minimum(boxes[left, 2:], boxes[best, 2:]) - corner, 0), axis=1)
        whole = np.minimum(sizes[left], sizes[best]) if over == "smaller" else sizes[left] + sizes[best] - shared
        left = left[shared <= max_overlap * whole]
    return np.array(keep, np.intp)


def suppress_on_grid(cells: NDArray[np.intp], boxes: Numbers, scores: Numbers, max_overlap: float) -> NDArray[np.intp]:
    """`suppress` over the union for equal boxes on a grid, in linear time.

    Only boxes at most two rows and columns apart are compared. This is exact if `max_overlap` is at least 0.5 and the
    grid step is a sixth of the box side.

    Args:
        cells: (n, 2) row and column of each box, 0 and up.
        boxes: (n, 4) pixels.
        scores: (n,).
        max_overlap: As in `suppress`.

    Returns:
        Indices of the boxes kept, best score first.
    """
    order = np.argsort(-scores, kind="stable")
    boxes, (rows, columns) = boxes[order], (cells[order].T + 2)
    grid = np.full((rows.max(initial=0) + 3, columns.max(initial=0) + 3), -1, np.int32)
    grid[rows, columns] = np.arange(len(order))
    offsets = [(0, 1), (0, 2), *((down, right) for down in (1, 2) for right in (-2, -1, 0, 1, 2))]
    shift = np.array([down * grid.shape[1] + right for down, right in offsets])
    other = grid.ravel().take((rows * grid.shape[1] + columns)[:, None] + shift)
    one, where = np.nonzero(other >= 0)
    two = other[one, where]
    shared = np.prod(
        np.maximum(np.minimum(boxes[one, 2:], boxes[two, 2:]) - np.maximum(boxes[one, :2], boxes[two, :2]), 0), axis=1
    )
    sizes = areas(boxes)
    close = shared > max_overlap * (sizes[one] + sizes[two] - shared)
    one, two = one[close], two[close]
    return order[_undominated(len(order), np.minimum(one, two), np.maximum(one, two))]


def _undominated(count: int, better: NDArray[np.intp], worse: NDArray[np.intp]) -> NDArray[np.intp]:
    """Greedy selection on a graph with edges (better, worse): keep a node unless a better neighbour is kept."""
    kept, undecided = np.zeros(count, bool), np.ones(count, bool)
    while undecided.any():
        live = undecided[better] & undecided[worse]
        better, worse = better[live], worse[live]
        free = undecided.copy()
        free[worse] = False  # nodes without a better open neighbour remain
        kept |= free
        undecided &= ~free
        undecided[worse[free[better]]] = False
    return np.flatnonzero(kept)


def article_box(box: Box, margin: float, size: Size) -> tuple[int, int, int, int]:
    """The article's crop region: the box, expanded by margin/2 on each side and clipped to the photograph.

    Args:
        box: Face box in pixels.
        margin: Photograph pixels.
        size: (width, height) of the photograph.

    Returns:
        x1, y1, x2, y2 in whole pixels, truncated, not rounded.

    Raises:
        GeometryError: If the region is empty.

    Source: davidsandberg/facenet, src/align/align_dataset_mtcnn.py.
    """
    return expand_box(box, margin, margin, size)


def margin_box(box: Box, margin: float, crop: int, size: Size) -> tuple[int, int, int, int]:
    """The crop region for a margin in pixels of the crop.

    The margin is scaled separately in width and height, because the crop is stretched to a square.

    Args:
        box: Face box in pixels.
        margin: Crop pixels.
        crop: Side of the crop in pixels.
        size: (width, height) of the photograph.

    Returns:
        x1, y1, x2, y2 in whole pixels, truncated, not rounded.

    Raises:
        GeometryError: If the region is empty.

    Source: timesler/facenet-pytorch, models/utils/detect_face.py, extract_face.
    """
    share = margin / (crop - margin)
    return expand_box(box, share * (box[2] - box[0]), share * (box[3] - box[1]), size)


def expand_box(box: Box, across: float, down: float, size: Size) -> tuple[int, int, int, int]:
    """Expand a box by `across` pixels in width and `down` pixels in height in total, and clip it to the photograph.

    Returns:
        x1, y1, x2, y2 in whole pixels, truncated, not rounded.

    Raises:
        GeometryError: If the region is empty or the box is not finite.
    """
    if not all(math.isfinite(v) for v in box):
        raise GeometryError(f"a face box must be four finite numbers, not {_format_box(box)}")
    left, top = int(max(box[0] - across / 2, 0)), int(max(box[1] - down / 2, 0))
    right, bottom = int(min(box[2] + across / 2, size[0])), int(min(box[3] + down / 2, size[1]))
    if right <= left or bottom <= top:
        raise GeometryError(f"the box {_format_box(box)} is outside the photograph of {size[0]} x {size[1]} pixels")
    return left, top, right, bottom


def fit_similarity(points: ArrayLike, template: ArrayLike) -> Matrix:
    """Least-squares similarity transform (scale, rotation, translation; no reflection) from `points` to `template`.

    Args:
        points: (K, 2), x then y, pixels, K >= 2.
        template: (K, 2), x then y, pixels.

    Returns:
        (2, 3) float64.

    Raises:
        GeometryError: If all points coincide, or no positive scale fits.

    Source: Umeyama 1991, IEEE PAMI 13(4), eq. 38-43. In the plane, with points as complex numbers, it is the linear
    least-squares fit of z -> a z + b, so no SVD is needed.
    """
    p, q = _floats(points, 2).astype(np.float64), _floats(template, 2).astype(np.float64)
    if p.shape != q.shape or len(p) < 2:
        raise GeometryError(f"a similarity needs at least two pairs of points, not {len(p)} and {len(q)} points")
    if not (np.isfinite(p).all() and np.isfinite(q).all()):
        raise GeometryError("landmarks must be finite numbers")
    middle, onto = p.mean(axis=0), q.mean(axis=0)
    (px, py), (qx, qy) = (p - middle).T, (q - onto).T
    sum_squares = float(px @ px + py @ py)
    if sum_squares <= 1e-12 * max(1.0, float(np.abs(p).max()) ** 2):  # float64 resolution
        raise GeometryError("all landmarks coincide: they define no rotation or scale")
    a, b = float(px @ qx + py @ qy) / sum_squares, float(px @ qy - py @ qx) / sum_squares
    if math.hypot(a, b) < 1e-9:
        raise GeometryError("the landmarks do not match the template: no rotation and scale fits them")
    x, y = float(onto[0] - a * middle[0] + b * middle[1]), float(onto[1] - b * middle[0] - a * middle[1])
    return np.array([[a, -b, x], [b, a, y]])


def scale_of(matrix: Matrix) -> float:
    """Scale factor of a similarity transform (2, 3): output pixels per input pixel."""
    return math.sqrt(abs(float(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0])))


def transform_points(matrix: Matrix, points: ArrayLike) -> Matrix:
    """Apply a (2, 3) transform to points (n, 2)."""
    return _floats(points, 2) @ matrix[:, :2].T + matrix[:, 2]


def invert(matrix: Matrix) -> Matrix:
    """Invert a (2, 3) transform. Raises GeometryError if it is singular."""
    if scale_of(matrix) < 1e-12:
        raise GeometryError("the transform is singular and cannot be inverted")
    back = np.linalg.inv(matrix[:, :2])
    return np.hstack([back, -back @ matrix[:, 2:]])


def rotated_size(size: Size, turn: int) -> Size:
    """(width, height) of an image after rotation by `turn` degrees."""
    return (size[1], size[0]) if turn % 180 else size


def rotate_boxes(boxes: ArrayLike, turn: int, size: Size) -> Matrix:
    """Rotate boxes (n, 4) with an image of `size` (width, height), counter-clockwise by 0, 90, 180 or 270 degrees."""
    b = _floats(boxes, 4)
    corners = _rotate(b.reshape(-1, 2), turn, size[0], size[1]).reshape(-1, 2, 2)
    return np.hstack([corners.min(axis=1), corners.max(axis=1)])


def rotate_points(points: ArrayLike, turn: int, size: Size) -> Matrix:
    """Rotate points (n, 2) with an image of `size` (width, height), counter-clockwise by 0, 90, 180 or 270 degrees."""
    return _rotate(_floats(points, 2), turn, size[0] - 1, size[1] - 1)


def unrotate_face(face: Face, turn: Turn, size: Size) -> Face:
    """Map a face detected in a rotated photograph back to the upright one.

    Args:
        face: In pixels of the photograph rotated by `turn`.
        turn: Counter-clockwise rotation in degrees; becomes the face's `turn`.
        size: (width, height) of the upright photograph.
    """
    rotated = rotated_size(size, turn)
    x1, y1, x2, y2 = (float(v) for v in rotate_boxes([face.box], -turn % 360, rotated)[0])
    marks = None if face.landmarks is None else rotate_points(face.landmarks, -turn % 360, rotated).astype(np.float32)
    return dataclasses.replace(face, box=(x1, y1, x2, y2), landmarks=marks, turn=turn)


def _rotate(points: Numbers, turn: int, right: float, bottom: float) -> Matrix:
    """Rotate points with an image whose far corner is (right, bottom)."""
    x, y = points[:, 0].astype(np.float64), points[:, 1].astype(np.float64)
    if turn % 90:
        raise GeometryError(f"images are rotated by 0, 90, 180 or 270 degrees, not {turn}")
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
        raise GeometryError(f"expected rows of {columns} numbers, not an array of shape {array.shape}")
    return array


def _format_box(box: Box) -> str:
    return "(" + ", ".join(f"{v:.1f}" for v in box) + ")"
