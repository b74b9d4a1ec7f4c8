"""Weights as the PyPI package mtcnn carries them."""

from __future__ import annotations

import pickle
import random
from importlib.util import find_spec
from pathlib import Path

import lz4.frame
import numpy as np
import pytest

from nitakao.errors import FormatError
from nitakao.models.formats import joblib_lz4

# Kernel, bias, then the PReLU slope where there is one; the last layers are box, landmarks (ONet only) and score.
SHAPES = {
    "pnet": [
        *[(3, 3, 3, 10), (10,), (1, 1, 10), (3, 3, 10, 16), (16,), (1, 1, 16), (3, 3, 16, 32), (32,), (1, 1, 32)],
        *[(1, 1, 32, 4), (4,), (1, 1, 32, 2), (2,)],
    ],
    "rnet": [
        *[(3, 3, 3, 28), (28,), (1, 1, 28), (3, 3, 28, 48), (48,), (1, 1, 48), (2, 2, 48, 64), (64,), (1, 1, 64)],
        *[(576, 128), (128,), (128,), (128, 4), (4,), (128, 2), (2,)],
    ],
    "onet": [
        *[(3, 3, 3, 32), (32,), (1, 1, 32), (3, 3, 32, 64), (64,), (1, 1, 64), (3, 3, 64, 64), (64,), (1, 1, 64)],
        *[(2, 2, 64, 128), (128,), (1, 1, 128), (1152, 256), (256,), (256,)],
        *[(256, 4), (4,), (256, 10), (10,), (256, 2), (2,)],
    ],
}
# Sum of all numbers, by joblib 1.6.0's own loader
SUMS = {"pnet": -43.12531704072171, "rnet": -178.50655001851723, "onet": -354.43949631894327}


def weights(net: str) -> Path:
    package = find_spec("mtcnn")
    assert package is not None
    assert package.submodule_search_locations
    return Path(package.submodule_search_locations[0]) / "assets" / "weights" / f"{net}.lz4"


@pytest.mark.parametrize("net", SHAPES)
def test_each_net_is_a_list_of_float32_arrays_in_the_order_of_its_layers(net: str) -> None:
    arrays = joblib_lz4.read(weights(net))
    assert isinstance(arrays, list)
    assert [a.shape for a in arrays] == SHAPES[net]
    assert {a.dtype for a in arrays} == {np.dtype(np.float32)}
    assert sum(float(a.sum(dtype=np.float64)) for a in arrays) == pytest.approx(SUMS[net], abs=1e-6)


def packed(folder: Path, data: bytes) -> Path:
    file = folder / "net.lz4"
    file.write_bytes(lz4.frame.compress(data))
    return file


def test_truncated_and_flipped_files_give_arrays_or_a_format_error(tmp_path: Path) -> None:
    chance = random.Random(6)
    whole = weights("pnet").read_bytes()
    plain = lz4.frame.decompress(whole)
    for _ in range(150):
        with pytest.raises(FormatError, match=r"\.lz4"):
            joblib_lz4.read(packed(tmp_path, plain[: chance.randrange(len(plain))]))
        cut = tmp_path / "cut.lz4"
        cut.write_bytes(whole[: chance.randrange(len(whole))])
        with pytest.raises(FormatError, match=r"\.lz4"):
            joblib_lz4.read(cut)
        bad = bytearray(plain)
        bad[chance.choice((chance.randrange(300), chance.randrange(len(bad))))] = chance.randrange(256)
        try:
            joblib_lz4.read(packed(tmp_path, bytes(bad)))
        except FormatError:
            continue


def test_a_small_file_that_unpacks_to_gigabytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joblib_lz4, "MAX_BYTES", 1 << 20)
    with pytest.raises(FormatError, match="unpacks to more than 1048576 bytes"):
        joblib_lz4.read(packed(tmp_path, bytes(5 << 20)))


def test_a_giant_shape_is_refused(tmp_path: Path) -> None:
    plain = lz4.frame.decompress(weights("pnet").read_bytes())
    giant = plain.replace(b"K\x03K\x03K\x03K\x0at", b"J\xff\xff\xff\x03K\x03K\x03K\x0at", 1)
    with pytest.raises(FormatError):
        joblib_lz4.read(packed(tmp_path, giant))


def test_other_names_and_other_pickles_are_refused_or_read_as_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"uses 'builtins\.eval'"):
        joblib_lz4.read(packed(tmp_path, pickle.dumps(eval)))
    with pytest.raises(FormatError, match="extra bytes at the end"):
        joblib_lz4.read(packed(tmp_path, pickle.dumps([1]) + b"more"))
    (tmp_path / "text.lz4").write_text("not lz4 at all")
    with pytest.raises(FormatError, match="not an lz4 frame"):
        joblib_lz4.read(tmp_path / "text.lz4")
