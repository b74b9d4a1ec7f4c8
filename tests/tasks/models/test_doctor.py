"""The doctor tells what is here and what is not, and stops at nothing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import nitakao.models
from nitakao.errors import DeviceError
from nitakao.models.cards import registry
from nitakao.models.onnx.session import Device
from nitakao.tasks.models import doctor


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("NITAKAO_MODELS", "NITAKAO_CACHE", "NITAKAO_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NITAKAO_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def works(monkeypatch: pytest.MonkeyPatch) -> None:
    golden = np.array([registry.card(registry.DEFAULT).golden], np.float32)
    fake = SimpleNamespace(load=lambda card, device: lambda crops: golden)
    monkeypatch.setattr(nitakao.models, "embedder", fake, raising=False)


@pytest.mark.usefixtures("works")
def test_all_that_is_needed_is_well_in_this_environment() -> None:
    found = {check.name: check for check in doctor.examine()}
    assert [c for c in found.values() if c.needed and not c.ok] == []
    for name in (
        "python",
        "onnxruntime",
        "opencv",
        "pyarrow",
        "avif",
        "heic",
        "device",
        "mtcnn",
        "yunet",
        "self-check",
    ):
        assert name in found
    assert found["dlib-resnet"].ok
    assert not found["sface"].ok
    assert found["self-check"].detail.startswith("dlib-resnet on cpu: at most ")


@pytest.mark.usefixtures("works")
def test_a_broken_card_a_missing_folder_and_an_unwritable_cache_are_told(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "models").mkdir()
    (home / "models" / "broken.toml").write_text("[", "utf-8")
    (home / "file").touch()
    monkeypatch.setenv("NITAKAO_MODELS", str(home / "nowhere"))
    monkeypatch.setenv("NITAKAO_CACHE", str(home / "file"))
    monkeypatch.setenv("NITAKAO_OFFLINE", "1")
    found = {check.name: check for check in doctor.examine()}
    assert "invalid TOML" in found["card"].detail
    assert found["NITAKAO_MODELS"].detail.endswith("nowhere: no such folder")
    assert "set NITAKAO_CACHE" in found["cache"].detail
    assert found["fetching"].detail == "forbidden by NITAKAO_OFFLINE"


def test_a_device_that_is_missing_fails_its_check_and_the_self_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(card: object, device: Device) -> None:
        raise DeviceError("CUDA was asked for")

    monkeypatch.setattr(nitakao.models, "embedder", SimpleNamespace(load=load), raising=False)
    monkeypatch.setattr("nitakao.models.onnx.session.available", lambda: ["CPUExecutionProvider"])
    found = {check.name: check for check in doctor.examine(Device("cuda"))}
    assert not found["cuda"].ok
    assert not found["self-check"].ok


def test_the_real_default_passes_its_self_check() -> None:
    pytest.importorskip("nitakao.models.embedder")
    check = doctor.examine()[-1]
    assert check.ok, check.detail
