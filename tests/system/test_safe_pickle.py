"""What strangers' pickles may and may not do."""

from __future__ import annotations

import os
import pickle
import random
import struct
import tracemalloc
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nitakao.errors import FormatError
from nitakao.system.safe_pickle import Global, Source, load

VECTORS = {
    "Anthony_Hopkins_0001": np.linspace(-1, 1, 128, dtype=np.float32),
    "顔": np.zeros(128, np.float32),
}
# What Python 2.7.18 with numpy 1.16.6 wrote for {'caf\xc3\xa9': array([1, -2], float32)} at its default protocol, 0.
FROM_PYTHON_2 = (
    b"(dp0\nS'caf\\xc3\\xa9'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\ntp4\nS'b'\np5\n"
    b"tp6\nRp7\n(I1\n(I2\ntp8\ncnumpy\ndtype\np9\n(S'f4'\np10\nI0\nI1\ntp11\nRp12\n(I3\nS'<'\np13\nNNNI-1\nI-1\nI0\n"
    b"tp14\nbI00\nS'\\x00\\x00\\x80?\\x00\\x00\\x00\\xc0'\np15\ntp16\nbs."
)


def read(data: bytes) -> Any:
    return load(Source(data, "some.pkl"))


def same(found: Any, expected: dict[str, Any]) -> bool:
    return list(found) == list(expected) and all(
        found[k].dtype == expected[k].dtype and np.array_equal(found[k], expected[k]) for k in expected
    )


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_vectors_of_every_protocol_are_read(protocol: int) -> None:
    assert same(read(pickle.dumps(VECTORS, protocol)), VECTORS)


@pytest.mark.parametrize("protocol", range(3))
@pytest.mark.parametrize("core", [b"numpy.core", b"numpy._core"])
def test_vectors_of_numpy_1_and_2_are_read(core: bytes, protocol: int) -> None:
    data = pickle.dumps(VECTORS, protocol)
    for written in (b"numpy._core", b"numpy.core"):
        data = data.replace(b"c" + written + b".", b"c" + core + b".")
    assert same(read(data), VECTORS)


def test_what_python_2_wrote_is_read_and_its_names_become_text() -> None:
    assert same(read(FROM_PYTHON_2), {"café": np.array([1, -2], np.float32)})


def test_a_name_of_python_2_that_is_no_utf_8_is_read_as_latin_1() -> None:
    assert list(read(b"(dp0\nS'caf\\xe9'\nI1\ns.")) == ["café"]


def test_arrays_keep_their_type_shape_order_and_numbers() -> None:
    arrays = {
        "fortran": np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)),
        "big-endian": np.arange(4, dtype=">i4"),
        "empty": np.zeros((0, 3), np.float16),
        "scalar-like": np.array(3, np.uint8),
        "flags": np.array([True, False]),
    }
    found = read(pickle.dumps(arrays, 2))
    for name, array in arrays.items():
        assert np.array_equal(found[name], array)
        assert found[name].dtype == array.dtype.newbyteorder("=")


def test_an_array_that_stands_under_two_names_is_read_under_both() -> None:
    array = np.ones(3, np.float32)
    assert same(read(pickle.dumps({"a": array, "b": array})), {"a": array, "b": array})


def test_an_ordered_dictionary_comes_out_as_a_dictionary() -> None:
    ordered = OrderedDict(a=1, b=[2.5, "x", None, True])
    ordered._metadata = OrderedDict()  # type: ignore[attr-defined]  # as torch adds to its state dictionaries
    assert read(pickle.dumps(ordered)) == {"a": 1, "b": [2.5, "x", None, True]}


class Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("echo pwned > pwned",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_runs_a_command_is_refused_and_named(
    protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FormatError, match=r"some\.pkl uses '(posix|nt)\.system', which is not allowed: refused"):
        read(pickle.dumps({"a": Evil()}, protocol))
    assert not list(tmp_path.iterdir())


def deep(instruction: bytes, times: int) -> bytes:
    return b"\x80\x02)" + instruction * times + b"."


HOSTILE = {
    "eval by name": b"c__builtin__\neval\n(S'1'\ntR.",
    "an attribute of an allowed name": b"\x80\x04\x8c\x05numpy\x8c\x0fndarray.__new__\x93.",
    "a dotted walk": b"\x80\x04\x8c\x0dnumpy.ndarray\x8c\x05dumps\x93.",
    "the array class called with a giant shape": b"cnumpy\nndarray\n((I100000000000\ntS'f8'\ntR.",
    "a string called": b"S'print'\n(tR.",
    "an object type": b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR.",
    "a dtype with fields": b"cnumpy\ndtype\n(S'f4'\nI0\nI1\ntR(I3\nS'<'\nN(tNI-1\nI-1\nI0\ntb.",
    "an array made of another class": b"cnumpy.core.multiarray\n_reconstruct\n(I1\n(tS'b'\ntR.",
    "an array never filled": b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR.",
    "a shape larger than its bytes": FROM_PYTHON_2.replace(b"I2\n", b"I2000000000\n"),
    "a negative shape": FROM_PYTHON_2.replace(b"I2\n", b"I-2\n"),
    "a shape of a flag": FROM_PYTHON_2.replace(b"(I2\n", b"(I01\n"),
    "an unknown byte order": FROM_PYTHON_2.replace(b"'<'", b"'?'"),
    "a state set on a list": b"(lS'x'\nb.",
    "a giant claim of bytes": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"x.",
    "a negative claim of bytes": b"T" + struct.pack("<i", -5) + b"x.",
    "a giant bytearray": b"\x80\x05\x96" + struct.pack("<Q", 1 << 40) + b"x.",
    "a giant frame": b"\x80\x04\x95" + struct.pack("<Q", 1 << 60) + b"x.",
    "a number of a million digits": b"I" + b"9" * 1_000_000 + b"\n.",
    "deep nesting": deep(b"\x85", 300_000),
    "a list in itself": b"(lp0\ng0\na.",
    # Hashing this tuple would take 2**60 steps
    "a tuple of doubled tuples as a key": b"})p0\n"
    + b"".join(b"g%d\n\x86p%d\n" % (i, i + 1) for i in range(60))
    + b"Ns.",
    "a deep tuple as a key": b"\x80\x02})" + b"\x85" * 300_000 + b"Ns.",
    "a key that is a large number": b"}I99999999999999\nNs.",
    "two names that become one": b"}S'a'\nI1\nsVa\nI2\ns.",
    "an item without its value": b"}(S'a'\nu.",
    "an item set on a list": b"(lI0\nI1\ns.",
    "something appended to text": b"S'a'\nI1\na.",
    "an empty stack": b"0.",
    "a mark that was never set": b"t.",
    "a memo that was never put": b"g7\n.",
    "an instruction that is not allowed": b"(i__builtin__\neval\n.",
    "an extension code": b"\x80\x02\x82\x01.",
    "data outside itself": b"\x80\x02NQ.",
    "an unknown protocol": b"\x80\xff.",
    "text that is no UTF-8": b"X\x02\x00\x00\x00\xff\xff.",
    "nothing": b"",
    "only an end": b".",
    "a photograph": b"\xff\xd8\xff\xe0\x00\x10JFIF",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_or_damaged_pickle_is_refused_with_one_sentence_and_little_memory(kind: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(FormatError) as refused:
            read(HOSTILE[kind])
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()
    assert "some.pkl" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_memo_number_costs_no_memory() -> None:
    tracemalloc.start()
    try:
        assert read(b"\x80\x02Nr\xff\xff\xff\x7f.") is None
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_shared_lists_are_visited_once_and_not_once_for_each_path() -> None:
    # 15 levels, each naming the one below 50 times: 50**15 paths
    data = b"(lp0\n" + b"".join(b"(l(" + b"g%d\n" % i * 50 + b"ep%d\n" % (i + 1) for i in range(14)) + b"."
    assert len(read(data)) == 50


def test_truncated_and_flipped_pickles_give_values_or_a_format_error() -> None:
    chance = random.Random(4)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        good = pickle.dumps({"ab": np.arange(3, dtype=np.float32), "c": [1, (2.5, None), {"d": b"e"}]}, protocol)
        for end in range(len(good)):
            with pytest.raises(FormatError):
                read(good[:end])
        for _ in range(500):
            bad = bytearray(good)
            for _ in range(chance.choice((1, 1, 2, 5))):
                bad[chance.randrange(len(bad))] = chance.randrange(256)
            try:
                read(bytes(bad))
            except FormatError:
                continue


def test_random_bytes_give_values_or_a_format_error() -> None:
    chance = random.Random(5)
    for _ in range(2000):
        try:
            read(chance.randbytes(chance.randrange(60)) + b".")
        except FormatError:
            continue


def test_further_names_and_persistent_ids_are_given_by_the_caller() -> None:
    names = {"torch Size": Global("torch Size", lambda *n: list(n))}
    assert load(Source(b"ctorch\nSize\n(I1\nI2\ntR."), names) == [1, 2]
    assert load(Source(b"\x80\x02S'7'\nQ."), persistent=lambda pid: {"id": pid}) == {"id": b"7"}


def test_several_pickles_in_a_row_are_read_one_after_the_other() -> None:
    source = Source(pickle.dumps(1) + pickle.dumps("two", 0) + b"rest")
    assert [load(source), load(source), source.left] == [1, "two", 4]


def test_a_file_over_the_limit_or_missing_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "large.pkl"
    file.write_bytes(pickle.dumps(VECTORS))
    with pytest.raises(FormatError, match=r"large\.pkl is larger than 100 bytes"):
        Source.open(file, max_bytes=100)
    with pytest.raises(FormatError, match="cannot be read"):
        Source.open(tmp_path / "missing.pkl")
    assert same(load(Source.open(file)), VECTORS)
