"""nitakao export and import, over fakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests import fakes
from tests.gallery.made import person, photograph
from tests.tasks.family import family
from tests.tasks.gallery.test_xmp_sidecars import picture

from nitakao.gallery import GalleryStore, people
from nitakao.tasks import arguments
from nitakao.tasks.gallery import import_vectors as importing


@pytest.fixture
def gallery(fake, monkeypatch, tmp_path):
    monkeypatch.setenv("NITAKAO_GALLERY", str(tmp_path / "family.db"))
    monkeypatch.setattr(importing, "load_card", arguments.load_card)
    with GalleryStore(card=fakes.CARD) as made:
        yield made


def test_export_says_how_many_faces_are_where(gallery, run):
    family(gallery)
    assert run("export", "out.parquet") == (0, "7 faces of 3 photos in 'out.parquet'\n", "")
    code, out, _ = run("export", "out.csv", "--named", "--json")
    assert code == 0
    assert json.loads(out) == {"output": "out.csv", "faces": 6, "photos": 3}


def test_export_of_a_folder(gallery, run, tmp_path):
    photograph(gallery, str(tmp_path / "a" / "1.jpg"), "ada")
    photograph(gallery, str(tmp_path / "b" / "2.jpg"), "ada")
    assert run("export", "out.npz", "--folder", "a")[1] == "1 face of 1 photo in 'out.npz'\n"


def test_import_says_what_came_of_it(gallery, run):
    family(gallery)
    run("export", "out.jsonl")
    code, out, _ = run("import", "out.jsonl", "--gallery", "new.db")
    assert (code, out) == (0, "7 new faces of 3 photos, 6 named\n")
    code, out, _ = run("import", "out.jsonl", "--gallery", "new.db", "--json")
    assert json.loads(out) == {
        "photos": 3,
        "faces": 0,
        "known": 3,
        "named": 0,
        "already": 6,
        "other": 0,
        "unmatched": 0,
        "problems": [],
    }


def test_side_cars_go_out_and_names_come_back(gallery, run, tmp_path):
    ada, bob = picture(gallery, tmp_path / "a.jpg")
    person(gallery, "Ada", ada)
    number = person(gallery, "Bob", bob)
    code, out, _ = run("export", "--xmp", "--dry-run")
    assert (code, out) == (0, f"{tmp_path / 'a.jpg.xmp'}: Ada, Bob\n1 side-car would be written, 0 unchanged\n")
    assert not Path("a.jpg.xmp").exists()
    assert run("export", "--xmp")[1] == "1 side-car written, 0 unchanged\n"
    assert run("export", "--xmp")[1] == "0 side-cars written, 1 unchanged\n"
    with people.begin_edit(gallery, "test") as edit:
        edit.drop(number)
    assert run("import", "--xmp", "a.jpg")[1] == "0 new faces of 1 photo, 1 named, 1 already named\n"


def test_side_cars_as_json(gallery, run, tmp_path):
    (ada,) = picture(gallery, tmp_path / "a.jpg", 1)
    person(gallery, "Ada", ada)
    _, out, _ = run("export", "--xmp", "--json")
    assert json.loads(out) == {
        "file": str(tmp_path / "a.jpg.xmp"),
        "status": "written",
        "names": ["Ada"],
        "problem": "",
    }


def test_problems_are_warnings_and_nothing_done_is_a_failure(gallery, run, tmp_path):
    (ada,) = picture(gallery, tmp_path / "a.jpg", 1)
    person(gallery, "Ada", ada)
    Path("a.jpg.xmp").write_bytes(b"no xmp")
    for command in (("export", "--xmp"), ("import", "--xmp", "new.jpg")):
        Path("new.jpg").write_bytes(b"\xff\xd8\xff")
        code, _, err = run(*command)
        assert code == 1
        assert ".jpg" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("export",),
        ("export", "a.npz", "--xmp"),
        ("export", "a.npz", "--dry-run"),
        ("export", "a.txt"),
        ("import",),
        ("import", "a.npz", "--dry-run"),
        ("import", "--xmp", "--model", "fake"),
    ],
)
def test_what_makes_no_sense_is_refused_as_misuse(gallery, run, arguments):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err


def test_files_that_are_not_there_or_no_vectors_fail_with_a_sentence(gallery, run):
    assert run("import", "nothing.npz")[0] == 1
    Path("bad.pkl").write_bytes(b"bad")
    code, _, err = run("import", "bad.pkl", "--model", "fake")
    assert code == 1
    assert "bad.pkl" in err


def test_a_gallery_that_is_not_there_is_not_exported(fake, run):
    code, _, err = run("export", "out.npz", "--gallery", "no.db")
    assert code == 1
    assert "no.db" in err
    assert not Path("out.npz").exists()
