"""LFW's lists of pairs, pairs.txt, and what is told of any list of pairs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nitakao.errors import FormatError, MisuseError

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

LARGEST = 1 << 28  # bytes: four million pairs
HEADER = re.compile(r"\d+(\s+\d+)?")


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of pictures, in folds.

    pictures: each once, as 'NAME/NAME_0001', or as its container calls it.  who: whose each picture is.
    first, second: (n,) rows of `pictures`.  same: (n,) one person or two.  fold: (n,) from 0.
    skipped: how many more pairs the file has, whose pictures are not there.
    named: whether the file names people; else `who` tells pictures apart that are joined by pairs of one person.
    """

    pictures: tuple[str, ...]
    who: tuple[str, ...]
    first: Ints
    second: Ints
    same: Bools
    fold: Ints
    skipped: int = 0
    named: bool = True

    @property
    def people(self) -> Ints:
        """(pictures,) the number of each picture's person."""
        return np.asarray(np.unique(np.array(self.who), return_inverse=True)[1].ravel(), np.int64)

    def without(self, missing: Sequence[bool]) -> Pairs:
        """Less the pairs with a picture that is missing, (pictures,), and less those pictures."""
        gone = np.asarray(missing, bool)
        kept = ~(gone[self.first] | gone[self.second])
        if not kept.any():
            raise MisuseError("every pair names a picture that is not there: is this the folder of these pairs?")
        row = np.cumsum(~gone) - 1
        there = np.flatnonzero(~gone)
        return replace(
            self,
            pictures=tuple(self.pictures[i] for i in there),
            who=tuple(self.who[i] for i in there),
            first=row[self.first[kept]],
            second=row[self.second[kept]],
            same=self.same[kept],
            fold=self.fold[kept],
            skipped=self.skipped + int((~kept).sum()),
        )


def read_pairs(path: Path) -> Pairs:
    """The pairs of a file like LFW's pairs.txt.

    A line with the number of folds and of pairs of each kind in a fold (or with one number: a single fold), then lines
    of 'NAME n m', two pictures of one person, or 'NAME n OTHER m', of two.  Raises FormatError.
    """
    lines = [(number, line) for number, line in enumerate(text(path).splitlines(), 1) if line.strip()]
    if not lines:
        raise FormatError(f"'{path}' is empty: pairs are expected, as in LFW's pairs.txt")
    header = lines.pop(0)[1] if HEADER.fullmatch(lines[0][1].strip()) else ""
    rows = [_pair(path, number, line) for number, line in lines]
    folds = _folds(path, header.split(), len(rows))
    numbers: dict[tuple[str, int], int] = {}
    for row in rows:
        for picture in row:
            numbers.setdefault(picture, len(numbers))
    return Pairs(
        tuple(f"{name}/{name}_{number:04d}" for name, number in numbers),
        tuple(name for name, _ in numbers),
        np.array([numbers[one] for one, _ in rows], np.int64),
        np.array([numbers[two] for _, two in rows], np.int64),
        np.array([one[0] == two[0] for one, two in rows], bool),
        np.arange(len(rows)) // max(1, len(rows) // folds),
    )


def text(path: Path) -> str:
    """A file of text, whole. Raises FormatError."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise FormatError(f"'{path}' cannot be read: {error.strerror or error}") from error
    if len(data) > LARGEST:
        raise FormatError(f"'{path}' is larger than {LARGEST} bytes: refused")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"'{path}' is no text in UTF-8") from error


def _pair(path: Path, number: int, line: str) -> tuple[tuple[str, int], tuple[str, int]]:
    fields = [field.strip() for field in (line.split("\t") if "\t" in line else line.split())]
    if len(fields) == 3:
        fields = [fields[0], fields[1], fields[0], fields[2]]
    if len(fields) != 4 or not (fields[1].isdecimal() and fields[3].isdecimal()) or not (fields[0] and fields[2]):
        raise FormatError(f"'{path}' has in line {number} no pair like 'NAME 1 2' or 'NAME 1 OTHER 2': {line[:80]!r}")
    if any(name in (".", "..") or "/" in name or "\\" in name for name in (fields[0], fields[2])):
        raise FormatError(f"'{path}' names a place, not a person, in line {number}: {line[:80]!r}")
    return (fields[0], int(fields[1])), (fields[2], int(fields[3]))


def _folds(path: Path, header: list[str], pairs: int) -> int:
    folds, each = (int(header[0]), int(header[1])) if len(header) == 2 else (1, pairs / 2)
    if not pairs or folds < 1 or folds * each * 2 != pairs:
        raise FormatError(f"'{path}' has {pairs} pairs, and its first line says {folds} x {each:g} of either kind")
    return folds


def refolded(pairs: Pairs, folds: int) -> Pairs:
    """The same pairs in so many folds: of either kind, the first part goes into the first fold."""
    if not 2 <= folds <= min(int(pairs.same.sum()), int((~pairs.same).sum())):
        raise MisuseError(f"{len(pairs.same)} pairs cannot be cut into {folds} folds with pairs of either kind each")
    fold = np.empty(len(pairs.same), np.int64)
    for kind in (pairs.same, ~pairs.same):
        fold[kind] = np.arange(int(kind.sum())) * folds // int(kind.sum())
    return replace(pairs, fold=fold)
