"""The Gallery object, on a fake model."""

from __future__ import annotations

import pickle

import pytest
from tests import fakes
from tests.tasks.family import CARD, family, prepare

import nitakao
from nitakao.api.gallery import Gallery as GalleryClass
from nitakao.gallery import GalleryStore
from nitakao.values import FaceFilter


class FakePipeline:
    run = staticmethod(fakes.run)

    def close(self) -> None: ...


@pytest.fixture
def gallery(monkeypatch, tmp_path):
    prepare(monkeypatch, tmp_path)
    monkeypatch.setattr(GalleryClass, "_pipeline", lambda self: FakePipeline())
    with nitakao.Gallery(tmp_path / "family.db") as gallery:
        yield gallery


@pytest.fixture
def known(gallery):
    with GalleryStore(gallery._location, card=CARD) as store:
        return family(store)


def test_a_hit_has_its_person_its_photo_and_its_distance(gallery, known):
    result = gallery.search("ada.jpg", k=3)
    hit = next(iter(result))
    assert (hit.rank, hit.person) == (1, "Ada")
    assert hit.photo == hit.face.path
    assert hit.photo.endswith(".jpg")
    assert hit.distance < gallery.search("bob.jpg", where=gallery.filter("Ada"), k=1).hits[0].distance
    assert len(result) == len(result.hits) == len(list(result)) == 3
    assert result.info.model == "fake"


def test_an_unassigned_face_has_no_person_and_an_unnamed_one_a_number(gallery, known):
    gallery.people.split([known["loner"][0]])
    number = next(person.id for person in gallery.people if not person.name)
    assert gallery.search(f"face:{known['loner'][0]}", k=1)
    people = {hit.person for hit in gallery.search("ada.jpg", k=10)}
    assert people == {"Ada", "Bob", f"#{number}"}
    gallery.people.move(known["loner"], None)
    assert {hit.person for hit in gallery.search("ada.jpg", k=10)} == {"Ada", "Bob", ""}


def test_a_hit_and_a_person_can_be_searched_for(gallery, known):
    hit = gallery.search("bob.jpg", k=1).hits[0]
    assert gallery.search(hit, k=1).hits[0].person == "Bob"
    people = [hit.person for hit in gallery.search(gallery.people["Ada"], k=9)]
    assert sorted(people) == ["", "Bob", "Bob"]  # Ada's own faces are left out


def test_it_identifies_and_verifies(gallery, known):
    (identity,) = gallery.identify("ada.jpg")
    assert (identity.person, identity.match.photo) == ("Ada", identity.match.face.path)
    (stranger,) = gallery.identify("zoe.jpg")
    assert (stranger.person, stranger.match) == ("", None)
    assert gallery.verify("ada.jpg", gallery.people["Ada"]).verdict.same
    assert not gallery.verify("ada.jpg", "person:Bob").verdict.same


def test_a_filter_takes_people_by_name(gallery, known):
    assert gallery.filter("Ada", gallery.people["Bob"]).people == (1, 2)
    assert {hit.person for hit in gallery.search("zoe.jpg", k=9, where=gallery.filter("Bob"))} == {"Bob"}


def test_people_are_listed_named_renamed_merged_split_and_undone(gallery, known):
    people = gallery.people
    assert [person.name for person in people] == ["Ada", "Bob"]
    assert (len(people), len(people.all), "Eve" in people, "Zoë" in people) == (2, 3, True, False)
    ada = people["Ada"]
    assert (len(ada), len(ada.photos), people[ada.id] == ada) == (3, 3, True)
    ada.name = "Ada L."
    assert (ada.name, people["Ada L."].id) == ("Ada L.", ada.id)
    people.undo()
    people.merge("Ada", people["Bob"])
    assert len(people) == 1
    people.undo()
    people.split([known["ada"][0]], "Zoë")
    assert [len(people["Ada"]), len(people["Zoë"])] == [2, 1]
    assert people.journal[0].verb == "split"
    people["Zoë"].hide()
    assert "Zoë" not in [person.name for person in people]
    with pytest.raises(KeyError, match="Nobody"):
        people["Nobody"]


def test_photos_are_counted_filtered_and_found(gallery, known):
    photos = gallery.photos
    assert len(photos) == len(list(photos)) == 3
    assert len(photos.filter(person="Bob")) == 2
    assert len(photos.filter(person=gallery.people["Bob"], since=1_600_000_000)) == 1
    photo = next(iter(photos))
    assert photos[photo.photo].paths == photo.paths
    assert photos.to_dicts()[0]["people"] == ["Ada", "Bob", "Eve"]
    with pytest.raises(KeyError):
        photos["missing.jpg"]


def test_results_convert_to_rows_and_html(gallery, known):
    gallery.people["Ada"].name = "<b>Ada</b>"
    result = gallery.search("ada.jpg", k=2)
    assert result.to_dicts()[0]["person"] == "<b>Ada</b>"
    for html in (result._repr_html_(), gallery.people._repr_html_(), gallery.identify("ada.jpg")._repr_html_()):
        assert "<table>" in html
        assert "&lt;b&gt;Ada&lt;/b&gt;" in html
        assert "<b>" not in html
    assert gallery.identify("ada.jpg").to_dicts()[0]["person"] == "<b>Ada</b>"
    assert "<table>" in gallery.photos._repr_html_()


def test_results_convert_to_pandas(gallery, known):
    pytest.importorskip("pandas", reason="pandas is not installed")
    frame = gallery.search("ada.jpg", k=2).to_pandas()
    assert list(frame["person"]) == ["Ada", "Ada"]


def test_without_pandas_the_error_names_the_extra(gallery, known, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(nitakao.MissingExtraError, match=r'pip install "nitakao\[pandas\]"'):
        gallery.search("ada.jpg", k=2).to_pandas()


def test_a_gallery_that_does_not_exist_is_made_by_index(gallery, tmp_path):
    assert not gallery.exists
    with pytest.raises(nitakao.GalleryError, match="there is no gallery"):
        gallery.search("ada.jpg")
    summary = gallery.index(["ada.jpg", "bob.jpg", "none.jpg"], model=CARD)
    assert gallery.exists
    assert (gallery.model, len(gallery)) == ("fake", summary.faces)


def test_faces_are_read_with_their_vectors(gallery, known):
    records = list(gallery.faces(FaceFilter(named=True)))
    assert {record.name for record in records} == {"Ada", "Bob"}
    assert gallery.vectors(records).shape == (5, 16)


def test_a_gallery_is_maintained_forgotten_and_exported(gallery, known, tmp_path):
    assert gallery.info().faces == len(gallery) == 7
    assert all(check.ok for check in gallery.check())
    gallery.backup(tmp_path / "copy.db")
    with nitakao.Gallery(tmp_path / "copy.db") as copy:
        assert len(copy) == 7
    assert gallery.export(tmp_path / "faces.npz").faces == 7
    gallery.forget(person="Bob")
    assert (len(gallery), "Bob" in gallery.people) == (5, False)
    gallery.compact()


def test_a_closed_gallery_opens_again_and_pickles_by_its_place(gallery, known):
    gallery.close()
    assert len(gallery) == 7
    with pickle.loads(pickle.dumps(gallery)) as other:  # noqa: S301
        assert len(other) == 7


def test_photos_are_named_by_folder_and_rescanned(gallery, tmp_path):
    (tmp_path / "Zoë").mkdir()
    (tmp_path / "Zoë" / "zoe.jpg").write_bytes(b"\xff\xd8\xff")
    gallery.index(tmp_path / "Zoë", model=CARD, labels_from="folder")
    assert gallery.exists


def test_names_go_to_folders_and_a_classifier_to_a_file(gallery, known, tmp_path):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    laid = gallery.export_folders(tmp_path / "people", min_faces=1)
    assert {one.person.name for one in laid} == {"Ada", "Bob"}
    gallery.people.name_face(known["loner"][0], "Cy")
    gallery.people.split([known["ada"][0]], "Dee")
    classifier = gallery.train_classifier()
    classifier.save(tmp_path / "family.classifier")
    again = nitakao.Classifier.load(tmp_path / "family.classifier")
    assert again.people == classifier.people == ("Ada", "Bob", "Cy", "Dee")
    (result,) = again.classify("ada.jpg", model=CARD)
    assert result.guesses[0].likeliest in ("Ada", "Dee")


def test_vectors_are_imported_into_a_new_gallery(gallery, known, tmp_path):
    gallery.export(tmp_path / "faces.npz")
    with nitakao.Gallery(tmp_path / "other.db") as other:
        assert other.import_vectors(tmp_path / "faces.npz", model=CARD).faces == 7
        assert {person.name for person in other.people} == {"Ada", "Bob", "Eve"}
