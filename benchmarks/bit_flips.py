"""Flip single bits in a gallery or its search index: check that damage is detected and no result is wrong.

    python -m benchmarks.bit_flips --flips 200

In the index, a search must return the right result and report that the damaged index is rebuilt. In the database,
opening, searching or `nitakao gallery check` must report it, or all content must be unchanged (SQLite files have unused
space).
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sqlalchemy import select
from tests.fakes import CARD
from tests.gallery import made
from tests.gallery.search import filled

from nitakao.errors import GalleryError
from nitakao.gallery import GalleryStore, schema
from nitakao.gallery.maintenance import check, compact
from nitakao.gallery.search.sqlite import SqliteSearcher

PHOTOS = 100  # of the gallery with a damaged database, two faces each
FACES = 3000  # of the gallery with a damaged index
QUERIES = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--flips", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as folder:
        found = {
            "index, all rows": indexes(Path(folder) / "rows", given.flips, chance, filled.ALL_ROWS),
            "index, cells": indexes(Path(folder) / "cells", given.flips, chance, filled.CELLS),
            "database": databases(Path(folder) / "database", given.flips, chance),
        }
    print(json.dumps(found, indent=1))


def flip(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def indexes(folder: Path, flips: int, chance: random.Random, limits: object) -> dict[str, int]:
    folder.mkdir()
    vectors = filled.people(FACES)
    queries = filled.people(QUERIES, seed=9)
    with filled.gallery(folder / "family.db", vectors) as gallery:
        SqliteSearcher(gallery, limits=limits).rebuild()  # type: ignore[arg-type]
        seen: Counter[str] = Counter()
        for _ in range(flips):
            files = [path for path in sorted(Path(f"{gallery.location}-index").iterdir()) if path.name != "lock"]
            flip(chance.choices(files, [path.stat().st_size for path in files])[0], chance)
            said: list[str] = []
            searcher = SqliteSearcher(gallery, limits=limits, notice=said.append)  # type: ignore[arg-type]
            ids, _ = searcher.search(queries, 5)
            searcher.close()
            seen["noticed"] += any("damaged" in line for line in said)
            seen["right answers"] += bool(np.array_equal(ids, filled.nearest(vectors, queries, 5)[0]))
    return {"flips": flips, **seen}


def databases(folder: Path, flips: int, chance: random.Random) -> dict[str, int]:
    folder.mkdir()
    whole = folder / "whole.db"
    with GalleryStore(whole, card=CARD) as gallery:
        for number in range(PHOTOS):
            ada, _ = made.photograph(gallery, f"photos/{number}.jpg", "ada", "bob")
        made.person(gallery, "Ada", ada)
        compact.compact(gallery)
    before, seen = content(whole), Counter[str]()
    for _ in range(flips):
        copy = Path(shutil.copy(whole, folder / "copy.db"))
        flip(copy, chance)
        seen[_became(copy, lambda copy=copy: content(copy) == before)] += 1
        for left in folder.glob("copy.db*"):
            left.unlink()
    return {"flips": flips, **seen}


def _became(path: Path, same: Callable[[], bool]) -> str:
    try:
        with GalleryStore(path) as gallery:
            if any(not check.ok for check in check.check(gallery)):
                return "said by check"
        return "nothing lay there" if same() else "unnoticed"
    except GalleryError:
        return "said when opened or read"


def content(path: Path) -> list[list[str]]:
    """All rows of all tables."""
    with GalleryStore(path) as gallery, gallery.read() as connection:
        tables = schema.metadata.sorted_tables
        return [sorted(repr(_plain(row)) for row in connection.execute(select(table))) for table in tables]


def _plain(row: object) -> list[object]:
    return [cell.tobytes() if isinstance(cell, np.ndarray) else cell for cell in row]  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
