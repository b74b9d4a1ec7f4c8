"""A server on a small family's gallery, with a fake pipeline that identifies people by a picture's colour."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import httpx
import numpy as np
import pytest
from PIL import Image
from tests import fakes
from tests.tasks.family import CARD, family

from nitakao.gallery import GalleryStore
from nitakao.photos import Encoded, decode
from nitakao.pipeline import Pipeline, PipelineOptions
from nitakao.server import Settings, create_app
from nitakao.server.serve import build_server
from nitakao.values import NO_FACE, Outcome, Photo

WHO = {10: "ada", 60: "bob", 110: "stranger"}  # red value of the picture: person in it
NOBODY, GROUP, SLOW = 200, 220, 240

anyone = httpx.Client(timeout=120)  # without a key and without a session


class FakePipeline:
    """A fake pipeline.  pictures_seen: number of pictures.  hold: what a slow picture waits for."""

    def __init__(self) -> None:
        self.pictures_seen = 0
        self.hold = threading.Event()

    def run(self, sources, *, card=None, options=PipelineOptions(), keep_chips=False, **_) -> Iterator[Outcome]:
        for source in sources:
            self.pictures_seen += 1
            yield self.find_faces(source, options.faces or "all", card, keep_chips)

    def find_faces(self, source, choice, card, keep_chips) -> Outcome:
        photo = decode(source) if isinstance(source, Encoded) else source
        red = int(photo.pixels[0, 0, 0])
        if red == SLOW:
            self.hold.wait(10)
        count = 0 if red == NOBODY else 3 if red == GROUP else 1
        count = count if choice == "all" else min(count, 1)
        faces = tuple(fakes.face(n) for n in range(count))
        seed = WHO.get(min(WHO, key=lambda known: abs(known - red)), "stranger")
        vectors = np.array([fakes.vector(f"{seed}.jpg{n}") for n in range(count)], np.float32)
        outcome = Outcome(photo.source, photo.size, photo.sha256, faces)
        if not count:
            outcome = replace(outcome, status="no-face", problem=NO_FACE)
        if card is not None:
            outcome = replace(outcome, vectors=vectors.reshape(count, fakes.DIMENSION))
        return with_chips(outcome, photo) if keep_chips and count else outcome

    def close(self) -> None:
        self.hold.set()


def with_chips(outcome: Outcome, photo: Photo) -> Outcome:
    from nitakao import photos

    chips = tuple(photos.make_chip(photo, face) for face in outcome.faces)
    return replace(outcome, chips=chips, qualities=tuple(photos.measure_quality(photo, face) for face in outcome.faces))


def picture(red: int = 10, size: tuple[int, int] = (200, 100), kind: str = "PNG", blue: int = 0) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, (red, 100, blue)).save(written, kind)
    return written.getvalue()


class Served:
    """A running server with its url, app and pipeline."""

    def __init__(self, app, pipeline) -> None:
        self.app, self.pipeline = app, pipeline
        self.url = ""

    @property
    def port(self) -> int:
        return int(self.url.rstrip("/").rpartition(":")[2])

    @property
    def service(self):
        return self.app.state.service


@contextmanager
def running(settings: Settings) -> Iterator[Served]:
    """A server in a thread, as run by `nitakao serve`."""
    pipeline = FakePipeline()
    app = create_app(settings, pipeline=cast(Pipeline, pipeline))
    served, there = Served(app, pipeline), threading.Event()

    def ready(address: str) -> None:
        served.url = address
        there.set()

    server = build_server(app, settings, ready)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert there.wait(20)
    try:
        yield served
    finally:
        pipeline.hold.set()
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def settings_for(folder: Path, **more) -> Settings:
    own: dict[str, Any] = {"gallery": folder / "family.db", "model": CARD, "port": 0, "uploads": folder / "uploads"}
    return Settings(**own | more)


@pytest.fixture
def people(tmp_path: Path) -> dict[str, list[int]]:
    """The face ids of `family`."""
    with GalleryStore(tmp_path / "family.db", card=CARD) as gallery:
        return family(gallery)


@pytest.fixture
def served(people, tmp_path: Path) -> Iterator[Served]:
    with running(settings_for(tmp_path)) as found:
        yield found


@pytest.fixture
def api(served: Served) -> Iterator[httpx.Client]:
    """A client at /api/v1."""
    with httpx.Client(base_url=f"{served.url}api/v1", timeout=120) as client:
        yield client


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, httpx.Client]]:
    """A server and a client for read-only tests, shared by a module."""
    folder = tmp_path_factory.mktemp("still")
    with GalleryStore(folder / "family.db", card=CARD) as gallery:
        family(gallery)
    with running(settings_for(folder)) as found, httpx.Client(base_url=f"{found.url}api/v1", timeout=120) as client:
        yield found, client


def ended(client: httpx.Client, job: dict, state: str = "done") -> dict:
    """The job after it has finished."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = client.get(f"/jobs/{job['id']}").json()
        if found["state"] not in ("waiting", "running"):
            assert found["state"] == state, found
            return found
        time.sleep(0.02)
    raise AssertionError("the job does not end")
