"""Kill `nitakao index` at random moments: check that no reported photo is lost.

    python -m benchmarks.kill_index --kills 200

Indexes generated pictures with a network of a millisecond (`tests.tiny`) into a gallery, killed with SIGKILL repeatedly
until all pictures are indexed, then starts a new gallery. After each kill, every photo that was printed is in the
gallery with all its faces, vectors and chips, SQLite finds no problem, and nothing is half written. At the end the
content of each gallery equals that of an uninterrupted run.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from tests import tiny

from nitakao.gallery import GalleryStore, faces

ROOT = Path(__file__).parents[1]
PICTURES = 1500
LATEST = 0.7  # share of the uninterrupted time: before the first output, while it writes, seldom after the last
HALF = """
    SELECT (SELECT count(*) FROM faces) - (SELECT count(*) FROM vectors),
           (SELECT count(*) FROM faces) - (SELECT count(*) FROM chips),
           (SELECT count(*) FROM photos WHERE id NOT IN (SELECT photo FROM files WHERE photo IS NOT NULL)),
           (SELECT count(*) FROM photos WHERE problem = '' AND id NOT IN (SELECT photo FROM faces))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(killed(Path(folder), given.kills, random.Random(given.seed))))


def killed(folder: Path, kills: int, moments: random.Random) -> dict[str, Any]:
    """Counts over this many kills. Raises AssertionError where something is lost."""
    models, pictures = tiny.model(folder / "models"), folder / "pictures"
    for number in range(PICTURES):
        tiny.picture(pictures / f"{number:04}.png", number, number % (tiny.MOST + 1))
    start = time.perf_counter()
    ended(_start(folder / "whole.db", pictures, models))
    latest = LATEST * (time.perf_counter() - start)
    whole, seen = content(folder / "whole.db"), {"kills": 0, "after_its_end": 0, "galleries": 0, "told": 0}
    place, told = folder / "0.db", {}
    while seen["kills"] < kills:
        process = _start(place, pictures, models)
        time.sleep(moments.uniform(0.0, latest))
        process.send_signal(signal.SIGKILL)
        out, _ = process.communicate()
        seen["kills"] += process.returncode == -signal.SIGKILL
        seen["after_its_end"] += process.returncode == 0
        told |= _told(out)
        _check(place, told)
        if len(told) >= PICTURES or process.returncode == 0:
            _finish(place, pictures, models, whole)
            seen["galleries"] += 1
            seen["told"] += len(told)
            place, told = folder / f"{seen['galleries']}.db", {}
    _finish(place, pictures, models, whole)
    return {**seen, "galleries": seen["galleries"] + 1, "told": seen["told"] + len(told), "lost": 0}


def _start(place: Path, pictures: Path, models: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.tiny", "index", str(pictures), "--model", "tiny", "--gallery", str(place)]
    environment = {**os.environ, "NITAKAO_MODELS": str(models)}
    return subprocess.Popen([*command, "--json", "-q"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> None:
    process.communicate()
    assert process.returncode == 0, "indexing did not go on after the kill"


def _told(out: str) -> dict[str, list[int]]:
    """The faces of each printed file; the last line may be incomplete."""
    lines = [json.loads(line) for line in out.splitlines(keepends=True) if line.endswith("\n")]
    return {one["file"]: one["faces"] for one in lines if "file" in one}


def _check(place: Path, told: dict[str, list[int]]) -> None:
    if not place.exists():
        assert not told
        return
    with closing(sqlite3.connect(place)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'faces'").fetchone():
            assert not told
            return
        assert database.execute(HALF).fetchone() == (0, 0, 0, 0)
    with GalleryStore(place) as gallery:
        there: dict[str, list[int]] = {}
        for kept in faces.stream(gallery):
            there.setdefault(kept.path, []).append(kept.id)
        lost = [path for path, numbers in told.items() if sorted(there.get(path, [])) != sorted(numbers)]
        assert not lost, f"{len(lost)} photographs that were told are lost: {lost[:3]}"


def _finish(place: Path, pictures: Path, models: Path, whole: list[tuple[str, int, bytes]]) -> None:
    ended(_start(place, pictures, models))
    assert content(place) == whole, "the content is not that of an undisturbed gallery"


def content(place: Path) -> list[tuple[str, int, bytes]]:
    """Path, number and vector of every face, to four decimals: the order in a batch changes the last digits."""
    with GalleryStore(place) as gallery:
        kept = list(faces.stream(gallery))
        vectors = np.round(faces.vectors(gallery, [one.id for one in kept]), 4) + 0.0  # no -0.0
    return sorted((one.path, one.number, row.tobytes()) for one, row in zip(kept, vectors, strict=True))


if __name__ == "__main__":
    main()
