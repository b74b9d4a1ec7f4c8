from __future__ import annotations

import csv
import io
import json

import pytest
from tests.gallery.made import person, photograph
from tests.tasks.family import CARD, prepare

from nitakao.classifiers import METHODS
from nitakao.cli.commands import classify as command
from nitakao.gallery import GalleryStore
from nitakao.tasks.search import classify as task


@pytest.fixture
def known(monkeypatch, tmp_path):
    prepare(monkeypatch, tmp_path)
    monkeypatch.setattr(task, "load_card", lambda model: CARD if model == "fake" else model)
    monkeypatch.setenv("NITAKAO_GALLERY", "family.db")
    with GalleryStore("family.db", card=CARD) as gallery:
        for name, seed in (
            ("Ada", "ada.jpg0"),
            ("Bob", "bob.jpg0"),
            ("山田", "yamada"),
            ("Zoë", "zoe"),
            ("Eve", "eve"),
        ):
            person(
                gallery,
                name,
                *(photograph(gallery, f"{name}{n}.jpg", seed)[0] for n in range(1 if name == "Eve" else 3)),
            )


def test_the_methods_are_those_that_there_are():
    assert command.METHODS == METHODS


def test_people_are_learnt_kept_and_recognised(run, known):
    code, out, err = run("classify", "train", "-o", "people.skops")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "13 faces of 5 people, saved in 'people.skops'"
    code, out, err = run("classify", "predict", "people.skops", "ada.jpg", "zoe.jpg", "none.jpg")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["face", "score", "name", "photo"]
    assert lines[1].split()[2:] == ["Ada", "ada.jpg"]
    assert "unknown" in lines[2]
    assert "no face found" in err


def test_where_no_photograph_can_be_read_the_run_failed(run, known):
    run("classify", "train", "-o", "people.skops")
    code, _, err = run("classify", "predict", "people.skops", "unreadable.jpg")
    assert (code, "none of the 1 photos could be read" in err) == (1, True)


def test_predictions_come_as_json_and_csv_with_the_same_fields(run, known):
    run("classify", "train", "-o", "people.skops", "--method", "svm")
    rows = [
        json.loads(line) for line in run("classify", "predict", "people.skops", "group.jpg", "--json")[1].splitlines()
    ]
    table = list(csv.DictReader(io.StringIO(run("classify", "predict", "people.skops", "group.jpg", "--csv")[1])))
    assert len(rows) == len(table) == 3
    assert list(rows[0]) == list(table[0])
    assert [float(row["score"]) for row in table] == [row["score"] for row in rows]


def test_a_report_says_what_was_tried_and_what_was_not(run, known):
    code, out, _ = run("classify", "report", "--method", "nearest")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["faces", "right", "refused", "wrong", "person"]
    assert lines[1].split()[0] == "3"
    assert lines[5].startswith("nearest: of 12 faces ")
    assert lines[6] == "not tested, since they have only one photo: 1 of 5"
    assert lines[7].startswith("strangers: ")
    rows = [json.loads(line) for line in run("classify", "report", "--json")[1].splitlines()]
    assert [row["name"] for row in rows] == sorted(row["name"] for row in rows)
    assert {row["name"]: row["tried"] for row in rows}["Eve"] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["predict", "missing.skops", "ada.jpg"], 1, "cannot be read: No such file"),
        (["predict", "family.db", "ada.jpg"], 1, "is no classifier, or is damaged"),
        (["train", "-o", "missing/x.skops"], 1, "cannot be written: No such file"),
        (["train", "-o", "x.skops", "--refuse", "1"], 2, "lies between 0 and 1"),
        (["train", "-o", "x.skops", "--gallery", "missing.db"], 1, "there is no gallery 'missing.db' yet"),
        (["train", "-o", "x.skops", "--method", "forest"], 2, "forest"),
        (["report", "--model", "dlib-resnet"], 1, "holds fake vectors"),
    ],
)
def test_what_cannot_be_classified_is_told_in_one_sentence(run, known, arguments, code, message):
    found, out, err = run("classify", *arguments)
    assert message in err
    assert (found, out) == (code, "")
    assert "Traceback" not in err


def test_a_gallery_with_too_few_names_says_so(run, known):
    GalleryStore("empty.db", card=CARD).close()
    code, _, err = run("classify", "train", "-o", "x.skops", "--gallery", "empty.db")
    assert (code, "3 people with a name are needed" in err) == (2, True)
