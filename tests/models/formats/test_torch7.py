"""Torch7's binary files, read without Torch."""

from __future__ import annotations

import random
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.models.formats.torch7_writer import written

from nitakao.errors import FormatError
from nitakao.models.formats import torch7
from nitakao.models.formats.torch7 import Object


def read(folder: Path, content: bytes) -> Any:
    path = folder / "net.t7"
    path.write_bytes(content)
    return torch7.read(path)


def test_every_kind_of_value_comes_back(tmp_path: Path) -> None:
    shared = {"a": 1.0}
    weights = np.arange(6, dtype=np.float32).reshape(2, 3)
    value = {
        "nothing": None,
        "flag": True,
        "text": "conv",
        1: 2.5,
        "table": shared,
        "again": shared,
        "layer": Object("nn.Linear", {"weight": weights, "turned": weights.T, "double": weights.astype(np.float64)}),
        "whole": np.array([3, 4], np.int64),
    }
    found = read(tmp_path, written(value))
    assert found["nothing"] is None
    assert found["flag"] is True
    assert (found["text"], found[1], found["table"]) == ("conv", 2.5, {"a": 1.0})
    assert found["again"] is found["table"]
    layer = found["layer"]
    assert layer.kind == "nn.Linear"
    assert np.array_equal(layer.fields["weight"], weights)
    assert np.array_equal(layer.fields["turned"], weights.T)
    assert layer.fields["double"].dtype == np.float64
    assert found["whole"].tolist() == [3, 4]


def test_a_class_without_a_version_is_read(tmp_path: Path) -> None:
    name = b"nn.ReLU"
    old = struct.pack("<iii", 4, 1, len(name)) + name + written({"inplace": False})
    found = read(tmp_path, old.replace(struct.pack("<ii", 3, 1), struct.pack("<ii", 3, 2), 1))
    assert (found.kind, found.fields) == ("nn.ReLU", {"inplace": False})


def test_a_function_is_refused(tmp_path: Path) -> None:
    for kind in (6, 7, 8):
        with pytest.raises(FormatError, match="contains a Lua function"):
            read(tmp_path, struct.pack("<ii", kind, 4) + b"code")


TENSOR = struct.pack("<iii", 4, 1, 3) + b"V 1" + struct.pack("<i", 17) + b"torch.FloatTensor"
STORAGE = struct.pack("<iii", 4, 2, 3) + b"V 1" + struct.pack("<i", 18) + b"torch.FloatStorage"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is truncated"),
        (b"not a network at all", "not a binary Torch7 file"),
        (struct.pack("<iii", 3, 1, 2**31 - 1), "table of invalid size 2147483647"),
        (struct.pack("<ii", 2, 2**31 - 1), "text of invalid length 2147483647"),
        (struct.pack("<iii", 4, 1, 10_000), "text of invalid length 10000"),
        (TENSOR + struct.pack("<i", 1_000_000), "tensor of 1000000 axes"),
        (TENSOR + struct.pack("<iqqq", 1, 5, 1, 1) + STORAGE + struct.pack("<q", 2**40), "bytes needed"),
        (TENSOR + struct.pack("<iqqq", 1, 5, 1, 1) + STORAGE + struct.pack("<q", 2) + bytes(8), "exceeds its storage"),
        (TENSOR + struct.pack("<iqqqqq", 2, 1 << 40, 1 << 40, 0, 0, 1) + STORAGE + struct.pack("<q", 1) + bytes(4),
         "exceeds its storage"),
        (TENSOR + struct.pack("<iqqq", 1, -5, 1, 1) + STORAGE + struct.pack("<q", 2) + bytes(8), "damaged"),
    ],
)  # fmt: skip
def test_a_damaged_or_crafted_file_is_one_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(FormatError, match=said):
        read(tmp_path, content)


def test_nesting_without_end_is_refused(tmp_path: Path) -> None:
    content = b"".join(struct.pack("<iii", 3, n, 1) + struct.pack("<id", 1, 1.0) for n in range(1, 100_000))
    with pytest.raises(FormatError, match="nested too deeply"):
        read(tmp_path, content)


def test_a_file_cut_or_changed_anywhere_is_refused_or_read_whole(tmp_path: Path) -> None:
    whole = written({"layer": Object("nn.Linear", {"weight": np.ones((2, 2), np.float32), "name": "x"})})
    for end in range(len(whole)):
        with pytest.raises(FormatError):
            read(tmp_path, whole[:end])
    chance = random.Random(1)
    for _ in range(500):
        spoilt = bytearray(whole)
        spoilt[chance.randrange(len(whole))] = chance.randrange(256)
        with suppress(FormatError):
            read(tmp_path, bytes(spoilt))
