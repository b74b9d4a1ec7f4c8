"""Keys to the server: who may ask it, and for what. Only the hash of a key is stored.

A key has 256 random bits and cannot be guessed, so SHA-256 protects it as well as a slow password hash would.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from sqlalchemy import Row, insert, select, update

from nitakao.errors import MisuseError
from nitakao.gallery import schema
from nitakao.gallery.store import GalleryStore

Role = Literal["read", "write", "admin"]  # each includes those before it

PREFIX = "nk_"  # recognised by scanners for leaked secrets
MAX_NAME_LENGTH = 200  # characters


@dataclass(frozen=True)
class ApiKey:
    """An access key without its secret.  created, revoked: seconds since 1970; revoked: None while it is active."""

    id: int
    name: str
    role: Role
    created: float
    revoked: float | None = None


def create(gallery: GalleryStore, name: str, role: Role = "read") -> tuple[ApiKey, str]:
    """Create a key; returns it with its secret, which is not stored."""
    name = name.strip()
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise MisuseError(f"a key's name is 1 to {MAX_NAME_LENGTH} letters that can be shown: say whose it is")
    if role not in get_args(Role):
        raise MisuseError(f"no role '{role}': choose one of {', '.join(get_args(Role))}")
    secret, now = PREFIX + secrets.token_urlsafe(32), time.time()
    values = {"name": name, "role": role, "digest": digest(secret), "created": now}
    with gallery.write("key") as connection:
        made = connection.execute(insert(schema.keys).values(values).returning(schema.keys.c.id)).scalar_one()
    return ApiKey(int(made), name, role, now), secret


def keys(gallery: GalleryStore) -> list[ApiKey]:
    """All active and revoked keys, oldest first."""
    with gallery.read() as connection:
        return [_key(row) for row in connection.execute(select(schema.keys).order_by(schema.keys.c.id))]


def active_keys(gallery: GalleryStore) -> dict[str, ApiKey]:
    """The active keys, by the digests of their secrets."""
    with gallery.read() as connection:
        rows = connection.execute(select(schema.keys).where(schema.keys.c.revoked.is_(None)))
        return {str(row.digest): _key(row) for row in rows}


def revoke(gallery: GalleryStore, number: int) -> ApiKey:
    """Revoke a key. Raises MisuseError if there is no such key."""
    table = schema.keys
    with gallery.write("key") as connection:
        change = update(table).where(table.c.id == number, table.c.revoked.is_(None)).values(revoked=time.time())
        connection.execute(change)
        row = connection.execute(select(table).where(table.c.id == number)).first()
    if row is None:
        raise MisuseError(f"there is no key {number}: 'nitakao serve keys list' shows them")
    return _key(row)


def digest(secret: str) -> str:
    """The SHA-256 of a secret, 64 hex digits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(int(row.id), str(row.name), cast(Role, row.role), float(row.created), row.revoked)
