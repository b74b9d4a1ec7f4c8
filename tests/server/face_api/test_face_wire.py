"""The Face API over HTTP: keys, versions, URLs, bodies, ids, paging."""

from __future__ import annotations

import json

import httpx
import pytest
from tests.server.face_api.album import Album
from tests.server.face_api.conftest import Live
from tests.server.face_api.wire import BYTES, NOBODY, detected, said


def test_who_has_no_key_or_a_wrong_one_is_told_so_before_anything_else(live: Live) -> None:
    for headers in ({}, {"Ocp-Apim-Subscription-Key": "wrong"}, {"Authorization": "Bearer wrong"}):
        for path in ("detect", "persongroups", "nonsense"):
            assert said(httpx.post(f"{live.url}/face/v1.0/{path}", headers=headers)) == (401, "401")


def test_a_key_may_come_as_a_bearer_token(live: Live) -> None:
    answer = httpx.get(f"{live.url}/face/v1.0/persongroups", headers={"Authorization": f"Bearer {live.key}"})
    assert (answer.status_code, answer.json()) == (200, [])


def test_a_key_that_may_only_read_asks_but_changes_nothing(live: Live, portraits: Album) -> None:
    with httpx.Client(base_url=f"{live.url}/face/v1.0/", headers={"Ocp-Apim-Subscription-Key": live.reader}) as api:
        (face,) = detected(api, portraits.stranger)
        assert api.post("findsimilars", json={"faceId": face["faceId"], "faceIds": [face["faceId"]]}).status_code == 200
        assert api.get("persongroups").status_code == 200
        assert said(api.put("persongroups/x", json={"name": "x"})) == (403, "UnsupportedFeature")
        assert said(api.post("persons", json={"name": "x"})) == (403, "UnsupportedFeature")


def test_there_is_nothing_outside_of_the_known_words_versions_and_methods(live: Live, api: httpx.Client) -> None:
    assert said(api.get("nonsense")) == (404, "404")
    assert said(api.get("")) == (404, "404")
    assert said(api.get("detect")) == (405, "405")
    assert said(api.delete("persongroups")) == (405, "405")
    for version in ("v", "1.0", "vx", "v1.0-beta", "V1.0", "v1.0.0.0"):
        assert said(api.get(f"{live.url}/face/{version}/persongroups")) == (404, "404")
    for version in ("v1.0", "v1.0-preview", "v1.1-preview.1", "v1.2-preview.1", "v1.3-preview.1", "v2"):
        assert api.get(f"{live.url}/face/{version}/persongroups").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "persongroups/..%2f..%2fetc%2fpasswd",
        "persongroups/UPPER",
        "persongroups/a%00b",
        "persongroups/%F0%9F%98%80",
        "persongroups/" + "a" * 65,
        "persongroups/x/persons/..%2f..",
        "persongroups/x/persons/1",
        "persongroups/x/persons/' OR 1=1 --",
        f"persongroups/x/persons/{NOBODY}/persistedfaces/{{{NOBODY}}}",
        f"largefacelists/x/persistedfaces/{NOBODY}%00",
        "persons/x",
        f"persons/{NOBODY}/recognitionModels/recognition_05/persistedfaces",
        "dynamicpersongroups/A",
        "operations/1",
    ],
)
def test_names_and_ids_in_addresses_are_what_they_may_be_or_refused(api: httpx.Client, path: str) -> None:
    assert said(api.get(path)) in ((400, "BadArgument"), (404, "404"))


def test_words_of_an_address_may_be_written_in_any_case(api: httpx.Client, portraits: Album) -> None:
    api.put("PersonGroups/family", json={"name": "Family"})
    person = api.post("persongroups/family/Persons", json={"name": "Ada"}).json()["personId"]
    path = f"personGroups/family/persons/{person.upper()}/persistedFaces"
    face = api.post(path, content=portraits.stranger, headers=BYTES).json()["persistedFaceId"]
    assert api.get(f"persongroups/family/persons/{person}").json()["persistedFaceIds"] == [face]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"name": NaN}',
        b"[" * 100_000,
        b'{"name": ""}',
        b'{"name": 7}',
        b'{"name": "\\ud800"}',
        b'{"name": "a\\u0000b"}',
        b"{}",
        json.dumps({"name": "x" * 129}).encode(),
        json.dumps({"name": "x", "userData": "y" * 16_385}).encode(),
        json.dumps({"name": "x", "recognitionModel": "recognition_05"}).encode(),
        json.dumps({"name": "x", "userData": "y" * 600_000}).encode(),
    ],
)
def test_what_is_no_container_is_not_made(api: httpx.Client, body: bytes) -> None:
    answer = api.put("largepersongroups/x", content=body, headers={"Content-Type": "application/json"})
    assert said(answer) == (400, "BadArgument")
    assert api.get("largepersongroups").json() == []


def test_names_keep_markup_quotes_and_every_script(api: httpx.Client) -> None:
    name = "'; DROP TABLE containers; -- <img src=x onerror=alert(1)> 似た顔 👩‍🚀"
    assert api.put("largefacelists/x", json={"name": name, "userData": name}).content == b""
    answer = api.get("largefacelists/x")
    assert (answer.json()["name"], answer.json()["userData"]) == (name, name)
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_container_is_told_with_its_recognition_model_only_where_that_is_wanted(api: httpx.Client) -> None:
    api.put("facelists/x", json={"name": "X"})
    api.put("facelists/y", json={"name": "Y", "userData": None, "recognitionModel": "recognition_04"})
    assert api.get("facelists/x").json() == {"faceListId": "x", "name": "X", "userData": None, "persistedFaces": []}
    assert api.get("facelists?returnRecognitionModel=true").json() == [
        {"faceListId": "x", "name": "X", "userData": None, "recognitionModel": "recognition_01"},
        {"faceListId": "y", "name": "Y", "userData": None, "recognitionModel": "recognition_04"},
    ]
    assert said(api.get("facelists?returnRecognitionModel=perhaps")) == (400, "BadArgument")


def test_changing_nothing_is_refused_where_azure_refuses_it(api: httpx.Client) -> None:
    for path in ("largefacelists/x", "largepersongroups/x"):
        api.put(path, json={"name": "X"})
        assert said(api.patch(path, json={"name": None})) == (400, "BadArgument")
    api.put("facelists/x", json={"name": "X"})
    assert api.patch("facelists/x", json={"name": None, "userData": None}).status_code == 200


def test_lists_are_paged_by_the_last_name_that_was_seen(api: httpx.Client) -> None:
    for word in ("id5", "id1", "id3", "id2", "id4"):
        api.put(f"largepersongroups/{word}", json={"name": word})

    def listed(**query: str) -> list[str]:
        return [one["largePersonGroupId"] for one in api.get("largepersongroups", params=query).json()]

    assert listed() == ["id1", "id2", "id3", "id4", "id5"]
    assert listed(top="2") == ["id1", "id2"]
    assert listed(start="id2", top="2") == ["id3", "id4"]
    assert listed(start="id2") == ["id3", "id4", "id5"]
    assert listed(start="id5") == []
    for query in ({"top": "0"}, {"top": "1001"}, {"top": "x"}, {"top": "1.5"}, {"start": "a" * 65}):
        assert said(api.get("largepersongroups", params=query)) == (400, "BadArgument")


def test_training_is_told_under_the_host_that_was_called(live: Live, api: httpx.Client) -> None:
    api.put("largefacelists/x", json={"name": "x"})
    answer = api.post("largefacelists/x/train")
    assert (answer.status_code, answer.content) == (202, b"")
    where = answer.headers["operation-location"]
    assert where == f"{live.url}/face/v1.2/largefacelists/x/training"
    status = api.get(where).json()
    assert (status["status"], status["message"]) == ("succeeded", None)
    assert status["createdDateTime"] == status["lastSuccessfulTrainingDateTime"]
    assert status["lastActionDateTime"].endswith("Z")
