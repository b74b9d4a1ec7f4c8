"""Files of vectors as they are read: ours, the article's, and those that are damaged or mean harm."""

from __future__ import annotations

import json
import pickle
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from tests import fakes

from nitakao.errors import MisuseError, NitakaoError, VectorsError
from nitakao.vectors import SUFFIXES, VectorsWriter, read

A, B = [1.0, 0.0, 0.5], [0.25, -1.0, 2.0]


def article_file(path, vectors, protocol=2, core="numpy._core"):
    """A pickle as numpy 1 ('numpy.core') or numpy 2 ('numpy._core') names its functions."""
    written = pickle.dumps(vectors, protocol=protocol)
    own = b"numpy._core" if b"numpy._core" in written else b"numpy.core"
    if protocol < 4:  # from protocol 4 on, lengths stand before names
        written = written.replace(own + b".multiarray", core.encode() + b".multiarray")
    path.write_bytes(written)
    return path


@pytest.mark.parametrize("core", ["numpy.core", "numpy._core"])
@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_the_articles_file_is_read_whichever_python_and_numpy_wrote_it(tmp_path, protocol, core):
    vectors = {"a.jpg": np.array(A, np.float32), "日本.jpg": np.array(B, np.float32)}
    found = read(article_file(tmp_path / "img_facenet.pkl", vectors, protocol, core))
    assert found.names == ("a.jpg", "日本.jpg")
    np.testing.assert_array_equal(found.vectors, np.array([A, B], np.float32))
    assert found.model == ""
    assert found.faces == ()


def test_the_articles_file_as_python_2_wrote_it_is_read(tmp_path):
    """Strings are bytes there; spelled out as Python 2.7 with NumPy 1 writes {'a.jpg': array([1., 2.], '<f4')}."""
    raw = np.array([1, 2], "<f4").tobytes()
    path = tmp_path / "old.pkl"
    path.write_bytes(
        b"\x80\x02}q\x01U\x05a.jpgq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85q\x05"
        b"U\x01bq\x06\x87q\x07Rq\x08(K\x01K\x02\x85q\tcnumpy\ndtype\nq\nU\x02f4q\x0bK\x00K\x01\x87q\x0cRq\r"
        b"(K\x03U\x01<q\x0eNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0fb\x89U\x08" + raw + b"q\x10tq\x11bs."
    )
    found = read(path)
    assert found.names == ("a.jpg",)
    np.testing.assert_array_equal(found.vectors, [[1, 2]])


@pytest.mark.parametrize(
    "vector", [np.array([A], np.float32), np.array(A, np.float64), np.array(A, np.float16), A], ids=str
)
def test_a_vector_in_the_articles_file_may_be_a_row_a_list_or_of_another_width(tmp_path, vector):
    np.testing.assert_array_equal(read(article_file(tmp_path / "x.pkl", {"a": vector})).vectors, [A])


class Evil:
    def __reduce__(self):
        return print, ("this must never be printed",)


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_malicious_pickle_is_refused_and_nothing_of_it_runs(tmp_path, capsys, protocol):
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps({"a.jpg": Evil()}, protocol))
    with pytest.raises(VectorsError, match=r"uses '.*print'"):
        read(path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "not a dictionary"),
        ({"a": "text"}, "holds a str for 'a', not a vector"),
        ({"a": np.zeros((2, 2))}, r"shape \(2, 2\) for 'a'"),
        ({"a": np.zeros(2), "b": np.zeros(3)}, "mixes vectors of sizes 2, 3"),
        ({"a": np.array([1, np.nan])}, "not finite"),
        ({"a": np.array([1e300])}, "not finite"),
        ({"a": np.zeros(0)}, "shape"),
    ],
)
def test_a_pickle_of_something_else_is_refused_with_a_sentence(tmp_path, content, message):
    with pytest.raises(VectorsError, match=message):
        read(article_file(tmp_path / "x.pkl", content))


def test_an_npz_of_objects_is_refused(tmp_path):
    np.savez(tmp_path / "x.npz", keys=np.array([Evil()], object), vectors=np.zeros((1, 2)))
    with pytest.raises(VectorsError, match="damaged"):
        read(tmp_path / "x.npz")


def test_an_npz_that_numpy_packed_is_read(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", keys=np.array(["a", "b"]), vectors=np.asfortranarray([A, B]))
    found = read(tmp_path / "x.npz")
    assert found.names == ("a", "b")
    np.testing.assert_array_equal(found.vectors, np.array([A, B], np.float32))


def test_an_npz_that_is_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vectors.npy", bytes(70_000_000))
    with pytest.raises(VectorsError, match="refused as a zip bomb"):
        read(tmp_path / "x.npz")


def test_a_csv_of_ones_own_needs_only_names_and_numbers(tmp_path):
    (tmp_path / "x.csv").write_text("\ufeffkey,v0,v1\na.jpg,1,2\n", "utf-8")
    found = read(tmp_path / "x.csv")
    assert (found.names, found.vectors.tolist(), found.model) == (("a.jpg",), [[1, 2]], "")


def test_a_jsonl_of_ones_own_needs_only_names_and_numbers(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"key": "a.jpg", "vector": [1, 2]}\n\n')
    assert read(tmp_path / "x.jsonl").vectors.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.csv", "", "does not begin with"),
        ("x.csv", "a,b\n1,2\n", "does not begin with"),
        ("x.csv", "key,v0,v1\na,1\n", "2 columns in line 2, not 3"),
        ("x.csv", "key,v0\na,one\n", "damaged"),
        ("x.csv", "key,v0\na,inf\n", "not finite"),
        ("x.csv", "key,model,v0\na,m,1\nb,n,1\n", "several models"),
        ("x.jsonl", "[1]\n", "in line 1"),
        ("x.jsonl", '{"key": "a"}\n', "in line 1"),
        ("x.jsonl", '{"key": "a", "vector": [1]}\n{"key": "b", "vector": [1, 2]}\n', "mixes vectors of sizes 1, 2"),
        ("x.jsonl", '{"key": "a", "vector": [1e999]}\n', "not finite"),
        ("x.jsonl", '{"key": "a", "vector": {}}\n', "damaged"),
        ("x.jsonl", "[" * 100_000, "damaged"),
        ("x.npz", "not a zip", "damaged"),
        ("x.parquet", "not a parquet", "damaged"),
        ("x.pkl", "not a pickle", "not a file of this kind, or is damaged|is truncated"),
    ],
)
def test_a_damaged_file_is_refused_with_one_sentence(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(VectorsError, match=message) as caught:
        read(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", SUFFIXES)
def test_a_missing_file_is_told(tmp_path, kind):
    with pytest.raises(VectorsError, match="No such file"):
        read(tmp_path / f"missing{kind}")


def test_an_unknown_ending_is_misuse(tmp_path):
    with pytest.raises(MisuseError, match="is one of"):
        read(tmp_path / "x.txt")


@pytest.fixture
def found(tmp_path):
    with VectorsWriter(tmp_path / "out.npz", model="fake", dimension=16) as output:
        for source, faces in (("a/one.jpg", 1), ("b/one.jpg", 1), ("group.jpg", 3), ("odd#name.jpg", 1)):
            output.add(fakes.outcome(source, faces))
    return read(output.path)


@pytest.mark.parametrize(
    ("name", "row"),
    [("a/one.jpg", 0), ("b/one.jpg", 1), ("group.jpg#2", 4), ("group#0", 2), ("odd#name.jpg", 5), ("odd#name", 5)],
)
def test_a_name_is_found_as_it_stands_or_by_its_base_name(found, name, row):
    assert found.find(name) == row


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("one.jpg", r"matches 2 faces .*'a/one\.jpg#0', 'b/one\.jpg#0'"),
        ("group.jpg", r"matches 3 faces .*'group\.jpg#0', 'group\.jpg#1', 'group\.jpg#2'"),
        ("group.jpg#3", "has no entry 'group.jpg#3'"),
        ("grup.jpg", "did you mean 'group.jpg'"),
        ("", "has no entry ''"),
    ],
)
def test_a_name_that_fits_none_or_several_says_so(found, name, message):
    with pytest.raises(VectorsError, match=message):
        found.find(name)


def test_vectors_of_another_model_or_dimension_are_refused(tmp_path, found):
    found.check(fakes.CARD)
    other = article_file(tmp_path / "x.pkl", {"a": np.array(A, np.float32)})
    with pytest.raises(VectorsError, match="size 3, but fake has size 16"):
        read(other).check(fakes.CARD)
    with pytest.raises(VectorsError, match="of fake, not of other: use --model fake"):
        found.check(type(fakes.CARD)(**{**vars(fakes.CARD), "name": "other"}))


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    for kind in SUFFIXES:
        with VectorsWriter(folder / f"good{kind}", model="fake", dimension=4) as output:
            for source in ("a.jpg", "b.jpg"):
                output.add(fakes.outcome(source, dimension=4))
    return {kind: (folder / f"good{kind}").read_bytes() for kind in SUFFIXES}, folder


@pytest.mark.parametrize("kind", SUFFIXES)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=some.data())
def test_no_damage_makes_a_reader_do_more_than_refuse(samples, kind, data):
    good, folder = samples
    content = bytearray(good[kind])
    content = content[: data.draw(some.integers(0, len(content)))] if data.draw(some.booleans()) else content
    for _ in range(data.draw(some.integers(0, 4))):
        if content:
            content[data.draw(some.integers(0, len(content) - 1))] = data.draw(some.integers(0, 255))
    path = folder / f"bad{kind}"
    path.write_bytes(content)
    try:
        found = read(path)
    except NitakaoError:
        pass
    else:
        assert len(found.names) == len(found.vectors)
        assert np.isfinite(found.vectors).all()


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(record=some.recursive(some.none() | some.booleans() | some.floats() | some.text(), some.lists, max_leaves=8))
def test_no_json_makes_the_reader_do_more_than_refuse(tmp_path_factory, record):
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    keys = ("key", "vector", "box", "score", "turn", "landmarks")
    path.write_text(json.dumps(dict.fromkeys(keys, record)) + "\n")
    with suppress(VectorsError):
        read(path)
