"""Pairs as InsightFace packs them: a pickle of encoded pictures, two to a pair, and of what is one person."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import FormatError
from nitakao.protocols.pairs import Pairs
from nitakao.system import safe_pickle

FOLDS = 10  # InsightFace's verification.py: as they stand, cut into ten


def read_bin(path: Path, folds: int = FOLDS) -> tuple[Pairs, list[bytes]]:
    """The pairs of a .bin, and the bytes of each of their pictures. Raises FormatError.

    A picture that stands in several pairs is one picture.  Nobody is named: pictures that pairs of one person join,
    over any number of pairs, are one person's.
    """
    found = safe_pickle.load(safe_pickle.Source.open(path))
    pictures, same = _checked(path, found)
    known: dict[bytes, int] = {}
    rows = [known.setdefault(hashlib.sha256(data).digest(), len(known)) for data in pictures]
    at = {row: place for place, row in reversed(list(enumerate(rows)))}  # where each stands first
    first, second = np.array(rows[::2], np.int64), np.array(rows[1::2], np.int64)
    who = _joined(len(known), first[same], second[same])
    if len(same) < folds:
        raise FormatError(f"'{path}' has {len(same)} pairs, too few for {folds} folds")
    names = tuple(f"{path.name}#{at[row]}" for row in range(len(known)))
    fold = np.repeat(np.arange(folds), [len(part) for part in np.array_split(np.arange(len(same)), folds)])
    once = [pictures[at[row]] for row in range(len(known))]
    return Pairs(names, tuple(f"person {n}" for n in who), first, second, same, fold, named=False), once


def _checked(path: Path, found: object) -> tuple[Sequence[bytes], NDArray[np.bool_]]:
    if not isinstance(found, (tuple, list)) or len(found) != 2 or not all(isinstance(p, (list, tuple)) for p in found):
        raise FormatError(f"'{path}' is no list of pictures with a list of what is one person, as InsightFace packs")
    pictures, same = found
    if not same or len(pictures) != 2 * len(same):
        raise FormatError(f"'{path}' has {len(pictures)} pictures for {len(same)} pairs: it is damaged")
    if not all(isinstance(each, (bool, int)) and each in (0, 1) for each in same):
        raise FormatError(f"'{path}' tells of a pair neither that it is one person nor two: it is damaged")
    return [_bytes(path, picture) for picture in pictures], np.array(same, bool)


def _bytes(path: Path, picture: object) -> bytes:
    if isinstance(picture, np.ndarray) and picture.dtype == np.uint8 and picture.ndim <= 2:
        return picture.tobytes()
    if not isinstance(picture, bytes):
        raise FormatError(f"'{path}' holds a picture that is no encoded bytes but {type(picture).__name__}: refused")
    return picture


def _joined(count: int, first: NDArray[np.int64], second: NDArray[np.int64]) -> list[int]:
    """The smallest row that each row is joined with."""
    parent = list(range(count))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for one, two in zip(first.tolist(), second.tolist(), strict=True):
        low, high = sorted((root(one), root(two)))
        parent[high] = low
    return [root(row) for row in range(count)]
