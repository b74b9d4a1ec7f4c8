"""InsightFace's .bin files of pairs: a pickle of encoded pictures, two per pair, and of which pairs are genuine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nitakao.errors import FormatError
from nitakao.protocols.pairs import Pairs
from nitakao.system import safe_pickle
from nitakao.values import Flags, Ids

FOLDS = 10  # InsightFace's verification.py: the pairs in order, split into ten


def read_bin(path: Path, folds: int = FOLDS) -> tuple[Pairs, list[bytes]]:
    """Read the pairs of a .bin file, and the encoded bytes of each picture.

    A picture that occurs in several pairs is one picture. The file does not name people: pictures connected by genuine
    pairs, over any number of them, count as one person.

    Raises:
        FormatError: If the file is unreadable or malformed.
    """
    content = safe_pickle.load(safe_pickle.Source.open(path))
    pictures, same = _check(path, content)
    numbers: dict[bytes, int] = {}
    rows = [numbers.setdefault(hashlib.sha256(data).digest(), len(numbers)) for data in pictures]
    first_place = {row: place for place, row in reversed(list(enumerate(rows)))}
    first, second = np.array(rows[::2], np.int64), np.array(rows[1::2], np.int64)
    persons = _connect(len(numbers), first[same], second[same])
    if len(same) < folds:
        raise FormatError(f"'{path}' has {len(same)} pairs, too few for {folds} folds")
    names = tuple(f"{path.name}#{first_place[row]}" for row in range(len(numbers)))
    fold = np.repeat(np.arange(folds), [len(part) for part in np.array_split(np.arange(len(same)), folds)])
    unique = [pictures[first_place[row]] for row in range(len(numbers))]
    return Pairs(names, tuple(f"person {n}" for n in persons), first, second, same, fold, named=False), unique


def _check(path: Path, content: object) -> tuple[Sequence[bytes], Flags]:
    if not isinstance(content, (tuple, list)) or len(content) != 2:
        content = (None, None)
    pictures, same = content
    if not isinstance(pictures, (tuple, list)) or not isinstance(same, (tuple, list)):
        raise FormatError(f"'{path}' is not an InsightFace .bin: a list of pictures and a list of labels are expected")
    if not same or len(pictures) != 2 * len(same):
        raise FormatError(f"'{path}' has {len(pictures)} pictures for {len(same)} pairs: it is damaged")
    if not all(isinstance(each, (bool, int)) and each in (0, 1) for each in same):
        raise FormatError(f"'{path}' has a label other than 0 and 1: it is damaged")
    return [_bytes(path, picture) for picture in pictures], np.array(same, bool)


def _bytes(path: Path, picture: object) -> bytes:
    if isinstance(picture, np.ndarray) and picture.dtype == np.uint8 and picture.ndim <= 2:
        return picture.tobytes()
    if not isinstance(picture, bytes):
        raise FormatError(f"'{path}' has a picture of type {type(picture).__name__}: encoded bytes are expected")
    return picture


def _connect(count: int, first: Ids, second: Ids) -> list[int]:
    """The smallest row that each row is connected with."""
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
