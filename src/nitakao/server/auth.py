"""Who calls: by a key, by a session that was opened with one, or anybody where nobody has made a key."""

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
SESSION = 7 * 86400.0  # seconds
FRESH = 1.0  # seconds for which the keys are remembered: a revoked one opens nothing after that
HEADERS = ("x-api-key", "ocp-apim-subscription-key")  # ours, and the one of Face API's clients


@dataclass(frozen=True)
class Caller:
    """role: None where the caller may do nothing.  key, name: the key's; None and '' where there are no keys."""

    role: Role | None
    key: int | None = None
    name: str = ""

    @property
    def called(self) -> str:
        """Who it is, for the journal; '' where anybody may call, who is then whoever runs the server."""
        return "" if self.key is None else f"{self.name} (key {self.key})"

    def may(self, role: Role) -> bool:
        roles = get_args(Role)
        return self.role is not None and roles.index(self.role) >= roles.index(role)


class Keyring:
    """The gallery's keys, remembered for a second."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._by_digest: dict[str, ApiKey] = {}
        self._read = -FRESH

    def read(self) -> None:
        if time.monotonic() - self._read < FRESH:
            return
        self._by_digest = api_keys.active_keys(self.service.gallery)
        self._read = time.monotonic()

    @property
    def is_stale(self) -> bool:
        return time.monotonic() - self._read >= FRESH

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """Who calls with these headers (lower-case names)."""
        if not self._by_digest and not self.service.settings.is_open:
            return Caller("admin")
        if (secret := given(headers)) is not None:
            key = self._by_digest.get(api_keys.digest(secret))
            return _of(key)
        number = self._session(cookie_parser(headers.get("cookie", "")).get(COOKIE, ""))
        key = next((key for key in self._by_digest.values() if key.id == number), None)
        return _of(key)

    @property
    def needed(self) -> bool:
        """Whether callers need a key."""
        return bool(self._by_digest) or self.service.settings.is_open

    def session(self, secret: str) -> tuple[str, Caller]:
        """A session's cookie, for a key. Raises ProblemError where it opens nothing."""
        key = self._by_digest.get(api_keys.digest(secret))
        if key is None:
            raise unknown()
        told = f"{key.id}.{int(time.time() + SESSION)}"
        return f"{told}.{self._sign(told)}", _of(key)

    def _session(self, cookie: str) -> int | None:
        told, _, signed = cookie.rpartition(".")
        number, _, until = told.partition(".")
        if not (
            number.isdecimal() and until.isdecimal() and hmac.compare_digest(signed.encode(), self._sign(told).encode())
        ):
            return None
        return int(number) if int(until) > time.time() else None

    def _sign(self, told: str) -> str:
        return hmac.new(self.service.gallery.key, b"session " + told.encode(), sha256).hexdigest()


def _of(key: ApiKey | None) -> Caller:
    return Caller(None) if key is None else Caller(key.role, key.id, key.name)


def given(headers: Mapping[str, str]) -> str | None:
    """The key in a request's headers."""
    for name in HEADERS:
        if name in headers:
            return headers[name].strip()
    kind, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else None


def unknown() -> ProblemError:
    return ProblemError(
        401,
        "key-required",
        "a key is needed: send 'Authorization: Bearer KEY'; 'nitakao serve keys create' makes one",
        {"WWW-Authenticate": "Bearer"},
    )


def keyring(request: Request) -> Keyring:
    """The keys of the server that the request came to."""
    found: Keyring = request.scope["state"]["keyring"]
    return found


def caller(request: Request) -> Caller:
    """Who calls; found out before the body was read."""
    found: Caller = request.scope["state"]["caller"]
    return found


def may(role: Role) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency: the caller, who may do what this role may. Raises ProblemError otherwise."""

    async def dependency(request: Request) -> Caller:
        found = caller(request)
        if found.role is None:
            raise unknown()
        if not found.may(role):
            raise ProblemError(
                403,
                "role-too-low",
                f"this needs the role '{role}', and the key has '{found.role}'",
                needed=role,
                role=found.role,
            )
        return found

    return dependency
