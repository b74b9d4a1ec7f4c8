from __future__ import annotations

import json

import pytest
from tests import fakes

from nitakao.photos import from_pixels, read


def test_faces_are_listed_in_an_aligned_table(run, photos):
    code, out, err = run("detect", "photos")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["face", "x1", "y1", "x2", "y2", "score", "turn", "landmarks", "photo"]
    assert lines[1].split()[:7] == ["0", "10", "10", "42", "42", "0.990", "0"]
    assert lines[1].split()[7:] == ["18,18", "34,18", "26,26", "20,34", "32,34", "photos/ada.jpg"]
    assert len({line.index("photos/") for line in lines[1:7]}) == 1
    assert lines[7] == (
        "mtcnn, smallest face 1/50 of the shorter side and at least 20 px: "
        "6 faces in 6 photos, 1 without a face, 1 unreadable"
    )
    assert "'photos/none.jpg': no face found" in err


def test_json_has_one_object_for_each_face_and_for_each_problem(run, photos):
    code, out, _ = run("detect", "photos", "--json")
    records = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(r["photo"], r["face"]) for r in records[:3]] == [
        ("photos/ada.jpg", 0),
        ("photos/bob.jpg", 0),
        ("photos/group.jpg", 0),
    ]
    assert records[0]["box"] == [10, 10, 42, 42]
    assert records[0]["landmarks"][0] == [18, 18]
    by_photo = {r["photo"]: r for r in records}
    assert by_photo["photos/none.jpg"]["face"] is None
    assert by_photo["photos/unreadable.jpg"]["problem"] == "'photos/unreadable.jpg' is not a picture"
    assert "photos/山田 太郎.jpg" in by_photo


def test_faces_are_drawn_on_copies_and_the_originals_stay(run, photos, monkeypatch):
    monkeypatch.setattr("nitakao.photos.read", lambda source, **_: from_pixels(_grey(), source))
    before = {path.name: path.read_bytes() for path in photos.iterdir()}
    assert run("detect", "photos", "--draw", "photos")[0] == 0
    assert {name: (photos / name).read_bytes() for name in before} == before
    drawn = [path for path in photos.iterdir() if path.name not in before]
    assert len(drawn) == 4
    japanese = next(path for path in drawn if path.name.startswith("山田 太郎-"))
    monkeypatch.undo()
    pixels = read(str(japanese)).pixels
    assert pixels.shape == (100, 200, 3)
    assert pixels[10, 20:40, 1].mean() > pixels[10, 20:40, 0].mean() + 60  # the green upper edge of the box


def _grey():
    import numpy as np

    return np.full((100, 200, 3), 128, np.uint8)


def test_nothing_that_can_be_read_is_a_failure(run, photos):
    code, _, err = run("detect", "photos/unreadable.jpg")
    assert code == 1
    assert "none of the 1 photos could be read" in err


@pytest.mark.parametrize("arguments", [["nobody.jpg"], ["photos", "--detector", "eyes"], []])
def test_misuse_has_exit_code_2(run, photos, arguments):
    assert run("detect", *arguments)[0] == 2


def test_the_detector_none_says_what_it_takes_for_a_face(run, photos):
    assert (
        "detector none, each photo one face: 1 face in 1 photo"
        in run("detect", "photos/ada.jpg", "--detector", "none")[1]
    )


def test_the_fake_is_one_outcome_a_photo():
    assert [len(o.faces) for o in fakes.run(["ada", "group", "none"])] == [1, 3, 0]
