"""Faces and names out of a gallery and into another one, by way of files of vectors."""

from __future__ import annotations

import hashlib
import io
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests import fakes
from tests.gallery.made import person, photograph
from tests.tasks.family import family, hide, prepare

from nitakao import vectors
from nitakao.errors import GalleryError, MisuseError, NitakaoError, VectorsError
from nitakao.gallery import GalleryStore, faces, people
from nitakao.gallery.photos import stream_photos
from nitakao.tasks import arguments
from nitakao.tasks.gallery import import_vectors as importing
from nitakao.tasks.gallery.export import export
from nitakao.tasks.gallery.import_vectors import import_vectors
from nitakao.tasks.gallery.people import undo
from nitakao.values import FaceFilter

ALL = (".npz", ".parquet", ".csv", ".jsonl")


@pytest.fixture
def gallery(tmp_path, monkeypatch):
    prepare(monkeypatch, tmp_path, fakes.CARD)
    monkeypatch.setattr(importing, "load_card", arguments.load_card)
    with GalleryStore(tmp_path / "one.db", card=fakes.CARD) as made:
        yield made


@pytest.fixture
def other(tmp_path, gallery):
    with GalleryStore(tmp_path / "other.db", card=fakes.CARD) as made:
        yield made


def known(gallery: GalleryStore) -> dict[tuple[str, int], tuple]:
    """Everything that a file of vectors can carry, by path and number."""
    found = {}
    for one in stream_photos(gallery, FaceFilter(hidden=True)):
        for kept, row in zip(one.faces, faces.vectors(gallery, [k.id for k in one.faces]), strict=True):
            marks = None if kept.face.landmarks is None else kept.face.landmarks.tolist()
            where = Path(one.paths[0]).name if one.paths else ""
            found[where, kept.number] = (kept.name, row.tolist(), kept.face.box, marks, one.sha256)
    return found


@pytest.mark.parametrize("kind", ALL)
def test_a_gallery_comes_back_from_a_file_face_by_face(gallery, other, tmp_path, kind):
    family(gallery)
    told = export(gallery, tmp_path / f"out{kind}")
    assert (told.photos, told.faces, told.saved) == (3, 7, tmp_path / f"out{kind}")
    back = import_vectors(other, tmp_path / f"out{kind}")
    assert (back.photos, back.faces, back.named, back.problems) == (3, 7, 6, [])
    assert known(other) == known(gallery)
    assert {p.name: p.faces for p in people.people(other)} == {"Ada": 3, "Bob": 2, "Eve": 1}


def test_the_articles_pickle_holds_every_face_and_is_read_back(gallery, other, tmp_path):
    family(gallery)
    export(gallery, tmp_path / "out.pkl")
    read = pickle.loads((tmp_path / "out.pkl").read_bytes())  # noqa: S301 - our own
    assert {"beach.jpg#0", "beach.jpg#1", "more.jpg#2"} < read.keys()
    assert np.asarray(read["beach.jpg#0"]).shape == (16,)
    back = import_vectors(other, tmp_path / "out.pkl", model="fake", folder="album")
    assert (back.photos, back.faces) == (3, 7)
    assert {key: value[1] for key, value in known(other).items()} == {k: v[1] for k, v in known(gallery).items()}
    assert {Path(one.paths[0]).parent for one in stream_photos(other)} == {Path("album").absolute()}


def test_only_what_is_meant_is_written_under_its_own_number(gallery, tmp_path):
    family(gallery)
    bob = people.find_person(gallery, "Bob")
    export(gallery, tmp_path / "bob.npz", where=FaceFilter(people=(bob,)))
    found = vectors.read(tmp_path / "bob.npz")
    assert found.persons == ("Bob", "Bob")
    assert found.numbers == (1, 1)


def test_hidden_people_are_left_out_where_that_is_asked(gallery, tmp_path):
    family(gallery)
    assert export(gallery, tmp_path / "out.npz", where=FaceFilter()).faces == 6


def test_an_empty_gallery_gives_an_empty_file(gallery, other, tmp_path):
    assert export(gallery, tmp_path / "out.parquet").faces == 0
    assert import_vectors(other, tmp_path / "out.parquet", model="fake").photos == 0


def test_an_import_makes_a_gallery_where_there_is_none(gallery, tmp_path):
    family(gallery)
    export(gallery, tmp_path / "out.npz")
    import_vectors(tmp_path / "new.db", tmp_path / "out.npz", model="fake")
    with GalleryStore(tmp_path / "new.db") as made:
        assert (made.model, faces.count(made, FaceFilter(hidden=True))) == ("fake", 7)


def test_importing_twice_adds_nothing(gallery, tmp_path):
    family(gallery)
    export(gallery, tmp_path / "out.npz")
    before = known(gallery)
    told = import_vectors(gallery, tmp_path / "out.npz")
    assert (told.faces, told.known, told.named, told.already) == (0, 3, 0, 6)
    assert known(gallery) == before


def test_names_go_to_faces_that_are_nobodys_and_can_be_taken_back(gallery, other, tmp_path):
    family(gallery)
    export(gallery, tmp_path / "out.csv")
    ada, _ = photograph(other, "album/2019/beach.jpg", "ada.jpg0", "bob.jpg0")
    person(other, "Adele", ada)  # by hand
    told = import_vectors(other, tmp_path / "out.csv")
    assert (told.known, told.faces) == (1, 5)
    assert told.other == 1
    names = {key: value[0] for key, value in known(other).items()}
    assert names["beach.jpg", 0] == "Adele"
    assert names["beach.jpg", 1] == "Bob"
    undo(other)
    assert [p.name for p in people.people(other, named=True)] == ["Adele"]


def test_a_persons_no_is_remembered(gallery, other, tmp_path):
    family(gallery)
    export(gallery, tmp_path / "out.csv")
    _, bob = photograph(other, "album/2019/beach.jpg", "ada.jpg0", "bob.jpg0")
    number = person(other, "Bob", bob)
    with people.begin_edit(other, "move") as edit:
        edit.assign([bob], None, None)
        edit.set_marks("never", {(bob, number): "yes"})
    assert import_vectors(other, tmp_path / "out.csv").other == 1
    assert known(other)["beach.jpg", 1][0] == ""


def test_vectors_of_another_model_are_refused_with_what_to_do(gallery, tmp_path):
    with vectors.VectorsWriter(tmp_path / "out.npz", model="dlib-resnet", dimension=128) as output:
        output.add(fakes.outcome("a.jpg", dimension=128))
    with pytest.raises(GalleryError, match="holds fake vectors, not dlib-resnet"):
        import_vectors(gallery, tmp_path / "out.npz")
    with pytest.raises(VectorsError, match="holds vectors of dlib-resnet, not of fake"):
        import_vectors(gallery, tmp_path / "out.npz", model="fake")


def test_a_file_that_does_not_say_its_model_needs_to_be_told(gallery, tmp_path):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"a.jpg": fakes.vector("a")}))
    with pytest.raises(MisuseError, match="--model"):
        import_vectors(gallery, tmp_path / "a.pkl")
    (tmp_path / "b.pkl").write_bytes(pickle.dumps({"a.jpg": fakes.vector("a", 20)}))
    with pytest.raises(VectorsError, match="size 20"):
        import_vectors(gallery, tmp_path / "b.pkl", model="fake")


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("was run"),))


def test_nothing_in_a_pickle_is_run(gallery, tmp_path):
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps({"a.jpg": Evil()}))
    with pytest.raises(NitakaoError):
        import_vectors(gallery, tmp_path / "evil.pkl", model="fake")
    assert not (tmp_path / "was run").exists()


def jpeg(path: Path, seed: int = 1) -> str:
    noise = np.random.default_rng(seed).integers(0, 256, (100, 200, 3), np.uint8)
    Image.fromarray(noise).save(path, "JPEG")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def written(path: Path, name: str, sha256: str = "", **options) -> Path:
    with vectors.VectorsWriter(path, model="fake", dimension=16, persons=True, **options) as output:
        output.add(replace(fakes.outcome(name), sha256=sha256), persons=["Ada"])
    return path


def test_a_photograph_that_is_there_gives_size_quality_and_chip(gallery, tmp_path):
    sha = jpeg(tmp_path / "real.jpg")
    import_vectors(gallery, written(tmp_path / "out.npz", "real.jpg", sha))
    (one,) = stream_photos(gallery)
    assert (one.size, one.sha256) == ((200, 100), sha)
    assert 0 < one.faces[0].quality.sharpness <= 1
    (chip,) = faces.chips(gallery, [one.faces[0].id]).values()
    assert Image.open(io.BytesIO(chip.jpeg)).size == chip.size


def test_a_photograph_that_has_changed_or_is_damaged_is_named_and_left_out(gallery, tmp_path):
    jpeg(tmp_path / "real.jpg")
    told = import_vectors(gallery, written(tmp_path / "out.npz", "real.jpg", "0" * 64))
    assert "changed since its vectors were made" in told.problems[0]
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    told = import_vectors(gallery, written(tmp_path / "bad.npz", "bad.jpg"))
    assert "bad.jpg" in told.problems[0]
    assert faces.count(gallery) == 0


def test_another_photograph_under_the_same_name_stays(gallery, tmp_path):
    path = str(tmp_path / "gone.jpg")
    photograph(gallery, path, "ada.jpg0")
    told = import_vectors(gallery, written(tmp_path / "out.npz", path, "1" * 64))
    assert "another photograph under this name" in told.problems[0]
    assert faces.count(gallery) == 1


def test_names_that_cannot_be_names_are_said_and_the_faces_kept(gallery, tmp_path):
    with vectors.VectorsWriter(tmp_path / "out.csv", model="fake", dimension=16, persons=True) as output:
        output.add(fakes.outcome("a.jpg"), persons=["#12"])
    told = import_vectors(gallery, tmp_path / "out.csv")
    assert told.faces == 1
    assert "choose another name" in told.problems[0]


def test_any_name_of_a_photograph_or_a_person_comes_through(gallery, other, tmp_path):
    names = ("O'Brien; DROP TABLE faces;--", 'a "b"\nc', "山田 太郎", "عبد")
    for number, name in enumerate(names):
        (face,) = photograph(gallery, str(tmp_path / f"{number} {name.splitlines()[0]}.jpg"), name)
        person(gallery, name, face)
    for kind in ALL:
        export(gallery, tmp_path / f"out{kind}")
        import_vectors(other, tmp_path / f"out{kind}")
    assert {p.name for p in people.people(other)} == set(names)
    assert known(other) == known(gallery)


def test_hidden_stays_a_matter_of_the_gallery(gallery, other, tmp_path):
    family(gallery)
    hide(gallery, people.find_person(gallery, "Bob"))
    export(gallery, tmp_path / "out.npz")
    import_vectors(other, tmp_path / "out.npz")
    assert not any(p.hidden for p in people.people(other))
