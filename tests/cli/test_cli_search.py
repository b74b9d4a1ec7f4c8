from __future__ import annotations

import csv
import io
import json

import pytest
from PIL import Image
from tests.gallery.made import photograph
from tests.tasks.family import CARD, family, prepare

from nitakao.gallery import GalleryStore
from nitakao.photos import read


@pytest.fixture
def known(monkeypatch, tmp_path):
    prepare(monkeypatch, tmp_path)
    monkeypatch.setenv("NITAKAO_GALLERY", "family.db")
    with GalleryStore("family.db", card=CARD) as gallery:
        yield family(gallery)


def test_faces_are_listed_with_what_makes_their_numbers_readable(run, known):
    code, out, err = run("search", "ada.jpg", "-k", "2")
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0].split() == ["rank", "distance", "probability", "face", "person", "photo"]
    assert lines[1].split()[0] == "1"
    assert lines[1].split()[4] == "Ada"
    assert lines[3] == "fake, euclidean distance, same person below 1 (made up for tests)"
    assert lines[4] == "6 of 7 faces searched; expected false matches below the threshold: 0.06"
    assert lines[5] == "probabilities with prior 0.5, calibrated on made up for tests"


def test_json_and_csv_have_the_same_fields_and_values(run, known):
    rows = [json.loads(line) for line in run("search", "ada.jpg", "-k", "3", "--json")[1].splitlines()]
    table = list(csv.DictReader(io.StringIO(run("search", "ada.jpg", "-k", "3", "--csv")[1])))
    assert len(rows) == len(table) == 3
    assert list(rows[0]) == list(table[0])
    assert [float(row["distance"]) for row in table] == [row["distance"] for row in rows]
    assert rows[0]["name"] == table[0]["name"] == "Ada"
    assert table[0]["box"].split() == [str(v) for v in rows[0]["box"]]
    assert rows[0]["model"] == "fake"


def test_each_face_of_a_photograph_has_a_list_of_its_own(run, known):
    out = run("search", "group.jpg", "-k", "1")[1].splitlines()
    assert out[0] == "group.jpg#0, the face at 10,10 to 42,42:"
    assert sum(line.startswith("rank") for line in out) == 3
    largest = run("search", "group.jpg", "--faces", "largest")[1].splitlines()
    assert sum(line.startswith("rank") for line in largest) == 1


def test_filters_and_limits_reach_the_search(run, known, tmp_path):
    def faces(*arguments):
        code, out, err = run("search", "ada.jpg", "--json", *arguments)
        assert code == 0, err
        return {json.loads(line)["face"] for line in out.splitlines()}

    assert faces("--person", "Bob") == set(known["bob"])
    assert faces("--person", "#1", "--min-quality", "0.8") == {known["ada"][0]}
    assert faces("--same-person") == set(known["ada"])
    assert faces("--max-distance", "0.01") == set()
    assert faces("--since", "2019-06-08", "--until", "2019-06-08") == {known["ada"][0], known["bob"][0]}
    assert len(faces("--hidden", "-k", "1000")) == 7
    assert not faces("--different-people") & set(known["ada"])
    with GalleryStore("family.db") as gallery:
        (here,) = photograph(gallery, str(tmp_path / "there" / "x.jpg"), "ada.jpg0")
    assert faces("--folder", "there") == {here}


def test_several_pictures_are_one_person_unless_each_is_asked_for(run, known):
    assert sum(line.startswith("rank") for line in run("search", "ada.jpg", "bob.jpg")[1].splitlines()) == 1
    code, out, err = run("search", "ada.jpg", "none.jpg", "--each", "-k", "1")
    assert (code, sum(line.startswith("rank") for line in out.splitlines())) == (0, 1)
    assert "no face found in 'none.jpg'" in err


def test_a_face_and_a_person_of_the_gallery_are_asked_about(run, known):
    nearest = run("search", f"face:{known['ada'][0]}", "-k", "1")[1].splitlines()[1].split()
    assert int(nearest[3]) in known["ada"][1:]
    assert run("search", "person:Bob", "--exclude", "person:Ada", "-k", "1")[1].splitlines()[1].split()[2] == "-"


def test_a_folder_is_searched_without_a_gallery(run, known, tmp_path):
    folder = tmp_path / "album"
    folder.mkdir()
    for name in ("a.jpg", "group.jpg", "unreadable.jpg"):
        (folder / name).write_bytes(b"\xff\xd8\xff")
    code, out, err = run("search-folder", "album", "ada.jpg", "-k", "2", "--json")
    assert code == 0
    assert [json.loads(line)["rank"] for line in out.splitlines()] == [1, 2]
    assert "'album/unreadable.jpg' is not a picture" in err


def test_an_empty_gallery_says_how_to_fill_it(run, known, tmp_path):
    GalleryStore("empty.db", card=CARD).close()
    code, out, err = run("search", "ada.jpg", "--gallery", "empty.db")
    assert code == 0
    assert "0 faces searched" in out
    assert "gallery 'empty.db' has no faces yet: 'nitakao index PHOTOS' fills it" in err


def test_answers_are_saved_as_a_sheet_and_as_a_page(run, known, tmp_path):
    Image.new("RGB", (200, 100), "red").save("ada.jpg")  # bob.jpg cannot be read: it has no picture
    code, _, err = run("search", "ada.jpg", "bob.jpg", "-k", "3", "--sheet", "十.png", "--html", "out.html")
    assert (code, err) == (0, "")
    assert read("十.png").pixels.shape[0] > 300
    text = (tmp_path / "out.html").read_text("utf-8")
    assert "Ada" in text
    assert text.count("<img") >= 3


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ada.jpg", "-k", "0"], 2, "k must be at least 1, not 0"),
        (["none.jpg"], 1, "no face found in 'none.jpg'"),
        (["unreadable.jpg"], 1, "'unreadable.jpg' is not a picture"),
        (["missing.jpg"], 2, "no such file or folder: 'missing.jpg'"),
        (["face:77"], 2, "there is no face 77"),
        (["person:Zoë"], 2, "there is no person 'Zoë'"),
        (["ada.jpg", "--person", "Zoë"], 2, "there is no person 'Zoë'"),
        (["ada.jpg", "--since", "yesterday"], 2, "is not a date like"),
        (["ada.jpg", "--since", "2020-01-02", "--until", "2020-01-01"], 2, "since must be earlier than until"),
        (["ada.jpg", "--min-quality", "2"], 2, "min_quality must be between 0 and 1"),
        (["ada.jpg", "--prior", "1"], 2, "a prior probability lies between 0 and 1"),
        (["ada.jpg", "--threshold", "nan"], 2, "a threshold is a finite number"),
        (["ada.jpg", "--same-person", "--max-distance", "1"], 2, "give one"),
        (["ada.jpg", "--sheet", "x.gif"], 2, "pictures are written as .png or .jpg"),
        (["ada.jpg", "--html", "missing/x.html"], 1, "there is no folder 'missing'"),
        (["ada.jpg", "--vectors", "x.npz", "--person", "Ada"], 2, "the options of a gallery do not apply"),
        (["ada.jpg", "--gallery", "missing.db"], 1, "there is no gallery 'missing.db' yet"),
        (["ada.jpg", "--gallery", "ada.jpg"], 1, "'ada.jpg' is no gallery"),
        (["ada.jpg", "--model", "dlib-resnet"], 1, "holds fake vectors, not dlib-resnet"),
        ([], 2, "PROBE"),
    ],
)
def test_what_cannot_be_asked_is_told_in_one_sentence(run, known, arguments, code, message):
    found, out, err = run("search", *arguments)
    assert message in err
    assert (found, out) == (code, "")
    assert "Traceback" not in err
