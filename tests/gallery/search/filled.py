"""Galleries with many vectors, and the answer that a search of them must give."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from sqlalchemy import delete, insert, select
from tests.fakes import CARD

from nitakao.gallery import GalleryStore, schema
from nitakao.gallery.search.build import Limits
from nitakao.values import Metric

DIMENSION = CARD.dimension
ALL_ROWS = Limits(least=20)  # any test's gallery is small enough for the matrix
CELLS = Limits(least=20, matrix=0)


def gallery(path: Path, vectors: np.ndarray, metric: Metric = "euclidean") -> GalleryStore:
    """A gallery with these vectors (n, 16); their faces are numbered from 1."""
    made = GalleryStore(path, card=replace(CARD, metric=metric))
    add(made, vectors)
    return made


def add(gallery: GalleryStore, vectors: np.ndarray) -> None:
    """One more photograph with a face for each vector."""
    with gallery.write("made") as connection:
        count = len(connection.execute(select(schema.photos.c.id)).all())
        photo = {"sha256": f"{count:064}", "video": False, "width": 1, "height": 1}
        photo |= {"problem": "", "detector": "", "indexed": 0.0}
        number = connection.execute(insert(schema.photos).values(photo).returning(schema.photos.c.id)).scalar_one()
        face = {"photo": number, "x1": 0.0, "y1": 0.0, "x2": 1.0, "y2": 1.0, "score": 1.0, "turn": 0}
        rows = [{**face, "number": n} for n in range(len(vectors))]
        if rows:
            connection.execute(insert(schema.faces), rows)
            asked = select(schema.faces.c.id).where(schema.faces.c.photo == number).order_by(schema.faces.c.number)
            ids = connection.execute(asked).scalars().all()
            found = [{"face": i, "vector": v.astype(np.float32)} for i, v in zip(ids, vectors, strict=True)]
            connection.execute(insert(schema.vectors), found)


def remove(gallery: GalleryStore, ids: Iterable[int]) -> None:
    with gallery.write("made") as connection:
        connection.execute(delete(schema.faces).where(schema.faces.c.id.in_([int(i) for i in ids])))


def people(count: int, seed: int = 0, each: int = 5) -> np.ndarray:
    """(count, 16) float32 of unit length: people of `each` faces, as near to each other as real ones are."""
    draw = np.random.default_rng(seed)
    means = np.repeat(draw.normal(size=(count // each + 1, DIMENSION)), each, axis=0)[:count]
    found = means + 0.3 * draw.normal(size=(count, DIMENSION))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def nearest(
    vectors: np.ndarray, queries: np.ndarray, k: int, metric: str = "euclidean", ids: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Brute force in double precision: numbers and distances (q, k), ties by number; -1 and infinity past the end.

    ids: the faces' numbers, ascending; from 1 where they are left out.
    """
    ids = np.arange(1, len(vectors) + 1) if ids is None else ids
    found, distances = np.full((len(queries), k), -1), np.full((len(queries), k), np.inf)
    exact = vectors.astype(np.float64)
    for row, query in enumerate(queries.astype(np.float64)):
        if metric == "euclidean":
            far = np.linalg.norm(exact - query, axis=1)
        else:
            far = 1 - exact @ query / (np.linalg.norm(exact, axis=1) * np.linalg.norm(query))
        order = np.lexsort((ids, far))[:k]
        found[row, : len(order)], distances[row, : len(order)] = ids[order], far[order]
    return found, distances
