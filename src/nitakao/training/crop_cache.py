"""Faces cut out once and kept on disk, so that each pass of a training only reads them.

A folder of three files: `rule.json` says how they were cut, `crops.u8` holds S x S x 3 bytes a face, one after another,
and `faces.jsonl` a line for each picture that was looked at, written after its bytes. A run that was broken off is gone
on with; pictures that have changed since are cut again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

from nitakao.errors import TrainingError
from nitakao.values import CropRule, Pixels

FLUSHED_EVERY = 64  # pictures


@dataclass(frozen=True)
class Cut:
    """What became of one picture.  stamp: what tells whether it has changed.  row: of its crop, -1 where there is none,
    for the reason `problem`."""

    picture: str
    stamp: str
    row: int = -1
    problem: str = ""


class Crops:
    """The crops in a folder, to be read and added to."""

    def __init__(self, folder: Path, rule: CropRule, detector: str) -> None:
        self.folder, self.side = folder, rule.size
        self._bytes = 3 * rule.size * rule.size
        self._known: dict[str, Cut] = {}
        self._pixels: BinaryIO | None = None
        self._lines: Any = None
        told = json.dumps({"rule": asdict(rule), "detector": detector}, sort_keys=True)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "rule.json"
        if path.is_file() and path.read_text("utf-8") != told:
            for old in ("crops.u8", "faces.jsonl"):  # cut for another network: ours, and of no use to this one
                (folder / old).unlink(missing_ok=True)
        path.write_text(told, "utf-8")
        self._read()

    def __enter__(self) -> Crops:
        self._pixels = (self.folder / "crops.u8").open("ab")
        self._lines = (self.folder / "faces.jsonl").open("a", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()
        for file in (self._pixels, self._lines):
            file.close()  # type: ignore[union-attr]

    def known(self, picture: str, stamp: str) -> Cut | None:
        """What became of this picture, if it was looked at and is what it was."""
        found = self._known.get(picture)
        return found if found is not None and found.stamp == stamp else None

    def add(self, picture: str, stamp: str, crop: Pixels | None, problem: str = "") -> Cut:
        """Keep a picture's crop (S, S, 3), or why it has none."""
        row = -1 if crop is None else self._rows
        cut = Cut(picture, stamp, row, problem)
        try:
            if crop is not None:
                self._pixels.write(np.ascontiguousarray(crop).tobytes())  # type: ignore[union-attr]
                self._rows += 1
            self._waiting.append(cut)
            if len(self._waiting) >= FLUSHED_EVERY:
                self.flush()
        except OSError as error:
            raise self._no_room(error) from error
        self._known[picture] = cut
        return cut

    def flush(self) -> None:
        """Pixels first, then the lines that speak of them."""
        try:
            self._pixels.flush()  # type: ignore[union-attr]
            self._lines.writelines(json.dumps(asdict(cut)) + "\n" for cut in self._waiting)
            self._lines.flush()
        except OSError as error:
            raise self._no_room(error) from error
        self._waiting.clear()

    def pixels(self) -> Pixels:
        """(n, S, S, 3) uint8, all crops, mapped and not read."""
        return mapped(self.folder, self.side)

    def _read(self) -> None:
        """Lines of an earlier run; bytes that no line speaks of are cut off."""
        self._waiting: list[Cut] = []
        self._rows = 0
        pixels, lines = self.folder / "crops.u8", self.folder / "faces.jsonl"
        there = pixels.stat().st_size // self._bytes if pixels.is_file() else 0
        for cut in _cuts(lines) if lines.is_file() else []:
            if cut.row >= there:
                break
            self._known[cut.picture] = cut
            self._rows = max(self._rows, cut.row + 1)
        if pixels.is_file():
            os.truncate(pixels, self._rows * self._bytes)
        if lines.is_file():  # a last line may have been broken off: all that is known, anew
            lines.write_text("".join(json.dumps(asdict(cut)) + "\n" for cut in self._known.values()), "utf-8")

    def _no_room(self, error: OSError) -> TrainingError:
        return TrainingError(f"the crops cannot be kept in '{self.folder}': {error.strerror or error}")


def mapped(folder: Path, side: int) -> Pixels:
    """(n, side, side, 3) uint8, all crops in a folder, mapped and not read."""
    path = folder / "crops.u8"
    count = path.stat().st_size // (3 * side * side) if path.is_file() else 0
    if not count:
        return np.zeros((0, side, side, 3), np.uint8)
    return np.memmap(path, np.uint8, "r", shape=(count, side, side, 3))


def _cuts(path: Path) -> Iterator[Cut]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                yield Cut(**json.loads(line))
            except (ValueError, TypeError):  # broken off in the middle
                return


def stamp(path: Path) -> str:
    """Size and time of a file, '' where there is none."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_size} {found.st_mtime_ns}"


def rows(cuts: Iterable[Cut]) -> list[int]:
    return [cut.row for cut in cuts if cut.row >= 0]
