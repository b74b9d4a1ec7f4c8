"""Checkpoints: whole or not at all, and read without running what a file holds."""

from __future__ import annotations

import errno
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install nitakao[train]")

from nitakao.errors import TrainingError  # noqa: E402  # after the look for PyTorch
from nitakao.training import checkpoints  # noqa: E402


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, {"step": 3, "weights": {"a": torch.arange(3)}})
    found = checkpoints.load(tmp_path)
    assert found["step"] == 3
    assert torch.equal(found["weights"]["a"], torch.arange(3))
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_full_disk_leaves_the_last_checkpoint_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints.save(tmp_path, {"step": 3})
    real = os.fsync

    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TrainingError) as error:
        checkpoints.save(tmp_path, {"step": 5})
    said = f"'{tmp_path}' (No space left on device): that of step 3 is intact"
    assert "the checkpoint of step 5 cannot be written to" in str(error.value)
    assert said in str(error.value)
    assert "--resume" in str(error.value)
    monkeypatch.setattr(os, "fsync", real)
    assert checkpoints.load(tmp_path)["step"] == 3
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]
    other = tmp_path / "other"
    with pytest.raises(TrainingError, match="there is none yet"):
        checkpoints.save(other, {"step": 5})  # the folder is gone


class Program:
    """What a stranger might put into a checkpoint."""

    def __reduce__(self) -> Any:
        return os.mkdir, (f"{os.environ['PROOF']}/ran",)


def test_a_program_in_a_checkpoint_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROOF", str(tmp_path))
    torch.save({"format": 1, "step": 1, "evil": Program()}, tmp_path / "checkpoint.pt")
    with pytest.raises(TrainingError, match="damaged or contains code: it is not loaded"):
        checkpoints.load(tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes(pickle.dumps(Program()))
    with pytest.raises(TrainingError, match="damaged or contains code: it is not loaded"):
        checkpoints.load(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_what_is_no_checkpoint_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="has no checkpoint to resume"):
        checkpoints.load(tmp_path)
    for content in (b"", b"PK\x03\x04 cut", b"\x80\x02 no pickle"):
        (tmp_path / "checkpoint.pt").write_bytes(content)
        with pytest.raises(TrainingError, match="damaged") as error:
            checkpoints.load(tmp_path)
        assert "\n" not in str(error.value)
    torch.save([1, 2], tmp_path / "checkpoint.pt")
    with pytest.raises(TrainingError, match="not a checkpoint of this version of nitakao"):
        checkpoints.load(tmp_path)
    torch.save({"format": 99}, tmp_path / "checkpoint.pt")
    with pytest.raises(TrainingError, match="not a checkpoint of this version of nitakao"):
        checkpoints.load(tmp_path)
