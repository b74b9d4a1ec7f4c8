"""Pairs of pictures in folds, and LFW's pairs.txt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nitakao.errors import FormatError, MisuseError
from nitakao.values import Flags, Ids

MAX_BYTES = 1 << 28  # bytes: four million pairs
HEADER = re.compile(r"\d+(\s+\d+)?")


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of pictures, in folds.

    Attributes:
        pictures: Each picture once, as 'NAME/NAME_0001' or as its container names it.
        labels: The person of each picture.
        first: (n,) rows of `pictures`.
        second: (n,) rows of `pictures`.
        same: (n,) whether each pair is of one person.
        fold: (n,) the fold of each pair, from 0.
        skipped: Number of pairs left out because of missing pictures.
        named: Whether the file names people. Otherwise pictures connected by pairs of one person share a label.
    """

    pictures: tuple[str, ...]
    labels: tuple[str, ...]
    first: Ids
    second: Ids
    same: Flags
    fold: Ids
    skipped: int = 0
    named: bool = True

    @property
    def person_ids(self) -> Ids:
        """(pictures,) the number of each picture's person, from 0 in order of names."""
        return np.asarray(np.unique(np.array(self.labels), return_inverse=True)[1].ravel(), np.int64)

    def without(self, missing: Sequence[bool]) -> Pairs:
        """The pairs without the pictures that are `missing`, (pictures,)."""
        present = ~np.asarray(missing, bool)
        complete = present[self.first] & present[self.second]
        if not complete.any():
            raise MisuseError("no pair has both of its pictures: check that this is the folder of these pairs")
        row = np.cumsum(present) - 1
        rows = np.flatnonzero(present)
        return replace(
            self,
            pictures=tuple(self.pictures[i] for i in rows),
            labels=tuple(self.labels[i] for i in rows),
            first=row[self.first[complete]],
            second=row[self.second[complete]],
            same=self.same[complete],
            fold=self.fold[complete],
            skipped=self.skipped + int((~complete).sum()),
        )


def read_pairs(path: Path) -> Pairs:
    """Read a file like LFW's pairs.txt.

    The first line has the number of folds, and of pairs of each kind in a fold; with one number there is a single fold.
    Each other line is 'NAME n m', two pictures of one person, or 'NAME n OTHER m', of two.

    Raises:
        FormatError: If the file is unreadable or malformed.
    """
    lines = [(number, line) for number, line in enumerate(read_text(path).splitlines(), 1) if line.strip()]
    if not lines:
        raise FormatError(f"'{path}' is empty: pairs as in LFW's pairs.txt are expected")
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


def read_text(path: Path) -> str:
    """Read a UTF-8 text file. Raises FormatError where it is unreadable or too large."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise FormatError(f"'{path}' cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_BYTES:
        raise FormatError(f"'{path}' is larger than {MAX_BYTES} bytes, the most that is read")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"'{path}' is not UTF-8 text") from error


def _pair(path: Path, number: int, line: str) -> tuple[tuple[str, int], tuple[str, int]]:
    fields = [field.strip() for field in (line.split("\t") if "\t" in line else line.split())]
    if len(fields) == 3:
        fields = [fields[0], fields[1], fields[0], fields[2]]
    if len(fields) != 4 or not (fields[1].isdecimal() and fields[3].isdecimal()) or not (fields[0] and fields[2]):
        raise FormatError(f"'{path}' has no pair like 'NAME 1 2' or 'NAME 1 OTHER 2' in line {number}: {line[:80]!r}")
    if any(name in (".", "..") or "/" in name or "\\" in name for name in (fields[0], fields[2])):
        raise FormatError(f"'{path}' has a path in place of a name in line {number}: {line[:80]!r}")
    return (fields[0], int(fields[1])), (fields[2], int(fields[3]))


def _folds(path: Path, header: list[str], pairs: int) -> int:
    folds, each = (int(header[0]), int(header[1])) if len(header) == 2 else (1, pairs / 2)
    if not pairs or folds < 1 or folds * each * 2 != pairs:
        raise FormatError(
            f"'{path}' has {pairs} pairs, but its first line says {folds} folds of {each:g} pairs of each kind"
        )
    return folds


def split_folds(pairs: Pairs, folds: int) -> Pairs:
    """The same pairs split into this many folds, each kind in order."""
    if not 2 <= folds <= min(int(pairs.same.sum()), int((~pairs.same).sum())):
        raise MisuseError(
            f"{len(pairs.same)} pairs cannot be split into {folds} folds with pairs of both kinds: give a number from 2"
        )
    fold = np.empty(len(pairs.same), np.int64)
    for kind in (pairs.same, ~pairs.same):
        fold[kind] = np.arange(int(kind.sum())) * folds // int(kind.sum())
    return replace(pairs, fold=fold)
