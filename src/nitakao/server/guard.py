"""What every request passes first: Host, Origin, who calls, how many at once, how large, how long; and the log."""

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
from nitakao.server.logs import note
from nitakao.server.metrics import Metrics
from nitakao.server.problems import AGAIN, ProblemError
from nitakao.server.service import Service
from nitakao.server.settings import is_loopback

SAFE = ("GET", "HEAD", "OPTIONS")
METHODS = (*SAFE, "POST", "PUT", "PATCH", "DELETE")  # that are told apart in the log
HELD = 16  # bodies of the largest size that are held at a time, in bytes, however many requests there are
LINGER, LINGER_BYTES = 2.0, 8 << 20  # seconds and bytes for which a refused body is still taken
ASKED = ("/api/", "/face/")  # below these the limit on requests at once holds
UNCOUNTED = "/events"  # streams of a job's progress, which last
SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
NOTHING = "default-src 'none'; frame-ancestors 'none'"  # the policy of whatever is no page


class Guard:
    """ASGI middleware around everything."""

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
            await self._pass(scope, request)
        finally:
            request.let_go()
            self._note(scope, request)

    async def _pass(self, scope: Scope, request: _Request) -> None:
        state = scope.setdefault("state", {})
        state["keyring"], state["caller"] = self.keyring, Caller(None)
        counted = scope["path"].startswith(ASKED) and not scope["path"].endswith(UNCOUNTED)
        try:
            self._check_host(request.headers)
            self._check_origin(scope, request.headers)
            if self.keyring.is_stale:
                await asyncio.get_running_loop().run_in_executor(None, self.service.afresh, self.keyring.read)
            state["caller"] = caller = self.keyring.caller(request.headers)
            ACTING_USER.set(caller.called)
            request.check_length()
            if counted and self.service.is_full:
                raise ProblemError(
                    429, "too-many-requests", "too many at once: come again in a moment", {"Retry-After": AGAIN}
                )
        except (ProblemError, NitakaoError) as refused:
            await self._refuse(scope, request, problems.of_error(refused))
            return
        self.service.at_work += counted
        try:
            await self.app(scope, request.receive, request.send)
        except ProblemError as problem:
            await self._refuse(scope, request, problem)
        except Exception as error:
            if request.problem is None or request.started:
                request.error = error
            fault = ProblemError(500, "internal-error", "this is a fault in nitakao: the server's log says where")
            await self._refuse(scope, request, request.problem or fault)
        finally:
            self.service.at_work -= counted

    async def _refuse(self, scope: Scope, request: _Request, problem: ProblemError) -> None:
        if not request.started:
            request.refused = True
            problem.headers.setdefault("Connection", "close")
            await problems.answer(scope["path"], problem)(scope, request.receive, request.send_and_linger)

    def _check_host(self, headers: Headers) -> None:
        """Against other sites' names that lead here: a page of theirs would count as ours."""
        settings = self.service.settings
        name = _name(headers.get("host", ""))
        if is_loopback(name) or name == settings.host.strip("[]").lower():
            return
        if name not in (host.lower() for host in settings.allow_hosts):
            raise ProblemError(
                403, "unknown-host", "the server is not known by this Host: start it with --allow-host NAME"
            )

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        """Against other sites' pages that send a change in their visitor's name."""
        if scope["method"] in SAFE:
            return
        origin = headers.get("origin")
        foreign = origin is not None and origin.partition("://")[2] != headers.get("host", "")
        if foreign or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise ProblemError(403, "foreign-origin", "another site's page may change nothing here")

    def _note(self, scope: Scope, request: _Request) -> None:
        route = getattr(scope.get("route"), "path", "") or ("page" if request.status < 400 else "none")
        took = time.monotonic() - request.begun
        caller: Caller = scope["state"]["caller"] if "state" in scope else Caller(None)
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        self.metrics.answered(method, route, request.status, took)
        note(
            "request",
            error=request.error,
            id=request.id,
            method=method,
            route=route,
            status=request.status,
            ms=round(took * 1000, 1),
            bytes_in=request.taken,
            bytes_out=request.given,
            key=caller.key,
        )


class _Request:
    """One request's body and answer, counted as they pass."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, service: Service) -> None:
        self.headers = Headers(scope=scope)
        self.id = uuid.uuid4().hex[:16]
        self.begun = time.monotonic()
        self.most, self.seconds = service.settings.body, service.settings.seconds
        self.taken = self.given = self.status = 0
        self.started = self.whole = False
        self.error: BaseException | None = None
        self.problem: ProblemError | None = None  # what is wrong with the body
        self.refused = False
        self._receive, self._send, self._service = receive, send, service

    def check_length(self) -> None:
        told = self.headers.get("content-length", "")
        if told.isdecimal() and int(told) > self.most:
            raise self._too_large()

    def _too_large(self) -> ProblemError:
        return ProblemError(413, "body-too-large", f"a request's body has up to {self.most} bytes", limit=self.most)

    async def receive(self) -> Message:
        if self.problem is not None:
            raise self.problem
        try:
            return await self._received()
        except ProblemError as problem:
            self.problem = problem
            raise

    async def _received(self) -> Message:
        if self.whole:
            return await self._receive()  # which now waits for the caller to go away
        left = self.begun + self.seconds - time.monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), max(left, 0.001))
        except asyncio.TimeoutError:
            raise ProblemError(
                408,
                "request-timeout",
                f"the request did not arrive within {self.seconds:g} seconds",
                seconds=self.seconds,
            ) from None
        size = len(message.get("body", b""))
        self.taken += size
        self._service.held += size
        self.whole = not message.get("more_body", False)
        if self.taken > self.most:
            raise self._too_large()
        if self._service.held > HELD * self.most:
            raise ProblemError(
                429, "too-many-requests", "too much at once: come again in a moment", {"Retry-After": AGAIN}
            )
        return message

    def let_go(self) -> None:
        """The request is over: its body is held no more."""
        self._service.held -= self.taken

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self.problem is not None and not self.refused:
                raise self.problem  # whoever read the body has made something else of it
            self.started, self.status = True, message["status"]
            self._secure(message)
        self.given += len(message.get("body", b""))
        try:
            await asyncio.wait_for(self._send(message), self.seconds)
        except asyncio.TimeoutError:
            raise ConnectionError("the caller takes nothing of the answer") from None

    async def send_and_linger(self, message: Message) -> None:
        """As `send`; before the answer ends, some of a body that nobody wants is taken and thrown away.

        A connection that is closed with bytes unread is reset, and the caller would never see the answer.
        """
        if message["type"] != "http.response.body" or message.get("more_body"):
            await self.send(message)
            return
        await self.send({**message, "more_body": True})
        if not self.whole and "expect" not in self.headers:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._throw_away(), LINGER)
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _throw_away(self) -> None:
        left = LINGER_BYTES
        while left > 0:
            message = await self._receive()
            if message["type"] == "http.disconnect" or not message.get("more_body"):
                return
            left -= len(message.get("body", b""))

    def _secure(self, message: MutableMapping[str, Any]) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in SECURITY.items():
            headers.setdefault(name, value)
        headers.setdefault("content-security-policy", NOTHING)
        headers.setdefault("cache-control", "no-store")
        headers["x-request-id"] = self.id


def _name(host: str) -> str:
    """The name in a Host header, without its port."""
    if host.startswith("["):
        return host.partition("]")[0].strip("[").lower()
    return host.partition(":")[0].lower()
