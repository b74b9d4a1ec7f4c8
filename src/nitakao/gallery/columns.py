"""Column types: paths as bytes, bytes with a checksum, and vectors in each database's own form.

SQLite detects damage to its structures, but not to the values of rows. Vectors and chips are nearly all of a gallery,
so their bytes end with a CRC-32 that every read verifies.
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

CHECKSUM_BYTES = 4
DAMAGED = "a gallery is damaged: a checksum does not match"


class PathBytes(TypeDecorator[str]):
    """A path as bytes: file names need not be text in any encoding, and text columns hold only text."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else path_bytes(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        if value is not None and not isinstance(value, bytes):  # SQLite returns any type that damage has produced
            raise GalleryDamagedError(DAMAGED)
        return None if value is None else value.decode("utf-8", "surrogateescape")


def path_bytes(path: str) -> bytes:
    """The path as stored in `PathBytes` columns."""
    return path.encode("utf-8", "surrogateescape")


class Checksummed(TypeDecorator[bytes]):
    """Bytes stored with a checksum, which is verified and removed when they are read."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else add_checksum(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        return None if value is None else verify_checksum(value)


def add_checksum(data: bytes) -> bytes:
    """The bytes followed by their CRC-32, little-endian."""
    return data + zlib.crc32(data).to_bytes(CHECKSUM_BYTES, "little")


def verify_checksum(data: Any) -> bytes:
    """The bytes without their checksum.

    Raises:
        GalleryDamagedError: If the checksum does not match.
    """
    if isinstance(data, bytes) and len(data) >= CHECKSUM_BYTES:
        content = data[:-CHECKSUM_BYTES]
        if zlib.crc32(content).to_bytes(CHECKSUM_BYTES, "little") == data[-CHECKSUM_BYTES:]:
            return content
    raise GalleryDamagedError(DAMAGED)


class Vector(TypeDecorator[Floats]):
    """A vector: little-endian float32 bytes with a checksum in SQLite, pgvector's `vector` in PostgreSQL."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(PgVector() if dialect.name == "postgresql" else LargeBinary())

    def process_bind_param(self, value: Floats | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return add_checksum(pack(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> Floats | None:
        if value is None:
            return None
        return value if dialect.name == "postgresql" else unpack(verify_checksum(value))


class PgVector(UserDefinedType[Any]):
    """pgvector's `vector`: written through its own adapter, read in its binary form.

    psycopg reads every type as text by default: 55 microseconds for 128 numbers, against 3 in binary.
    """

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "VECTOR"

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.vector_send(column, type_=self)

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        return unpack_pgvector


def pack(numbers: Floats) -> bytes:
    """Little-endian float32 bytes."""
    return np.ascontiguousarray(numbers, "<f4").tobytes()


def unpack(data: bytes) -> Floats:
    """(n,) float32 from little-endian bytes; read-only."""
    return np.frombuffer(data, "<f4").astype(np.float32, copy=False)


def unpack_pgvector(data: bytes | None) -> Floats | None:
    """(n,) float32 from pgvector's vector_send: two 16-bit numbers, then the vector, all big-endian."""
    return None if data is None else np.frombuffer(data, ">f4", offset=4).astype(np.float32)
