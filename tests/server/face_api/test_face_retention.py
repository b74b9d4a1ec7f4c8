"""What the Face API stores across a restart and until face ids expire; never a picture."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import Mount
from tests.server.face_api.album import Album
from tests.server.face_api.conftest import serving

from nitakao.gallery import GalleryStore
from nitakao.models.cards import registry
from nitakao.server import Settings, create_app
from nitakao.server.face_api import app as face_app
from nitakao.server.face_api.context import FaceApiContext

BYTES = {"Content-Type": "application/octet-stream"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    GalleryStore(tmp_path / "gallery.db", card=registry.card("dlib-resnet")).close()
    return tmp_path / "gallery.db"


@contextmanager
def client_of(place: Path) -> Iterator[httpx.Client]:
    """A client of a server that runs only for this test."""
    with (
        serving(create_app(Settings(gallery=place))) as url,
        httpx.Client(base_url=f"{url}/face/v1.0/", timeout=120) as client,
    ):
        yield client


def detected(client: httpx.Client, picture: bytes, **query: str) -> str:
    (face,) = client.post("detect", params=query, content=picture, headers=BYTES).json()
    return str(face["faceId"])


def test_everything_is_there_after_a_restart_face_ids_too(place: Path, portraits: Album) -> None:
    with client_of(place) as client:
        client.put("persongroups/crew", json={"name": "Crew"})
        person = client.post("persongroups/crew/persons", json={"name": "Eileen"}).json()["personId"]
        for picture in portraits.enrolled["Eileen Collins"]:
            path = f"persongroups/crew/persons/{person}/persistedFaces"
            assert client.post(path, content=picture, headers=BYTES).status_code == 200
        client.post("persongroups/crew/train")
        face = detected(client, portraits.new["Eileen Collins"])
        before = client.post("identify", json={"faceIds": [face], "personGroupId": "crew"}).json()
    with client_of(place) as client:
        assert client.post("identify", json={"faceIds": [face], "personGroupId": "crew"}).json() == before
        assert before[0]["candidates"][0]["personId"] == person
        assert client.get("persongroups/crew/training").json()["status"] == "succeeded"


def test_no_picture_is_kept_nor_anything_among_the_gallerys_own_faces(place: Path, portraits: Album) -> None:
    with client_of(place) as client:
        client.put("facelists/x", json={"name": "x"})
        client.post("facelists/x/persistedfaces", content=portraits.stranger, headers=BYTES)
        detected(client, portraits.stranger)
        assert httpx.get(str(client.base_url.join("/api/v1/gallery"))).json()["faces"] == 0
    files = [path for path in place.parent.rglob("*") if path.is_file()]
    assert b"".join(path.read_bytes() for path in files).count(b"\xff\xd8\xff") == 0


def test_what_is_deleted_goes_out_of_memory_at_once(place: Path, portraits: Album) -> None:
    app = create_app(Settings(gallery=place))
    with serving(app) as url, httpx.Client(base_url=f"{url}/face/v1.0/", timeout=120) as client:
        client.put("facelists/x", json={"name": "x"})
        client.post("facelists/x/persistedfaces", content=portraits.stranger, headers=BYTES)
        face = detected(client, portraits.stranger)
        assert len(client.post("findsimilars", json={"faceId": face, "faceListId": "x"}).json()) == 1
        mounted: Any = next(route for route in app.routes if isinstance(route, Mount))
        face_cache = mounted.app.state.context.face_cache
        assert len(face_cache) == 1
        assert client.delete("facelists/x").status_code == 200
        assert len(face_cache) == 0


def test_a_face_id_is_swept_by_itself_once_its_time_is_over(
    place: Path, portraits: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face_app, "SWEEP_SECONDS", 0.02)
    with client_of(place) as client, GalleryStore(place) as gallery:
        face = detected(client, portraits.stranger, faceIdTimeToLive="60")
        body = {"faceId1": face, "faceId2": face}
        assert client.post("verify", json=body).json()["isIdentical"] is True
        assert count(gallery) == 1
        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() + 61)
        for _ in range(1000):  # attempts, not seconds: the machine may be slow
            if not count(gallery):
                break
            time.sleep(0.02)
        assert count(gallery) == 0
        assert client.post("verify", json=body).json()["error"]["code"] == "FaceNotFound"


def test_the_sweep_ends_at_whatever_moment_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face_app, "SWEEP_SECONDS", 0.0005)
    chance = random.Random(1)

    class Service:
        gallery = None

        async def run(self, *_: object) -> None:
            future = asyncio.get_running_loop().run_in_executor(threads, time.sleep, chance.uniform(0, 0.001))
            await asyncio.wait_for(asyncio.shield(future), 30)

    async def lives(many: int) -> None:
        for _ in range(many):
            async with face_app.sweep_expired_faces(FaceApiContext(Service())):  # type: ignore[arg-type]
                await asyncio.sleep(chance.uniform(0, 0.004))

    with ThreadPoolExecutor(2) as threads:
        running = threading.Thread(target=lambda: asyncio.run(lives(1000)), daemon=True)
        running.start()
        running.join(120)
        assert not running.is_alive()


def count(gallery: GalleryStore) -> int:
    with gallery.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM face_ids").scalar_one())


def test_nothing_is_fetched_unless_hosts_were_named(place: Path) -> None:
    with client_of(place) as client:
        error = client.post("detect", json={"url": "http://example.com/a.jpg"}).json()["error"]
    assert error["code"] == "InvalidURL"
    assert "does not fetch URLs" in error["message"]


def test_a_fault_is_told_in_the_form_that_clients_read(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret words")

    monkeypatch.setattr("nitakao.gallery.face_api.containers.listed", broken)
    with client_of(place) as client:
        answer = client.get("persongroups")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "Unspecified")
    assert "secret" not in answer.text
