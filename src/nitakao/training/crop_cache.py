"""A cache of face crops on disk.

The folder has three files: `rule.json` records how faces are cropped, `crops.u8` has S x S x 3 bytes per face, and
`faces.jsonl` a line for each picture, written after its bytes. An interrupted run continues where it stopped, and
pictures that have changed are cropped again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

from nitakao.errors import TrainingError
from nitakao.values import CropRule, Pixels

FLUSH_EVERY = 64  # pictures


@dataclass(frozen=True)
class CropEntry:
    """The crop of one picture.

    Attributes:
        picture: The picture.
        stamp: Changes when the picture changes.
        row: Row of its crop; -1 without a crop.
        problem: Why there is no crop.
    """

    picture: str
    stamp: str
    row: int = -1
    problem: str = ""


class CropCache:
    """The crops in a folder."""

    def __init__(self, folder: Path, rule: CropRule, detector: str) -> None:
        self.folder, self.side = folder, rule.size
        self._bytes = 3 * rule.size * rule.size
        self._entries: dict[str, CropEntry] = {}
        self._pixels: BinaryIO | None = None
        self._lines: Any = None
        content = json.dumps({"rule": asdict(rule), "detector": detector}, sort_keys=True)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "rule.json"
        if path.is_file() and path.read_text("utf-8") != content:
            for old in ("crops.u8", "faces.jsonl"):  # cropped for another network, of no use here
                (folder / old).unlink(missing_ok=True)
        path.write_text(content, "utf-8")
        self._read()

    def __enter__(self) -> CropCache:
        self._pixels = (self.folder / "crops.u8").open("ab")
        self._lines = (self.folder / "faces.jsonl").open("a", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()
        for file in (self._pixels, self._lines):
            file.close()  # type: ignore[union-attr]

    def get(self, picture: str, stamp: str) -> CropEntry | None:
        """The entry of this picture; None where there is none, or the picture has changed."""
        entry = self._entries.get(picture)
        return entry if entry is not None and entry.stamp == stamp else None

    def add(self, picture: str, stamp: str, crop: Pixels | None, problem: str = "") -> CropEntry:
        """Add a picture's crop, (S, S, 3) uint8, or why it has none."""
        row = -1 if crop is None else self._rows
        entry = CropEntry(picture, stamp, row, problem)
        try:
            if crop is not None:
                self._pixels.write(np.ascontiguousarray(crop).tobytes())  # type: ignore[union-attr]
                self._rows += 1
            self._waiting.append(entry)
            if len(self._waiting) >= FLUSH_EVERY:
                self.flush()
        except OSError as error:
            raise self._no_room(error) from error
        self._entries[picture] = entry
        return entry

    def flush(self) -> None:
        """Write pixels, then the lines that refer to them."""
        try:
            self._pixels.flush()  # type: ignore[union-attr]
            self._lines.writelines(json.dumps(asdict(entry)) + "\n" for entry in self._waiting)
            self._lines.flush()
        except OSError as error:
            raise self._no_room(error) from error
        self._waiting.clear()

    def pixels(self) -> Pixels:
        """(n, S, S, 3) uint8, all crops, memory-mapped."""
        return map_pixels(self.folder, self.side)

    def _read(self) -> None:
        """Read the lines of an earlier run, and drop bytes that no line refers to."""
        self._waiting: list[CropEntry] = []
        self._rows = 0
        pixels, lines = self.folder / "crops.u8", self.folder / "faces.jsonl"
        count = pixels.stat().st_size // self._bytes if pixels.is_file() else 0
        for entry in _read_entries(lines) if lines.is_file() else []:
            if entry.row >= count:
                break
            self._entries[entry.picture] = entry
            self._rows = max(self._rows, entry.row + 1)
        if pixels.is_file():
            os.truncate(pixels, self._rows * self._bytes)
        if lines.is_file():  # the last line may be incomplete
            lines.write_text("".join(json.dumps(asdict(entry)) + "\n" for entry in self._entries.values()), "utf-8")

    def _no_room(self, error: OSError) -> TrainingError:
        return TrainingError(f"crops cannot be written to '{self.folder}': {error.strerror or error}")


def map_pixels(folder: Path, side: int) -> Pixels:
    """(n, side, side, 3) uint8, all crops in a folder, memory-mapped."""
    path = folder / "crops.u8"
    count = path.stat().st_size // (3 * side * side) if path.is_file() else 0
    if not count:
        return np.zeros((0, side, side, 3), np.uint8)
    return np.memmap(path, np.uint8, "r", shape=(count, side, side, 3))


def _read_entries(path: Path) -> Iterator[CropEntry]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                yield CropEntry(**json.loads(line))
            except (ValueError, TypeError):  # an incomplete line
                return


def file_stamp(path: Path) -> str:
    """Size and modification time of a file; '' where it is missing."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"
