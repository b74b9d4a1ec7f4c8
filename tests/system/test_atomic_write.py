"""Files written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from nitakao.system import atomic_write


@pytest.mark.parametrize("durable", [False, True])
def test_what_was_written_stands_in_its_place_and_nothing_beside_it(tmp_path: Path, durable: bool) -> None:
    atomic_write.write_atomic(tmp_path / "顔.bin", b"old", durable=durable)
    atomic_write.write_atomic(tmp_path / "顔.bin", b"new", durable=durable)
    assert (tmp_path / "顔.bin").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["顔.bin"]


@pytest.mark.parametrize("error", [OSError(28, "full"), KeyboardInterrupt()], ids=["full disk", "Ctrl-C"])
def test_where_writing_fails_what_was_there_stays(tmp_path: Path, error: BaseException) -> None:
    atomic_write.write_atomic(tmp_path / "kept", b"old")

    def cut_short() -> None:
        with atomic_write.open_atomic(tmp_path / "kept") as file:
            file.write(b"half")
            raise error

    with pytest.raises(type(error)):
        cut_short()
    assert (tmp_path / "kept").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_two_who_write_one_file_at_once_do_not_take_each_others_away(tmp_path: Path) -> None:
    with atomic_write.open_atomic(tmp_path / "upload") as one, atomic_write.open_atomic(tmp_path / "upload") as other:
        one.write(b"the same")
        other.write(b"the same")
    assert (tmp_path / "upload").read_bytes() == b"the same"
    assert [path.name for path in tmp_path.iterdir()] == ["upload"]
