"""Recognition operations of the Face API: error codes, the directory, and recognition models."""

from __future__ import annotations

import httpx
import pytest
from tests.server.face_api.album import Album
from tests.server.face_api.conftest import Live
from tests.server.face_api.wire import BYTES, NOBODY, added_to_list, detected, said


def test_a_face_of_another_recognition_model_is_never_compared(api: httpx.Client, portraits: Album) -> None:
    (one,) = detected(api, portraits.stranger, recognitionModel="recognition_01")
    (other,) = detected(api, portraits.stranger, recognitionModel="recognition_04")
    api.put("persongroups/g", json={"name": "g", "recognitionModel": "recognition_04"})
    api.put("facelists/x", json={"name": "x"})
    added_to_list(api, portraits.stranger)
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
    body = {"faceIds": [face["faceId"]]}
    for key, code in (
        ("personGroupId", "PersonGroupNotFound"),
        ("largePersonGroupId", "LargePersonGroupNotFound"),
        ("dynamicPersonGroupId", "DynamicPersonGroupNotFound"),
    ):
        assert said(api.post("identify", json={**body, key: "gone"})) == (400, code)
    assert said(api.post("verify", json={"faceId": face["faceId"], "personId": NOBODY})) == (404, "PersonNotFound")
    one = {"faceId": face["faceId"]}
    assert said(api.post("findsimilars", json={**one, "faceListId": "gone"})) == (400, "FaceListNotFound")
    assert said(api.post("findsimilars", json={**one, "largeFaceListId": "gone"})) == (400, "LargeFaceListNotFound")
    assert said(api.post("verify", json={"faceId1": NOBODY, "faceId2": face["faceId"]})) == (404, "FaceNotFound")


def test_clients_of_the_first_version_are_told_of_groups_only(live: Live, api: httpx.Client) -> None:
    answer = api.post(f"{live.url}/face/v1.0/identify", json={"faceIds": [NOBODY]})
    assert said(answer) == (400, "PersonGroupIdAndLargePersonGroupIdBothNull")


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
    result = api.post("verify", json={"faceId": ids[0], "personId": person}).json()
    assert result["isIdentical"] is True
    assert result["confidence"] > 0.5
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


def test_a_threshold_set_by_hand_is_where_confidence_is_a_half(live: Live, api: httpx.Client, portraits: Album) -> None:
    (one,), (other,) = detected(api, portraits.stranger), detected(api, portraits.new["Eileen Collins"])
    body = {"faceId1": one["faceId"], "faceId2": other["faceId"]}
    before = api.post("verify", json=body).json()
    settings, key = f"{live.url}/api/v1/settings", {"X-API-Key": live.key}
    httpx.put(settings, json={"threshold": 2.0}, headers=key).raise_for_status()
    try:
        after = api.post("verify", json=body).json()
    finally:
        httpx.put(settings, json={"threshold": None}, headers=key).raise_for_status()
    assert (before["isIdentical"], after["isIdentical"]) == (False, True)
    assert before["confidence"] < 0.5 < after["confidence"]
