"""Array types by content, and the validation of vectors."""

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
    """The vectors as an array (n, dimension), float32, finite, C-contiguous. Raises MisuseError for other shapes."""
    if not len(vectors):
        return np.zeros((0, dimension), np.float32)
    array = np.ascontiguousarray(vectors, dtype=np.float32).reshape(len(vectors), -1)
    if array.shape[1] != dimension:
        raise MisuseError(f"the vectors have {array.shape[1]} values, not {dimension}")
    if not np.isfinite(array).all():
        raise MisuseError("the vectors have values that are not finite")
    return array
