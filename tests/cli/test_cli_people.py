"""nitakao people, as it is typed."""

from __future__ import annotations

import json

import pytest
from tests.fakes import CARD
from tests.gallery import made

from nitakao.gallery import GalleryStore
from nitakao.gallery.people import reviews

NAMES = [
    'O\'Brien "Bob"',
    "Robert'); DROP TABLE people;--",
    "山田 太郎",
    "محمد بن موسى",
    "ab\u202edc",
    "first\nsecond\r\ttab\u2028more\x1b[31m",
    "👩‍👩‍👧‍👦 family",
    "x" * 500,
    "--json",
    "007",
]


@pytest.fixture
def faces(tmp_path, monkeypatch):
    """The default gallery of three faces in two photographs."""
    monkeypatch.setenv("NITAKAO_GALLERY", str(tmp_path / "family.db"))
    monkeypatch.setenv("NITAKAO_USER", "grace")
    with GalleryStore(card=CARD) as gallery:
        return made.photograph(gallery, "a.jpg", "ada", "bob") + made.photograph(gallery, "b.jpg", "ada")


@pytest.fixture
def listed(run):
    """The people as --json gives them."""
    return lambda *options: [json.loads(line) for line in run("people", "--json", *options)[1].split("\n") if line]


def test_people_are_named_and_listed_without_a_word_more(run, faces):
    assert run("people", "name", faces[0], "Ada")[:2] == (0, "entry  person  name  moved\n    1  #1      Ada       1\n")
    code, out, err = run("people")
    assert (code, err) == (0, "")
    assert out.splitlines() == ["person  name  faces  photos  cover", "#1      Ada       1       1      1"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_goes_through_and_leaves_the_table_whole(run, faces, listed, name):
    assert run("people", "name", "--", faces[0], name)[0] == 0
    assert listed()[0]["name"] == name
    out = run("people")[1]
    assert len(out.splitlines()) == 2
    assert not set(out.replace("\n", "")) & set("\r\t\u2028\u202e\x1b")
    assert run("people", "hide", "--", name)[0] == 0
    assert listed() == []
    assert run("people", "journal")[1].count("\n") == 3


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [("", 2, "cannot be empty"), ("x" * 501, 2, "at most 500"), ("#1", 2, "a person's id"), ("Ada", 1, "already")],
)
def test_a_name_that_cannot_be_is_one_sentence(run, faces, name, code, said):
    run("people", "name", faces[1], "Ada")
    found, out, err = run("people", "name", faces[0], name)
    assert (found, out) == (code, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_wrong_merge_is_taken_back(run, faces, listed):
    run("people", "name", faces[0], "Ada")
    run("people", "name", faces[1], "Bob")
    before = listed()
    code, _, err = run("people", "merge", "Ada", "Bob")
    assert code == 0
    assert "'Bob' is now 'Ada'" in err
    assert "in one photograph" in err
    assert [row["name"] for row in listed()] == ["Ada"]
    assert run("people", "undo")[1] == "entry 3 (merge) is undone; redo it with 'nitakao people undo 4'\n"
    assert listed() == before
    assert json.loads(run("people", "undo", 4, "--json")[1]) == {"entry": 4, "verb": "undo", "by": 5}
    assert [row["name"] for row in listed()] == ["Ada"]


def test_faces_are_split_off_and_moved(run, faces, listed):
    run("people", "split", *faces, "--name", "Ada")
    run("people", "split", faces[2])
    assert [(row["person"], row["name"], row["faces"]) for row in listed()] == [(1, "Ada", 2), (2, "", 1)]
    assert run("people", "move", faces[2], "Ada")[0] == 0
    assert run("people", "move", "--unassign", faces[0], faces[1])[1].splitlines()[1].split() == [
        "4",
        "unassigned",
        "-",
        "2",
    ]
    assert [(row["person"], row["faces"]) for row in listed("--named")] == [(1, 1)]


def test_hidden_people_are_shown_again(run, faces, listed):
    run("people", "name", faces[0], "Ada")
    run("people", "hide", "Ada")
    assert listed() == []
    assert run("people", "--hidden")[1].splitlines()[1].split() == ["#1", "Ada", "1", "1", "1", "yes"]
    run("people", "unhide", "#1")
    assert [row["hidden"] for row in listed()] == [False]


def test_doubts_are_listed_and_answered(run, faces):
    run("people", "name", faces[0], "Ada")
    with GalleryStore() as gallery, gallery.write("cluster") as connection:
        reviews.replace_suggestions(connection, [(faces[1], 1, 0.8), (faces[2], 1, 0.7)])
    assert [line.split() for line in run("people", "review")[1].splitlines()[1:]] == [
        [str(faces[2]), "#1", "Ada", "0.700", "b.jpg"],
        [str(faces[1]), "#1", "Ada", "0.800", "a.jpg"],
    ]
    assert run("people", "review", "yes", faces[2])[:2] == (0, "face  person  answer\n   3  #1      yes\n")
    assert run("people", "review", "no", faces[1], "Ada")[0] == 0
    assert run("people", "review", "--json")[1] == ""
    assert run("people", "review", "yes", faces[1])[0] == 2


def test_the_journal_tells_who_did_what(run, faces):
    run("people", "name", faces[0], "Ada")
    row = json.loads(run("people", "journal", "--json")[1])
    assert (row["entry"], row["who"], row["verb"], row["undone"]) == (1, "grace", "name", None)
    assert "'Ada'" in " ".join(row["what"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("undo",), "nothing to undo"),
        (("undo", "7"), "no entry 7"),
        (("name", "99", "Ada"), "no face 99"),
        (("name", "#99", "Ada"), "there is no person '#99'"),
        (("merge", "Ada", "Bob"), "there is no person 'Ada'"),
        (("move", "1"), "then the person"),
        (("move", "Ada", "1"), "'Ada' is not the number of a face"),
        (("move", "1" * 30, "Ada"), "is not the number of a face"),
        (("split", "0"), "0 is not in the range"),
        (("review", "yes"), "which face"),
    ],
)
def test_what_makes_no_sense_is_a_misuse(run, faces, arguments, said):
    code, out, err = run("people", *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_people_of_no_gallery_is_one_sentence(run, tmp_path):
    code, _, err = run("people", "--gallery", tmp_path / "none.db")
    assert code == 1
    assert "there is no gallery" in err


def test_nothing_to_change_is_said(run, faces):
    run("people", "name", faces[0], "Ada")
    assert "nothing changed" in run("people", "name", faces[0], "Ada")[2]
