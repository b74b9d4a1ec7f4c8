"""Array types by what they hold, and the check that vectors pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import MisuseError

Pixels: TypeAlias = NDArray[np.uint8]
Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]
Ids: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]


def rows(vectors: Sequence[Any] | Floats, dimension: int) -> Floats:
    """(n, dimension) float32, finite, C-contiguous. Raises MisuseError otherwise."""
    if not len(vectors):
        return np.zeros((0, dimension), np.float32)
    array = np.ascontiguousarray(vectors, dtype=np.float32).reshape(len(vectors), -1)
    if array.shape[1] != dimension:
        raise MisuseError(f"vectors of {array.shape[1]} numbers where {dimension} are expected")
    if not np.isfinite(array).all():
        raise MisuseError("vectors hold numbers that are not finite")
    return array
