"""Serving until told to end."""

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

GRACE = 60  # seconds that the end waits for what was accepted
IDLE = 15  # seconds that a connection may be open without having asked for anything
BACKLOG = 2048  # connections that wait to be taken


class Patient(H11Protocol):
    """HTTP/1.1, with an end to connections that do not ask: a slow head would otherwise hold one for ever."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._seen: object = None  # the request before which it waited when it was last looked at
        self._watch = asyncio.get_running_loop().call_later(IDLE, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        self._watch.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Hang up on who has sent no whole head since the last look, and is not being answered."""
        waits = self.cycle is None or self.cycle.response_complete
        if waits and self.cycle is self._seen:
            self.transport.close()
            return
        self._seen = self.cycle if waits else self
        self._watch = asyncio.get_running_loop().call_later(IDLE, self._look)


class Server(uvicorn.Server):
    """uvicorn's, which tells where it is once it listens, and that it will end before it does."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[str], None], ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready, self._ending = ready, ending

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        for server in self.servers:
            for listening in server.sockets:
                host, port, *_ = listening.getsockname()
                self._ready(f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/")

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self._ending()
        await super().shutdown(sockets)


def serve(
    settings: Settings,
    *,
    prepare: Callable[[ModelCard], None] = lambda card: None,
    ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve until SIGINT or SIGTERM; what was accepted by then is finished.

    prepare: called with the gallery's card before anything is served.  ready: told the address once it is.
    Raises MisuseError where others may call and there are no keys.
    """
    app = create_app(settings)
    service: Service = app.state.service
    if settings.is_open and not api_keys.active_keys(service.gallery):
        service.close()
        raise MisuseError(
            "others than you could call this server, and there are no keys: first 'nitakao serve keys create NAME', "
            "or serve on 127.0.0.1"
        )
    prepare(service.card)
    service.warm_up()
    # Searches run side by side, one a core: threads of BLAS would only wait for cores, busily (a fifth of the time).
    with _ends_well(), threadpool_limits(1, "blas"):
        configured(app, settings, ready).run()


@contextmanager
def _ends_well() -> Iterator[None]:
    """Being told to end is how a server ends: uvicorn raises the signal again once it has, and nothing comes of it."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def configured(app: FastAPI, settings: Settings, ready: Callable[[str], None]) -> Server:
    """What serves the app."""
    service: Service = app.state.service
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=Patient,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
        backlog=BACKLOG,
    )

    def ending() -> None:
        service.ending = True

    return Server(config, ready, ending)
