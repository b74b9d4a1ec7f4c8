"""The Face API as it goes over the wire: bodies, limits, codes, addresses, paging, keys."""

from __future__ import annotations

import io
import json
import os
import uuid
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image
from tests.server.face.album import Album, encoded
from tests.server.face.conftest import HOST, Live

from nitakao.errors import MisuseError
from nitakao.server.face.house import errand_to
from nitakao.server.service import THRESHOLD

NOBODY = str(uuid.uuid4())
BYTES = {"Content-Type": "application/octet-stream"}


@pytest.fixture
def api(live: Live) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=f"{live.url}/face/v1.2/", headers={"Ocp-Apim-Subscription-Key": live.key}, timeout=30
    ) as made:
        yield made


def said(answer: httpx.Response) -> tuple[int, str]:
    """The status and the code of an error, which is told in the body and in a header."""
    error = answer.json()["error"]
    assert set(error) == {"code", "message"}
    assert error["message"]
    assert answer.headers["x-ms-error-code"] == error["code"]
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    return answer.status_code, error["code"]


def detected(api: httpx.Client, picture: bytes | Iterator[bytes], **query: str) -> list:
    answer = api.post("detect", params=query, content=picture, headers=BYTES)
    assert answer.status_code == 200, answer.text
    return answer.json()


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


@pytest.mark.parametrize("ending", ["JPEG", "PNG", "GIF", "BMP"])
def test_the_four_kinds_of_pictures_are_taken(api: httpx.Client, portraits: Album, ending: str) -> None:
    out = io.BytesIO()
    Image.open(io.BytesIO(portraits.stranger)).save(out, ending)
    (face,) = detected(api, out.getvalue())
    assert set(face) == {"faceId", "faceRectangle"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "InvalidImageSize"),
        (b"\xff\xd8\xff" + bytes(1020), "InvalidImageSize"),
        (b"\xff\xd8\xff" + bytes(6 * 1024 * 1024 - 2), "InvalidImageSize"),
        (os.urandom(2048), "InvalidImage"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>" + b" " * 2000, "InvalidImage"),
        (b"<html><script>alert(1)</script>" + b" " * 2000, "InvalidImage"),
        (b"GIF89a<script>alert(1)</script>" + bytes(2000), "InvalidImage"),
        (b"\x89PNG\r\n\x1a\n" + bytes(2000), "InvalidImage"),
    ],
)
def test_what_is_no_picture_or_too_large_or_small_is_refused(api: httpx.Client, content: bytes, code: str) -> None:
    assert said(api.post("detect", content=content, headers=BYTES)) == (400, code)


def test_a_picture_that_breaks_off_is_refused(api: httpx.Client, portraits: Album) -> None:
    half = portraits.stranger[: len(portraits.stranger) // 2]
    assert said(api.post("detect", content=half, headers=BYTES)) == (400, "InvalidImage")


def test_a_picture_of_another_kind_is_refused(api: httpx.Client, portraits: Album) -> None:
    out = io.BytesIO()
    Image.open(io.BytesIO(portraits.stranger)).save(out, "TIFF")
    assert said(api.post("detect", content=out.getvalue(), headers=BYTES)) == (400, "InvalidImage")


def test_a_body_may_come_in_pieces_without_a_length_and_is_held_to_the_limit(
    api: httpx.Client, portraits: Album
) -> None:
    def pieces(data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), 10_000):
            yield data[start : start + 10_000]

    assert len(detected(api, pieces(portraits.stranger))) == 1
    answer = api.post("detect", content=pieces(bytes(7 * 1024 * 1024)), headers=BYTES)
    assert said(answer) == (400, "InvalidImageSize")


def test_other_bodies_than_a_picture_and_its_address_are_refused(api: httpx.Client, portraits: Album) -> None:
    answer = api.post("detect", content=portraits.stranger, headers={"Content-Type": "text/plain"})
    assert said(answer) == (415, "UnsupportedMediaType")
    assert said(api.post("detect", files={"image": portraits.stranger})) == (415, "UnsupportedMediaType")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"detectionModel": "detection_04"}, 400, "BadArgument"),
        ({"recognitionModel": "recognition_05"}, 400, "BadArgument"),
        ({"faceIdTimeToLive": "59"}, 400, "BadArgument"),
        ({"faceIdTimeToLive": "86401"}, 400, "BadArgument"),
        ({"returnFaceId": "perhaps"}, 400, "BadArgument"),
        ({"returnFaceAttributes": "wings"}, 400, "BadArgument"),
        ({"returnFaceAttributes": "blur", "detectionModel": "detection_02"}, 400, "BadArgument"),
        ({"returnFaceLandmarks": "true", "detectionModel": "detection_02"}, 400, "BadArgument"),
        ({"returnFaceAttributes": "qualityForRecognition"}, 400, "BadArgument"),
        ({"returnFaceLandmarks": "true"}, 403, "UnsupportedFeature"),
        ({"returnFaceAttributes": "blur,Age"}, 403, "UnsupportedFeature"),
        ({"returnFaceAttributes": "glasses"}, 403, "UnsupportedFeature"),
    ],
)
def test_options_of_detect_are_refused_as_documented(
    api: httpx.Client, portraits: Album, query: dict[str, str], status: int, code: str
) -> None:
    assert said(api.post("detect", params=query, content=portraits.stranger, headers=BYTES)) == (status, code)


def test_faces_smaller_than_the_face_api_tells_are_not_told(api: httpx.Client, portraits: Album) -> None:
    picture = Image.open(io.BytesIO(portraits.stranger))
    (face,) = detected(api, portraits.stranger)
    small = 30 / face["faceRectangle"]["width"]
    canvas = Image.new("RGB", picture.size, "gray")
    canvas.paste(picture.resize((round(picture.width * small), round(picture.height * small))))
    assert detected(api, encoded(canvas)) == []
    api.put("facelists/x", json={"name": "x"})
    assert said(_add(api, encoded(canvas))) == (400, "InvalidImage")


def _add(api: httpx.Client, picture: bytes, **query: str) -> httpx.Response:
    return api.post("facelists/x/persistedfaces", params=query, content=picture, headers=BYTES)


def test_the_face_that_target_face_means_is_added_and_no_other(api: httpx.Client, portraits: Album) -> None:
    api.put("facelists/x", json={"name": "x"})
    for face in detected(api, portraits.together):
        where = face["faceRectangle"]
        target = ",".join(str(where[key]) for key in ("left", "top", "width", "height"))
        added = _add(api, portraits.together, targetFace=target).json()["persistedFaceId"]
        found = api.post("findsimilars", json={"faceId": face["faceId"], "faceListId": "x"}).json()
        assert found[0]["persistedFaceId"] == added
        assert found[0]["confidence"] > 0.99
    for target, code in (
        ("1,2,3", "BadArgument"),
        ("a,b,c,d", "BadArgument"),
        ("-1,0,9,9", "BadArgument"),
        ("0,0,0,0", "BadArgument"),
        ("0,0,99999,9", "BadArgument"),
        ("0,0,5,5", "InvalidImage"),
    ):
        assert said(_add(api, portraits.together, targetFace=target)) == (400, code)
    assert said(_add(api, portraits.nobody)) == (400, "InvalidImage")
    assert said(_add(api, portraits.stranger, userData="x" * 1025)) == (400, "BadArgument")
    assert said(_add(api, portraits.stranger, detectionModel="detection_09")) == (400, "BadArgument")


def test_a_face_of_another_recognition_model_is_never_compared(api: httpx.Client, portraits: Album) -> None:
    (one,) = detected(api, portraits.stranger, recognitionModel="recognition_01")
    (other,) = detected(api, portraits.stranger, recognitionModel="recognition_04")
    api.put("persongroups/g", json={"name": "g", "recognitionModel": "recognition_04"})
    api.put("facelists/x", json={"name": "x"})
    _add(api, portraits.stranger)
    api.post("persongroups/g/train")
    bad = (400, "BadArgument")
    first, second = one["faceId"], other["faceId"]
    assert said(api.post("verify", json={"faceId1": first, "faceId2": second})) == bad
    assert said(api.post("group", json={"faceIds": [first, second]})) == bad
    assert said(api.post("findsimilars", json={"faceId": first, "faceIds": [second]})) == bad
    assert said(api.post("findsimilars", json={"faceId": second, "faceListId": "x"})) == bad
    assert said(api.post("identify", json={"faceIds": [first], "personGroupId": "g"})) == bad


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("findsimilars", {"faceId": NOBODY}, "BadArgument"),
        ("findsimilars", {"faceId": NOBODY, "faceIds": [NOBODY], "faceListId": "x"}, "BadArgument"),
        ("findsimilars", {"faceId": "x", "faceIds": [NOBODY]}, "BadArgument"),
        ("findsimilars", {"faceId": NOBODY, "faceIds": []}, "BadArgument"),
        ("findsimilars", {"faceId": NOBODY, "faceIds": [NOBODY] * 1001}, "BadArgument"),
        ("findsimilars", {"faceId": NOBODY, "faceIds": [NOBODY], "mode": "x"}, "BadArgument"),
        ("findsimilars", {"faceId": NOBODY, "faceIds": [NOBODY], "maxNumOfCandidatesReturned": 0}, "BadArgument"),
        ("findsimilars", {"faceId": NOBODY, "faceIds": [NOBODY]}, "FaceNotFound"),
        ("group", {"faceIds": [NOBODY]}, "BadArgument"),
        ("group", {"faceIds": [NOBODY, NOBODY]}, "FaceNotFound"),
        ("identify", {"faceIds": []}, "BadArgument"),
        ("identify", {"faceIds": [NOBODY] * 11, "personGroupId": "g"}, "BadArgument"),
        ("identify", {"faceIds": [NOBODY], "personGroupId": "g", "confidenceThreshold": 1.5}, "BadArgument"),
        ("identify", {"faceIds": [NOBODY], "personGroupId": "g", "maxNumOfCandidatesReturned": 101}, "BadArgument"),
        ("identify", {"faceIds": [NOBODY]}, "MissingIdentificationScopeParameters"),
        (
            "identify",
            {"faceIds": [NOBODY], "personGroupId": "g", "largePersonGroupId": "g"},
            "PersonGroupIdAndLargePersonGroupIdBothNotNull",
        ),
        (
            "identify",
            {"faceIds": [NOBODY], "personGroupId": "g", "personIds": [NOBODY]},
            "IncompatibleIdentificationScopeParametersCombination",
        ),
        ("identify", {"faceIds": [NOBODY], "personGroupId": "g"}, "FaceNotFound"),
        ("verify", {"faceId1": NOBODY}, "BadArgument"),
        ("verify", {"faceId": NOBODY}, "BadArgument"),
    ],
)
def test_questions_that_are_off_are_answered_with_the_documented_codes(api, path, body, code) -> None:
    assert said(api.post(path, json=body)) == (400, code)


def test_what_is_not_there_is_told_with_the_code_of_its_kind(api: httpx.Client, portraits: Album) -> None:
    (face,) = detected(api, portraits.stranger)
    asked = {"faceIds": [face["faceId"]]}
    for key, code in (
        ("personGroupId", "PersonGroupNotFound"),
        ("largePersonGroupId", "LargePersonGroupNotFound"),
        ("dynamicPersonGroupId", "DynamicPersonGroupNotFound"),
    ):
        assert said(api.post("identify", json={**asked, key: "gone"})) == (400, code)
    assert said(api.post("verify", json={"faceId": face["faceId"], "personId": NOBODY})) == (404, "PersonNotFound")
    one = {"faceId": face["faceId"]}
    assert said(api.post("findsimilars", json={**one, "faceListId": "gone"})) == (400, "FaceListNotFound")
    assert said(api.post("findsimilars", json={**one, "largeFaceListId": "gone"})) == (400, "LargeFaceListNotFound")
    assert said(api.post("verify", json={"faceId1": NOBODY, "faceId2": face["faceId"]})) == (404, "FaceNotFound")


def test_clients_of_the_first_version_are_told_of_groups_only(live: Live, api: httpx.Client) -> None:
    answer = api.post(f"{live.url}/face/v1.0/identify", json={"faceIds": [NOBODY]})
    assert said(answer) == (400, "PersonGroupIdAndLargePersonGroupIdBothNull")


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


def test_the_directory_works_from_making_a_person_to_forgetting_her(api: httpx.Client, portraits: Album) -> None:
    made = api.post("persons", json={"name": "Eileen", "userData": "u"})
    assert made.status_code == 202
    person = made.json()["personId"]
    assert made.headers["location"].endswith(f"/persons/{person}")
    operation = api.get(made.headers["operation-location"]).json()
    assert operation["status"] == "succeeded"
    path = f"persons/{person}/recognitionModels/recognition_04/persistedfaces"
    faces = []
    for picture in portraits.enrolled["Eileen Collins"]:
        added = api.post(path, params={"userData": "d"}, content=picture, headers=BYTES)
        assert added.status_code == 202
        faces.append(added.json()["persistedFaceId"])
    assert sorted(api.get(path).json()["persistedFaceIds"]) == sorted(faces)
    assert api.get(path.replace("_04", "_01")).json()["persistedFaceIds"] == []
    assert api.patch(f"{path}/{faces[0]}", json={"userData": "e"}).status_code == 200
    assert api.get(f"{path}/{faces[0]}").json() == {"persistedFaceId": faces[0], "userData": "e"}
    other = api.post("persons", json={"name": "Nobody yet"}).json()["personId"]
    joined = api.put("dynamicpersongroups/crew", json={"name": "Crew", "addPersonIds": [person]})
    assert joined.status_code == 202
    assert api.put("dynamicpersongroups/empty", json={"name": "Empty"}).status_code == 200
    assert said(api.put("dynamicpersongroups/crew", json={"name": "Crew"})) == (409, "DynamicPersonGroupExists")
    ask_the_directory(api, portraits, person, other)
    look_after_the_directory(api, person, other, f"{path}/{faces[0]}")


def ask_the_directory(api: httpx.Client, portraits: Album, person: str, other: str) -> None:
    (new,) = detected(api, portraits.new["Eileen Collins"], recognitionModel="recognition_04")
    (stranger,) = detected(api, portraits.stranger, recognitionModel="recognition_04")
    (old,) = detected(api, portraits.new["Eileen Collins"], recognitionModel="recognition_01")
    ids = [new["faceId"], stranger["faceId"], old["faceId"]]
    for scope in ({"personIds": [person, other]}, {"personIds": ["*"]}, {"dynamicPersonGroupId": "crew"}):
        answer = api.post("identify", json={"faceIds": ids, **scope}).json()
        assert [[one["personId"] for one in face["candidates"]] for face in answer] == [[person], [], []]
    empty = api.post("identify", json={"faceIds": ids[:1], "dynamicPersonGroupId": "empty"}).json()
    assert empty[0]["candidates"] == []
    told = api.post("verify", json={"faceId": ids[0], "personId": person}).json()
    assert told["isIdentical"] is True
    assert told["confidence"] > 0.5
    assert api.post("verify", json={"faceId": ids[1], "personId": person}).json()["isIdentical"] is False
    assert said(api.post("verify", json={"faceId": ids[0], "personId": other})) == (404, "PersistedFaceNotFound")


def look_after_the_directory(api: httpx.Client, person: str, other: str, face: str) -> None:
    assert api.patch(f"persons/{person}", json={"name": "Eileen Collins"}).status_code == 200
    assert said(api.patch(f"persons/{person}", json={})) == (400, "BadArgument")
    assert api.get(f"persons/{person}").json() == {"personId": person, "name": "Eileen Collins", "userData": "u"}
    assert [one["personId"] for one in api.get("persons").json()] == sorted([person, other])
    moved = api.patch("dynamicpersongroups/crew", json={"addPersonIds": [other], "removePersonIds": [person]})
    assert moved.status_code == 202
    assert api.get("dynamicpersongroups/crew/persons").json() == {"personIds": [other]}
    assert api.get(f"persons/{other}/dynamicPersonGroupReferences").json() == {"dynamicPersonGroupIds": ["crew"]}
    assert api.patch("dynamicpersongroups/crew", json={"name": "Team"}).status_code == 200
    assert api.get("dynamicpersongroups/crew").json()["name"] == "Team"
    assert [one["dynamicPersonGroupId"] for one in api.get("dynamicpersongroups").json()] == ["crew", "empty"]
    assert said(api.patch("dynamicpersongroups/crew", json={})) == (400, "BadArgument")
    assert api.delete("dynamicpersongroups/crew").status_code == 202
    assert api.delete(face).status_code == 202
    assert said(api.get(face)) == (404, "PersistedFaceNotFound")
    assert api.delete(f"persons/{person}").status_code == 202
    assert said(api.get(f"persons/{person}")) == (404, "PersonNotFound")


def test_addresses_that_lead_inside_or_nowhere_are_refused(live: Live, api: httpx.Client) -> None:
    away = live.pictures.put("away", b"http://169.254.169.254/latest/meta-data/")
    elsewhere = live.pictures.put("elsewhere", b"http://example.com/a.jpg")
    live.pictures.put("page.html", b"<html>" + bytes(2000))
    live.pictures.put("large.jpg", bytes(6 * 1024 * 1024 + 1))
    live.pictures.put("small.jpg", bytes(100))
    for url, code in (
        (away, "InvalidURL"),
        (elsewhere, "InvalidURL"),
        ("http://169.254.169.254/", "InvalidURL"),
        ("http://127.0.0.1/a.jpg", "InvalidURL"),
        ("http://2130706433/a.jpg", "InvalidURL"),
        ("http://[::ffff:127.0.0.1]/a.jpg", "InvalidURL"),
        (f"http://{HOST}:22/a.jpg", "InvalidURL"),
        (f"http://user:pass@{HOST}/a.jpg", "InvalidURL"),
        (f"http://{HOST}/gone.jpg", "InvalidURL"),
        ("file:///etc/passwd", "InvalidURL"),
        ("/etc/passwd", "InvalidURL"),
        (f"http://{HOST}/page.html", "InvalidImage"),
        (f"http://{HOST}/large.jpg", "InvalidImageSize"),
        (f"http://{HOST}/small.jpg", "InvalidImageSize"),
        (7, "BadArgument"),
        ("", "BadArgument"),
    ):
        assert said(api.post("detect", json={"url": url})) == (400, code), url
    assert said(api.post("detect", json={"sessionImageId": NOBODY})) == (403, "UnsupportedFeature")


@pytest.mark.parametrize(
    ("given", "host"),
    [("Example.com", "example.com"), ("例え.jp", "xn--r8jz45g.jp"), ("example.com:8080", "example.com:8080")],
)
def test_hosts_are_known_by_the_name_that_is_asked(given: str, host: str) -> None:
    found = errand_to((given,))
    assert found is not None
    assert found.hosts == frozenset([host])


@pytest.mark.parametrize(
    "host", ["", "https://example.com", "example.com/a", "a b", "example.com:x", "*", "a@b", "a:0"]
)
def test_what_is_no_host_cannot_be_allowed(host: str) -> None:
    with pytest.raises(MisuseError, match="fetched from a host"):
        errand_to((host,))


def test_without_hosts_nothing_is_fetched() -> None:
    assert errand_to(()) is None


def test_a_threshold_set_by_hand_is_where_confidence_is_a_half(live: Live, api: httpx.Client, portraits: Album) -> None:
    (one,), (other,) = detected(api, portraits.stranger), detected(api, portraits.new["Eileen Collins"])
    asked = {"faceId1": one["faceId"], "faceId2": other["faceId"]}
    before = api.post("verify", json=asked).json()
    live.gallery.set_setting(THRESHOLD, "2.0")
    try:
        after = api.post("verify", json=asked).json()
    finally:
        live.gallery.set_setting(THRESHOLD, None)
    assert (before["isIdentical"], after["isIdentical"]) == (False, True)
    assert before["confidence"] < 0.5 < after["confidence"]
