"""People without faces: a picture's folder says whose it is, and its vector lies near hers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tests import fakes

from nitakao.photos import Encoded
from nitakao.values import NO_FACE, Outcome

JPEG = b"\xff\xd8\xff"  # enough to be taken for a picture by those who only look for them


def vector(person: str, picture: str, spread: float = 0.6) -> Any:
    """16 numbers of unit length near the person's own, the same for the same picture."""
    found = fakes.vector(person) + np.float32(spread) * fakes.vector(picture)
    return (found / np.linalg.norm(found)).astype(np.float32)


def run(sources: Iterable[str | Encoded], *, keep_crops: bool = False, **_: Any) -> Iterator[Outcome]:
    """Stands for pipeline.run: one face in each picture, but for those whose names begin with none or unreadable."""
    for source in sources:
        name = source if isinstance(source, str) else source.source
        parts = Path(name).parts
        if parts[-1].startswith("unreadable"):
            yield Outcome(name, status="unreadable", problem=f"'{name}' is not a picture")
            continue
        sha256 = hashlib.sha256(name.encode()).hexdigest()
        if parts[-1].startswith("none"):
            yield Outcome(name, (100, 100), sha256, status="no-face", problem=NO_FACE)
            continue
        found = vector(parts[-2] if len(parts) > 1 else name, parts[-1])[None]
        crops = np.full((1, 32, 32, 3), 128, np.uint8) if keep_crops else None
        yield Outcome(name, (100, 100), sha256, (fakes.face(),), found, crops)


def lay(folder: Path, people: dict[str, int]) -> Path:
    """A folder with a folder for each person, with so many pictures, named as in LFW."""
    for person, count in people.items():
        (folder / person).mkdir(parents=True)
        for number in range(1, count + 1):
            (folder / person / f"{person}_{number:04d}.jpg").write_bytes(JPEG)
    return folder


def pairs_file(path: Path, folds: int = 3, each: int = 4) -> Path:
    """A pairs.txt over people P00, P01 ... with three pictures each."""
    lines = [f"{folds}\t{each}"]
    for fold in range(folds):
        people = [f"P{fold * each + n:02d}" for n in range(each)]
        lines += [f"{person}\t1\t2" for person in people]
        lines += [f"{person}\t1\t{people[n - 1]}\t3" for n, person in enumerate(people)]
    path.write_text("\n".join(lines) + "\n")
    return path


def people(folds: int = 3, each: int = 4) -> dict[str, int]:
    return {f"P{n:02d}": 3 for n in range(folds * each)}
