"""Authentication: by access key or session cookie; without any keys, everyone on this machine is admin."""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import get_args

from fastapi import Request
from starlette.requests import cookie_parser

from nitakao.gallery import api_keys
from nitakao.gallery.api_keys import ApiKey, Role
from nitakao.server.problems import ProblemError
from nitakao.server.service import Service

COOKIE = "nitakao_session"
SESSION_SECONDS = 7 * 86400.0
KEYS_SECONDS = 1.0  # keys are cached this long, so a revoked key stops working within one second
HEADERS = ("x-api-key", "ocp-apim-subscription-key")  # nitakao's, and that of Face API clients


@dataclass(frozen=True)
class Caller:
    """Who sends a request.

    Attributes:
        role: None if the caller may do nothing.
        key: Id of the access key; None without keys.
        name: Name of the access key; empty without keys.
    """

    role: Role | None
    key: int | None = None
    name: str = ""

    @property
    def journal_name(self) -> str:
        """Name for the journal; empty without keys: the journal then names the user who runs the server."""
        return "" if self.key is None else f"{self.name} (key {self.key})"

    def has_role(self, role: Role) -> bool:
        roles = get_args(Role)
        return self.role is not None and roles.index(self.role) >= roles.index(role)


class Keyring:
    """The gallery's active access keys, cached for one second."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._by_digest: dict[str, ApiKey] = {}
        self._read = -KEYS_SECONDS

    def read(self) -> None:
        if time.monotonic() - self._read < KEYS_SECONDS:
            return
        self._by_digest = api_keys.active_keys(self.service.gallery)
        self._read = time.monotonic()

    @property
    def is_stale(self) -> bool:
        return time.monotonic() - self._read >= KEYS_SECONDS

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """The caller with these headers (lower-case names)."""
        if not self._by_digest and not self.service.settings.is_open:
            return Caller("admin")
        if (secret := key_in(headers)) is not None:
            key = self._by_digest.get(api_keys.digest(secret))
            return _caller_with(key)
        number = self._key_of_session(cookie_parser(headers.get("cookie", "")).get(COOKIE, ""))
        key = next((key for key in self._by_digest.values() if key.id == number), None)
        return _caller_with(key)

    @property
    def is_required(self) -> bool:
        """Whether callers need an access key."""
        return bool(self._by_digest) or self.service.settings.is_open

    def session(self, secret: str) -> tuple[str, Caller]:
        """The cookie of a new session, and its caller. Raises ProblemError for an unknown key."""
        key = self._by_digest.get(api_keys.digest(secret))
        if key is None:
            raise key_required()
        payload = f"{key.id}.{int(time.time() + SESSION_SECONDS)}"
        return f"{payload}.{self._sign(payload)}", _caller_with(key)

    def _key_of_session(self, cookie: str) -> int | None:
        payload, _, signature = cookie.rpartition(".")
        number, _, expires = payload.partition(".")
        if not (
            number.isdecimal()
            and expires.isdecimal()
            and hmac.compare_digest(signature.encode(), self._sign(payload).encode())
        ):
            return None
        return int(number) if int(expires) > time.time() else None

    def _sign(self, payload: str) -> str:
        return hmac.new(self.service.gallery.key, b"session " + payload.encode(), sha256).hexdigest()


def _caller_with(key: ApiKey | None) -> Caller:
    return Caller(None) if key is None else Caller(key.role, key.id, key.name)


def key_in(headers: Mapping[str, str]) -> str | None:
    """The access key in a request's headers, None if there is none."""
    for name in HEADERS:
        if name in headers:
            return headers[name].strip()
    kind, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else None


def key_required() -> ProblemError:
    return ProblemError(
        401,
        "key-required",
        "an access key is required: send 'Authorization: Bearer KEY'; 'nitakao serve keys create' creates one",
        {"WWW-Authenticate": "Bearer"},
    )


def keyring(request: Request) -> Keyring:
    """The server's access keys."""
    keys: Keyring = request.scope["state"]["keyring"]
    return keys


def caller(request: Request) -> Caller:
    """Who sends the request; the guard has set it."""
    current: Caller = request.scope["state"]["caller"]
    return current


def require(role: Role) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency that returns the caller, or raises ProblemError unless the caller has this role."""

    async def dependency(request: Request) -> Caller:
        current = caller(request)
        if current.role is None:
            raise key_required()
        if not current.has_role(role):
            raise ProblemError(
                403,
                "role-too-low",
                f"this needs the role '{role}', and the access key has '{current.role}'",
                needed=role,
                role=current.role,
            )
        return current

    return dependency
