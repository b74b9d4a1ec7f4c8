"""Memory of `nitakao index` over a long run.

    python benchmarks/index_memory.py FOLDER LFW --photographs 10000

Indexes LFW's pictures and their mirror images, which all differ, in one run of the command. Reports the median and the
maximum of resident and of anonymous memory for each thousand pictures.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import cv2

STEP = 1000
PAUSE = 0.1  # seconds between samples


def photographs(folder: Path, lfw: Path, count: int) -> None:
    """The pictures, then mirrored ones."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = sorted(lfw.glob("*/*.jpg"))
    for number in range(min(count, 2 * len(pictures))):
        path = folder / f"{number:05}.jpg"
        if path.exists():
            continue
        turn, at = divmod(number, len(pictures))
        if turn:
            cv2.imwrite(str(path), cv2.imread(str(pictures[at]))[:, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
        else:
            path.write_bytes(pictures[at].read_bytes())


def measured(folder: Path, gallery: Path) -> list[dict[str, Any]]:
    command = ["nitakao", "index", str(folder), "--gallery", str(gallery), "--json", "-q"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    done, looks = [0], []

    def watch() -> None:
        while process.poll() is None:
            if found := _memory(process.pid):
                looks.append((done[0], *found))
            time.sleep(PAUSE)

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert process.stdout is not None
    for line in process.stdout:
        done[0] += "file" in json.loads(line)
    watcher.join()
    if process.wait():
        raise SystemExit("indexing failed")
    return [_step(looks, last) for last in range(STEP, done[0] + 1, STEP)]


def _memory(process: int) -> tuple[float, float] | None:
    """MB resident, and anonymous."""
    try:
        said = Path(f"/proc/{process}/status").read_text("ascii")
        resident, own = (int(re.findall(rf"{name}:\s*(\d+)", said)[0]) / 1024 for name in ("VmRSS", "RssAnon"))
    except (OSError, IndexError):  # the process has ended
        return None
    return resident, own


def _step(looks: list[tuple[int, float, float]], last: int) -> dict[str, Any]:
    resident = [look[1] for look in looks if last - STEP < look[0] <= last]
    own = [look[2] for look in looks if last - STEP < look[0] <= last]
    return {
        "photographs": last,
        "resident_mb": round(statistics.median(resident), 1),
        "most_mb": round(max(resident), 1),
        "anonymous_mb": round(statistics.median(own), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("lfw", type=Path)
    parser.add_argument("--photographs", type=int, default=10_000)
    given = parser.parse_args()
    photographs(given.folder / "pictures", given.lfw, given.photographs)
    for step in measured(given.folder / "pictures", given.folder / "lfw.db"):
        print(json.dumps(step), flush=True)


if __name__ == "__main__":
    main()
