"""Keys, roles and sessions."""

from __future__ import annotations

import time
from typing import get_args

import httpx
import pytest
from tests.server.conftest import anyone, picture, running, settings_for

from nitakao.errors import MisuseError
from nitakao.gallery import GalleryStore, api_keys
from nitakao.server import auth
from nitakao.server.serve import serve

ROLES = get_args(api_keys.Role)


@pytest.fixture
def made(people, tmp_path):
    """A secret for each role."""
    with GalleryStore(tmp_path / "family.db") as gallery:
        return {role: api_keys.create(gallery, f"the {role} key", role)[1] for role in ROLES}


@pytest.fixture
def locked(made, tmp_path):
    with running(settings_for(tmp_path)) as served:
        yield served


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def test_once_there_is_a_key_everybody_needs_one(locked, made):
    url = f"{locked.url}api/v1/gallery"
    found = anyone.get(url)
    assert (found.status_code, found.json()["code"]) == (401, "key-required")
    assert found.headers["www-authenticate"] == "Bearer"
    for headers in (bearer(made["read"]), {"x-api-key": made["read"]}):
        assert anyone.get(url, headers=headers).status_code == 200
    for headers in (bearer("nk_foreign"), {"x-api-key": ""}, {"authorization": made["read"]}, bearer("é" * 9)):
        wire = {name.encode(): value.encode() for name, value in headers.items()}
        assert anyone.get(url, headers=wire).status_code == 401
    assert anyone.get(f"{locked.url}metrics").status_code == 401
    assert anyone.get(f"{locked.url}healthz").status_code == 200


def test_each_role_may_what_those_before_it_may_and_no_more(locked, made):
    requests = {
        "read": ("POST", "/search?probe=face:1", None),
        "write": ("PATCH", "/people/1", {"name": "Ada"}),
        "admin": ("POST", "/forget", {"face": 7}),
    }
    for place, needed in enumerate(ROLES):
        method, path, body = requests[needed]
        for other, role in enumerate(ROLES):
            found = anyone.request(method, f"{locked.url}api/v1{path}", json=body, headers=bearer(made[role]))
            allowed = other >= place
            assert (found.status_code == 403) != allowed, (needed, role, found.text)
            if role == needed == "admin":
                break


def test_a_change_is_journalled_under_the_keys_name(locked, made):
    anyone.patch(f"{locked.url}api/v1/people/1", json={"name": "A. L."}, headers=bearer(made["write"]))
    (entry,) = anyone.get(f"{locked.url}api/v1/journal?limit=1", headers=bearer(made["read"])).json()["entries"]
    assert entry["who"] == "the write key (key 2)"


def test_a_revoked_key_opens_nothing_within_a_second_and_the_last_one_opens_the_door_again(locked, made):
    url = f"{locked.url}api/v1/gallery"
    assert anyone.get(url, headers=bearer(made["read"])).status_code == 200
    api_keys.revoke(locked.service.gallery, 1)
    time.sleep(auth.KEYS_SECONDS + 0.1)
    assert anyone.get(url, headers=bearer(made["read"])).status_code == 401


def test_a_browser_opens_a_session_with_a_key_and_ends_it(locked, made):
    with httpx.Client(base_url=f"{locked.url}api/v1", timeout=120) as browser:
        assert browser.get("/session").json()["role"] is None
        assert browser.get("/session").json()["keys"] is True
        assert browser.post("/session", json={"key": "nk_wrong"}).status_code == 401
        opened = browser.post("/session", json={"key": made["write"]})
        assert opened.json()["role"] == "write"
        cookie = opened.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert made["write"] not in opened.headers["set-cookie"]
        assert browser.patch("/people/1", json={"name": "Ada"}).status_code == 200
        assert browser.delete("/session").status_code == 204
        assert browser.get("/gallery").status_code == 401


@pytest.mark.parametrize(
    "forged", ["1.9999999999.", "1.9999999999.00", "..", "3.1.x", "é.é.é", "1." + "9" * 4000 + ".ab"]
)
def test_a_session_cannot_be_forged(locked, forged):
    headers = {b"cookie": f"{auth.COOKIE}={forged}".encode()}
    assert anyone.get(f"{locked.url}api/v1/gallery", headers=headers).status_code == 401


def test_a_session_ends_with_its_key_and_with_its_time(locked, made, monkeypatch):
    with httpx.Client(base_url=f"{locked.url}api/v1", timeout=120) as browser:
        browser.post("/session", json={"key": made["admin"]})
        assert browser.get("/gallery").status_code == 200
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + auth.SESSION_SECONDS + 1)
        assert browser.get("/gallery").status_code == 401
        monkeypatch.undo()
        api_keys.revoke(locked.service.gallery, 3)
        time.sleep(auth.KEYS_SECONDS + 0.1)
        assert browser.get("/gallery").status_code == 401


def test_a_pictures_bytes_are_not_looked_at_without_a_key(locked):
    found = anyone.post(f"{locked.url}api/v1/detect", content=picture(10), headers={"content-type": "image/png"})
    assert found.status_code == 401
    assert locked.pipeline.pictures_seen == 0


def test_others_may_not_call_where_there_are_no_keys(people, tmp_path):
    for more in ({"host": "0.0.0.0"}, {"allow_hosts": ("faces.example",)}):
        with pytest.raises(MisuseError, match="nitakao serve keys create"):
            serve(settings_for(tmp_path, **more))


def test_an_open_server_whose_keys_are_all_revoked_lets_nobody_in(made, tmp_path):
    with running(settings_for(tmp_path, allow_hosts=("faces.example",))) as served:
        headers = {"host": "faces.example"}
        url = f"{served.url}api/v1/gallery"
        assert anyone.get(url, headers=headers | bearer(made["read"])).status_code == 200
        for number in (1, 2, 3):
            api_keys.revoke(served.service.gallery, number)
        time.sleep(auth.KEYS_SECONDS + 0.1)
        assert anyone.get(url, headers=headers).status_code == 401


def test_a_key_is_kept_as_its_hash_only(made, tmp_path):
    data = b"".join(path.read_bytes() for path in tmp_path.glob("family.db*") if path.is_file())
    for secret in made.values():
        assert secret.encode() not in data
        assert api_keys.digest(secret).encode() in data


@pytest.mark.parametrize("name", ["", "  ", "a" * 201, "a\nb"])
def test_a_key_needs_a_name_that_can_be_shown(people, tmp_path, name):
    with GalleryStore(tmp_path / "family.db") as gallery, pytest.raises(MisuseError, match="name"):
        api_keys.create(gallery, name)
