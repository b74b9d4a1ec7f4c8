"""nitakao gallery: info, check, backup, compact, repair."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from tests.fakes import CARD
from tests.gallery import made

from nitakao.gallery import GalleryStore


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three faces, one of them named, in the gallery that NITAKAO_GALLERY names."""
    path = tmp_path / "family.db"
    with GalleryStore(path, card=CARD) as gallery:
        ada, _ = made.photograph(gallery, "beach.jpg", "ada", "bob")
        made.photograph(gallery, "ship.jpg", "cid")
        made.photograph(gallery, "sea.jpg")
        made.person(gallery, "Ada", ada)
    monkeypatch.setenv("NITAKAO_GALLERY", str(path))
    return path


def test_info_tells_what_there_is(run, family):
    code, out, _ = run("gallery", "info")
    assert code == 0
    lines = dict(line.split("  ", 1) for line in out.splitlines())
    said = {key: value.strip() for key, value in lines.items()}
    assert said["gallery"] == str(family)
    assert said["faces"] == "3 in 3 photos"
    assert said["files"] == "3, 1 with problems"
    assert said["people"] == "1, 1 named; 0 faces to review"
    assert said["model"] == "fake, 16 dimensions, euclidean"
    assert said["index"] == "none: searches are exact"


def test_info_as_json(run, family):
    told = json.loads(run("gallery", "info", "--json")[1])
    assert (told["faces"], told["photos"], told["named"], told["model"]) == (3, 3, 1, "fake")
    assert told["index"]["kind"] == "none"
    assert told["calibration"] is None
    assert told["location"] == str(family)


def test_check_passes_and_fails(run, family):
    code, out, _ = run("gallery", "check")
    assert code == 0
    assert "FAILED" not in out
    with sqlite3.connect(family) as connection:
        connection.execute("UPDATE chips SET jpeg = x'00010203' WHERE face = 2")
    connection.close()
    code, out, _ = run("gallery", "check", "--json")
    assert code == 1
    assert {check["name"]: check["ok"] for check in map(json.loads, out.splitlines())}["chips"] is False


def test_backup_makes_a_gallery(run, family, tmp_path):
    code, out, err = run("gallery", "backup", tmp_path / "copy.db")
    assert code == 0, err
    assert out.startswith(f"{tmp_path / 'copy.db'}  ")
    assert out.endswith(", 3 faces\n")
    assert run("gallery", "info", "--gallery", tmp_path / "copy.db")[0] == 0
    code, _, err = run("gallery", "backup", tmp_path / "copy.db")
    assert (code, err.startswith("nitakao: ")) == (1, True)
    assert "a backup replaces nothing" in err
    told = json.loads(run("gallery", "backup", tmp_path / "other.db", "--json")[1])
    assert told["faces"] == 3


def test_compact_tells_how_much(run, family):
    code, out, _ = run("gallery", "compact")
    assert code == 0
    assert " before, " in out
    assert set(json.loads(run("gallery", "compact", "--json")[1])) == {"before", "after", "left"}


def test_repair_tells_what_was_lost_and_where_the_damaged_file_is(run, family):
    with sqlite3.connect(family) as connection:
        connection.execute("UPDATE vectors SET vector = x'00010203' WHERE face = 3")
    connection.close()
    code, out, _ = run("gallery", "repair")
    assert code == 0
    assert "2 faces\n" in out
    assert "lost: 1 of faces, 1 of vectors" in out
    assert "rescan 1 photo with: nitakao index PHOTOS --rescan problems" in out
    (damaged,) = family.parent.glob("family.db.damaged-*")
    assert f"the damaged file is kept: {damaged}" in out
    assert run("gallery", "check")[0] == 0
    assert json.loads(run("gallery", "repair", "--json")[1])["lost"] == {}


@pytest.mark.parametrize("command", ["info", "check", "compact", "repair"])
def test_a_gallery_that_is_not_there_is_said(run, tmp_path, command):
    code, _, err = run("gallery", command, "--gallery", tmp_path / "none.db")
    assert code == 1
    assert err.startswith("nitakao: there is no gallery")
    assert not (tmp_path / "none.db").exists()


def test_an_address_of_another_database_is_said(run):
    code, _, err = run("gallery", "info", "--gallery", "mysql://u:secret@host/x")
    assert code == 1
    assert "'host/x' is no gallery" in err
    assert "secret" not in err
