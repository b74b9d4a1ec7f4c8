"""Lists, groups, their people and faces, on both databases."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import Any

import pytest
from tests import fakes
from tests.fakes import CARD

from nitakao.errors import FaceApiError, GalleryError
from nitakao.gallery import GalleryStore, reembed, schema
from nitakao.gallery.face_api import candidates, containers, directory, faces, kinds, people
from nitakao.gallery.face_api.faces import FaceLocation
from nitakao.gallery.face_api.kinds import (
    DYNAMIC,
    FACE_LIST,
    LARGE_FACE_LIST,
    LARGE_PERSON_GROUP,
    PERSON_GROUP,
)
from nitakao.gallery.maintenance import backup, check

KINDS = [FACE_LIST, LARGE_FACE_LIST, PERSON_GROUP, LARGE_PERSON_GROUP]


@contextmanager
def refused(status: int, code: str):
    with pytest.raises(FaceApiError) as caught:
        yield
    assert (caught.value.status, caught.value.code) == (status, code)


def make(gallery: GalleryStore, kind: kinds.Kind, word: str = "family") -> None:
    containers.create(gallery, kind, word, "Family", None, "recognition_04")


def put(gallery: GalleryStore, location: FaceLocation, seed: str = "ada") -> str:
    return faces.add(gallery, location, fakes.vector(seed), None)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.path)
def test_a_container_is_made_shown_changed_and_taken_away(gallery: GalleryStore, kind: kinds.Kind) -> None:
    containers.create(gallery, kind, "family", "Family", "note", "recognition_03")
    with refused(409, f"{kind.title}Exists"):
        make(gallery, kind)
    found = containers.get(gallery, kind, "family")
    assert (found.name, found.data, found.recognition, found.trained) == ("Family", "note", "recognition_03", None)
    containers.change(gallery, kind, "family", "Kin", None)
    containers.change(gallery, kind, "family", None, "other")
    found = containers.get(gallery, kind, "family")
    assert (found.name, found.data) == ("Kin", "other")
    containers.remove(gallery, kind, "family")
    for call in (containers.get, containers.remove, containers.train):
        with refused(404, f"{kind.title}NotFound"):
            call(gallery, kind, "family")
    with refused(404, f"{kind.title}NotFound"):
        containers.change(gallery, kind, "family", "x", None)


def test_containers_of_one_name_are_told_apart_by_their_kind(gallery: GalleryStore) -> None:
    for kind in KINDS:
        make(gallery, kind)
    containers.remove(gallery, PERSON_GROUP, "family")
    assert [containers.get(gallery, kind, "family").kind for kind in KINDS if kind != PERSON_GROUP]


def test_lists_come_in_the_order_of_bytes_after_where_the_last_one_ended(gallery: GalleryStore) -> None:
    for word in ("b", "a_b", "a-b", "a1", "ab", "a"):
        make(gallery, LARGE_PERSON_GROUP, word)
    named = [one.container_id for one in containers.listed(gallery, LARGE_PERSON_GROUP, "", 100)]
    assert named == ["a", "a-b", "a1", "a_b", "ab", "b"]
    assert [one.container_id for one in containers.listed(gallery, LARGE_PERSON_GROUP, "a1", 2)] == ["a_b", "ab"]
    assert containers.listed(gallery, LARGE_FACE_LIST, "", 100) == []


def test_markup_and_quotes_in_names_stay_what_they_are(gallery: GalleryStore) -> None:
    name = "Robert'); DROP TABLE containers;-- <script>alert(1)</script> 似た顔"
    containers.create(gallery, PERSON_GROUP, "family", name, name, "recognition_01")
    assert containers.get(gallery, PERSON_GROUP, "family").name == name


@pytest.mark.parametrize("kind", [PERSON_GROUP, LARGE_PERSON_GROUP], ids=lambda kind: kind.path)
def test_people_of_a_group_have_faces_that_go_with_them(gallery: GalleryStore, kind: kinds.Kind) -> None:
    make(gallery, kind)
    home = kind, "family"
    ada = people.create(gallery, home, "Ada", None)
    bob = people.create(gallery, home, "Bob", "b")
    first, second = (put(gallery, FaceLocation(home, ada), seed) for seed in ("ada1", "ada2"))
    assert people.get(gallery, home, ada) == people.PersonRecord(ada, "Ada", None, (first, second))
    assert [one.uuid for one in people.listed(gallery, home, "", 10)] == sorted([ada, bob])
    assert [one.uuid for one in people.listed(gallery, home, min(ada, bob), 10)] == [max(ada, bob)]
    people.change(gallery, home, bob, None, "c")
    assert people.get(gallery, home, bob) == people.PersonRecord(bob, "Bob", "c")
    faces.change(gallery, FaceLocation(home, ada), first, "front")
    assert faces.get(gallery, FaceLocation(home, ada), first) == faces.PersistedFace(first, "front")
    with refused(404, "PersistedFaceNotFound"):
        faces.get(gallery, FaceLocation(home, bob), first)
    faces.remove(gallery, FaceLocation(home, ada), second)
    assert people.get(gallery, home, ada).faces == (first,)
    people.remove(gallery, home, ada)
    with refused(404, "PersonNotFound"):
        people.get(gallery, home, ada)
    with gallery.read() as connection:
        assert connection.execute(schema.container_faces.select()).all() == []


def test_a_person_of_one_group_is_nobody_in_another(gallery: GalleryStore) -> None:
    for word in ("family", "friends"):
        make(gallery, PERSON_GROUP, word)
    ada = people.create(gallery, (PERSON_GROUP, "family"), "Ada", None)
    for home in ((PERSON_GROUP, "friends"), None):
        with refused(404, "PersonNotFound"):
            people.get(gallery, home, ada)
    with refused(404, "PersonGroupNotFound"):
        people.create(gallery, (PERSON_GROUP, "nobody"), "Ada", None)


def test_what_is_full_takes_no_more(gallery: GalleryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    small = kinds.Kind("persongroups", "PersonGroup", limit=1, people=1)
    make(gallery, small)
    with refused(403, "QuotaExceeded"):
        make(gallery, small, "another")
    ada = people.create(gallery, (small, "family"), "Ada", None)
    with refused(403, "QuotaExceeded"):
        people.create(gallery, (small, "family"), "Bob", None)
    monkeypatch.setattr(faces, "MAX_FACES_PER_PERSON", 1)
    put(gallery, FaceLocation((small, "family"), ada))
    with refused(403, "QuotaExceeded"):
        faces.check(gallery, FaceLocation((small, "family"), ada))
    tiny = kinds.Kind("facelists", "FaceList", limit=9, faces=1, trained=False)
    make(gallery, tiny)
    put(gallery, FaceLocation((tiny, "family")))
    with refused(403, "QuotaExceeded"):
        put(gallery, FaceLocation((tiny, "family")))


def test_faces_answer_once_they_were_trained_and_go_at_once(gallery: GalleryStore) -> None:
    make(gallery, LARGE_FACE_LIST)
    face_cache, location = candidates.FaceCache(), FaceLocation((LARGE_FACE_LIST, "family"))

    def answering() -> tuple[str, ...]:
        return face_cache.of(gallery, containers.get(gallery, LARGE_FACE_LIST, "family")).uuids

    first = put(gallery, location, "ada")
    assert answering() == ()
    containers.train(gallery, LARGE_FACE_LIST, "family")
    assert answering() == (first,)
    second = put(gallery, location, "bob")
    assert answering() == (first,)
    containers.train(gallery, LARGE_FACE_LIST, "family")
    assert answering() == (first, second)
    faces.remove(gallery, location, first)
    assert answering() == (second,)
    faces.remove(gallery, location, second)
    third = put(gallery, location, "cid")
    assert answering() == ()
    containers.train(gallery, LARGE_FACE_LIST, "family")
    assert answering() == (third,)


def test_faces_that_were_asked_about_are_kept_in_memory_within_bounds(gallery: GalleryStore) -> None:
    face_cache = candidates.FaceCache(memory=100)  # bytes: one face of 16 numbers
    for word in ("family", "friends"):
        make(gallery, FACE_LIST, word)
        put(gallery, FaceLocation((FACE_LIST, word)), word)
    family, friends = (containers.get(gallery, FACE_LIST, word) for word in ("family", "friends"))
    first = face_cache.of(gallery, family)
    assert face_cache.of(gallery, family) is first
    face_cache.of(gallery, friends)
    again = face_cache.of(gallery, family)
    assert again is not first
    assert (again.vectors == first.vectors).all()


def test_what_was_read_before_something_was_deleted_is_not_kept(
    gallery: GalleryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    face_cache = candidates.FaceCache()
    make(gallery, FACE_LIST)
    put(gallery, FaceLocation((FACE_LIST, "family")))
    family, read = containers.get(gallery, FACE_LIST, "family"), candidates._read

    def deleted_meanwhile(*given: Any) -> candidates.Faces:
        found = read(*given)
        face_cache.clear()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(candidates, "_read", deleted_meanwhile)
        first = face_cache.of(gallery, family)
    again = face_cache.of(gallery, family)
    assert again is not first
    assert face_cache.of(gallery, family) is again


def test_faces_are_read_person_by_person(gallery: GalleryStore) -> None:
    make(gallery, PERSON_GROUP)
    home = PERSON_GROUP, "family"
    ada, bob, nobody = (people.create(gallery, home, name, None) for name in ("Ada", "Bob", "Cid"))
    for person, seed in ((ada, "a1"), (bob, "b1"), (ada, "a2"), (bob, "b2"), (ada, "a3")):
        put(gallery, FaceLocation(home, person), seed)
    containers.train(gallery, PERSON_GROUP, "family")
    found = candidates.FaceCache().of(gallery, containers.get(gallery, PERSON_GROUP, "family"))
    assert found.people == (ada, bob)
    assert nobody not in found.people
    assert found.first.tolist() == [0, 3]
    assert (found.vectors[3] == fakes.vector("b1")).all()


def test_people_of_the_directory_belong_to_any_number_of_groups(gallery: GalleryStore) -> None:
    (ada, done), (bob, _) = (directory.create_person(gallery, name, None) for name in ("Ada", "Bob"))
    assert directory.operation(gallery, done) > 0
    with refused(404, "OperationNotFound"):
        directory.operation(gallery, str(uuid.uuid4()))
    assert directory.create_group(gallery, "all", "All", None, [ada, bob, ada]) is not None
    assert directory.create_group(gallery, "none", "None", None, []) is None
    assert directory.members(gallery, "all", "", 10) == sorted([ada, bob])
    with refused(404, "PersonNotFound"):
        directory.change_group(gallery, "none", "Changed", None, [ada, str(uuid.uuid4())], [])
    assert containers.get(gallery, DYNAMIC, "none").name == "None"  # nothing of it was done
    directory.change_group(gallery, "none", None, None, [ada], [])
    directory.change_group(gallery, "all", None, None, [], [bob])
    assert directory.groups_of(gallery, ada, "", 10) == ["all", "none"]
    assert directory.groups_of(gallery, ada, "all", 10) == ["none"]
    assert directory.groups_of(gallery, bob, "", 10) == []
    directory.remove_group(gallery, "all")
    assert people.get(gallery, None, ada).name == "Ada"
    directory.remove_person(gallery, ada)
    assert directory.members(gallery, "none", "", 10) == []


def test_faces_of_the_directory_are_of_the_recognition_model_in_their_address(gallery: GalleryStore) -> None:
    ada, _ = directory.create_person(gallery, "Ada", None)
    old, new = (FaceLocation(None, ada, f"recognition_0{n}") for n in (1, 4))
    first, _ = directory.add_face(gallery, old, fakes.vector("a1"), None)
    second, _ = directory.add_face(gallery, new, fakes.vector("a2"), None)
    assert [one.uuid for one in faces.listed(gallery, old)] == [first]
    with refused(404, "PersistedFaceNotFound"):
        faces.get(gallery, old, second)
    directory.create_group(gallery, "all", "All", None, [ada])
    for found in (
        candidates.of_directory(gallery, None, "recognition_04"),
        candidates.of_directory(gallery, [ada], "recognition_04"),
        candidates.of_dynamic(gallery, "all", "recognition_04"),
    ):
        assert (found.uuids, found.people) == ((second,), (ada,))
    directory.remove_face(gallery, new, second)
    assert candidates.of_directory(gallery, [ada], "recognition_04").uuids == ()


def test_everything_is_there_after_a_restart(place: str) -> None:
    with GalleryStore(place, card=CARD) as gallery:
        make(gallery, PERSON_GROUP)
        ada = people.create(gallery, (PERSON_GROUP, "family"), "Ada", None)
        face = put(gallery, FaceLocation((PERSON_GROUP, "family"), ada))
        containers.train(gallery, PERSON_GROUP, "family")
    with GalleryStore(place) as gallery:
        assert people.get(gallery, (PERSON_GROUP, "family"), ada).faces == (face,)
        found = candidates.FaceCache().of(gallery, containers.get(gallery, PERSON_GROUP, "family"))
        assert (found.vectors[0] == fakes.vector("ada")).all()


def test_another_model_is_refused_while_there_are_faces_that_it_cannot_look_at(gallery: GalleryStore) -> None:
    make(gallery, FACE_LIST)
    put(gallery, FaceLocation((FACE_LIST, "family")))
    with pytest.raises(GalleryError, match="1 faces in Face API lists and groups, which have no stored pictures"):
        reembed.begin(gallery, CARD, flip=True)
    containers.remove(gallery, FACE_LIST, "family")
    assert reembed.begin(gallery, CARD, flip=True) == (0, 0)


def test_a_backup_holds_them_and_a_check_looks_at_them(gallery: GalleryStore, tmp_path) -> None:
    make(gallery, FACE_LIST)
    face = put(gallery, FaceLocation((FACE_LIST, "family")))
    backup.backup(gallery, tmp_path / "copy.db")
    with GalleryStore(tmp_path / "copy.db") as copy:
        assert faces.get(copy, FaceLocation((FACE_LIST, "family")), face).uuid == face
        assert all(one.ok for one in check.check(copy))
    with gallery.write("damage") as connection:
        connection.execute(schema.container_faces.update().values(vector=fakes.vector("ada") * 0))
    (wrong,) = [one for one in check.check(gallery) if not one.ok]
    assert wrong.name == "container_faces"
    assert f"face {face} has nothing but zeros" in wrong.detail
