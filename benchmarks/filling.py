"""A gallery of any number of faces, written straight into its tables, as `index` would leave it but for the chips.

One file a photograph, and everybody in it a person with a name.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from faces import Floats, Numbers
from sqlalchemy import Connection, insert

from nitakao.gallery import Gallery, schema
from nitakao.values import ModelCard

AT_ONCE = 50_000  # faces in one transaction

Block = tuple[Numbers, Floats]  # whose each face is (n,), and vectors (n, D)


def fill(place: Path, card: ModelCard, blocks: Iterable[Block], together: int = 1) -> float:
    """Make a gallery of these faces, numbered from 1 on, `together` in a photograph; seconds that it took."""
    start = time.perf_counter()
    numbers, known = count(1), 0
    with Gallery(place, card=card) as gallery:
        for people, vectors in _cut(blocks):
            ids = [next(numbers) for _ in range(len(people))]
            with gallery.write("fill") as connection:
                newest = int(people.max()) + 1
                _people(connection, range(known, newest))
                known = max(known, newest)
                _faces(connection, ids, people.tolist(), vectors, together)
    return time.perf_counter() - start


def _cut(blocks: Iterable[Block]) -> Iterator[Block]:
    for people, vectors in blocks:
        for start in range(0, len(people), AT_ONCE):
            yield people[start : start + AT_ONCE], vectors[start : start + AT_ONCE]


def _people(connection: Connection, new: range) -> None:
    rows = [{"id": n + 1, "name": f"Person {n + 1}", "hidden": False, "created": 0.0} for n in new]
    if rows:
        connection.execute(insert(schema.people), rows)


def _faces(connection: Connection, ids: list[int], people: list[int], vectors: Floats, together: int) -> None:
    photo: dict[str, Any] = {"video": False, "width": 250, "height": 250, "problem": "", "detector": "", "indexed": 0.0}
    new = [n for n in ids if n % together == 1 % together]
    connection.execute(insert(schema.photos), [{"id": n, "sha256": f"{n:064x}", **photo} for n in new])
    file: dict[str, Any] = {"size": 1, "mtime_ns": 1, "problem": ""}
    paths = (f"/photos/{n // 1000:05}/{n:08}.jpg" for n in new)
    listed = [{"path": path, "photo": n, **file} for path, n in zip(paths, new, strict=True)]
    connection.execute(insert(schema.files), listed)
    face: dict[str, Any] = {"x1": 80.0, "y1": 80.0, "x2": 170.0, "y2": 170.0, "score": 1.0, "turn": 0}
    face |= {"quality": 0.5, "assigned": "group"}
    places = [(n, n - (n - 1) % together, (n - 1) % together) for n in ids]
    rows = [
        {"id": n, "photo": first, "number": number, "person": p + 1, **face}
        for (n, first, number), p in zip(places, people, strict=True)
    ]
    connection.execute(insert(schema.faces), rows)
    found = [{"face": n, "vector": v} for n, v in zip(ids, np.asarray(vectors, np.float32), strict=True)]
    connection.execute(insert(schema.vectors), found)
