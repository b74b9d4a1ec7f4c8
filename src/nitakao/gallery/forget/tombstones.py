"""Keyed hashes of photographs that must not be indexed again; they reveal nothing without the key."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from sqlalchemy import Connection, select

from nitakao.gallery import schema
from nitakao.gallery.faces import CHUNK
from nitakao.gallery.store import GalleryStore


def digest(key: bytes, sha256: str) -> bytes:
    """(32,) bytes: HMAC-SHA256, under the gallery's key, of the content's sha256 as lower-case hex."""
    return hmac.digest(key, sha256.encode("ascii"), "sha256")


def tombstoned(connection: Connection, key: bytes, contents: Iterable[str]) -> set[str]:
    """Those of these contents, by sha256, that have a tombstone."""
    digests = {digest(key, sha): sha for sha in contents if sha}
    column, listed = schema.tombstones.c.digest, list(digests)
    found: set[str] = set()
    for start in range(0, len(listed), CHUNK):
        asked = select(column).where(column.in_(listed[start : start + CHUNK]))
        found.update(digests[bytes(one)] for one in connection.execute(asked).scalars())
    return found


def is_tombstoned(gallery: GalleryStore, sha256: str) -> bool:
    """Whether this content has a tombstone."""
    with gallery.read() as connection:
        return bool(tombstoned(connection, gallery.key, [sha256]))
