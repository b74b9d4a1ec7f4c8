"""What every route of the Face API works with."""

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

TYPES = ("image/", "application/octet-stream", "binary/octet-stream")  # of what is fetched
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
WAIT, LONGEST = 5.0, 15.0  # seconds that a server may stay silent, and that fetching may take


@dataclass(frozen=True, eq=False)
class FaceApiContext:
    """The server's service, faces kept in memory, and how addresses are fetched. errand: None: not at all."""

    service: Service
    fetch_policy: FetchPolicy | None = None
    face_cache: FaceCache = field(default_factory=FaceCache)

    @property
    def gallery(self) -> GalleryStore:
        return self.service.gallery

    @property
    def queries(self) -> FaceQueries:
        """Where questions are asked."""
        return FaceQueries(self.service.gallery, self.service.card, self.face_cache, self.service.threshold)

    def look(self, picture: Encoded, *, embed: bool = True, chips: bool = False) -> Outcome:
        """The faces of a picture, with their vectors where they are wanted; chips: with quality and chips."""
        return self.service.find_faces(picture, vectors=embed, chips=chips)


def fetch_policy_for(hosts: tuple[str, ...]) -> FetchPolicy | None:
    """How pictures are fetched from these hosts, and from no others; None where there are none.

    Raises MisuseError where one is no host's name.
    """
    return FetchPolicy(frozenset(map(_plain, hosts)), TYPES, WAIT, LONGEST) if hosts else None


def _plain(host: str) -> str:
    """The name as addresses have it once they are asked: lower-case, in ASCII."""
    name, _, port = host.strip().lower().partition(":")
    try:
        plain = name.encode("idna").decode("ascii")
    except UnicodeError:
        plain = ""
    if not _HOST.fullmatch(plain) or (":" in host and not (port.isdecimal() and 0 < int(port) < 65536)):
        raise MisuseError(f"pictures are fetched from a host, example.com or example.com:8080, not from '{host}'")
    return f"{plain}:{port}" if port else plain


async def context(request: Request) -> FaceApiContext:
    found = request.app.state.context
    assert isinstance(found, FaceApiContext)
    return found


TheContext = Annotated[FaceApiContext, Depends(context)]


class Routes(APIRouter):
    """A router whose routes are plain functions with a `context`, each run on one of the service's threads.

    What was deleted does not stay in memory either.
    """

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **named: Any) -> None:
        if not inspect.iscoroutinefunction(endpoint):
            endpoint = _on_thread(_and_cleared(endpoint) if named.get("methods") == ["DELETE"] else endpoint)
        super().add_api_route(path, endpoint, **named)


def _and_cleared(task: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(task)
    def called(**given: Any) -> Any:
        try:
            return task(**given)
        finally:
            given["context"].face_cache.clear()

    return called


def _on_thread(task: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(task)
    async def route(**given: Any) -> Any:
        return await given["context"].service.run(task, **given)

    route.__signature__ = inspect.signature(task, eval_str=True)  # type: ignore[attr-defined]
    return route
