"""The installed command with real networks and photographs: started, queried, killed and restarted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

COMMAND = Path(sys.executable).with_name("nitakao")


def nitakao(*arguments: str) -> str:
    found = subprocess.run([COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=True)
    return found.stdout


@contextmanager
def served(gallery: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [str(COMMAND), "serve", "--gallery", str(gallery), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            found = re.search(r"nitakao is at (http://127\.0\.0\.1:\d+)/", process.stderr.readline())
            assert found
            yield found[1], process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


@pytest.fixture
def photographs() -> Path:
    shared = os.environ.get("NITAKAO_SHARED")
    if not shared:
        pytest.skip("NITAKAO_SHARED is not set: no real photographs here")
    return Path(shared) / "data"


def test_the_command_serves_what_it_indexed_and_names_whom_it_knows(photographs, tmp_path):
    gallery = tmp_path / "family.db"
    nitakao("index", "-q", "--gallery", str(gallery), str(photographs / "article"))
    secret = nitakao("serve", "keys", "create", "-q", "a test", "--role", "admin", "--gallery", str(gallery)).strip()
    with served(gallery) as (url, process):
        assert httpx.get(f"{url}/api/v1/gallery").status_code == 401
        with httpx.Client(base_url=f"{url}/api/v1", headers={"x-api-key": secret}, timeout=60) as client:
            first, second = sorted((photographs / "article").glob("*.jpg"))
            kind = {"content-type": "image/jpeg"}
            (answer,) = client.post("/search?k=2", content=first.read_bytes(), headers=kind).json()["answers"]
            assert answer["hits"][0]["distance"] < 1e-3
            assert answer["hits"][1]["path"].endswith(second.name)
            named = client.post("/faces/split", json={"faces": [answer["hits"][1]["face"]["id"]], "name": "Anthony"})
            assert named.status_code == 200
            (who,) = client.post("/identify", content=first.read_bytes(), headers=kind).json()["identities"]
            assert who["match"]["name"] == "Anthony"
            found = client.post("/verify", files={"a": first.read_bytes(), "b": second.read_bytes()}).json()
            assert found["same"] is True
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert "a test" in nitakao("serve", "keys", "list", "--gallery", str(gallery))
    nitakao("serve", "keys", "revoke", "1", "--gallery", str(gallery))


def test_a_server_killed_while_it_writes_loses_nothing_that_it_told(photographs, tmp_path):
    gallery = tmp_path / "family.db"
    nitakao("index", "-q", "--gallery", str(gallery), str(photographs / "article"))
    names: list[str] = []
    with served(gallery) as (url, process), httpx.Client(base_url=f"{url}/api/v1", timeout=60) as client:
        person = client.post("/faces/split", json={"faces": [1], "name": "Name"}).json()["person"]["id"]
        end = time.monotonic() + 1.0
        try:
            while time.monotonic() < end + 20:
                answer = client.patch(f"/people/{person}", json={"name": f"Name {len(names)}"})
                names.append(answer.json()["person"]["name"])
                if time.monotonic() > end and process.poll() is None:
                    process.kill()
        except httpx.TransportError:
            pass
    assert names
    with served(gallery) as (url, _):
        entries = httpx.get(f"{url}/api/v1/journal?limit=1000").json()["entries"]
        name = httpx.get(f"{url}/api/v1/people/{person}").json()["name"]
    assert int(name.split()[1]) >= len(names) - 1
    assert len(entries) >= len(names)


def test_listening_to_others_needs_keys_and_says_how_to_make_one(tmp_path):
    found = subprocess.run(
        [COMMAND, "serve", "--gallery", str(tmp_path / "new.db"), "--host", "0.0.0.0", "--port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert found.returncode == 2
    assert "nitakao serve keys create" in found.stderr
