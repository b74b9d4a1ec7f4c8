"""nitakao forget, as it is typed."""

from __future__ import annotations

import json

import pytest
from tests.fakes import CARD
from tests.gallery import made

from nitakao.gallery import GalleryStore, people


@pytest.fixture
def gallery(tmp_path, monkeypatch):
    """The default gallery: Ada and a stranger in one photograph, Ada alone in another."""
    monkeypatch.setenv("NITAKAO_GALLERY", str(tmp_path / "family.db"))
    with GalleryStore(card=CARD) as kept:
        first, _ = made.photograph(kept, str(tmp_path / "a.jpg"), "ada", "bob")
        made.person(kept, "Ada", first, *made.photograph(kept, str(tmp_path / "b.jpg"), "ada"))
        yield kept


def test_forgetting_prints_a_receipt_that_names_nobody(run, gallery):
    code, out, err = run("forget", "person", "Ada")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("forgotten: person #1, from gallery '")
    assert lines[1].split() == ["persons", "faces", "chips", "photos", "files", "changes", "tombstones"]
    assert lines[2].split()[:5] == ["1", "2", "2", "0", "0"]
    assert lines[3] == "copies may still be in:"
    assert any("backups" in line for line in lines[4:])
    assert "Ada" not in out
    assert people.people(gallery) == []


def test_the_receipt_is_saved_and_is_json(run, gallery, tmp_path):
    shown = json.loads(run("forget", "face", 2, "--json", "--receipt", tmp_path / "receipt.json")[1])
    assert json.loads((tmp_path / "receipt.json").read_text("utf-8")) == shown
    assert (shown["what"], shown["faces"], shown["complete"]) == ("face 2", 1, True)


def test_several_are_forgotten_together_or_not_at_all(run, gallery, tmp_path):
    assert run("forget", "photo", tmp_path / "a.jpg", tmp_path / "c.jpg")[0] == 2
    assert people.people(gallery)[0].faces == 2
    out = run("forget", "photo", tmp_path / "a.jpg", tmp_path / "b.jpg", "--tombstone", "--json")[1]
    assert [json.loads(out)[key] for key in ("photos", "faces", "tombstones")] == [2, 3, 2]


@pytest.mark.parametrize(("answer", "code", "persons"), [("y\n", 0, 0), ("n\n", 1, 1), ("\n", 1, 1)])
def test_on_a_terminal_it_asks_first(run, gallery, monkeypatch, answer, code, persons):
    monkeypatch.setattr("nitakao.cli.commands.forget._on_terminal", lambda: True)
    found, _, err = run("forget", "person", "#1", stdin=answer)
    assert found == code
    assert "Forget 1 person, 2 faces and 0 photographs? This cannot be undone" in err
    assert len(people.people(gallery)) == persons


def test_yes_asks_nothing(run, gallery, monkeypatch):
    monkeypatch.setattr("nitakao.cli.commands.forget._on_terminal", lambda: True)
    assert run("forget", "person", "Ada", "--yes")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("person", "Bob"), "there is no person 'Bob'"),
        (("face", "Ada"), "'Ada' is not the number of a face"),
        (("face", "99"), "no face 99"),
        (("photo", "none.jpg"), "no photograph 'none.jpg'"),
        (("everything", "x"), "'everything' is not one of"),
        (("person",), "Missing argument"),
    ],
)
def test_what_is_not_there_is_a_misuse(run, gallery, arguments, said):
    code, out, err = run("forget", *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_traces_in_the_gallery_itself_are_warned_of(run, gallery, tmp_path):
    made.photograph(gallery, "photos/Ada/c.jpg")
    code, _, err = run("forget", "person", "Ada")
    assert code == 0
    assert "the gallery still holds traces" in err
