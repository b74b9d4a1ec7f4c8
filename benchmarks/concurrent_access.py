"""Two processes write to one gallery while three read: check for errors and wrong results.

    python -m benchmarks.concurrent_access --seconds 60 [--postgres]

Runs the programs of tests/gallery/test_concurrency.py for longer. Readers check each result against exact distances and
check that they see complete photos only. At the end everything that a writer reported is in the gallery, and `check`
finds no problem.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes import CARD
from tests.gallery import made
from tests.gallery.postgres_server import Server
from tests.gallery.test_concurrency import READ, ROOT, WRITE, start

from nitakao.gallery import GalleryStore, faces
from nitakao.gallery.maintenance import check


@contextmanager
def place(postgres: bool) -> Iterator[str]:
    if not postgres:
        with tempfile.TemporaryDirectory() as folder:
            yield str(Path(folder) / "family.db")
        return
    server = Server()
    try:
        yield server.new()
    finally:
        server.close()


def measured(where: str, seconds: float) -> dict[str, object]:
    with GalleryStore(where, card=CARD) as gallery:
        for number in range(5):
            made.photograph(gallery, f"first/{number}.jpg", "ada", "bob")
    started = [start(WRITE, where, ROOT, name, seconds) for name in ("one", "two")]
    started += [start(READ, where, ROOT, name, seconds) for name in ("three", "four", "five")]
    said = [process.communicate() for process in started]
    told = {line for out, _ in said[:2] for line in out.split()}
    with GalleryStore(where) as gallery:
        there = {kept.path for kept in faces.stream(gallery)}
        faults = [check.name for check in check.check(gallery) if not check.ok]
    return {
        "photographs written": [len(out.split()) for out, _ in said[:2]],
        "times read": [int(out or 0) for out, _ in said[2:]],
        "errors": [error for _, error in said if error],
        "told and lost": len(told - there),
        "faults": faults,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--postgres", action="store_true")
    given = parser.parse_args()
    with place(given.postgres) as where:
        print(json.dumps(measured(where, given.seconds)))


if __name__ == "__main__":
    main()
