from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from nitakao.errors import FormatError, MisuseError
from nitakao.protocols import find_pictures, read_bin, read_pairs, split_folds

GOOD = "2\t1\nAda\t1\t2\nAda\t1\tBob\t4\nBob 1 4\nZoë\t3\tAda\t2\n"


def test_pairs_are_read_as_lfw_writes_them(tmp_path):
    (tmp_path / "pairs.txt").write_text(GOOD, encoding="utf-8")
    found = read_pairs(tmp_path / "pairs.txt")
    assert found.pictures == ("Ada/Ada_0001", "Ada/Ada_0002", "Bob/Bob_0004", "Bob/Bob_0001", "Zoë/Zoë_0003")
    assert found.labels == ("Ada", "Ada", "Bob", "Bob", "Zoë")
    assert found.first.tolist() == [0, 0, 3, 4]
    assert found.second.tolist() == [1, 2, 2, 1]
    assert found.same.tolist() == [True, False, True, False]
    assert found.fold.tolist() == [0, 0, 1, 1]
    assert found.person_ids.tolist() == [0, 0, 1, 1, 2]


def test_a_list_with_one_number_or_none_is_one_fold_that_can_be_cut(tmp_path):
    rows = [f"P{n}\t1\t2" for n in range(4)] + [f"P{n}\t1\tQ\t{n}" for n in range(4)]
    for header in (["4"], []):
        (tmp_path / "pairs.txt").write_text("\n".join(header + rows))
        found = read_pairs(tmp_path / "pairs.txt")
        assert set(found.fold.tolist()) == {0}
        assert split_folds(found, 2).fold.tolist() == [0, 0, 1, 1] * 2
    with pytest.raises(MisuseError, match="cannot be split into 5 folds"):
        split_folds(found, 5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("2 2\nAda 1 2\n", "has 1 pairs, but its first line says 2 folds of 2"),
        ("1 1\nAda 1 2\nAda one Bob 2\n", "has no pair like .* in line 3"),
        ("1 1\nAda 1 2\nAda 1 Bob 2 3\n", "has no pair like .* in line 3"),
        ("1 1\nAda 1 2\n../../etc 1 Bob 2\n", "has a path in place of a name in line 3"),
        ("1 1\nAda 1 2\nAda 1 .. 2\n", "has a path in place of a name"),
        ("0 0\n", "has 0 pairs"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
    ],
)
def test_what_is_no_list_of_pairs_is_told_with_its_line(tmp_path, text, said):
    path = tmp_path / "pairs.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FormatError, match=said):
        read_pairs(path)


def test_a_list_that_is_not_there_is_told(tmp_path):
    with pytest.raises(FormatError, match="cannot be read: No such file"):
        read_pairs(tmp_path / "missing.txt")


@given(some.lists(some.booleans(), min_size=5, max_size=5).filter(lambda gone: not all(gone)))
def test_leaving_pictures_out_leaves_their_pairs_out_and_nothing_else(tmp_path_factory, gone):
    path = tmp_path_factory.mktemp("pairs") / "pairs.txt"
    path.write_text(GOOD, encoding="utf-8")
    whole = read_pairs(path)
    kept = [n for n in range(4) if not (gone[whole.first[n]] or gone[whole.second[n]])]
    if not kept:
        with pytest.raises(MisuseError, match="no pair has both of its pictures"):
            whole.without(gone)
        return
    found = whole.without(gone)
    told = [(found.pictures[a], found.pictures[b]) for a, b in zip(found.first, found.second, strict=True)]
    assert told == [(whole.pictures[whole.first[n]], whole.pictures[whole.second[n]]) for n in kept]
    assert found.skipped == 4 - len(kept)
    assert found.same.tolist() == whole.same[kept].tolist()


def test_pictures_are_found_whatever_their_ending(tmp_path):
    (tmp_path / "Ada").mkdir()
    for name in ("Ada_0001.jpg", "Ada_0001.png", "Ada_0002.PNG", "Ada_0003.txt"):
        (tmp_path / "Ada" / name).write_bytes(b"")
    names = ["Ada/Ada_0001", "Ada/Ada_0002", "Ada/Ada_0003", "Bob/Bob_0001"]
    found = find_pictures(tmp_path, names)
    assert found == [str(tmp_path / "Ada" / "Ada_0001.jpg"), str(tmp_path / "Ada" / "Ada_0002.PNG"), None, None]
    with pytest.raises(MisuseError, match="no such folder"):
        find_pictures(tmp_path / "missing", names)


def packed(path, pictures, same, protocol=4):
    path.write_bytes(pickle.dumps((pictures, same), protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_bin_is_read_with_its_pictures_once_each(tmp_path, protocol):
    pictures = [b"a1", b"a2", b"a2", b"a3", b"b1", b"a1", b"c1", b"d1"]
    found, data = read_bin(packed(tmp_path / "x.bin", pictures, [True, True, False, False], protocol), folds=2)
    assert data == [b"a1", b"a2", b"a3", b"b1", b"c1", b"d1"]
    assert found.pictures == ("x.bin#0", "x.bin#1", "x.bin#3", "x.bin#4", "x.bin#6", "x.bin#7")
    assert found.first.tolist() == [0, 1, 3, 4]
    assert found.second.tolist() == [1, 2, 0, 5]
    assert found.person_ids.tolist() == [0, 0, 0, 1, 2, 3]  # joined by pairs of one person
    assert found.fold.tolist() == [0, 0, 1, 1]
    assert not found.named


def test_folds_of_a_bin_are_cut_as_kfold_cuts_them(tmp_path):
    pictures = [str(n).encode() for n in range(46)]
    found, _ = read_bin(packed(tmp_path / "x.bin", pictures, [bool(n % 2) for n in range(23)]))
    splits = pytest.importorskip("sklearn.model_selection").KFold(10).split(np.zeros(23))
    assert [np.flatnonzero(found.fold == n).tolist() for n in range(10)] == [test.tolist() for _, test in splits]


def test_pictures_that_lie_as_arrays_of_bytes_are_read(tmp_path):
    pictures = [np.frombuffer(text, np.uint8) for text in (b"one", b"two")] * 2
    _, data = read_bin(packed(tmp_path / "x.bin", pictures, [0, 1]), folds=2)
    assert data == [b"one", b"two"]


class Evil:
    def __reduce__(self):
        return print, ("ran",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (([b"a"], [True]), "1 pictures for 1 pairs"),
        (([b"a", b"b"], [2]), "a label other than 0 and 1"),
        (([b"a", 7], [True]), "has a picture of type int"),
        ({"a": 1}, "is not an InsightFace .bin"),
        (([], []), "0 pictures for 0 pairs"),
        (([b"a", b"b"], [True]), "too few for 10 folds"),
        ((Evil(), [True]), "refused"),
    ],
)
def test_a_bin_that_is_none_is_refused_and_runs_nothing(tmp_path, capsys, content, said):
    (tmp_path / "x.bin").write_bytes(pickle.dumps(content, 4))
    with pytest.raises(FormatError, match=said):
        read_bin(tmp_path / "x.bin")
    assert "ran" not in capsys.readouterr().out
