"""Middleware for every request: Host, Origin, authentication, limits and the log."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nitakao.errors import NitakaoError
from nitakao.gallery.people import ACTING_USER
from nitakao.server import problems
from nitakao.server.auth import Caller, Keyring
from nitakao.server.logs import log
from nitakao.server.metrics import Metrics
from nitakao.server.problems import RETRY, ProblemError
from nitakao.server.service import Service
from nitakao.server.settings import is_loopback

SAFE = ("GET", "HEAD", "OPTIONS")
METHODS = (*SAFE, "POST", "PUT", "PATCH", "DELETE")  # logged by name
BUFFERED_BODIES = 16  # bodies of all requests together take at most this many times the largest body
LINGER, LINGER_BYTES = 2.0, 8 << 20  # how long and how much of a refused body is still read
COUNTED = ("/api/", "/face/")  # paths that count towards the limit on concurrent requests
UNCOUNTED = "/events"  # except event streams, which are long-lived
SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
NO_CONTENT = "default-src 'none'; frame-ancestors 'none'"  # Content-Security-Policy of everything but the page


class Guard:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp, service: Service, metrics: Metrics) -> None:
        self.app = app
        self.service = service
        self.metrics = metrics
        self.keyring = Keyring(service)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = _Request(scope, receive, send, self.service)
        try:
            await self._handle(scope, request)
        finally:
            request.release()
            self._log(scope, request)

    async def _handle(self, scope: Scope, request: _Request) -> None:
        state = scope.setdefault("state", {})
        state["keyring"], state["caller"] = self.keyring, Caller(None)
        counted = scope["path"].startswith(COUNTED) and not scope["path"].endswith(UNCOUNTED)
        try:
            self._check_host(request.headers)
            self._check_origin(scope, request.headers)
            if self.keyring.is_stale:
                await asyncio.get_running_loop().run_in_executor(None, self.service.call_with_reload, self.keyring.read)
            state["caller"] = caller = self.keyring.caller(request.headers)
            ACTING_USER.set(caller.journal_name)
            request.check_length()
            if counted and self.service.is_full:
                raise ProblemError(
                    429,
                    "too-many-requests",
                    "too many concurrent requests: try again in a moment",
                    RETRY,
                )
        except (ProblemError, NitakaoError) as error:
            await self._refuse(scope, request, problems.from_error(error))
            return
        self.service.active_requests += counted
        try:
            await self.app(scope, request.receive, request.send)
        except ProblemError as problem:
            await self._refuse(scope, request, problem)
        except Exception as error:
            if request.problem is None or request.started:
                request.error = error
            fault = ProblemError(500, "internal-error", "internal error: the server's log says where")
            await self._refuse(scope, request, request.problem or fault)
        finally:
            self.service.active_requests -= counted

    async def _refuse(self, scope: Scope, request: _Request, problem: ProblemError) -> None:
        if not request.started:
            request.refused = True
            problem.headers.setdefault("Connection", "close")
            await problems.respond(scope["path"], problem)(scope, request.receive, request.send_and_linger)

    def _check_host(self, headers: Headers) -> None:
        """Against DNS rebinding: another site's name that resolves to this server would get same-origin access."""
        settings = self.service.settings
        name = _host_name(headers.get("host", ""))
        if is_loopback(name) or name == settings.host.strip("[]").lower():
            return
        if name not in (host.lower() for host in settings.allow_hosts):
            raise ProblemError(403, "unknown-host", "this Host is not allowed: start the server with --allow-host NAME")

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        """Against cross-site request forgery."""
        if scope["method"] in SAFE:
            return
        origin = headers.get("origin")
        foreign = origin is not None and origin.partition("://")[2] != headers.get("host", "")
        if foreign or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise ProblemError(403, "foreign-origin", "changes from another site's page are refused")

    def _log(self, scope: Scope, request: _Request) -> None:
        route = getattr(scope.get("route"), "path", "") or ("page" if request.status < 400 else "none")
        seconds = time.monotonic() - request.started_at
        caller: Caller = scope["state"]["caller"] if "state" in scope else Caller(None)
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        self.metrics.count(method, route, request.status, seconds)
        log(
            "request",
            error=request.error,
            id=request.id,
            method=method,
            route=route,
            status=request.status,
            ms=round(seconds * 1000, 1),
            bytes_in=request.received,
            bytes_out=request.sent,
            key=caller.key,
        )


class _Request:
    """One request: counts and limits its body and its response."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, service: Service) -> None:
        self.headers = Headers(scope=scope)
        self.id = uuid.uuid4().hex[:16]
        self.started_at = time.monotonic()
        self.max_body, self.seconds = service.settings.body, service.settings.seconds
        self.received = self.sent = self.status = 0
        self.started = self.complete = False
        self.error: BaseException | None = None
        self.problem: ProblemError | None = None  # with the body
        self.refused = False
        self._receive, self._send, self._service = receive, send, service

    def check_length(self) -> None:
        length = self.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self.max_body:
            raise self._too_large()

    def _too_large(self) -> ProblemError:
        return ProblemError(413, "body-too-large", f"the body exceeds {self.max_body} bytes", limit=self.max_body)

    async def receive(self) -> Message:
        if self.problem is not None:
            raise self.problem
        try:
            return await self._received()
        except ProblemError as problem:
            self.problem = problem
            raise

    async def _received(self) -> Message:
        if self.complete:
            return await self._receive()  # waits for the client to disconnect
        remaining = self.started_at + self.seconds - time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), max(remaining, 0.001))
        except asyncio.TimeoutError:
            raise ProblemError(
                408,
                "request-timeout",
                f"the request did not arrive within {self.seconds:g} seconds",
                seconds=self.seconds,
            ) from None
        size = len(message.get("body", b""))
        self.received += size
        self._service.buffered_bytes += size
        self.complete = not message.get("more_body", False)
        if self.received > self.max_body:
            raise self._too_large()
        if self._service.buffered_bytes > BUFFERED_BODIES * self.max_body:
            raise ProblemError(
                429,
                "too-many-requests",
                "too much data in concurrent requests: try again in a moment",
                RETRY,
            )
        return message

    def release(self) -> None:
        """Stop counting the body, at the end of the request."""
        self._service.buffered_bytes -= self.received

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self.problem is not None and not self.refused:
                raise self.problem  # the handler turned it into another response
            self.started, self.status = True, message["status"]
            self._add_security_headers(message)
        self.sent += len(message.get("body", b""))
        try:
            await asyncio.wait_for(self._send(message), self.seconds)
        except asyncio.TimeoutError:
            raise ConnectionError("the client does not read the response") from None

    async def send_and_linger(self, message: Message) -> None:
        """Like `send`, but reads and discards some of a refused body before the response ends.

        Closing a connection with unread bytes resets it, and the client would not see the response.
        """
        if message["type"] != "http.response.body" or message.get("more_body"):
            await self.send(message)
            return
        await self.send({**message, "more_body": True})
        if not self.complete and "expect" not in self.headers:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._discard_body(), LINGER)
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _discard_body(self) -> None:
        remaining = LINGER_BYTES
        while remaining > 0:
            message = await self._receive()
            if message["type"] == "http.disconnect" or not message.get("more_body"):
                return
            remaining -= len(message.get("body", b""))

    def _add_security_headers(self, message: MutableMapping[str, Any]) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in SECURITY.items():
            headers.setdefault(name, value)
        headers.setdefault("content-security-policy", NO_CONTENT)
        headers.setdefault("cache-control", "no-store")
        headers["x-request-id"] = self.id


def _host_name(host: str) -> str:
    """The name in a Host header without the port, in lower case."""
    if host.startswith("["):
        return host.partition("]")[0].strip("[").lower()
    return host.partition(":")[0].lower()
