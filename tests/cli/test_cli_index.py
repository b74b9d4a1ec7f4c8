"""nitakao index, as it is typed: what it prints, what it refuses, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests import tiny

from nitakao.gallery import GalleryStore, faces, people
from nitakao.models.detection import detectors

ROOT = Path(__file__).parents[2]


@pytest.fixture
def album(monkeypatch, tmp_path):
    """Photographs with one, two and no face in them, one that cannot be read, and the model 'tiny'."""
    monkeypatch.setenv("NITAKAO_MODELS", str(tiny.model(tmp_path / "models")))
    monkeypatch.setenv("NITAKAO_GALLERY", str(tmp_path / "g.db"))
    monkeypatch.setattr(detectors, "load", lambda *_: tiny.detect)
    monkeypatch.chdir(tmp_path)
    for name, count in (("one", 1), ("山田", 2), ("none", 0)):
        tiny.picture(tmp_path / "album" / f"{name}.png", 7, count)
    (tmp_path / "album" / "bad.png").write_bytes(b"no picture")
    return tmp_path / "album"


def test_it_says_in_one_line_what_became_of_the_photographs(run, album):
    code, out, said = run("index", "album", "--model", "tiny")
    assert code == 0
    assert out.startswith("3 faces of 4 photos: 3 new, 1 without a face, 1 unreadable; ")
    assert out.count("\n") == 1
    assert "bad.png" in said
    assert "none.png" not in said  # photographs without a face are many


def test_the_second_time_everything_is_unchanged(run, album):
    run("index", "album", "--model", "tiny")
    code, out, said = run("index", "album")
    assert (code, said) == (0, "")
    assert out.startswith("0 faces of 4 photos: 4 unchanged, 1 without a face, 1 unreadable; ")


def test_as_json_each_file_is_an_object_and_the_last_one_is_the_summary(run, album):
    code, out, _ = run("index", "album", "--model", "tiny", "--json", "-q")
    *files, summary = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert {(Path(one["file"]).name, one["status"], len(one["faces"])) for one in files} == {
        ("bad.png", "problem", 0),
        ("none.png", "new", 0),
        ("one.png", "new", 1),
        ("山田.png", "new", 2),
    }
    assert (summary["photos"], summary["faces"], summary["new"], summary["unreadable"]) == (4, 3, 3, 1)
    again = run("index", "album", "--json", "-q")[1]
    assert len(again.splitlines()) == 1  # unchanged files are not told


def test_more_is_said_when_asked(run, album):
    said = run("index", "album", "--model", "tiny", "-v")[2]
    assert "one.png': new, 1 face\n" in said
    assert "none.png': new, no face found\n" in said


def test_a_list_on_standard_input_is_read(run, album):
    code, out, _ = run("index", "-", "--model", "tiny", stdin="album/one.png\nalbum/山田.png\n")
    assert code == 0
    assert out.startswith("3 faces of 2 photos: 2 new; ")


def test_labels_come_from_folders_or_by_name(run, album):
    run("index", "album/one.png", "--model", "tiny", "--label", "Robert'); DROP TABLE people;--")
    run("index", "album/山田.png", "--labels-from", "folder")
    with GalleryStore(album.parent / "g.db") as gallery:
        assert {p.name for p in people.people(gallery)} == {"Robert'); DROP TABLE people;--", "album"}


def test_what_is_gone_is_pruned(run, album):
    run("index", "album", "--model", "tiny")
    (album / "one.png").unlink()
    code, out, _ = run("index", "album", "--prune")
    assert code == 0
    assert out.startswith("0 faces of 3 photos: 3 unchanged, 1 pruned, ")
    with GalleryStore(album.parent / "g.db") as gallery:
        assert faces.count(gallery) == 2


def test_where_nothing_could_be_read_it_fails(run, album):
    code, out, said = run("index", "album/bad.png", "--model", "tiny")
    assert code == 1
    assert "1 unreadable" in out
    assert "nitakao: none of the 1 photos could be read\n" in said


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nowhere.jpg"], 2, "no such file or folder: 'nowhere.jpg'"),
        (["album", "--label", " "], 2, "cannot be empty"),
        (["album", "--label", "Ada", "--labels-from", "folder"], 2, "choose one"),
        (["album", "--every", "0"], 2, "above 0"),
        (["album", "--rescan", "some"], 2, "'some' is not one of"),
        (["album", "--gallery", "album/one.png"], 1, "'album/one.png' is no gallery: choose another name"),
        (["album", "--gallery", "no/where/g.db"], 1, "there is no folder 'no/where'"),
        (["album", "--gallery", "mysql://me:secret@host/db"], 1, "'host/db' is no gallery"),
        (["album", "--model", "dlib-resnet"], 1, "holds tiny vectors, not dlib-resnet"),
        (["album", "--flip"], 2, "was created without flip"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(run, album, arguments, code, words):
    run("index", "album/one.png", "--model", "tiny")
    ended, out, said = run("index", *arguments)
    assert (ended, out) == (code, "")
    assert words in said
    assert "secret" not in said


def test_no_photographs_is_misuse(run, album):
    (album.parent / "empty").mkdir()
    code, _, said = run("index", "empty", "--model", "tiny")
    assert (code, said) == (2, "nitakao: no picture or video in the folder 'empty' or below it\n")
    assert run("index")[0] == 2
    assert not (album.parent / "g.db").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
@pytest.mark.parametrize(("options", "code"), [(["--watch"], 0), ([], 130)])
def test_ctrl_c_ends_it_with_a_summary(album, options, code):
    folder = album if options else album.parent / "many"
    for number in range(0 if options else 2000):
        tiny.picture(folder / f"{number}.png", number)
    command = [sys.executable, "-m", "tests.tiny", "index", str(folder), "--model", "tiny", "--json", *options]
    with subprocess.Popen(
        command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert {one["status"] for one in first} <= {"new", "problem"}
    assert json.loads(out.splitlines()[-1])["photos"] >= 3
    assert ("nitakao: interrupted" in said) == (code == 130)
    assert "Traceback" not in said
