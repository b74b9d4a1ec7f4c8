"""Column types: paths in any bytes, vectors as each database keeps them best."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import LargeBinary
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from nitakao.errors import MissingExtraError
from nitakao.values import Floats


class PathBytes(TypeDecorator[str]):
    """A path as its bytes: file names need not be text in any encoding, and text columns take text only."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else path_bytes(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else bytes(value).decode("utf-8", "surrogateescape")


def path_bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


class Vector(TypeDecorator[Floats]):
    """A vector: little-endian float32 bytes in SQLite, pgvector's `vector` in PostgreSQL."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name != "postgresql":
            return dialect.type_descriptor(LargeBinary())
        try:
            from pgvector.sqlalchemy import VECTOR
        except ImportError:
            raise MissingExtraError("a gallery on PostgreSQL", "postgres") from None
        found: TypeEngine[Any] = dialect.type_descriptor(VECTOR())
        return found

    def process_bind_param(self, value: Floats | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return packed(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Floats | None:
        if value is None:
            return None
        return np.asarray(value, np.float32) if dialect.name == "postgresql" else unpacked(value)


def packed(numbers: Floats) -> bytes:
    """Little-endian float32 bytes."""
    return np.ascontiguousarray(numbers, "<f4").tobytes()


def unpacked(data: bytes) -> Floats:
    """(n,) float32 of little-endian bytes; read-only."""
    return np.frombuffer(data, "<f4").astype(np.float32, copy=False)
