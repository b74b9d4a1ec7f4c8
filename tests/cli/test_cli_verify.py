from __future__ import annotations

import json
import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from tests import fakes

from nitakao.api.functions import verify
from nitakao.photos import read


def test_a_verdict_comes_with_distance_threshold_model_and_where_the_threshold_comes_from(run, photos):
    code, out, _ = run("verify", "photos/ada.jpg", "photos/bob.jpg")
    expected = np.linalg.norm(fakes.vector("photos/ada.jpg0") - fakes.vector("photos/bob.jpg0"))
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["distance", "threshold", "verdict", "a", "b"]
    assert lines[1].split() == [f"{expected:.3f}", "1.000", "different", "photos/ada.jpg", "photos/bob.jpg"]
    assert lines[2] == "fake, euclidean; threshold: made up for tests"


def test_the_same_photograph_is_the_same_person(run, photos):
    assert run("verify", "photos/ada.jpg", "photos/ada.jpg")[1].splitlines()[1].split()[:3] == [
        "0.000",
        "1.000",
        "same",
    ]


def test_a_threshold_by_hand_says_so(run, photos):
    out = json.loads(run("verify", "photos/ada.jpg", "photos/bob.jpg", "--threshold", "9", "--json")[1])
    assert (out["verdict"], out["threshold"], out["threshold_source"]) == ("same", 9, "set by the caller")
    assert list(out) == ["distance", "threshold", "verdict", "a", "b", "model", "metric", "threshold_source", "faces"]


def test_of_how_many_faces_one_was_compared_is_told(run, photos):
    assert len(run("verify", "photos/ada.jpg", "photos/bob.jpg")[1].splitlines()) == 3
    lines = run("verify", "photos/ada.jpg", "photos/group.jpg")[1].splitlines()
    assert lines[3:] == ["the largest of 3 faces in 'photos/group.jpg'"]
    assert json.loads(run("verify", "photos/ada.jpg", "photos/group.jpg", "--json")[1])["faces"] == [1, 3]


def test_a_model_without_a_threshold_gives_a_distance_and_no_verdict(run, photos, monkeypatch):
    monkeypatch.setattr(fakes, "CARD", replace(fakes.CARD, threshold=math.nan, threshold_source=""))
    assert run("verify", "photos/ada.jpg", "photos/bob.jpg")[1].splitlines()[1].split()[1:3] == ["-", "unknown"]
    out = json.loads(run("verify", "photos/ada.jpg", "photos/bob.jpg", "--json")[1])
    assert (out["threshold"], out["verdict"]) == (None, "unknown")


def test_the_two_faces_are_saved_side_by_side(run, photos):
    assert run("verify", "photos/ada.jpg", "photos/山田 太郎.jpg", "--picture", "二人.png")[0] == 0
    pixels = read("二人.png").pixels
    assert pixels.shape[1] > 2 * 300
    assert (pixels[100, 100] == 128).all()
    assert (pixels[100, -100] == 128).all()


def test_names_in_a_vectors_file_are_compared(run, photos):
    run("embed", "photos", "-o", "faces.npz")
    code, out, _ = run("verify", "--vectors", "faces.npz", "ada.jpg", "group.jpg#1", "--model", "fake")
    expected = np.linalg.norm(fakes.vector("photos/ada.jpg0") - fakes.vector("photos/group.jpg1"))
    assert code == 0
    assert out.splitlines()[1].split()[0] == f"{expected:.3f}"


def test_the_articles_file_needs_no_model_for_a_distance(run, photos):
    with open("img_facenet.pkl", "wb") as file:
        pickle.dump({"a.jpg": np.array([0, 0], np.float32), "b.jpg": np.array([3, 4], np.float32)}, file, protocol=2)
    code, out, _ = run("verify", "--vectors", "img_facenet.pkl", "a.jpg", "b.jpg")
    assert code == 0
    assert out.splitlines()[1].split()[:3] == ["5.000", "-", "unknown"]
    assert out.splitlines()[2] == "model not named, euclidean; threshold: none is known for this model"
    out = run("verify", "--vectors", "img_facenet.pkl", "a.jpg", "b.jpg", "--threshold", "6")[1]
    assert out.splitlines()[1].split()[:3] == ["5.000", "6.000", "same"]


def test_another_metric_than_the_models_own_has_no_threshold(photos, run):
    run("embed", "photos", "-o", "faces.npz")
    arguments = ["--vectors", "faces.npz", "ada.jpg", "bob.jpg", "--model", "fake"]
    assert run("verify", *arguments, "--metric", "cosine")[1].splitlines()[1].split()[1:3] == ["-", "unknown"]


class Evil:
    def __reduce__(self):
        return print, ("this must never be printed",)


def files(folder):
    (folder / "evil.pkl").write_bytes(pickle.dumps({"a": Evil()}))
    (folder / "short.pkl").write_bytes(pickle.dumps({"a": np.zeros(3, np.float32)}, protocol=2)[:-20])
    (folder / "three.pkl").write_bytes(pickle.dumps({"a": np.zeros(3, np.float32)}, protocol=2))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nobody.jpg", "photos/ada.jpg"], 2, "no such file or folder: 'nobody.jpg'"),
        (["photos", "photos/ada.jpg"], 2, "'photos' names several photos"),
        (["-", "photos/ada.jpg"], 2, "'-' names a list"),
        (["photos/ada.jpg", "photos/bob.jpg", "--faces", "all"], 2, "two faces are compared, not all"),
        (["photos/ada.jpg", "photos/bob.jpg", "--picture", "x.gif"], 2, "pictures are written as .png or .jpg"),
        (["photos/ada.jpg", "photos/bob.jpg", "--picture", "missing/x.png"], 1, "there is no folder 'missing'"),
        (["photos/ada.jpg", "photos/bob.jpg", "--metric", "cosine"], 2, "--metric requires --vectors"),
        (["photos/ada.jpg", "photos/bob.jpg", "--threshold", "nan"], 2, "a threshold is a finite number"),
        (["photos/ada.jpg", "photos/none.jpg"], 1, "no face found in 'photos/none.jpg'"),
        (["photos/ada.jpg", "photos/unreadable.jpg"], 1, "'photos/unreadable.jpg' is not a picture"),
        (["--vectors", "three.pkl", "a", "b"], 1, "'three.pkl' has no entry 'b'"),
        (["--vectors", "three.pkl", "a", "a", "--model", "fake"], 1, "size 3, but fake has size 16"),
        (["--vectors", "three.pkl", "a", "a", "--picture", "x.png"], 2, "--picture needs photos"),
        (["--vectors", "evil.pkl", "a", "b"], 1, "is not allowed"),
        (["--vectors", "short.pkl", "a", "b"], 1, "is truncated or damaged"),
        (["--vectors", "missing.pkl", "a", "b"], 1, "No such file"),
        (["--vectors", "faces.doc", "a", "b"], 2, "is one of"),
    ],
)
def test_what_cannot_be_compared_is_told_in_one_sentence(run, photos, tmp_path, arguments, code, message):
    files(tmp_path)
    found, out, err = run("verify", *arguments)
    assert message in err
    assert (found, out) == (code, "")
    assert "Traceback" not in err


def test_python_users_get_the_same_verdict(photos):
    verdict = verify("photos/ada.jpg", "photos/bob.jpg")
    assert (verdict.model, verdict.metric, verdict.threshold, verdict.same) == ("fake", "euclidean", 1.0, False)
