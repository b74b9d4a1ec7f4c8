"""Tensors that PyTorch saved, read without PyTorch.

The files are written here, so that no test needs PyTorch. What `save` writes was read back by torch 2.13's own
torch.load with equal tensors, and what torch 2.13's torch.save writes, with and without
_use_new_zipfile_serialization=False, by our reader.
"""

from __future__ import annotations

import io
import os
import pickle
import random
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nitakao.errors import FormatError
from nitakao.models.formats import torch_pt

KINDS = {"f4": "Float", "f8": "Double", "f2": "Half", "i8": "Long", "u1": "Byte"}
TENSORS: dict[str, np.ndarray] = {
    "conv.weight": np.arange(54, dtype=np.float32).reshape(2, 3, 3, 3),
    "conv.bias": np.array([1.5, -2], np.float16),
    "mean": np.array(3.25, np.float64),
    "num_batches_tracked": np.array(7, np.int64),
    "empty": np.zeros((0, 3), np.float32),
}


def numbers(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(b"I%d\n" % v for v in values) + b"t"


def tensor(
    key: str,
    kind: str,
    length: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    offset: int = 0,
    legacy: bool = False,
) -> bytes:
    """The pickle instructions for one tensor, as torch.save gives them (in text form)."""
    storage = b"(S'storage'\nctorch\n%sStorage\nS'%s'\nS'cpu'\nI%d\n" % (kind.encode(), key.encode(), length)
    view = b"N" if legacy else b""
    rest = numbers(shape) + numbers(strides) + b"I00\nccollections\nOrderedDict\n(tR"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + view + b"tQI%d\n" % offset + rest + b"tR"


def program(tensors: Mapping[str, np.ndarray], legacy: bool = False) -> bytes:
    """An ordered dictionary of tensors with PyTorch's `_metadata`, as a pickle."""
    items = b""
    for number, (name, array) in enumerate(tensors.items()):
        strides = tuple(s // array.itemsize for s in np.ascontiguousarray(array).strides) if array.ndim else ()
        items += b"S'%s'\n" % name.encode()
        items += tensor(str(number), KINDS[array.dtype.str[1:]], array.size, array.shape, strides, legacy=legacy)
    return b"\x80\x02ccollections\nOrderedDict\n(tR(" + items + b"u}S'_metadata'\nccollections\nOrderedDict\n(tRsb."


def archive(files: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as packed:
        for name, data in files.items():
            packed.writestr(f"archive/{name}", data)
    return file.getvalue()


def save(tensors: Mapping[str, np.ndarray], *, legacy: bool) -> bytes:
    raw = [array.tobytes() for array in tensors.values()]
    if not legacy:
        return archive({"data.pkl": program(tensors), **{f"data/{i}": r for i, r in enumerate(raw)}, "version": b"3\n"})
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    head = [pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, machine)]
    keys = pickle.dumps([str(i) for i in range(len(raw))], 2)
    storages = [struct.pack("<q", a.size) + r for a, r in zip(tensors.values(), raw, strict=True)]
    return b"".join([*head, program(tensors, legacy=True), keys, *storages])


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def reader(data: bytes) -> dict[str, np.ndarray]:
        file = tmp_path / "net.pt"
        file.write_bytes(data)
        return torch_pt.read(file)

    return reader


@pytest.mark.parametrize("legacy", [False, True])
def test_both_containers_give_the_tensors_by_name(read: Any, legacy: bool) -> None:
    found = read(save(TENSORS, legacy=legacy))
    assert list(found) == list(TENSORS)
    for name, array in TENSORS.items():
        assert np.array_equal(found[name], array)
        assert found[name].shape == array.shape
        assert found[name].dtype == (np.float32 if array.dtype.kind == "f" else array.dtype)


def test_a_view_with_offset_and_strides_is_cut_out_of_its_storage(read: Any) -> None:
    data = np.arange(24, dtype=np.float32)
    pickled = b"\x80\x02}S'view'\n" + tensor("0", "Float", 24, (3, 3), (6, 2), 6) + b"s."
    found = read(archive({"data.pkl": pickled, "data/0": data.tobytes()}))
    assert np.array_equal(found["view"], data.reshape(4, 6)[1:, ::2])


def test_tensors_wrapped_in_a_state_dict_are_found(read: Any) -> None:
    wrapped = b"\x80\x02}(S'epoch'\nI3\nS'state_dict'\n}S'w'\n" + tensor("0", "Float", 2, (2,), (1,)) + b"su."
    assert list(read(archive({"data.pkl": wrapped, "data/0": bytes(8)}))) == ["w"]


def one(pickled: bytes, raw: bytes = bytes(8)) -> bytes:
    return archive({"data.pkl": b"\x80\x02}S'w'\n" + pickled + b"s.", "data/0": raw})


HOSTILE = {
    "a shape past its storage": one(tensor("0", "Float", 2, (3,), (1,))),
    "strides past their storage": one(tensor("0", "Float", 2, (2,), (2,))),
    "an offset past its storage": one(tensor("0", "Float", 2, (1,), (1,), 2)),
    "a negative offset": one(tensor("0", "Float", 2, (1,), (1,), -1)),
    "a negative stride": one(tensor("0", "Float", 2, (2,), (-1,), 1)),
    "one number spread over a giant shape": one(tensor("0", "Float", 2, (1 << 20, 1 << 20), (0, 0))),
    "a shape beyond every machine": one(tensor("0", "Float", 2, (1 << 80,), (0,))),
    "more strides than sides": one(tensor("0", "Float", 2, (2,), (1, 1))),
    "a storage longer than its bytes": one(tensor("0", "Float", 1 << 40, (1,), (1,))),
    "a storage that is not there": one(tensor("5", "Float", 2, (1,), (1,))),
    "a storage of an unknown kind": one(tensor("0", "Quantised", 2, (1,), (1,))),
    "a storage of a wrong kind": one(b"ctorch._utils\n_rebuild_tensor_v2\n(I1\nI0\n(t(tI00\nNtR"),
    "a module and not a state_dict": one(b"(S'module'\nctorch\nFloatStorage\nNNtQ"),
    "no tensors": archive({"data.pkl": b"\x80\x02}."}),
    "a list": archive({"data.pkl": b"\x80\x02]."}),
    "a zip of something else": archive({"hello.txt": b"hello"}),
    "two programs": archive({"data.pkl": b"}.", "../b/data.pkl": b"}."}).replace(b"archive/../b", b"archiveX/./b"),
    "a compressed archive": archive({"data.pkl": program({}), "data/0": bytes(1 << 20)}, zipfile.ZIP_DEFLATED),
    "a big-endian archive": archive({"data.pkl": program({}), "byteorder": b"big"}),
    "a legacy file of another magic": pickle.dumps(1, 2) * 5,
    "a legacy file of a big-endian machine": pickle.dumps(0x1950A86A20F9469CFC6C, 2)
    + pickle.dumps(1001, 2)
    + pickle.dumps({"little_endian": False}, 2),
    "a tar file": b"sys_info" + bytes(1000),
    "nothing": b"",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_or_damaged_file_is_refused_with_one_sentence(read: Any, kind: str) -> None:
    with pytest.raises(FormatError, match=r"net\.pt") as refused:
        read(HOSTILE[kind])
    assert "\n" not in str(refused.value)


class Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("echo pwned > pwned",)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_file_that_runs_a_command_is_refused(
    read: Any, legacy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    evil = pickle.dumps({"w": Evil()}, 2)
    good = save(TENSORS, legacy=True)
    data = good.replace(program(TENSORS, legacy=True), evil) if legacy else archive({"data.pkl": evil})
    with pytest.raises(FormatError, match=r"net\.pt uses '(posix|nt)\.system'"):
        read(data)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("legacy", [False, True])
def test_truncated_and_flipped_files_give_tensors_or_a_format_error(read: Any, legacy: bool) -> None:
    chance = random.Random(7)
    good = save(TENSORS, legacy=legacy)
    for _ in range(200):
        with pytest.raises(FormatError):
            read(good[: chance.randrange(len(good))])
        bad = bytearray(good)
        for _ in range(chance.choice((1, 1, 3))):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        try:
            read(bytes(bad))
        except FormatError:
            continue


def test_flipped_numbers_in_an_archive_are_noticed(read: Any) -> None:
    bad = bytearray(save(TENSORS, legacy=False))
    at = bytes(bad).index(TENSORS["conv.weight"].tobytes()) + 50
    bad[at] ^= 1
    with pytest.raises(FormatError, match="damaged zip archive"):
        read(bytes(bad))


def test_the_real_facenet_weights_are_read(shared: Path) -> None:
    found = torch_pt.read(shared / "models" / "20180402-114759-vggface2.pt")
    assert len(found) == 714
    assert found["conv2d_1a.conv.weight"].shape == (32, 3, 3, 3)
    assert found["last_linear.weight"].shape == (512, 1792)
    assert all(np.isfinite(array).all() for array in found.values())
