"""Runs the server until SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import socket
from typing import Any

import uvicorn
from fastapi import FastAPI
from threadpoolctl import threadpool_limits
from uvicorn.protocols.http.h11_impl import H11Protocol

from nitakao.errors import MisuseError
from nitakao.gallery import api_keys
from nitakao.server.app import create_app
from nitakao.server.service import Service
from nitakao.server.settings import Settings
from nitakao.values import ModelCard

GRACE = 60  # seconds to finish accepted requests at shutdown
IDLE = 15  # seconds after which an idle connection is closed
BACKLOG = 2048  # pending connections


class TimedProtocol(H11Protocol):
    """HTTP/1.1 that closes idle connections; slow headers would otherwise keep one open for ever."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._last: object = None  # the cycle at the last check
        self._timer = asyncio.get_running_loop().call_later(IDLE, self._check)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        super().connection_lost(exc)

    def _check(self) -> None:
        """Close the connection if no complete request arrived since the last check and none is in progress."""
        idle = self.cycle is None or self.cycle.response_complete
        if idle and self.cycle is self._last:
            self.transport.close()
            return
        self._last = self.cycle if idle else self
        self._timer = asyncio.get_running_loop().call_later(IDLE, self._check)


class Server(uvicorn.Server):
    """uvicorn's server with callbacks for listening addresses and for shutdown."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[str], None], stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready, self._stopping = ready, stopping

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        for server in self.servers:
            for listener in server.sockets:
                host, port, *_ = listener.getsockname()
                self._ready(f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/")

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self._stopping()
        await super().shutdown(sockets)


def serve(
    settings: Settings,
    *,
    prepare: Callable[[ModelCard], None] = lambda card: None,
    ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve until SIGINT or SIGTERM, then finish the accepted requests.

    Args:
        settings: How to serve.
        prepare: Called with the gallery's model card before the server starts.
        ready: Called with each address once the server listens.

    Raises:
        MisuseError: If other machines could connect and there are no access keys.
    """
    app = create_app(settings)
    service: Service = app.state.service
    if settings.is_open and not api_keys.active_keys(service.gallery):
        service.close()
        raise MisuseError(
            "other machines could connect, and there are no access keys: run 'nitakao serve keys create NAME' first, "
            "or serve on 127.0.0.1"
        )
    prepare(service.card)
    service.warm_up()
    # Searches already run in parallel, one per core; BLAS threads would spin for a fifth of the time.
    with _quiet_shutdown(), threadpool_limits(1, "blas"):
        build_server(app, settings, ready).run()


@contextmanager
def _quiet_shutdown() -> Iterator[None]:
    """Ignore the signal that uvicorn raises again after its shutdown."""
    handlers = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def build_server(app: FastAPI, settings: Settings, ready: Callable[[str], None]) -> Server:
    """The uvicorn server for the app."""
    service: Service = app.state.service
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=TimedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
        backlog=BACKLOG,
    )

    def stopping() -> None:
        service.ending = True

    return Server(config, ready, stopping)
