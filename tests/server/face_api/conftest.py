"""A Face API server on a free local port, pictures to fetch, and people to recognise."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import delete
from tests.server.face_api import album as albums
from tests.server.face_api.album import Album

from nitakao.gallery import GalleryStore, api_keys, schema
from nitakao.models.cards import registry
from nitakao.photos.fetch import FetchPolicy
from nitakao.server import Settings, create_app
from nitakao.server.serve import build_server

HOST = "pictures.test"  # stands for a public host


class Pictures:
    """Pictures served by `HOST`, by path."""

    def __init__(self) -> None:
        self.at: dict[str, bytes] = {}

    def put(self, name: str, data: bytes) -> str:
        self.at[f"/{name}"] = data
        return f"http://{HOST}/{name}"


@dataclass(frozen=True)
class Live:
    """A running server.  key, reader: access keys with the roles write and read."""

    url: str
    key: str
    reader: str
    gallery: GalleryStore
    pictures: Pictures


@contextmanager
def serving(app) -> Iterator[str]:
    """URL of the app, served as by `nitakao serve`."""
    there, found = threading.Event(), []

    def ready(address: str) -> None:
        found.append(address.rstrip("/"))
        there.set()

    server = build_server(app, Settings(port=0), ready)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert there.wait(20)
        yield found[0]
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


@contextmanager
def fetched(pictures: Pictures) -> Iterator[FetchPolicy]:
    """A fetch policy that resolves `HOST` to a local server."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            data = pictures.at.get(self.path)
            if data is not None and data.startswith(b"http"):
                self.send_response(302)
                self.send_header("Location", data.decode())
                data = b""
            else:
                self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        here = "127.0.0.1", server.server_port

        def resolve(host: str, port: int):
            address = "93.184.216.34" if host == HOST else host
            return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, port))]

        yield FetchPolicy(
            frozenset({HOST, "169.254.169.254"}),
            resolve=resolve,
            connect=lambda _, wait: socket.create_connection(here, wait),
        )
        server.shutdown()


@pytest.fixture
def live(running: Live) -> Iterator[Live]:
    """The server with an empty gallery."""
    yield running
    with running.gallery.write("test") as connection:
        for table in (schema.containers, schema.container_people):
            connection.execute(delete(table))


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    place = tmp_path_factory.mktemp("face-api") / "gallery.db"
    with GalleryStore(place, card=registry.card("dlib-resnet")) as gallery:
        key, reader = (api_keys.create(gallery, role, role)[1] for role in ("write", "read"))
        pictures = Pictures()
        with (
            fetched(pictures) as fetch_policy,
            serving(create_app(Settings(gallery=place), fetch_policy=fetch_policy)) as url,
        ):
            yield Live(url, key, reader, gallery, pictures)


@pytest.fixture
def api(live: Live) -> Iterator[httpx.Client]:
    """A client with the role write."""
    headers = {"Ocp-Apim-Subscription-Key": live.key}
    with httpx.Client(base_url=f"{live.url}/face/v1.2/", headers=headers, timeout=30) as made:
        yield made


@pytest.fixture(scope="session")
def portraits() -> Album:
    """Pictures that need no download."""
    return albums.samples()


@pytest.fixture(scope="session", params=["samples", "lfw"])
def album(request: pytest.FixtureRequest) -> Album:
    if request.param == "samples":
        found: Album = request.getfixturevalue("portraits")
        return found
    shared: Path = request.getfixturevalue("shared")
    return albums.lfw(shared)
