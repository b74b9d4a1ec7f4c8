"""The shared context of the Face API's routes, and their router class."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from nitakao.errors import MisuseError
from nitakao.gallery import GalleryStore
from nitakao.gallery.face_api.candidates import FaceCache
from nitakao.photos import Encoded
from nitakao.photos.fetch import FetchPolicy
from nitakao.server.service import Service
from nitakao.tasks.face_api.context import FaceQueries
from nitakao.values import Outcome

TYPES = ("image/", "application/octet-stream", "binary/octet-stream")  # media types of fetched pictures
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
IDLE_SECONDS, MAX_SECONDS = 5.0, 15.0  # of silence, and of the whole download


@dataclass(frozen=True, eq=False)
class FaceApiContext:
    """The server's service, the face cache, and the policy for fetching URLs (None: no URLs)."""

    service: Service
    fetch_policy: FetchPolicy | None = None
    face_cache: FaceCache = field(default_factory=FaceCache)

    @property
    def gallery(self) -> GalleryStore:
        return self.service.gallery

    @property
    def queries(self) -> FaceQueries:
        """The gallery and model that operations use."""
        return FaceQueries(self.service.gallery, self.service.card, self.face_cache, self.service.threshold)

    def find_faces(self, picture: Encoded, *, embed: bool = True, chips: bool = False) -> Outcome:
        """The faces of a picture. `embed`: with vectors. `chips`: with quality and chips."""
        return self.service.find_faces(picture, vectors=embed, chips=chips)


def fetch_policy_for(hosts: tuple[str, ...]) -> FetchPolicy | None:
    """The policy that allows URLs of these hosts only; None without hosts.

    Raises MisuseError if one is not a host name.
    """
    return FetchPolicy(frozenset(map(_ascii_host, hosts)), TYPES, IDLE_SECONDS, MAX_SECONDS) if hosts else None


def _ascii_host(host: str) -> str:
    """The host name in lower-case ASCII, as in URLs."""
    name, _, port = host.strip().lower().partition(":")
    try:
        plain = name.encode("idna").decode("ascii")
    except UnicodeError:
        plain = ""
    if not _HOST.fullmatch(plain) or (":" in host and not (port.isdecimal() and 0 < int(port) < 65536)):
        raise MisuseError(f"not a host name: '{host}'; give one such as example.com or example.com:8080")
    return f"{plain}:{port}" if port else plain


async def context(request: Request) -> FaceApiContext:
    found = request.app.state.context
    assert isinstance(found, FaceApiContext)
    return found


ContextDep = Annotated[FaceApiContext, Depends(context)]


class Routes(APIRouter):
    """A router whose routes are plain functions with a `context`, each run on one of the service's threads.

    DELETE also clears the face cache, so that deleted faces do not stay in memory.
    """

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if not inspect.iscoroutinefunction(endpoint):
            endpoint = _on_thread(_clear_cache_after(endpoint) if options.get("methods") == ["DELETE"] else endpoint)
        super().add_api_route(path, endpoint, **options)


def _clear_cache_after(task: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(task)
    def called(**arguments: Any) -> Any:
        try:
            return task(**arguments)
        finally:
            arguments["context"].face_cache.clear()

    return called


def _on_thread(task: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(task)
    async def route(**arguments: Any) -> Any:
        return await arguments["context"].service.run(task, **arguments)

    route.__signature__ = inspect.signature(task, eval_str=True)  # type: ignore[attr-defined]
    return route
