"""Keys to the server: who may ask it, and for what. Only a key's hash is kept, so that nobody can read it back.

A key has 256 bits of chance, which no list of guesses reaches, so one round of SHA-256 keeps it as well as a slow hash
would; slow hashes are for passwords.
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

Role = Literal["read", "write", "admin"]  # each may what those before it may

PREFIX = "nk_"  # so that scanners for leaked secrets know what they have found
MAX_NAME_LENGTH = 200  # characters


@dataclass(frozen=True)
class ApiKey:
    """One key, as it may be shown.  created, revoked: seconds since 1970; revoked: None while it opens anything."""

    id: int
    name: str
    role: Role
    created: float
    revoked: float | None = None


def create(gallery: GalleryStore, name: str, role: Role = "read") -> tuple[ApiKey, str]:
    """A new key, and its secret, which is kept nowhere."""
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
    """Every key there is and was, the oldest first."""
    with gallery.read() as connection:
        return [_key(row) for row in connection.execute(select(schema.keys).order_by(schema.keys.c.id))]


def active_keys(gallery: GalleryStore) -> dict[str, ApiKey]:
    """The keys that open anything, by the digests of their secrets."""
    with gallery.read() as connection:
        rows = connection.execute(select(schema.keys).where(schema.keys.c.revoked.is_(None)))
        return {str(row.digest): _key(row) for row in rows}


def revoke(gallery: GalleryStore, number: int) -> ApiKey:
    """The key, which opens nothing any more. Raises MisuseError where there is none such."""
    table = schema.keys
    with gallery.write("key") as connection:
        change = update(table).where(table.c.id == number, table.c.revoked.is_(None)).values(revoked=time.time())
        connection.execute(change)
        row = connection.execute(select(table).where(table.c.id == number)).first()
    if row is None:
        raise MisuseError(f"there is no key {number}: 'nitakao serve keys list' shows them")
    return _key(row)


def digest(secret: str) -> str:
    """64 hex digits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(int(row.id), str(row.name), cast(Role, row.role), float(row.created), row.revoked)
