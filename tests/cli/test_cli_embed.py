from __future__ import annotations

import json
import os
import pickle

import pytest
from tests import fakes

from nitakao import pipeline
from nitakao.models import importer
from nitakao.vectors import SUFFIXES, read


@pytest.mark.parametrize("kind", [k for k in SUFFIXES if k != ".pkl"])
def test_a_folder_becomes_a_file_of_vectors(run, photos, kind):
    code, out, err = run("embed", "photos", "-o", f"faces{kind}")
    assert code == 0
    assert f"6 faces in 'faces{kind}': 6 photos, 1 without a face, 1 unreadable" in out
    assert "fake, 16 dimensions, euclidean, same person below 1 (made up for tests)" in out
    assert "'photos/none.jpg': no face found" in err
    assert "'photos/unreadable.jpg' is not a picture" in err
    found = read(f"faces{kind}")
    assert found.names == ("photos/ada.jpg", "photos/bob.jpg", *["photos/group.jpg"] * 3, "photos/山田 太郎.jpg")
    assert found.model == "fake"


def test_a_pkl_is_the_articles_file_with_one_face_for_each_picture(run, photos):
    assert run("embed", "photos", "-o", "img_facenet.pkl")[0] == 0
    with open("img_facenet.pkl", "rb") as file:
        assert list(pickle.load(file)) == ["ada.jpg", "bob.jpg", "group.jpg", "山田 太郎.jpg"]  # noqa: S301


def test_the_articles_options_work_under_their_names(run, photos, monkeypatch):
    seen = {}
    monkeypatch.setattr(pipeline, "run", lambda sources, **options: seen.update(options) or fakes.run(sources))
    options = ["--image_size", 64, "--margin", 32, "--gpu_memory_fraction", 0.5, "--batch_size", 7, "--article"]
    assert run("embed", "photos/ada.jpg", "-o", "a.npz", *options)[0] == 0
    assert (seen["card"].crop.size, seen["card"].crop.margin) == (64, 32)
    assert (seen["options"].batch_size, seen["options"].device.memory_fraction) == (7, 0.5)
    detector = seen["options"].detector
    assert (detector.smallest_face, detector.retry, seen["options"].faces) == (20, False, "first")
    hyphens = ["--image-size", 64, "--gpu-memory-fraction", 0.5, "--batch-size", 7]
    assert run("embed", "photos/ada.jpg", "-o", "a.npz", *hyphens)[0] == 0


def test_detector_options_reach_the_pipeline(run, photos, monkeypatch):
    seen = {}
    monkeypatch.setattr(pipeline, "run", lambda sources, **options: seen.update(options) or fakes.run(sources))
    options = ["--detector", "yunet", "--smallest-face", 33, "--thresholds", "0.5,0.6,0.8", "--factor", 0.5]
    assert run("embed", "photos/ada.jpg", "-o", "a.npz", *options, "--no-retry", "--faces", "best")[0] == 0
    settings = seen["options"].detector
    assert (settings.name, settings.smallest_face, settings.factor, settings.retry) == ("yunet", 33, 0.5, False)
    assert settings.thresholds == (0.5, 0.6, 0.8)
    assert seen["options"].faces == "best"


def test_a_first_argument_that_is_a_model_is_the_model(run, photos, monkeypatch):
    monkeypatch.setattr(importer, "is_importable", lambda argument: argument == "20170512-110547")
    monkeypatch.setattr(importer, "import_cached", lambda path: fakes.CARD)
    os.mkdir("20170512-110547")
    code, out, _ = run("embed", "20170512-110547", "photos/ada.jpg", "-o", "a.npz")
    assert (code, out.count("1 face in 'a.npz': 1 photo,")) == (0, 1)
    code, _, err = run("embed", "20170512-110547", "-o", "a.npz")
    assert (code, "name photos after it" in err) == (2, True)


def test_crops_are_saved_under_names_of_their_own(run, photos):
    assert run("embed", "photos", "-o", "a.npz", "--crops", "crops")[0] == 0
    crops = os.listdir("crops")
    assert len(crops) == 6
    assert any(name.startswith("山田 太郎-") and name.endswith("-0.png") for name in crops)


def test_the_summary_as_json_has_every_number(run, photos):
    code, out, _ = run("embed", "photos", "-o", "a.npz", "--json")
    summary = json.loads(out)
    assert code == 0
    assert summary.pop("seconds") >= 0
    assert summary == {
        "output": "a.npz",
        "faces": 6,
        "photos": 6,
        "with_faces": 4,
        "without_faces": 1,
        "unreadable": 1,
        "model": "fake",
        "dimension": 16,
        "metric": "euclidean",
        "threshold": 1.0,
        "threshold_source": "made up for tests",
        "detector": "mtcnn",
    }


def test_a_list_on_standard_input_is_read(run, photos):
    code, _, _ = run("embed", "-", "-o", "a.npz", stdin="photos/ada.jpg\nphotos/山田 太郎.jpg\n")
    assert code == 0
    assert read("a.npz").names == ("photos/ada.jpg", "photos/山田 太郎.jpg")


def test_quiet_says_nothing_on_standard_error(run, photos):
    assert run("embed", "photos", "-o", "a.npz", "-q")[2] == ""
    assert run("-q", "embed", "photos", "-o", "a.npz")[2] == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody.jpg", "-o", "a.npz"], "no such file or folder: 'nobody.jpg'"),
        (["empty", "-o", "a.npz"], "no picture in the folder 'empty'"),
        (["photos", "-o", "a.txt"], "the extension of a vectors file is one of .npz .parquet .csv .jsonl .pkl"),
        (["photos", "-o", "a.pkl", "--faces", "all"], "a .pkl holds one face for each picture"),
        (["photos", "-o", "a.npz", "--smallest-face", "3"], "the smallest face is 12 to 100000 pixels, not 3"),
        (["photos", "-o", "a.npz", "--thresholds", "1"], "is not three numbers"),
        (["photos", "-o", "a.npz", "--batch-size", "0"], "batch size must be at least 1, not 0"),
        (["photos", "-o", "a.npz", "--gpu_memory_fraction", "2"], "not 2"),
        (["photos", "-o", "a.npz", "--model", "dlib-resnet", "--margin", "44"], "belongs to FaceNet models"),
        (["http://example.org/a.jpg", "-o", "a.npz"], "is a URL"),
        (["photos"], "Missing option '-o'"),
        (["-o", "a.npz"], "Missing argument"),
        (["photos", "-o", "a.npz", "--faces", "ugliest"], "'ugliest' is not one of"),
    ],
)
def test_misuse_is_told_in_one_sentence_with_exit_code_2(run, photos, arguments, message):
    os.mkdir("empty")
    code, out, err = run("embed", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert not os.path.exists("a.npz")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["photos/unreadable.jpg", "-o", "a.npz"], "none of the 1 photographs could be read: nothing was written"),
        (["photos", "-o", "missing/a.npz"], "there is no folder"),
        (["photos", "-o", "photos"], "the extension of a vectors file is one of"),
        (["photos", "-o", "a.npz", "--crops", "missing/crops"], "there is no folder 'missing'"),
        (["photos", "-o", "a.npz", "--crops", "photos/ada.jpg"], "pictures cannot be saved in 'photos/ada.jpg'"),
        (["photos", "-o", "a.npz", "--model", "nonesuch"], "no model 'nonesuch'"),
    ],
)
def test_failure_is_told_in_one_sentence_with_exit_code_1_and_no_file(run, photos, arguments, message):
    code, _, err = run("embed", *arguments)
    assert code == (2 if "extension" in message else 1)
    assert message in err
    assert "Traceback" not in err
    assert not os.path.exists("a.npz")


def test_an_earlier_output_survives_a_run_that_reads_nothing(run, photos):
    run("embed", "photos", "-o", "a.npz")
    assert run("embed", "photos/unreadable.jpg", "-o", "a.npz")[0] == 1
    assert len(read("a.npz").names) == 6


def test_photographs_without_a_face_are_no_failure(run, photos):
    code, out, _ = run("embed", "photos/none.jpg", "-o", "a.npz")
    assert code == 0
    assert "0 faces in 'a.npz': 1 photo, 1 without a face" in out


def test_two_pictures_with_one_base_name_are_told_before_any_work(run, photos):
    os.mkdir("photos/again")
    os.link("photos/ada.jpg", "photos/again/ada.jpg")
    code, _, err = run("embed", "photos", "-o", "a.pkl")
    assert code == 1
    assert "two photos are named 'ada.jpg' (photos/ada.jpg and photos/again/ada.jpg)" in err
    assert "--key path" in err
    assert not os.path.exists("a.pkl")
    assert run("embed", "photos", "-o", "a.pkl", "--key", "path")[0] == 0
    assert "photos/again/ada.jpg" in read("a.pkl").names


def test_ctrl_c_leaves_what_was_done_and_exits_with_130(run, photos, monkeypatch):
    def interrupted(sources, **options):
        yield from fakes.run(["photos/ada.jpg"])
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "run", interrupted)
    code, _, err = run("embed", "photos", "-o", "a.npz")
    assert code == 130
    assert "1 face of 1 photo saved in 'a.npz'" in err
    assert read("a.npz").names == ("photos/ada.jpg",)


def test_a_traceback_is_shown_only_where_asked_for(run, photos):
    assert "Traceback" not in run("embed", "photos", "-o", "missing/a.npz", "-v")[2]
    assert "Traceback" in run("embed", "photos", "-o", "missing/a.npz", "-vv")[2]
