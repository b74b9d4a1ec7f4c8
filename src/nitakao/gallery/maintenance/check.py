"""Checks a gallery for damage."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from sqlalchemy import Connection, ForeignKey, Table, func, select

from nitakao.errors import GalleryError
from nitakao.gallery import schema
from nitakao.gallery.columns import unpack
from nitakao.gallery.maintenance.salvage import read_rows
from nitakao.gallery.search.open import searcher
from nitakao.gallery.store import GalleryStore
from nitakao.values import Check

RowCheck = Callable[[Mapping[str, Any]], str]

MAX_LISTED = 3  # invalid rows listed


def check(gallery: GalleryStore) -> Iterator[Check]:
    """Check the structure, every row, references and the index, one after the other; changes nothing."""
    yield _structure(gallery)
    complaining = row_checks(gallery.dimension)
    for table in schema.metadata.sorted_tables:
        yield _rows(gallery, table, complaining.get(table.name, lambda row: ""))
    yield _references(gallery)
    yield _without_vector(gallery)
    yield _index(gallery)


def _structure(gallery: GalleryStore) -> Check:
    try:
        with gallery.read() as connection:
            said = gallery.backend.damage(connection)
            found = gallery.backend.damage_detection(connection)
    except GalleryError as error:
        said, found = str(error), ""
    return Check("structure", not said, said or found)


def _rows(gallery: GalleryStore, table: Table, complaint: RowCheck) -> Check:
    lost: list[int] = []
    wrong: list[str] = []
    read = 0
    try:
        with gallery.read() as connection:
            for part in read_rows(connection, table, lost.append):
                read += len(part)
                wrong.extend(said for row in part if (said := complaint(row)))
    except GalleryError as error:
        return Check(table.name, False, str(error))
    told = [f"{len(lost)} cannot be read"] if lost else []
    told += (
        [f"{len(wrong)} wrong ({'; '.join(wrong[:MAX_LISTED])}{'; ...' if wrong[MAX_LISTED:] else ''})"]
        if wrong
        else []
    )
    return Check(table.name, not told, ", ".join([f"{read} rows read", *told]))


def row_checks(dimension: int) -> dict[str, RowCheck]:
    """For each table a function that describes what is wrong with a row; '' if nothing."""
    vectors, of_face_api = _Vectors(dimension, "face"), _Vectors(dimension, "uuid")
    told: dict[str, RowCheck] = {"vectors": vectors, "chips": _chip, "faces": _face, "photos": _photo}
    return told | {"face_ids": of_face_api, "container_faces": of_face_api}


class _Vectors:
    def __init__(self, dimension: int, named: str) -> None:
        self.dimension = dimension
        self.named = named  # the column with the face's id

    def __call__(self, row: Mapping[str, Any]) -> str:
        vector, face = row["vector"], row[self.named]
        if len(vector) != self.dimension:
            return f"face {face} has {len(vector)} numbers, not {self.dimension}"
        if not np.isfinite(vector).all():
            return f"face {face} has numbers that are not finite"
        return "" if vector.any() else f"face {face} has nothing but zeros"


def _chip(row: Mapping[str, Any]) -> str:
    whole = row["jpeg"].startswith(b"\xff\xd8\xff") and row["jpeg"].endswith(b"\xff\xd9")
    if not whole:
        return f"the chip of face {row['face']} is no JPEG"
    return "" if row["x1"] < row["x2"] and row["y1"] < row["y2"] else f"the chip of face {row['face']} shows nothing"


def _face(row: Mapping[str, Any]) -> str:
    numbers = [row[key] for key in ("x1", "y1", "x2", "y2", "score")]
    if not all(math.isfinite(n) for n in numbers) or not (row["x1"] < row["x2"] and row["y1"] < row["y2"]):
        return f"face {row['id']} has the box {numbers[:4]}"
    if row["landmarks"] is not None:
        marks = unpack(row["landmarks"]) if len(row["landmarks"]) % 4 == 0 else np.empty(0, np.float32)
        if marks.shape != (10,) or not np.isfinite(marks).all():
            return f"face {row['id']} has landmarks that are none"
    return ""


def _photo(row: Mapping[str, Any]) -> str:
    if not re.fullmatch("[0-9a-f]{64}", row["sha256"]):
        return f"photograph {row['id']} has the sha256 '{row['sha256']}'"
    return "" if row["width"] >= 0 and row["height"] >= 0 else f"photograph {row['id']} has a size below zero"


def _references(gallery: GalleryStore) -> Check:
    said = []
    try:
        with gallery.read() as connection:
            for key in foreign_keys():
                if count := _orphans(connection, key):
                    said.append(f"{count} rows of {key.parent.table.name} whose {key.parent.name} is gone")
    except GalleryError as error:
        said.append(str(error))
    return Check("references", not said, ", ".join(said) or "every row that is spoken of is there")


def foreign_keys() -> list[ForeignKey]:
    """All foreign keys."""
    tables = schema.metadata.sorted_tables
    return sorted((key for table in tables for key in table.foreign_keys), key=lambda key: str(key.parent))


def _orphans(connection: Connection, key: ForeignKey) -> int:
    parent = key.column.table.alias()
    there = select(parent.c.id).where(parent.c.id == key.parent).exists()
    asked = select(func.count()).select_from(key.parent.table).where(key.parent.is_not(None), ~there)
    return int(connection.execute(asked).scalar_one())


def _without_vector(gallery: GalleryStore) -> Check:
    there = select(schema.vectors.c.face).where(schema.vectors.c.face == schema.faces.c.id).exists()
    try:
        with gallery.read() as connection:
            count = connection.execute(select(func.count()).select_from(schema.faces).where(~there)).scalar_one()
    except GalleryError as error:
        return Check("faces with a vector", False, str(error))
    return Check("faces with a vector", not count, f"{count} have none" if count else "all")


def _index(gallery: GalleryStore) -> Check:
    """A damaged index is rebuilt automatically, so it does not fail the check."""
    try:
        if damage := searcher(gallery).damage():
            return Check("search index", False, f"damaged ({damage}): the next search rebuilds it", needed=False)
        state = searcher(gallery).state()
    except GalleryError as error:
        return Check("search index", False, str(error))
    told = "none yet: every face is looked at" if state.kind == "none" else f"{state.kind}, {state.rows} faces"
    return Check("search index", True, f"{told}, {state.tail} newer" if state.tail and state.rows else told)
