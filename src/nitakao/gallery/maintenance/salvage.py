"""Reads the readable rows of damaged tables, and counts the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from sqlalchemy import (
    Boolean,
    Connection,
    Double,
    Integer,
    LargeBinary,
    RowMapping,
    Table,
    literal_column,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from nitakao.errors import GalleryDamagedError
from nitakao.gallery.columns import Checksummed, PathBytes, Vector

BLOCK = 500  # rows read at a time
MAX_ROWID = 1 << 40  # number of a row that is believed: more than any gallery has
PROBES = 256  # places where a table is tried before it is given up
UNREADABLE = (DBAPIError, GalleryDamagedError, TypeError, ValueError, OverflowError)

Rows: TypeAlias = "list[dict[str, Any]]"
CountLost: TypeAlias = Callable[[int], None]


def read_rows(connection: Connection, table: Table, lost: CountLost) -> Iterator[Rows]:
    """The rows of a table in blocks; calls `lost` with the number of unreadable rows.

    SQLite skips unreadable rows; in PostgreSQL the first one raises DBAPIError.
    """
    if connection.dialect.name == "postgresql":
        asked = connection.execution_options(yield_per=BLOCK).execute(select(table))
        yield from (_plain(part) for part in asked.mappings().partitions())
        return
    last, end = 0, _end(connection, table)
    if end is None or not _legible(connection, table, end):
        lost(end or 1)
        return
    while last < end:
        try:
            rows, reached = _after(connection, table, last)
        except UNREADABLE:
            reached = min(last + BLOCK, end)
            rows = _between(connection, table, last + 1, reached, lost)
        if rows:
            yield rows
        last = reached if reached > last else end


def _after(connection: Connection, table: Table, last: int) -> tuple[Rows, int]:
    """The next rows, and the rowid of the last; 0 if there are no more."""
    asked = (
        select(table, literal_column("rowid").label("here"))
        .where(text("rowid > :last"))
        .order_by(text("rowid"))
        .limit(BLOCK)
    )
    rows = _plain(connection.execute(asked, {"last": last}).mappings())
    if not all(has_valid_types(row, table) for row in rows):
        raise GalleryDamagedError("a row holds what its columns cannot")
    return rows, int(rows[-1]["here"]) if rows else 0


def _between(connection: Connection, table: Table, first: int, last: int, lost: CountLost) -> Rows:
    """The rows from `first` to `last`; bisects if they cannot be read together."""
    asked = select(table).where(text("rowid BETWEEN :first AND :last")).order_by(text("rowid"))
    try:
        rows = _plain(connection.execute(asked, {"first": first, "last": last}).mappings())
        if all(has_valid_types(row, table) for row in rows):
            return rows
    except UNREADABLE:
        pass
    if first == last:
        lost(1)
        return []
    middle = (first + last) // 2
    return _between(connection, table, first, middle, lost) + _between(connection, table, middle + 1, last, lost)


def _plain(rows: Iterable[RowMapping]) -> Rows:
    return [{str(key): value for key, value in row.items()} for row in rows]


def _end(connection: Connection, table: Table) -> int | None:
    """The largest rowid, or an upper bound if it is unreadable."""
    for asked in (f"SELECT max(rowid) FROM {_quoted(connection, table)}", "SELECT max(seq) FROM sqlite_sequence"):
        try:
            found = int(connection.exec_driver_sql(asked).scalar() or 0)
        except UNREADABLE:
            continue
        if 0 <= found < MAX_ROWID:
            return found
    return None


def _legible(connection: Connection, table: Table, end: int) -> bool:
    """Whether any row is readable; if the root page is damaged, none is."""
    for at in range(1, end + 1, max(1, end // PROBES)):
        try:
            connection.exec_driver_sql(f"SELECT 1 FROM {_quoted(connection, table)} WHERE rowid = ?", (at,)).all()
        except UNREADABLE:
            continue
        return True
    return not end


def _quoted(connection: Connection, table: Table) -> str:
    return connection.dialect.identifier_preparer.format_table(table)


def has_valid_types(row: Mapping[str, Any], table: Table) -> bool:
    """Whether each value has its column's type: SQLite stores any type, so damage can produce any."""
    return all(_fits(row[column.name], column.type, bool(column.nullable)) for column in table.columns)


def _fits(value: Any, kind: TypeEngine[Any], nullable: bool) -> bool:
    if value is None:
        return nullable
    return isinstance(value, _python(kind))


def _python(kind: TypeEngine[Any]) -> type | tuple[type, ...]:
    if isinstance(kind, Vector):
        return np.ndarray
    if isinstance(kind, PathBytes):
        return str
    if isinstance(kind, Boolean):
        return bool
    if isinstance(kind, Double):
        return (float, int)
    if isinstance(kind, Integer):
        return int
    return bytes if isinstance(kind, (LargeBinary, Checksummed)) else str
