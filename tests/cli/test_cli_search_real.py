"""Asking a gallery of real photographs, with the model that comes with nitakao."""

from __future__ import annotations

import json
import shutil

import pytest

from nitakao.gallery import GalleryStore, people


@pytest.fixture
def album(shared, tmp_path, monkeypatch, run):
    """Two pictures each of two people, indexed; the first of each has a name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "album").mkdir()
    for name in ("Bill_Gates_0000", "Bill_Gates_0001", "Larry_Page_0000", "Larry_Page_0001"):
        shutil.copy(shared / "data" / "photos" / f"{name}.jpg", tmp_path / "album")
    monkeypatch.setenv("NITAKAO_GALLERY", str(tmp_path / "g.db"))
    code, _, err = run("index", "album", "--faces", "largest")
    assert code == 0, err
    with GalleryStore() as gallery, people.begin_edit(gallery, "made") as edit:
        for number, name in ((1, "Bill"), (3, "Larry")):
            edit.assign([number], edit.create(name), "hand")
    return shared / "data" / "photos"


def test_real_faces_are_found_named_and_shown(album, run, tmp_path):
    who = album / "Bill_Gates_0002.jpg"
    code, out, err = run("search", who, "--faces", "largest", "-k", "2", "--json", "--html", "out.html")
    assert code == 0, err
    found = [json.loads(line) for line in out.splitlines()]
    assert {row["photo"].rpartition("/")[2] for row in found} == {"Bill_Gates_0000.jpg", "Bill_Gates_0001.jpg"}
    assert all(row["distance"] < row["threshold"] and row["probability"] > 0.9 for row in found)
    assert (tmp_path / "out.html").read_text("utf-8").count("<img") == 6  # three faces, three photographs
    named = json.loads(run("identify", who, "--faces", "largest", "-k", "1", "--json")[1])
    assert (named["match"], named["rank"]) == ("Bill", 1)
    stranger = album / "Mark_Zuckerberg_0000.jpg"
    assert json.loads(run("identify", stranger, "--faces", "largest", "-k", "1", "--json")[1])["match"] is None
    assert json.loads(run("verify", who, "person:Bill", "--json")[1])["verdict"] == "same"
    assert json.loads(run("verify", who, "person:Larry", "--json")[1])["verdict"] == "different"


def test_a_real_folder_is_searched_without_a_gallery(album, run):
    out = run("search-folder", "album", album / "Bill_Gates_0002.jpg", "--faces", "largest", "-k", "1", "--json")[1]
    assert json.loads(out)["photo"].startswith("album/Bill_Gates")
