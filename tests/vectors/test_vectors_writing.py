"""Files of vectors as they are written: all five kinds, and everything that can go wrong while they are."""

from __future__ import annotations

import os
import pickle
import pickletools
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from tests import fakes

from nitakao.errors import MisuseError, VectorsError
from nitakao.values import Outcome
from nitakao.vectors import SUFFIXES, VectorsWriter, read
from nitakao.vectors.write import check_unique_names, defer_interrupts, key_for

MANY = ("photos/山田 太郎.jpg", 'a "quoted", name.png', "two\nlines.jpg", "group.jpg")


def write(path, sources=MANY, dimension=fakes.DIMENSION, **options):
    with VectorsWriter(path, model="fake", dimension=dimension, **options) as output:
        for source in sources:
            output.add(fakes.outcome(source, dimension=dimension))
    return output


@pytest.mark.parametrize("kind", SUFFIXES)
def test_what_is_written_is_read_back_exactly(tmp_path, kind):
    output = write(tmp_path / f"out{kind}", key="path")
    found = read(output.path)
    assert found.names == MANY
    assert found.vectors.dtype == np.float32
    np.testing.assert_array_equal(found.vectors, [fakes.vector(f"{s}0") for s in MANY])
    assert output.count == 4
    assert output.saved_path == output.path
    assert os.listdir(tmp_path) == [f"out{kind}"]
    if kind == ".pkl":
        return
    assert found.model == "fake"
    assert found.numbers == (0, 0, 0, 0)
    assert found.sha256 == tuple(fakes.outcome(s).sha256 for s in MANY)
    assert found.faces[0].box == (10, 10, 42, 42)
    assert found.faces[0].score == pytest.approx(0.99)
    np.testing.assert_array_equal(found.faces[0].landmarks, fakes.face().landmarks)


@pytest.mark.parametrize("kind", [k for k in SUFFIXES if k != ".pkl"])
def test_several_faces_of_a_photo_and_faces_without_landmarks_are_kept(tmp_path, kind):
    with VectorsWriter(tmp_path / f"out{kind}", model="fake", dimension=16) as output:
        output.add(fakes.outcome("group.jpg", faces=3, landmarks=False))
        output.add(fakes.outcome("nobody.jpg", faces=0))
    found = read(output.path)
    assert found.names == ("group.jpg",) * 3
    assert found.numbers == (0, 1, 2)
    assert [face.landmarks for face in found.faces] == [None] * 3


@pytest.mark.parametrize("kind", SUFFIXES)
def test_a_run_without_any_face_leaves_a_valid_empty_file(tmp_path, kind):
    found = read(write(tmp_path / f"out{kind}", sources=()).path)
    assert found.names == ()
    assert len(found.vectors) == 0


@pytest.mark.parametrize("kind", SUFFIXES)
def test_thousands_of_rows_cross_every_buffer_unharmed(tmp_path, kind):
    sources = [f"{n}.jpg" for n in range(9000)]
    found = read(write(tmp_path / f"out{kind}", sources, dimension=8).path)
    assert found.names == tuple(sources)
    np.testing.assert_array_equal(found.vectors[8765], fakes.vector("8765.jpg0", 8))


@pytest.mark.parametrize("kind", [k for k in SUFFIXES if k != ".parquet"])
def test_a_file_name_that_is_no_utf8_survives(tmp_path, kind):
    name = os.fsdecode(b"\xff\xfe.jpg")
    assert read(write(tmp_path / f"out{kind}", [name]).path).names == (name,)


def test_parquet_spells_out_the_bytes_of_a_file_name_that_is_no_utf8(tmp_path):
    assert read(write(tmp_path / "out.parquet", [os.fsdecode(b"\xff.jpg")]).path).names == ("\\xff.jpg",)


def test_the_pickle_is_the_articles_dictionary(tmp_path):
    path = write(tmp_path / "img_facenet.pkl", ["a/Anthony_Hopkins_0001.jpg", "b/日本.jpg"]).path
    found = pickle.loads(path.read_bytes())  # noqa: S301 - our own file, a line above
    assert list(found) == ["Anthony_Hopkins_0001.jpg", "日本.jpg"]
    for vector in found.values():
        assert type(vector) is np.ndarray
        assert vector.dtype == np.float32
        assert vector.shape == (16,)
        assert vector.flags.writeable


def test_the_pickle_names_nothing_that_one_numpy_has_and_another_has_not(tmp_path):
    """NumPy 1 has no numpy._core; NumPy 2 keeps numpy.core.multiarray._reconstruct for pickles like this one."""
    path = write(tmp_path / "out.pkl").path
    names = [argument for code, argument, _ in pickletools.genops(path.read_bytes()) if code.name == "GLOBAL"]
    assert names == ["numpy.core.multiarray _reconstruct", "numpy ndarray", "numpy dtype"]


def test_csv_can_be_read_by_numbers_alone(tmp_path):
    lines = write(tmp_path / "out.csv", ["a.jpg"]).path.read_text().splitlines()
    assert lines[0].startswith("key,face,x1,y1,x2,y2,score,left_eye_x,left_eye_y,right_eye_x")
    assert lines[0].endswith("turn,sha256,model,v0,v1,v2,v3,v4,v5,v6,v7,v8,v9,v10,v11,v12,v13,v14,v15")
    assert lines[1].startswith("a.jpg,0,10,10,42,42,0.99,18,18,")


def test_two_pictures_with_one_base_name_are_an_error_that_offers_the_path(tmp_path):
    with pytest.raises(VectorsError, match=r"'x\.jpg' \(a/x\.jpg and b/x\.jpg\).*--key path"):
        write(tmp_path / "out.pkl", ["a/x.jpg", "b/x.jpg"])
    assert read(tmp_path / "out.pkl").names == ("x.jpg",)
    assert read(write(tmp_path / "paths.pkl", ["a/x.jpg", "b/x.jpg"], key="path").path).names == ("a/x.jpg", "b/x.jpg")


def test_base_names_can_be_checked_before_any_work():
    assert check_unique_names(["a/x.jpg", "b/y.jpg", "a/x.jpg"]) == ["a/x.jpg", "b/y.jpg"]
    with pytest.raises(VectorsError, match="--key path"):
        check_unique_names(["a/x.jpg", "b/x.jpg"])


def test_the_base_name_of_an_address_is_the_last_part_of_its_path():
    assert key_for("https://example.org/a/b.jpg?size=2", "name") == "b.jpg"
    assert key_for("https://example.org/a/b.jpg?size=2", "path") == "https://example.org/a/b.jpg?size=2"


def test_a_pickle_refuses_several_faces_of_one_picture(tmp_path):
    with (
        pytest.raises(VectorsError, match="one face per photo"),
        VectorsWriter(tmp_path / "out.pkl", model="fake", dimension=16) as output,
    ):
        output.add(fakes.outcome("group.jpg", faces=2))


def test_vectors_of_another_dimension_are_refused(tmp_path):
    with (
        pytest.raises(MisuseError, match="the vectors have 8 values, not 16"),
        VectorsWriter(tmp_path / "out.npz", model="fake", dimension=16) as output,
    ):
        output.add(fakes.outcome("a.jpg", dimension=8))


def test_an_unknown_ending_is_misuse(tmp_path):
    with pytest.raises(MisuseError, match=r"is one of \.npz \.parquet \.csv \.jsonl \.pkl"):
        VectorsWriter(tmp_path / "out.txt", model="fake", dimension=16)


def test_a_missing_folder_is_told_before_any_work(tmp_path):
    with pytest.raises(VectorsError, match=r"there is no folder .*create it first"):
        VectorsWriter(tmp_path / "missing" / "out.npz", model="fake", dimension=16)


def test_a_folder_is_not_a_file(tmp_path):
    (tmp_path / "out.npz").mkdir()
    with pytest.raises(VectorsError, match="is a folder"):
        VectorsWriter(tmp_path / "out.npz", model="fake", dimension=16)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to any folder")
def test_a_read_only_folder_is_told_before_any_work(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(VectorsError, match="is not writable"):
        VectorsWriter(tmp_path / "out.npz", model="fake", dimension=16)


def test_a_folder_that_refuses_is_told_before_any_work(tmp_path, monkeypatch):
    """The same as above where the tests run as root."""

    def refuse(path, mode):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(VectorsError, match="is not writable"):
        VectorsWriter(tmp_path / "out.npz", model="fake", dimension=16)


@pytest.mark.parametrize("kind", SUFFIXES)
def test_ctrl_c_leaves_a_complete_file_of_what_was_done(tmp_path, kind):
    def interrupted(path):
        with VectorsWriter(path, model="fake", dimension=16) as output:
            output.add(fakes.outcome("a.jpg"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / f"out{kind}")
    assert read(tmp_path / f"out{kind}").names == ("a.jpg",)
    assert len(os.listdir(tmp_path)) == 1


def test_ctrl_c_does_not_replace_an_earlier_output(tmp_path):
    path = write(tmp_path / "out.csv").path
    before = path.read_bytes()

    def interrupted():
        with VectorsWriter(path, model="fake", dimension=16) as output:
            output.add(fakes.outcome("b.jpg"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == before
    assert read(tmp_path / "out.partial.csv").names == ("b.jpg",)


@pytest.mark.parametrize("kind", SUFFIXES)
def test_a_run_that_fails_before_the_first_face_leaves_no_file(tmp_path, kind):
    with pytest.raises(KeyboardInterrupt), VectorsWriter(tmp_path / f"out{kind}", model="fake", dimension=16):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_ctrl_c_waits_until_a_row_is_whole():
    steps = []

    def run():
        with defer_interrupts():
            signal.raise_signal(signal.SIGINT)
            steps.append("whole")

    with pytest.raises(KeyboardInterrupt):
        run()
    assert steps == ["whole"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def fill(path, rows=18_000):
    """Write until the disk is full. The names of what was added, in order."""
    try:
        with VectorsWriter(path, model="fake", dimension=128) as output:
            template = fakes.outcome("a.jpg", dimension=128)
            vectors = np.random.default_rng(0).normal(size=(rows, 1, 128)).astype(np.float32)
            for number in range(rows):
                output.add(Outcome(f"{number}.jpg", template.size, template.sha256, template.faces, vectors[number]))
    except VectorsError as error:
        return str(error), output
    raise AssertionError("the disk did not fill up")


@contextmanager
def largest_file(size):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("kind", SUFFIXES)
def test_a_file_that_may_not_grow_keeps_every_row_that_fitted(tmp_path, kind):
    with largest_file(5_000_000):
        message, output = fill(tmp_path / f"out{kind}")
    check_what_was_kept(tmp_path / f"out{kind}", message, output)


@pytest.fixture
def tiny_disk(tmp_path):
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if sys.platform != "linux" or os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a tiny disk can only be mounted by root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("kind", SUFFIXES)
def test_a_full_disk_keeps_every_row_that_fitted(tiny_disk, kind):
    message, output = fill(tiny_disk / f"out{kind}")
    check_what_was_kept(tiny_disk / f"out{kind}", message, output)


def check_what_was_kept(path, message, output):
    assert "the disk is full" in message
    assert f"the {output.count} faces that fit are saved in" in message
    found = read(path)
    assert found.names == tuple(f"{number}.jpg" for number in range(output.count))
    assert output.count > 500
    assert os.listdir(path.parent) == [path.name]


def test_a_disk_that_is_full_from_the_start_is_told_before_any_work(tmp_path):
    with largest_file(0), pytest.raises(VectorsError, match="the disk is full"):
        VectorsWriter(tmp_path / "out.csv", model="fake", dimension=16)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", [k for k in SUFFIXES if k != ".pkl"])
def test_whose_each_face_is_and_its_place_in_the_photo_come_back(tmp_path, kind):
    names = ("Ada", "", 'O\'Brien, "Bob"\n山田')
    with VectorsWriter(tmp_path / f"out{kind}", model="fake", dimension=16, persons=True) as output:
        output.add(fakes.outcome("group.jpg", faces=3), numbers=(1, 4, 5), persons=names)
        output.add(fakes.outcome("ada.jpg"))
    found = read(output.path)
    assert found.persons == (*names, "")
    assert found.numbers == (1, 4, 5, 0)
    assert os.listdir(tmp_path) == [f"out{kind}"]


@pytest.mark.parametrize("kind", [k for k in SUFFIXES if k != ".pkl"])
def test_a_file_that_does_not_say_whose_faces_they_are_names_nobody(tmp_path, kind):
    assert read(write(tmp_path / f"out{kind}").path).persons == ()
