"""azure-ai-vision-face, unchanged, with each of its operations."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from azure.ai.vision.face import FaceAdministrationClient, FaceClient, FaceSessionClient
from azure.ai.vision.face.aio import FaceAdministrationClient as AioAdministrationClient
from azure.ai.vision.face.aio import FaceClient as AioClient
from azure.ai.vision.face.models import (
    CreateLivenessSessionContent,
    CreateLivenessWithVerifySessionContent,
    FaceAttributeTypeDetection03,
    FaceAttributeTypeRecognition04,
    FaceDetectionModel,
    FaceRecognitionModel,
    QualityForRecognition,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from tests.server.face_api.album import Album
from tests.server.face_api.conftest import Live
from tests.server.face_api.noted import Noted, operations

DETECTION, RECOGNITION = FaceDetectionModel.DETECTION03, FaceRecognitionModel.RECOGNITION04
HOW: dict[str, Any] = {"detection_model": DETECTION, "recognition_model": RECOGNITION, "return_face_id": True}
BESIDES = ("close", "send_request")


def refused(code: str, kind: type[Exception] = HttpResponseError):
    return pytest.raises(kind, match=rf"\({code}\)")


def connected(live: Live, kind, **more):
    return kind(live.url, AzureKeyCredential(live.key), **more)


def test_every_operation_of_the_new_client_works_or_is_refused_as_documented(live: Live, album: Album) -> None:
    called: set[str] = set()
    with (
        connected(live, FaceClient) as asking,
        connected(live, FaceAdministrationClient) as keeping,
        connected(live, FaceSessionClient) as sessions,
    ):
        client = Noted(asking, "face", called)
        groups, lists = (
            Noted(getattr(keeping, name), name, called) for name in ("large_person_group", "large_face_list")
        )
        ids = detect(client, live, album)
        ask_without_containers(client, ids)
        use_groups(client, groups, live, album, ids)
        use_lists(client, lists, live, album, ids)
        refuse_liveness(Noted(sessions, "session", called), album)
        there = operations(FaceClient, "face", BESIDES) | operations(FaceSessionClient, "session", BESIDES)
        for name in ("large_person_group", "large_face_list"):
            there |= operations(getattr(keeping, name), name)
        assert {key for key in vars(keeping) if not key.startswith("_")} == {"large_person_group", "large_face_list"}
    assert there - called == set()


def detect(client, live: Live, album: Album) -> dict[str, str]:
    """The id of each new picture's face, by name; the stranger's is ''."""
    attributes = [
        FaceAttributeTypeDetection03.HEAD_POSE,
        FaceAttributeTypeDetection03.BLUR,
        "exposure",
        FaceAttributeTypeRecognition04.QUALITY_FOR_RECOGNITION,
    ]
    first = next(iter(album.new.values()))
    (face,) = client.detect(first, **HOW, return_face_attributes=attributes, return_recognition_model=True)
    assert face.recognition_model == RECOGNITION
    assert face.face_rectangle.width >= 36
    assert abs(face.face_attributes.head_pose.roll) < 20
    assert 0 <= face.face_attributes.blur.value <= 1
    assert face.face_attributes.exposure.exposure_level == "goodExposure"
    assert face.face_attributes.quality_for_recognition == QualityForRecognition.HIGH
    assert client.detect(album.nobody, **HOW) == []
    both = client.detect(album.together, **HOW)
    areas = [one.face_rectangle.width * one.face_rectangle.height for one in both]
    assert len(both) == 2
    assert areas == sorted(areas, reverse=True)
    (same,) = client.detect_from_url(url=live.pictures.put("new.jpg", first), **HOW)
    assert same.face_rectangle == face.face_rectangle
    assert same.face_id != face.face_id
    (bare,) = client.detect(first, **{**HOW, "return_face_id": False})
    assert bare.face_id is None
    pictures, how = {"": album.stranger, **album.new}, {**HOW, "face_id_time_to_live": 600}
    return {name: client.detect(picture, **how)[0].face_id for name, picture in pictures.items()}


def ask_without_containers(client, ids: dict[str, str]) -> None:
    ada, *others = (face for name, face in ids.items() if name)
    stranger = ids[""]
    assert client.verify_face_to_face(face_id1=ada, face_id2=ada).is_identical
    result = client.verify_face_to_face(face_id1=ada, face_id2=stranger)
    assert not result.is_identical
    assert result.confidence < 0.5
    (found,) = client.find_similar(face_id=ada, face_ids=[ada, stranger])
    assert found.face_id == ada
    assert found.confidence > 0.99
    ranked = client.find_similar(face_id=ada, face_ids=[stranger, ada], mode="matchFace")
    assert [one.face_id for one in ranked] == [ada, stranger]
    grouped = client.group(face_ids=[ada, stranger, *others])
    assert grouped.groups == []
    assert set(grouped.messy_group) == {ada, stranger, *others}
    with refused("FaceNotFound"):
        client.find_similar(face_id="00000000-0000-0000-0000-000000000000", face_ids=[ada])
    with refused("FaceNotFound", ResourceNotFoundError):
        client.verify_face_to_face(face_id1=ada, face_id2="00000000-0000-0000-0000-000000000000")
    with refused("BadArgument"):
        client.group(face_ids=[ada])


def use_groups(client, groups, live: Live, album: Album, ids: dict[str, str]) -> None:
    groups.create("family", name="Family", user_data="ours", recognition_model=RECOGNITION)
    with refused("LargePersonGroupExists", ResourceExistsError):
        groups.create("family", name="Family")
    persons = {name: groups.create_person("family", name=name, user_data="x").person_id for name in album.enrolled}
    faces = {}
    for name, pictures in album.enrolled.items():
        faces[name] = [
            groups.add_face("family", persons[name], pictures[0], detection_model=DETECTION).persisted_face_id,
            groups.add_face_from_url(
                "family", persons[name], url=live.pictures.put("enrolled.jpg", pictures[1]), user_data="by url"
            ).persisted_face_id,
        ]
    with refused("LargePersonGroupNotTrained", ResourceNotFoundError):
        groups.get_training_status("family")
    for face in ids.values():
        with refused("LargePersonGroupNotTrained"):
            client.identify_from_large_person_group(face_ids=[face], large_person_group_id="family")
    groups.begin_train("family", polling_interval=30).result()
    status = groups.get_training_status("family")
    assert status.status == "succeeded"
    assert status.created_date_time <= status.last_successful_training_date_time
    recognise(client, ids, persons)
    look_after_groups(groups, persons, faces)
    groups.delete("family")
    with refused("LargePersonGroupNotFound", ResourceNotFoundError):
        groups.get("family")
    with refused("LargePersonGroupNotFound"):
        client.identify_from_large_person_group(face_ids=[ids[""]], large_person_group_id="family")


def recognise(client, ids: dict[str, str], persons: dict[str, str]) -> None:
    answers = client.identify_from_large_person_group(face_ids=list(ids.values()), large_person_group_id="family")
    by_face = {one.face_id: one.candidates for one in answers}
    assert by_face[ids[""]] == []
    for name, person in persons.items():
        (candidate,) = by_face[ids[name]]
        assert candidate.person_id == person
        assert candidate.confidence > 0.5
        result = client.verify_from_large_person_group(
            face_id=ids[name], large_person_group_id="family", person_id=person
        )
        assert result.is_identical
        assert result.confidence == candidate.confidence
        stranger = client.verify_from_large_person_group(
            face_id=ids[""], large_person_group_id="family", person_id=person
        )
        assert not stranger.is_identical
    (unsure,) = client.identify_from_large_person_group(
        face_ids=[ids[""]], large_person_group_id="family", confidence_threshold=0.0, max_num_of_candidates_returned=1
    )
    assert len(unsure.candidates) == 1
    assert unsure.candidates[0].confidence < 0.5


def look_after_groups(groups, persons: dict[str, str], faces: dict[str, list[str]]) -> None:
    groups.update("family", name="Kin")
    group = groups.get("family", return_recognition_model=True)
    assert (group.name, group.user_data, group.recognition_model) == ("Kin", "ours", RECOGNITION)
    assert [one.large_person_group_id for one in groups.get_large_person_groups(start="famil", top=5)] == ["family"]
    name, person = next(iter(persons.items()))
    groups.update_person("family", person, user_data="y")
    assert [one.person_id for one in groups.get_persons("family")] == sorted(persons.values())
    record = groups.get_person("family", person)
    assert (record.name, record.user_data, record.persisted_face_ids) == (name, "y", faces[name])
    groups.update_face("family", person, faces[name][0], user_data="front")
    assert groups.get_face("family", person, faces[name][0]).user_data == "front"
    assert groups.get_face("family", person, faces[name][1]).user_data == "by url"
    groups.delete_face("family", person, faces[name][0])
    with refused("PersistedFaceNotFound", ResourceNotFoundError):
        groups.get_face("family", person, faces[name][0])
    groups.delete_person("family", person)
    with refused("PersonNotFound", ResourceNotFoundError):
        groups.get_person("family", person)


def use_lists(client, lists, live: Live, album: Album, ids: dict[str, str]) -> None:
    lists.create("album", name="Album", recognition_model=RECOGNITION)
    owners = {}
    for name, pictures in album.enrolled.items():
        owners[lists.add_face("album", pictures[0], user_data=name).persisted_face_id] = name
    url = live.pictures.put("stranger.jpg", album.stranger)
    last = lists.add_face_from_url("album", url=url).persisted_face_id
    with refused("InvalidImage"):
        lists.add_face("album", album.together)
    with refused("LargeFaceListNotTrained"):
        client.find_similar_from_large_face_list(face_id=ids[""], large_face_list_id="album")
    lists.begin_train("album").wait()
    assert lists.get_training_status("album").status == "succeeded"
    (found,) = client.find_similar_from_large_face_list(face_id=ids[""], large_face_list_id="album")
    assert found.persisted_face_id == last
    assert found.confidence > 0.99
    for name in album.new:
        best = client.find_similar_from_large_face_list(
            face_id=ids[name], large_face_list_id="album", mode="matchFace", max_num_of_candidates_returned=1
        )
        assert [owners[one.persisted_face_id] for one in best] == [name]
    lists.update("album", user_data="u")
    assert lists.get("album", return_recognition_model=True).user_data == "u"
    assert "album" in [one.large_face_list_id for one in lists.get_large_face_lists(return_recognition_model=True)]
    lists.update_face("album", last, user_data="stranger")
    assert lists.get_face("album", last).user_data == "stranger"
    assert [one.persisted_face_id for one in lists.get_faces("album", top=1000)] == sorted([*owners, last])
    lists.delete_face("album", last)
    assert client.find_similar_from_large_face_list(face_id=ids[""], large_face_list_id="album") == []
    lists.delete("album")
    with refused("LargeFaceListNotFound", ResourceNotFoundError):
        lists.get("album")


def refuse_liveness(session, album: Album) -> None:
    content = CreateLivenessSessionContent(liveness_operation_mode="Passive", device_correlation_id="d")
    with_verify = CreateLivenessWithVerifySessionContent(liveness_operation_mode="Passive", device_correlation_id="d")
    calls = [
        lambda: session.create_liveness_session(content),
        lambda: session.create_liveness_with_verify_session(with_verify, verify_image=album.stranger),
        lambda: session.create_liveness_with_verify_session(with_verify, verify_image=None),
        lambda: session.delete_liveness_session("s"),
        lambda: session.delete_liveness_with_verify_session("s"),
        lambda: session.get_liveness_session_result("s"),
        lambda: session.get_liveness_with_verify_session_result("s"),
        lambda: session.get_liveness_sessions(),
        lambda: session.get_liveness_with_verify_sessions(),
        lambda: session.get_liveness_session_audit_entries("s"),
        lambda: session.get_liveness_with_verify_session_audit_entries("s"),
        lambda: session.detect_from_session_image(session_image_id="s", **HOW),
        lambda: session.get_session_image("s"),
    ]
    for call in calls:
        with refused("UnsupportedFeature"):
            call()


@pytest.mark.parametrize("version", ["v1.0", "v1.0-preview", "v1.1-preview.1", "v1.2", "v1.3-preview.1"])
def test_the_new_client_is_answered_whichever_version_it_speaks(live: Live, portraits: Album, version: str) -> None:
    with connected(live, FaceClient, api_version=version) as client:
        assert len(client.detect(portraits.stranger, **HOW)) == 1


def test_the_new_client_understands_that_its_key_is_wrong(live: Live, portraits: Album) -> None:
    with FaceClient(live.url, AzureKeyCredential("wrong")) as client, refused("401", ClientAuthenticationError):
        client.detect(portraits.stranger, **HOW)


def test_what_is_not_computed_is_refused_in_words_that_the_new_client_reads(live: Live, portraits: Album) -> None:
    with connected(live, FaceClient) as client:
        for attributes in ("age", "emotion", "glasses", "mask", "noise", "occlusion", "accessories"):
            with refused("UnsupportedFeature"):
                client.detect(portraits.stranger, **HOW, return_face_attributes=[attributes])
        with refused("UnsupportedFeature"):
            client.detect(portraits.stranger, **HOW, return_face_landmarks=True)
        with refused("BadArgument"):
            client.detect(portraits.stranger, **HOW, return_face_attributes=["wings"])


def test_the_new_client_waits_for_nothing_while_it_is_asynchronous(live: Live, portraits: Album) -> None:
    async def use() -> None:
        async with (
            connected(live, AioClient) as client,
            connected(live, AioAdministrationClient) as keeping,
        ):
            (face,) = await client.detect(portraits.stranger, **HOW)
            lists = keeping.large_face_list
            await lists.create("aio", name="Aio", recognition_model=RECOGNITION)
            added = await lists.add_face("aio", portraits.stranger)
            await (await lists.begin_train("aio")).wait()
            (found,) = await client.find_similar_from_large_face_list(face_id=face.face_id, large_face_list_id="aio")
            assert found.persisted_face_id == added.persisted_face_id
            await lists.delete("aio")
            with refused("LargeFaceListNotFound", ResourceNotFoundError):
                await lists.get("aio")

    asyncio.run(use())
