"""Column types: paths in any bytes, bytes with a checksum, vectors as each database keeps them best.

SQLite notices damage to its own structures, not to what a row says, and vectors and chips are nearly all of a gallery.
So their bytes end with a CRC-32 that is held against them whenever they are read.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, LargeBinary, func
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from nitakao.errors import GalleryDamagedError
from nitakao.values import Floats

SEAL = 4  # bytes of a checksum
DAMAGED = "a gallery is damaged: bytes in it are not those that were written"


class PathBytes(TypeDecorator[str]):
    """A path as its bytes: file names need not be text in any encoding, and text columns take text only."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else path_bytes(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        if value is not None and not isinstance(value, bytes):  # SQLite keeps whatever damage makes of it
            raise GalleryDamagedError(DAMAGED)
        return None if value is None else value.decode("utf-8", "surrogateescape")


def path_bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


class Sealed(TypeDecorator[bytes]):
    """Bytes that are known to be those that were written: a checksum ends what is stored, and reading takes it off."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else seal(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        return None if value is None else unseal(value)


def seal(data: bytes) -> bytes:
    """The bytes and their CRC-32, little-endian."""
    return data + zlib.crc32(data).to_bytes(SEAL, "little")


def unseal(data: Any) -> bytes:
    """The bytes that were sealed. Raises GalleryDamagedError where they are others now."""
    if isinstance(data, bytes) and len(data) >= SEAL:
        content = data[:-SEAL]
        if zlib.crc32(content).to_bytes(SEAL, "little") == data[-SEAL:]:
            return content
    raise GalleryDamagedError(DAMAGED)


class Vector(TypeDecorator[Floats]):
    """A vector: sealed little-endian float32 bytes in SQLite, pgvector's `vector` in PostgreSQL."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(PgVector() if dialect.name == "postgresql" else LargeBinary())

    def process_bind_param(self, value: Floats | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return seal(packed(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> Floats | None:
        if value is None:
            return None
        return value if dialect.name == "postgresql" else unpacked(unseal(value))


class PgVector(UserDefinedType[Any]):
    """pgvector's `vector`: written as the arrays that its own adapter takes, read as it sends itself to a client.

    Asked for as text, as psycopg asks for all, 128 numbers took 55 microseconds to read; so they take 3.
    """

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "VECTOR"

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.vector_send(column, type_=self)

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        return received


def packed(numbers: Floats) -> bytes:
    """Little-endian float32 bytes."""
    return np.ascontiguousarray(numbers, "<f4").tobytes()


def unpacked(data: bytes) -> Floats:
    """(n,) float32 of little-endian bytes; read-only."""
    return np.frombuffer(data, "<f4").astype(np.float32, copy=False)


def received(data: bytes | None) -> Floats | None:
    """(n,) float32 of what pgvector's vector_send gives: two 16-bit numbers, then the vector, all big-endian."""
    return None if data is None else np.frombuffer(data, ">f4", offset=4).astype(np.float32)
