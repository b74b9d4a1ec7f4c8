"""What is written of photographs and their faces, what passes to new ones, labels, and what is taken out."""

from __future__ import annotations

import hashlib
import math
import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, insert, select
from tests import fakes
from tests.gallery.made import person

from nitakao.errors import GalleryError
from nitakao.gallery import carry_over, faces, people, schema
from nitakao.gallery import enrol as enrolling
from nitakao.gallery.enrol import FileInfo, ScannedFile, enrol, stored_files, stored_photo
from nitakao.gallery.forget import tombstones
from nitakao.gallery.people import labels, undo
from nitakao.gallery.prune import prune
from nitakao.values import Chip, Face, NewFace, Quality

SIZE = (400, 300)


def one(seed: str = "ada", left: float = 10.0, side: float = 40.0, **more) -> NewFace:
    """A face at (left, left), whose vector depends on the seed alone."""
    marks = np.array([[8, 8], [24, 8], [16, 16], [10, 24], [22, 24]], np.float32) + np.float32(left)
    face = Face((left, left, left + side, left + side), 0.9, marks)
    chip = Chip(f"jpeg of {seed}".encode(), (0, 0, 60, 60))
    return NewFace(face, fakes.vector(seed), Quality(0.5, 1.0, 2.0, 3.0, 0.7), chip, **more)


def sha(content: str) -> str:
    return hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest()


def looked(path: str, content: str = "", *found: NewFace, mtime: int = 1, **more) -> ScannedFile:
    """A photograph that was looked through; its content is that of its path unless told otherwise."""
    content = content or path
    problem = "" if found else "no face found"
    more = {"detector": "mtcnn", "problem": problem, **more}
    return ScannedFile(FileInfo(path, len(content), mtime), sha(content), SIZE, tuple(found), **more)


def count(gallery, table) -> int:
    with gallery.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def paths(gallery) -> list[str]:
    with gallery.read() as connection:
        return sorted(connection.execute(select(schema.files.c.path)).scalars())


def whats(done) -> list[str]:
    return [each.status for each in done]


def test_a_photograph_is_kept_with_all_that_is_known_of_its_faces(gallery):
    (done,) = enrol(gallery, [looked("/a.jpg", "", one("ada"), one("bob", 100, time=2.5), taken=1_600_000_000.0)])
    assert (done.path, done.status, done.problem) == ("/a.jpg", "new", "")
    kept = faces.records(gallery, done.faces)
    first, second = (kept[number] for number in done.faces)
    assert (first.path, first.photo_id, first.size, first.number) == ("/a.jpg", done.photo, SIZE, 0)
    assert first.taken == 1_600_000_000.0
    assert first.face.box == (10.0, 10.0, 50.0, 50.0)
    assert first.face.landmarks is not None
    np.testing.assert_array_equal(first.face.landmarks, one().face.landmarks)
    assert first.quality == Quality(0.5, 1.0, 2.0, 3.0, 0.7)
    assert (second.number, second.time) == (1, 2.5)
    np.testing.assert_array_equal(faces.vectors(gallery, done.faces)[1], fakes.vector("bob"))
    chip = faces.chips(gallery, done.faces)[done.faces[0]]
    assert (chip.jpeg, chip.frame) == (b"jpeg of ada", (0, 0, 60, 60))


def test_what_is_not_known_of_a_face_stays_unknown(gallery):
    bare = NewFace(Face((1, 2, 3, 4), 0.5), fakes.vector("x"), Quality())
    (done,) = enrol(gallery, [looked("/a.jpg", "", bare)])
    kept = faces.records(gallery, done.faces)[done.faces[0]]
    assert kept.face.landmarks is None
    assert math.isnan(kept.quality.yaw)
    assert math.isnan(kept.quality.score)
    assert faces.chips(gallery, done.faces) == {}


def test_a_photograph_without_a_face_is_kept_with_the_reason(gallery):
    (done,) = enrol(gallery, [looked("/sea.jpg")])
    assert (done.status, done.faces, done.problem) == ("new", (), "no face found")
    assert stored_files(gallery, ["/sea.jpg", "/not.jpg"]) == {
        "/sea.jpg": enrolling.StoredFile(8, 1, done.photo, "no face found"),
    }


def test_one_content_is_one_photograph_however_many_files_hold_it(gallery):
    done = enrol(gallery, [looked("/a.jpg", "same", one()), looked("/b.jpg", "same", one())])
    later = enrol(gallery, [looked("/c.jpg", "same", detector="")])
    assert whats([*done, *later]) == ["new", "duplicate", "duplicate"]
    assert len({each.photo for each in [*done, *later]}) == 1
    assert (count(gallery, schema.photos), count(gallery, schema.faces), len(paths(gallery))) == (1, 1, 3)


def test_a_file_that_only_looks_newer_is_unchanged_and_its_mark_renewed(gallery):
    enrol(gallery, [looked("/a.jpg", "same", one())])
    (done,) = enrol(gallery, [looked("/a.jpg", "same", mtime=2, detector="")])
    assert done.status == "unchanged"
    assert stored_files(gallery, ["/a.jpg"])["/a.jpg"].mtime_ns == 2
    assert count(gallery, schema.faces) == 1


def test_a_moved_file_is_only_a_new_path(gallery):
    (first,) = enrol(gallery, [looked("/old/a.jpg", "same", one())])
    (done,) = enrol(gallery, [looked("/new/a.jpg", "same", detector="", old_paths=("/old/a.jpg",))])
    assert (done.status, done.photo) == ("moved", first.photo)
    assert paths(gallery) == ["/new/a.jpg"]
    found = stored_photo(gallery, sha("same"))
    assert found is not None
    assert found.paths == ("/new/a.jpg",)


def test_a_changed_file_is_redone_and_names_pass_to_the_faces_in_the_same_place(gallery):
    (first,) = enrol(gallery, [looked("/a.jpg", "one", one("ada"), one("bob", 100))])
    ada = person(gallery, "Ada", first.faces[0])
    (done,) = enrol(gallery, [looked("/a.jpg", "two", one("bob", 101), one("ada", 12))])
    assert done.status == "changed"
    kept = faces.records(gallery, done.faces)
    assert [(kept[n].person_id, kept[n].name) for n in done.faces] == [(None, ""), (ada, "Ada")]
    assert (count(gallery, schema.photos), count(gallery, schema.faces)) == (1, 2)
    assert (count(gallery, schema.vectors), count(gallery, schema.chips)) == (2, 2)


def test_in_a_turned_picture_names_pass_to_the_faces_that_are_most_alike(gallery):
    (first,) = enrol(gallery, [looked("/a.jpg", "one", one("ada", 10), one("bob", 200))])
    person(gallery, "Ada", first.faces[0])
    person(gallery, "Bob", first.faces[1])
    (done,) = enrol(gallery, [looked("/a.jpg", "two", one("ada", 200), one("bob", 90))])
    kept = faces.records(gallery, done.faces)
    assert [kept[number].name for number in done.faces] == ["Ada", "Bob"]


def test_another_picture_under_the_same_name_takes_no_name_over(gallery):
    (first,) = enrol(gallery, [looked("/a.jpg", "one", one("ada"))])
    person(gallery, "Ada", first.faces[0])
    assert np.linalg.norm(fakes.vector("ada") - fakes.vector("mallory")) > fakes.CARD.threshold
    (done,) = enrol(gallery, [looked("/a.jpg", "two", one("mallory"))])
    assert faces.records(gallery, done.faces)[done.faces[0]].person_id is None
    assert [p.name for p in people.people(gallery)] == ["Ada"]


def test_doubts_and_the_journal_speak_of_the_new_face(gallery):
    (first,) = enrol(gallery, [looked("/a.jpg", "one", one("ada"))])
    bob = person(gallery, "Bob")
    ada = person(gallery, "Ada", first.faces[0])
    with gallery.write("test") as connection:
        connection.execute(insert(schema.never).values(face=first.faces[0], person=bob))
    (done,) = enrol(gallery, [looked("/a.jpg", "two", one("ada"))])
    with gallery.read() as connection:
        assert connection.execute(select(schema.never)).all() == [(done.faces[0], bob)]
        told = select(schema.changes.c.face).where(schema.changes.c.field == "person")
        assert set(connection.execute(told).scalars()) == {done.faces[0]}
    assert faces.records(gallery, done.faces)[done.faces[0]].person_id == ada
    undo.undo(gallery)  # it takes Ada back, who was made last
    assert faces.records(gallery, done.faces)[done.faces[0]].person_id is None


def test_the_old_photograph_stays_while_another_file_holds_it(gallery):
    enrol(gallery, [looked("/a.jpg", "one", one()), looked("/copy.jpg", "one", detector="")])
    (done,) = enrol(gallery, [looked("/a.jpg", "two", one())])
    assert done.status == "changed"
    assert count(gallery, schema.photos) == 2


def test_looked_at_again_a_photograph_keeps_its_number_and_its_faces_their_names(gallery):
    (first,) = enrol(gallery, [looked("/a.jpg", "one", one("ada"), one("bob", 100))])
    person(gallery, "Ada", first.faces[0])
    (done,) = enrol(gallery, [looked("/a.jpg", "one", one("other model's numbers"), replace=True, detector="yunet")])
    assert (done.status, done.photo, len(done.faces)) == ("rescanned", first.photo, 1)
    assert set(done.faces).isdisjoint(first.faces)
    kept = list(faces.stream(gallery))
    assert [(k.id, k.number, k.name) for k in kept] == [(done.faces[0], 0, "Ada")]
    with gallery.read() as connection:
        assert connection.execute(select(schema.photos.c.detector)).scalars().all() == ["yunet"]


def test_a_file_that_cannot_be_read_is_a_row_with_its_reason(gallery):
    (done,) = enrol(gallery, [ScannedFile(FileInfo("/bad.jpg", 3, 7), problem="'/bad.jpg': the file is empty")])
    assert (done.status, done.photo, done.problem) == ("problem", None, "'/bad.jpg': the file is empty")
    assert stored_files(gallery, ["/bad.jpg"])["/bad.jpg"] == enrolling.StoredFile(
        3, 7, None, "'/bad.jpg': the file is empty"
    )
    assert count(gallery, schema.photos) == 0


def test_a_file_that_cannot_be_read_now_keeps_the_faces_that_it_had(gallery):
    (first,) = enrol(gallery, [looked("/a.jpg", "one", one())])
    enrol(gallery, [ScannedFile(FileInfo("/a.jpg", 0, 9), problem="the file is empty")])
    assert stored_files(gallery, ["/a.jpg"])["/a.jpg"] == enrolling.StoredFile(0, 9, first.photo, "the file is empty")
    (mended,) = enrol(gallery, [looked("/a.jpg", "one", detector="", mtime=10)])
    assert mended.status == "unchanged"
    assert stored_files(gallery, ["/a.jpg"])["/a.jpg"].problem == ""


def test_a_photograph_with_a_tombstone_leaves_nothing(gallery):
    enrol(gallery, [looked("/a.jpg", "allowed", one())])
    with gallery.write("test") as connection:
        connection.execute(insert(schema.tombstones).values(digest=tombstones.digest(gallery.key, sha("gone"))))
    done = enrol(gallery, [looked("/b.jpg", "gone", one("bob")), looked("/a.jpg", "gone", one("bob"))])
    assert whats(done) == ["tombstoned", "tombstoned"]
    assert tombstones.is_tombstoned(gallery, sha("gone"))
    assert [count(gallery, table) for table in (schema.photos, schema.files, schema.faces)] == [0, 0, 0]


def test_a_content_that_was_taken_out_while_its_copy_was_read_is_said_to_be_missing(gallery):
    (done,) = enrol(gallery, [looked("/copy.jpg", "one", detector="")])
    assert done.status == "problem"
    assert "index it again" in done.problem
    assert paths(gallery) == []


def test_a_batch_is_written_whole_or_not_at_all(gallery):
    broken = replace(one(), vector=None)  # type: ignore[arg-type]
    with pytest.raises(GalleryError):
        enrol(gallery, [looked("/a.jpg", "", one()), looked("/b.jpg", "", broken)])
    assert [count(gallery, table) for table in (schema.photos, schema.files, schema.faces)] == [0, 0, 0]


def test_ten_thousand_faces_in_one_picture_are_kept(gallery):
    crowd = [one(str(n), 3.0 * n, 2.0) for n in range(10_000)]
    (first,) = enrol(gallery, [looked("/crowd.jpg", "one", *crowd)])
    assert len(set(first.faces)) == 10_000
    person(gallery, "Ada", first.faces[7777])
    (done,) = enrol(gallery, [looked("/crowd.jpg", "two", *crowd)])
    assert faces.records(gallery, [done.faces[7777]])[done.faces[7777]].name == "Ada"
    assert count(gallery, schema.faces) == 10_000


@pytest.mark.parametrize("path", ["/家族/山田.jpg", '/it\'s "x"; DROP TABLE photos;--\n.jpg', "/caf\udce9.jpg"])
def test_a_file_may_have_any_name(gallery, path):
    (done,) = enrol(gallery, [looked(path, "one", one())])
    assert stored_files(gallery, [path])[path].photo == done.photo
    assert faces.records(gallery, done.faces)[done.faces[0]].path == path


def test_a_photograph_that_lies_nowhere_has_no_file(gallery):
    (done,) = enrol(gallery, [replace(looked("x", "one", one()), file=None)])
    assert (done.path, done.status) == ("", "new")
    assert paths(gallery) == []


def central(gallery, *found: NewFace, label: str = "", path: str = "/a.jpg", **more):
    (done,) = enrol(gallery, [looked(path, "", *found, label=label, **more)])
    kept = faces.records(gallery, done.faces)
    return done, [kept[number].name for number in done.faces]


def test_a_label_names_the_face_in_the_middle(gallery):
    _, names = central(gallery, one("bob", 0), one("ada", 150), one("eve", 255), label="Ada")
    assert names == ["", "Ada", ""]
    (ada,) = people.people(gallery)
    assert (ada.name, ada.faces) == ("Ada", 1)


def test_labels_can_be_taken_back_as_one(gallery):
    batch = [looked(f"/{n}.jpg", "", one(str(n)), label=f"P{n}") for n in range(3)]
    enrol(gallery, batch)
    assert len(people.people(gallery)) == 3
    undo.undo(gallery)
    assert people.people(gallery) == []


def test_what_a_hand_has_named_no_label_renames(gallery):
    done, _ = central(gallery, one("ada", 150))
    person(gallery, "Ada", done.faces[0])
    assert labels.unlabelled(gallery, {done.photo: "Bob"}) == {}
    assert labels.label(gallery, {done.photo: "Bob"}) == set()
    assert [p.name for p in people.people(gallery)] == ["Ada"]


def test_a_label_comes_before_a_group_that_was_found(gallery):
    done, _ = central(gallery, one("ada", 150))
    group = person(gallery, None, done.faces[0], how="group")
    assert labels.label(gallery, {done.photo: "Ada"}) == {done.photo}
    kept = faces.records(gallery, done.faces)[done.faces[0]]
    assert kept.name == "Ada"
    assert kept.person_id != group


def test_a_label_does_not_undo_a_never(gallery):
    done, _ = central(gallery, one("ada", 150))
    bob = person(gallery, "Bob")
    with gallery.write("test") as connection:
        connection.execute(insert(schema.never).values(face=done.faces[0], person=bob))
    assert labels.label(gallery, {done.photo: "Bob"}) == set()
    assert faces.records(gallery, done.faces)[done.faces[0]].person_id is None


def test_a_video_takes_no_label(gallery):
    _, names = central(gallery, one("ada", 150), label="Ada", video=True)
    assert names == [""]
    assert people.people(gallery) == []


def on_disk(gallery, folder, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        enrol(gallery, [looked(str(path), name, one(name))])


def test_pruning_takes_out_what_is_gone_below_a_folder(gallery, tmp_path):
    on_disk(gallery, tmp_path, "a/1.jpg", "a/b/2.jpg", "a/3.jpg", "ab/4.jpg")
    for name in ("a/1.jpg", "a/b/2.jpg", "ab/4.jpg"):
        os.unlink(tmp_path / name)
    done = list(prune(gallery, [str(tmp_path / "a")]))
    assert [(os.path.basename(each.path), each.status) for each in done] == [("1.jpg", "pruned"), ("2.jpg", "pruned")]
    assert [os.path.basename(path) for path in paths(gallery)] == ["3.jpg", "4.jpg"]
    assert [count(gallery, table) for table in (schema.photos, schema.faces, schema.vectors)] == [2, 2, 2]


def test_pruning_keeps_a_photograph_that_lies_elsewhere_too(gallery, tmp_path):
    on_disk(gallery, tmp_path, "a/1.jpg", "a/2.jpg")
    enrol(gallery, [looked("/elsewhere.jpg", "a/1.jpg", detector="")])
    os.unlink(tmp_path / "a/1.jpg")
    assert len(list(prune(gallery, [str(tmp_path / "a")]))) == 1
    assert count(gallery, schema.photos) == 2


def test_pruning_refuses_a_folder_in_which_nothing_is_left(gallery, tmp_path):
    on_disk(gallery, tmp_path, "a/1.jpg", "a/2.jpg", "b/3.jpg")
    for name in ("a/1.jpg", "a/2.jpg"):
        os.unlink(tmp_path / name)
    with pytest.raises(GalleryError, match=r"all 2 files of gallery .* are missing: is it mounted"):
        list(prune(gallery, [str(tmp_path / "b"), str(tmp_path / "a")]))
    assert len(paths(gallery)) == 3
    assert len(list(prune(gallery, [str(tmp_path)]))) == 2


def test_a_single_file_that_is_gone_can_be_pruned(gallery, tmp_path):
    on_disk(gallery, tmp_path, "1.jpg")
    os.unlink(tmp_path / "1.jpg")
    assert whats(prune(gallery, [str(tmp_path / "1.jpg")])) == ["pruned"]


def test_pruning_takes_many_out_in_bounded_steps(gallery, tmp_path, monkeypatch):
    (tmp_path / "stays.jpg").touch()
    batch = [looked(str(tmp_path / f"{n}.jpg"), f"{n}", one(str(n))) for n in range(450)]
    enrol(gallery, [*batch, looked(str(tmp_path / "stays.jpg"))])
    verbs: list[str] = []
    write = gallery.write

    def counted(verb):
        verbs.append(verb)
        return write(verb)

    monkeypatch.setattr(gallery, "write", counted)
    assert len(list(prune(gallery, [str(tmp_path)]))) == 450
    assert verbs == ["prune"] * 3
    assert count(gallery, schema.faces) == 0


class Row:
    def __init__(self, number: int, box: tuple[float, float, float, float]) -> None:
        self.number = number
        self.x1, self.y1, self.x2, self.y2 = box
        self.time = None


boxes = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 60)).map(
        lambda b: (float(b[0]), float(b[1]), float(b[0] + b[2]), float(b[1] + b[2]))
    ),
    max_size=8,
)


def rows(found, start: int) -> carry_over.PhotoFaces:
    vectors = np.array([fakes.vector(str(start + n)) for n in range(len(found))], np.float32)
    return carry_over.PhotoFaces([Row(n, box) for n, box in enumerate(found)], vectors)  # type: ignore[misc]


@given(boxes, boxes, st.booleans(), st.sampled_from([None, 0.5, 1.2, 2.0]))
def test_each_face_passes_to_one_face_at_most(old, new, same, threshold):
    found = carry_over.match_faces(rows(old, 0), rows(new, 100), "euclidean", threshold, same=same)
    assert len({a.number for a, _ in found}) == len({b.number for _, b in found}) == len(found)


@given(boxes)
def test_in_the_same_picture_every_face_finds_itself(found):
    distinct = list(dict.fromkeys(found))
    pairs = carry_over.match_faces(rows(distinct, 0), rows(distinct, 100), "cosine", None, same=True)
    assert sorted((a.number, b.number) for a, b in pairs) == [(n, n) for n in range(len(distinct))]
