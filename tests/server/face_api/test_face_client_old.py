"""azure-cognitiveservices-vision-face, unchanged, with each of its operations."""

from __future__ import annotations

import io
import uuid

import pytest

pytest.importorskip(
    "azure.cognitiveservices.vision.face", reason="azure-cognitiveservices-vision-face is not installed"
)

from azure.cognitiveservices.vision.face import FaceClient
from azure.cognitiveservices.vision.face.models import APIErrorException
from msrest.authentication import CognitiveServicesCredentials
from tests.server.face_api.album import Album
from tests.server.face_api.conftest import Live
from tests.server.face_api.noted import Noted, operations

GROUPS = (
    "face",
    "face_list",
    "large_face_list",
    "person_group",
    "person_group_person",
    "large_person_group",
    "large_person_group_person",
    "snapshot",
)
HOW = {"recognition_model": "recognition_03", "detection_model": "detection_03"}
NOBODY = str(uuid.uuid4())


def refused(code: str):
    return pytest.raises(APIErrorException, match=rf"\({code}\)")


def connected(live: Live, key: str = "") -> FaceClient:
    return FaceClient(live.url, CognitiveServicesCredentials(key or live.key))


def stream(picture: bytes) -> io.BytesIO:
    """A body that the client sends in chunks, without Content-Length."""
    return io.BytesIO(picture)


def test_every_operation_of_the_old_client_works_or_is_refused_as_documented(live: Live, album: Album) -> None:
    called: set[str] = set()
    client = connected(live)
    at = {name: Noted(getattr(client, name), name, called) for name in GROUPS}
    ids = detect(at["face"], live, album)
    use_groups(at, "person_group", live, album, ids)
    use_groups(at, "large_person_group", live, album, ids)
    use_face_lists(at, live, album, ids)
    use_large_face_lists(at, live, album, ids)
    refuse_snapshots(at["snapshot"])
    there = set().union(*(operations(getattr(client, name), name) for name in GROUPS))
    found = {key for key, one in vars(client).items() if type(one).__name__.endswith("Operations")}
    assert found == set(GROUPS)
    assert there - called == set()


def detect(face, live: Live, album: Album) -> dict[str, str]:
    """The id of each new picture's face, by name; the stranger's is ''."""
    first = next(iter(album.new.values()))
    (found,) = face.detect_with_stream(
        stream(first),
        return_face_attributes=["headPose", "blur", "exposure", "qualityForRecognition"],
        return_recognition_model=True,
        **HOW,
    )
    assert found.recognition_model == "recognition_03"
    assert found.face_attributes.quality_for_recognition == "High"  # this client capitalises "high"
    assert found.face_attributes.exposure.exposure_level == "GoodExposure"
    assert face.detect_with_stream(stream(album.nobody), **HOW) == []
    (same,) = face.detect_with_url(live.pictures.put("new.jpg", first), face_id_time_to_live=60, **HOW)
    assert same.face_rectangle.as_dict() == found.face_rectangle.as_dict()
    pictures = {"": album.stranger, **album.new}
    ids = {name: face.detect_with_stream(stream(picture), **HOW)[0].face_id for name, picture in pictures.items()}
    ada, stranger = ids[next(iter(album.new))], ids[""]
    assert face.verify_face_to_face(ada, found.face_id).is_identical
    assert not face.verify_face_to_face(ada, stranger).is_identical
    (alike,) = face.find_similar(ada, face_ids=[found.face_id, stranger])
    assert alike.face_id == found.face_id
    grouped = face.group([ada, stranger, found.face_id])
    assert [set(one) for one in grouped.groups] == [{ada, found.face_id}]
    assert grouped.messy_group == [stranger]
    (other,) = face.detect_with_stream(stream(first), recognition_model="recognition_02")
    with refused("BadArgument"):
        face.verify_face_to_face(ada, other.face_id)
    with refused("UnsupportedFeature"):
        face.detect_with_stream(stream(first), return_face_attributes=["age", "gender"])
    return ids


def use_groups(at: dict[str, Noted], kind: str, live: Live, album: Album, ids: dict[str, str]) -> None:
    groups, people, face = at[kind], at[f"{kind}_person"], at["face"]
    group = {f"{kind}_id": f"family-{kind}"}
    word = group[f"{kind}_id"]
    groups.create(word, name="Family", user_data="ours", recognition_model="recognition_03")
    with refused("Exists".join(["".join(part.title() for part in kind.split("_")), ""])):
        groups.create(word, name="Family")
    persons = {name: people.create(word, name=name).person_id for name in album.enrolled}
    faces = {}
    for name, pictures in album.enrolled.items():
        url = live.pictures.put("enrolled.jpg", pictures[1])
        faces[name] = [
            people.add_face_from_stream(word, persons[name], stream(pictures[0])).persisted_face_id,
            people.add_face_from_url(word, persons[name], url, user_data="by url").persisted_face_id,
        ]
    with refused(r"\w+NotTrained"):
        face.identify(list(ids.values()), **group)
    groups.train(word)
    assert groups.get_training_status(word).status == "succeeded"
    by_face = {one.face_id: one.candidates for one in face.identify(list(ids.values()), **group)}
    assert by_face[ids[""]] == []
    for name, person in persons.items():
        assert [one.person_id for one in by_face[ids[name]]] == [person]
        assert face.verify_face_to_person(ids[name], person, **group).is_identical
        assert not face.verify_face_to_person(ids[""], person, **group).is_identical
    with refused("PersonNotFound"):
        face.verify_face_to_person(ids[""], NOBODY, **group)
    look_after(groups, people, word, persons, faces)
    groups.delete(word)
    with refused(r"\w+NotFound"):
        groups.get(word)


def look_after(groups, people, word: str, persons: dict[str, str], faces: dict[str, list[str]]) -> None:
    groups.update(word, name="Kin")
    assert (groups.get(word).name, groups.get(word).user_data) == ("Kin", "ours")
    assert [one.recognition_model for one in groups.list(return_recognition_model=True)] == ["recognition_03"]
    name, person = next(iter(persons.items()))
    people.update(word, person, name=name, user_data="y")
    assert [one.person_id for one in people.list(word)] == sorted(persons.values())
    record = people.get(word, person)
    assert (record.name, record.user_data, record.persisted_face_ids) == (name, "y", faces[name])
    people.update_face(word, person, faces[name][0], user_data="front")
    assert people.get_face(word, person, faces[name][0]).user_data == "front"
    people.delete_face(word, person, faces[name][0])
    with refused("PersistedFaceNotFound"):
        people.get_face(word, person, faces[name][0])
    people.delete(word, person)
    with refused("PersonNotFound"):
        people.get(word, person)


def use_face_lists(at: dict[str, Noted], live: Live, album: Album, ids: dict[str, str]) -> None:
    lists, face = at["face_list"], at["face"]
    lists.create("album", name="Album", recognition_model="recognition_03")
    with refused("FaceListNotReady"):
        face.find_similar(ids[""], face_list_id="album")
    owners = {
        lists.add_face_from_stream("album", stream(pictures[0]), user_data=name).persisted_face_id: name
        for name, pictures in album.enrolled.items()
    }
    last = lists.add_face_from_url("album", live.pictures.put("s.jpg", album.stranger)).persisted_face_id
    assert [one.persisted_face_id for one in face.find_similar(ids[""], face_list_id="album")] == [last]
    for name in album.new:
        (best,) = face.find_similar(ids[name], face_list_id="album", max_num_of_candidates_returned=1, mode="matchFace")
        assert owners[best.persisted_face_id] == name
    lists.update("album", name="Pictures")
    found = lists.get("album", return_recognition_model=True)
    assert (found.name, found.recognition_model) == ("Pictures", "recognition_03")
    assert {one.persisted_face_id: one.user_data for one in found.persisted_faces} == {**owners, last: None}
    assert "album" in [one.face_list_id for one in lists.list()]
    lists.delete_face("album", last)
    assert face.find_similar(ids[""], face_list_id="album") == []
    lists.delete("album")
    with refused("FaceListNotFound"):
        lists.get("album")


def use_large_face_lists(at: dict[str, Noted], live: Live, album: Album, ids: dict[str, str]) -> None:
    lists, face = at["large_face_list"], at["face"]
    lists.create("old-album", name="Album", recognition_model="recognition_03")
    first = lists.add_face_from_stream("old-album", stream(album.stranger), user_data="s").persisted_face_id
    url = live.pictures.put("n.jpg", next(iter(album.new.values())))
    second = lists.add_face_from_url("old-album", url).persisted_face_id
    with refused("LargeFaceListNotTrained"):
        face.find_similar(ids[""], large_face_list_id="old-album")
    lists.train("old-album")
    assert lists.get_training_status("old-album").status == "succeeded"
    assert [one.persisted_face_id for one in face.find_similar(ids[""], large_face_list_id="old-album")] == [first]
    lists.update("old-album", user_data="u")
    assert lists.get("old-album").user_data == "u"
    assert [one.name for one in lists.list(start="old", top=1)] == ["Album"]
    lists.update_face("old-album", second, user_data="n")
    assert lists.get_face("old-album", second).user_data == "n"
    assert [one.persisted_face_id for one in lists.list_faces("old-album")] == sorted([first, second])
    lists.delete_face("old-album", first)
    assert [one.persisted_face_id for one in lists.list_faces("old-album")] == [second]
    lists.delete("old-album")


def refuse_snapshots(snapshot) -> None:
    calls = [
        lambda: snapshot.take("FaceList", "album", [NOBODY]),
        lambda: snapshot.list(),
        lambda: snapshot.get(NOBODY),
        lambda: snapshot.update(NOBODY, user_data="u"),
        lambda: snapshot.delete(NOBODY),
        lambda: snapshot.apply(NOBODY, "album"),
    ]
    for call in calls:
        with refused("UnsupportedFeature"):
            call()
    with refused("OperationNotFound"):
        snapshot.get_operation_status(NOBODY)


def test_the_old_client_understands_that_its_key_is_wrong(live: Live, portraits: Album) -> None:
    with refused("401"):
        connected(live, "wrong").face.detect_with_stream(stream(portraits.stranger))
    with refused("401"):
        connected(live, "wrong").person_group.list()


def test_what_the_old_client_sends_in_chunks_is_held_to_the_limit(live: Live) -> None:
    for size in (1023, 6 * 1024 * 1024 + 1):
        with refused("InvalidImageSize"):
            connected(live).face.detect_with_stream(stream(b"\xff\xd8\xff" + bytes(size - 3)))
