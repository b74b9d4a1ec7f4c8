"""What is stored is what is read, or it is said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nitakao.errors import GalleryDamagedError
from nitakao.gallery.columns import add_checksum, pack, path_bytes, unpack, verify_checksum


@given(st.binary(max_size=300))
def test_sealed_bytes_come_back(data: bytes) -> None:
    assert verify_checksum(add_checksum(data)) == data


@given(st.binary(max_size=300), st.integers(0), st.integers(0, 7))
def test_one_bit_that_flips_is_noticed_wherever_it_is(data: bytes, at: int, bit: int) -> None:
    damaged = bytearray(add_checksum(data))
    damaged[at % len(damaged)] ^= 1 << bit
    with pytest.raises(GalleryDamagedError):
        verify_checksum(bytes(damaged))


@pytest.mark.parametrize("value", [b"", b"\x00\x00\x00", "text", 7, None])
def test_what_was_never_sealed_is_refused(value: object) -> None:
    with pytest.raises(GalleryDamagedError):
        verify_checksum(value)


def test_vectors_are_little_endian_float32() -> None:
    assert pack(np.array([1.0, -2.5], ">f8")) == b"\x00\x00\x80\x3f\x00\x00\x20\xc0"
    assert unpack(b"\x00\x00\x80\x3f\x00\x00\x20\xc0").tolist() == [1.0, -2.5]


@given(st.text(st.characters(exclude_categories=[])))
def test_a_path_is_any_bytes(path: str) -> None:
    try:
        stored = path_bytes(path)
    except UnicodeEncodeError:  # half characters that no file system gave
        assert any("\ud800" <= c <= "\udfff" for c in path)
    else:
        assert stored.decode("utf-8", "surrogateescape") == path or any("\udc80" <= c <= "\udcff" for c in path)
