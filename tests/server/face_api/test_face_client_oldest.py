"""cognitive_face, unchanged, with each of its functions."""

from __future__ import annotations

import io
from pathlib import Path

import cognitive_face as CF  # noqa: N812  # the name in its own examples
import pytest
from tests.server.face_api.album import Album
from tests.server.face_api.conftest import Live
from tests.server.face_api.noted import Noted, operations

# It does not close the files that it sends.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")

GROUPS = (
    "face",
    "face_list",
    "large_face_list",
    "large_face_list_face",
    "large_person_group",
    "large_person_group_person",
    "large_person_group_person_face",
    "person",
    "person_group",
    "util",
)
INNER = ("parse_image", "request")  # helpers of the other functions


@pytest.fixture
def client(live: Live, monkeypatch: pytest.MonkeyPatch) -> Live:
    monkeypatch.setattr(CF.Key, "key", live.key, raising=False)
    monkeypatch.setattr(CF.BaseUrl, "base_url", f"{live.url}/face/v1.0/", raising=False)
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # it waits a second between calls
    return live


def refused(code: str):
    return pytest.raises(CF.CognitiveFaceException, match=f"code: {code}\n")


def test_every_function_of_the_oldest_client_works(client: Live, album: Album, tmp_path: Path) -> None:
    called: set[str] = set()
    at = {name: Noted(getattr(CF, name), name, called) for name in GROUPS}
    path = tmp_path / "new.jpg"
    path.write_bytes(next(iter(album.new.values())))
    ids = detect(at["face"], client, album, path)
    use_face_lists(at, client, album, ids)
    use_large_face_lists(at, client, album, ids)
    use_groups(at, album, ids, path)
    use_large_groups(at, album, ids, path)
    clear(at)
    modules = {name for name in dir(CF) if type(getattr(CF, name)).__name__ == "module"}
    assert modules == set(GROUPS)
    there = set().union(*(operations(getattr(CF, name), name, INNER) for name in GROUPS))
    assert there - called == set()


def detect(face, live: Live, album: Album, path: Path) -> dict[str, str]:
    (found,) = face.detect(str(path), attributes="headPose,blur,exposure")
    assert set(found["faceAttributes"]) == {"headPose", "blur", "exposure"}
    (by_url,) = face.detect(live.pictures.put("new.jpg", path.read_bytes()))
    assert by_url["faceRectangle"] == found["faceRectangle"]
    assert face.detect(io.BytesIO(album.nobody)) == []
    pictures = {"": album.stranger, **album.new}
    ids = {name: face.detect(io.BytesIO(picture))[0]["faceId"] for name, picture in pictures.items()}
    ada, stranger = found["faceId"], ids[""]
    assert face.verify(ada, by_url["faceId"])["isIdentical"] is True
    assert face.verify(ada, stranger)["isIdentical"] is False
    assert [one["faceId"] for one in face.find_similars(ada, face_ids=[ada, stranger])] == [ada]
    grouped = face.group([ada, stranger, by_url["faceId"]])
    assert sorted(grouped["groups"][0]) == sorted([ada, by_url["faceId"]])
    assert grouped["messyGroup"] == [stranger]
    with refused("UnsupportedFeature"):
        face.detect(str(path), attributes="age,gender")
    with refused("UnsupportedFeature"):
        face.detect(str(path), landmarks=True)
    with refused("InvalidURL"):
        face.detect("no/such/file.jpg")  # this client takes it for a URL
    return ids


def use_face_lists(at, live: Live, album: Album, ids: dict[str, str]) -> None:
    lists, face = at["face_list"], at["face"]
    lists.create("cf", user_data="u")
    with refused("FaceListExists"):
        lists.create("cf")
    added = lists.add_face(io.BytesIO(album.stranger), "cf", user_data="s")["persistedFaceId"]
    url = live.pictures.put("t.jpg", album.together)
    second = lists.add_face(url, "cf", target_face=target(face, album.together))
    with refused("InvalidImage"):
        lists.add_face(io.BytesIO(album.together), "cf")
    with refused("BadArgument"):
        lists.add_face(io.BytesIO(album.together), "cf", target_face="0,0,9999,9999")
    assert added in [one["persistedFaceId"] for one in face.find_similars(ids[""], face_list_id="cf")]
    lists.update("cf", name="changed")
    assert (lists.get("cf")["name"], len(lists.get("cf")["persistedFaces"])) == ("changed", 2)
    assert [one["faceListId"] for one in lists.lists()] == ["cf"]
    lists.delete_face("cf", second["persistedFaceId"])
    lists.delete("cf")
    with refused("FaceListNotFound"):
        lists.get("cf")


def target(face, picture: bytes) -> str:
    found = face.detect(io.BytesIO(picture))[0]["faceRectangle"]
    return ",".join(str(found[key]) for key in ("left", "top", "width", "height"))


def use_large_face_lists(at, live: Live, album: Album, ids: dict[str, str]) -> None:
    lists, faces = at["large_face_list"], at["large_face_list_face"]
    lists.create("cf")
    added = faces.add(io.BytesIO(album.stranger), "cf", user_data="s")["persistedFaceId"]
    with refused("LargeFaceListNotTrained"):
        lists.get_status("cf")
    lists.train("cf")
    at["util"].wait_for_large_face_list_training("cf")
    assert lists.get_status("cf")["status"] == "succeeded"
    found = at["face"].find_similars(ids[""], large_face_list_id="cf")
    assert [one["persistedFaceId"] for one in found] == [added]
    lists.update("cf", name="changed")
    assert lists.get("cf")["name"] == "changed"
    assert [one["largeFaceListId"] for one in lists.list(top=1)] == ["cf"]
    faces.update("cf", added, user_data="t")
    assert faces.get("cf", added) == {"persistedFaceId": added, "userData": "t"}
    assert [one["persistedFaceId"] for one in faces.list("cf")] == [added]
    faces.delete("cf", added)
    assert faces.list("cf") == []
    lists.delete("cf")


def use_groups(at, album: Album, ids: dict[str, str], path: Path) -> None:
    groups, people = at["person_group"], at["person"]
    groups.create("cf")
    persons = {name: people.create("cf", name)["personId"] for name in album.enrolled}
    for name, pictures in album.enrolled.items():
        for picture in pictures:
            people.add_face(io.BytesIO(picture), "cf", persons[name])
    groups.train("cf")
    at["util"].wait_for_person_group_training("cf")
    assert groups.get_status("cf")["status"] == "succeeded"
    answers = at["face"].identify(list(ids.values()), person_group_id="cf")
    check_identified(answers, ids, persons)
    name, person = next(iter(persons.items()))
    assert at["face"].verify(ids[name], person_group_id="cf", person_id=person)["isIdentical"] is True
    groups.update("cf", name="changed")
    assert groups.get("cf")["name"] == "changed"
    assert [one["personGroupId"] for one in groups.lists()] == ["cf"]
    people.update("cf", person, name="Ada", user_data="d")
    record = people.get("cf", person)
    assert (record["name"], record["userData"], len(record["persistedFaceIds"])) == ("Ada", "d", 3)
    face = record["persistedFaceIds"][0]
    people.update_face("cf", person, face, user_data="front")
    assert people.get_face("cf", person, face)["userData"] == "front"
    assert len(people.lists("cf")) == len(persons)
    people.delete_face("cf", person, face)
    people.delete("cf", person)
    with refused("PersonNotFound"):
        people.get("cf", person)
    groups.delete("cf")


def check_identified(answers, ids: dict[str, str], persons: dict[str, str]) -> None:
    by_face = {one["faceId"]: [candidate["personId"] for candidate in one["candidates"]] for one in answers}
    assert by_face == {ids[""]: [], **{ids[name]: [person] for name, person in persons.items()}}


def use_large_groups(at, album: Album, ids: dict[str, str], path: Path) -> None:
    groups, people = at["large_person_group"], at["large_person_group_person"]
    faces = at["large_person_group_person_face"]
    groups.create("cf")
    persons = {name: people.create("cf", name)["personId"] for name in album.enrolled}
    added = {
        name: faces.add(io.BytesIO(pictures[0]), "cf", persons[name])["persistedFaceId"]
        for name, pictures in album.enrolled.items()
    }
    groups.train("cf")
    at["util"].wait_for_large_person_group_training("cf")
    assert groups.get_status("cf")["status"] == "succeeded"
    check_identified(at["face"].identify(list(ids.values()), large_person_group_id="cf"), ids, persons)
    groups.update("cf", name="changed")
    assert groups.get("cf")["name"] == "changed"
    assert [one["largePersonGroupId"] for one in groups.list(start="ce", top=9)] == ["cf"]
    name, person = next(iter(persons.items()))
    people.update("cf", person, user_data="d")
    assert people.get("cf", person)["persistedFaceIds"] == [added[name]]
    assert len(people.list("cf", top=1)) == 1
    faces.update("cf", person, added[name], user_data="front")
    assert faces.get("cf", person, added[name])["userData"] == "front"
    faces.delete("cf", person, added[name])
    people.delete("cf", person)
    groups.delete("cf")
    with refused("LargePersonGroupNotFound"):
        groups.get("cf")


def clear(at) -> None:
    """Its functions that delete everything."""
    for kind, named in (
        ("face_list", "clear_face_lists"),
        ("large_face_list", "clear_large_face_lists"),
        ("person_group", "clear_person_groups"),
        ("large_person_group", "clear_large_person_groups"),
    ):
        at[kind].create("left-over")
        getattr(at["util"], named)()
        listed = at[kind].lists if hasattr(getattr(CF, kind), "lists") else at[kind].list
        assert listed() == []


def test_the_oldest_client_understands_that_its_key_is_wrong(client: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CF.Key, "key", "wrong")
    with refused("401"):
        CF.person_group.lists()
