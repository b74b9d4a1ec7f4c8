"""How fast `nitakao index` rescans unchanged files.

    python -m benchmarks.rescan --files 50000

Creates small pictures that all differ, indexes them with a network of a millisecond (`tests.tiny`), then runs the
command repeatedly, and reports the time of the whole process and the time that the command reports.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tests import tiny

ROOT = Path(__file__).parents[1]
SIDE = 16  # px
IN_A_FOLDER = 1000
AGAIN = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--folder", type=Path, help="folder of the pictures and the gallery, to reuse")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measured(given.folder or Path(folder), given.files), indent=1))


def measured(folder: Path, files: int) -> dict[str, Any]:
    pictures(folder / "pictures", files)
    first = _run([sys.executable, "-m", "tests.tiny"], folder)
    again = [_run(["nitakao"], folder) for _ in range(AGAIN)]
    if any(one["unchanged"] != files for one in again):
        raise SystemExit(f"not everything was unchanged: {again}")
    seconds = statistics.median(one["seconds"] for one in again)
    return {
        "files": files,
        "first_seconds": first["seconds"],
        "again_seconds": [one["seconds"] for one in again],
        "files_per_second": files / seconds,
        "files_per_second_with_start": files / statistics.median(one["process_seconds"] for one in again),
    }


def pictures(folder: Path, count: int) -> None:
    draw = np.random.default_rng(1)
    for number in range(count):
        path = folder / f"{number // IN_A_FOLDER:03}" / f"{number:06}.png"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = draw.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
            pixels[0, 0, 0] = number % 2
            Image.fromarray(pixels).save(path, "PNG", compress_level=1)


def _run(program: list[str], folder: Path) -> dict[str, Any]:
    """The command's summary, and the seconds of the whole process."""
    models = tiny.model(folder / "models")
    command = [*program, "index", str(folder / "pictures"), "--model", "tiny", "--gallery", str(folder / "many.db")]
    start = time.perf_counter()
    done = subprocess.run(
        [*command, "--json", "-q"],
        cwd=ROOT,
        env={**os.environ, "NITAKAO_MODELS": str(models)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    seconds = time.perf_counter() - start
    summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**summary, "process_seconds": seconds}


if __name__ == "__main__":
    main()
