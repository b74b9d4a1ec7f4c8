from __future__ import annotations

import csv
import io
import json

import pytest
from tests.tasks.family import CARD, family, prepare

from nitakao.gallery import GalleryStore


@pytest.fixture
def known(monkeypatch, tmp_path):
    prepare(monkeypatch, tmp_path)
    monkeypatch.setenv("NITAKAO_GALLERY", "family.db")
    with GalleryStore("family.db", card=CARD) as gallery:
        yield family(gallery)


def test_a_known_face_is_named_and_a_strange_one_is_nobody_known(run, known):
    code, out, err = run("identify", "ada.jpg", "-k", "1")
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0].startswith("ada.jpg, the face at 10,10 to 42,42: Ada (")
    assert lines[1].split() == ["rank", "person", "probability", "distance", "face", "photo"]
    assert lines[2].split()[:2] == ["1", "Ada"]
    assert lines[3] == "2 named people"
    assert lines[4] == "fake, euclidean distance, same person below 1 (made up for tests)"
    assert lines[5].startswith("5 of 7 faces searched;")
    assert lines[6] == "probabilities with prior 0.5, calibrated on made up for tests"
    assert ": unknown (" in run("identify", "zoe.jpg")[1]


def test_every_face_of_a_picture_is_answered(run, known):
    assert sum(line.startswith("group.jpg#") for line in run("identify", "group.jpg")[1].splitlines()) == 3


def test_json_and_csv_say_who_and_list_the_candidates(run, known):
    rows = [json.loads(line) for line in run("identify", "ada.jpg", "--json")[1].splitlines()]
    table = list(csv.DictReader(io.StringIO(run("identify", "ada.jpg", "--csv")[1])))
    assert [(row["match"], row["rank"], row["name"]) for row in rows] == [("Ada", 1, "Ada"), ("Ada", 2, "Bob")]
    assert list(rows[0]) == list(table[0])
    assert float(table[1]["distance"]) == rows[1]["distance"]
    (stranger, _) = (json.loads(line) for line in run("identify", "zoe.jpg", "--json")[1].splitlines())
    assert stranger["match"] is None
    assert stranger["unknown"] > 0.9


def test_answers_are_saved_as_a_sheet_and_as_a_page(run, known, tmp_path):
    assert run("identify", "ada.jpg", "--sheet", "out.png", "--html", "out.html")[0] == 0
    assert (tmp_path / "out.png").stat().st_size > 1000
    assert "ada.jpg: Ada" in (tmp_path / "out.html").read_text("utf-8")


def test_where_nobody_has_a_name_that_is_said(run, known):
    GalleryStore("empty.db", card=CARD).close()
    code, out, err = run("identify", "ada.jpg", "--gallery", "empty.db", "--json")
    assert (code, json.loads(out)["match"], json.loads(out)["rank"], json.loads(out)["unknown"]) == (0, None, None, 1.0)
    assert "nobody in gallery 'empty.db' has a name yet" in err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none.jpg"], 1, "no face found in 'none.jpg'"),
        (["ada.jpg", "-k", "0"], 2, "k must be at least 1"),
        (["ada.jpg", "--prior", "0"], 2, "a prior probability lies between 0 and 1"),
        (["ada.jpg", "--model", "dlib-resnet"], 1, "holds fake vectors"),
        (["missing.jpg"], 2, "no such file"),
    ],
)
def test_what_cannot_be_identified_is_told_in_one_sentence(run, known, arguments, code, message):
    found, out, err = run("identify", *arguments)
    assert message in err
    assert (found, out) == (code, "")
