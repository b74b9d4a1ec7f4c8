"""Listing, showing, fetching and verifying models."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import nitakao.models
from nitakao.errors import ModelError, WeightsError
from nitakao.models.cards import registry
from nitakao.tasks.models import models


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("NITAKAO_MODELS", "NITAKAO_CACHE", "NITAKAO_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NITAKAO_OFFLINE", "1")
    monkeypatch.setenv("NITAKAO_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    return tmp_path


def embedder_giving(vector: list[float]) -> SimpleNamespace:
    return SimpleNamespace(load=lambda card, device: lambda crops: np.array([vector], np.float32))


def test_the_list_tells_what_is_here_and_what_cannot_be_read(home: Path) -> None:
    own = registry.dump(registry.card("dlib-resnet")).replace('"dlib-resnet"', '"mine"')
    (home / "models" / "mine.toml").write_text(own, "utf-8")
    (home / "models" / "broken.toml").write_text("[", "utf-8")
    listed, problems = models.listing()
    here = {one.card.name: one.here for one in listed}
    assert here["dlib-resnet"]
    assert not here["sface"]
    assert list(here)[-1] == "mine"
    assert len(problems) == 1


def test_show_has_every_field_of_the_card_and_is_json() -> None:
    shown = json.loads(json.dumps(models.show("sface"), allow_nan=False))
    card = registry.card("sface")
    assert set(shown) == {*card.__dataclass_fields__, "paths"}
    assert shown["threshold"] == 0.637
    assert shown["files"][0]["sha256"].startswith("0ba9fbfa")
    assert shown["paths"] == [None]


def test_fetch_gives_the_paths_of_what_is_here_and_refuses_offline() -> None:
    assert [p.name for p in models.fetch("dlib-resnet")] == ["dlib_face_recognition_resnet_model_v1.dat"]
    with pytest.raises(WeightsError, match="NITAKAO_OFFLINE forbids"):
        models.fetch("sface")
    with pytest.raises(ModelError, match="did you mean sface"):
        models.fetch("sfase")


def test_fetched_weights_without_a_hash_are_held_to_the_golden_vector(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "models" / "20180402-114759-vggface2.pt").write_bytes(b"another network of the same name")
    monkeypatch.setattr(nitakao.models, "embedder", embedder_giving([0.0] * 512), raising=False)
    with pytest.raises(WeightsError, match=r"vggface2\.pt: not the weights of facenet-vggface2: at most"):
        models.fetch("facenet-vggface2")
    golden = list(registry.card("facenet-vggface2").golden)
    monkeypatch.setattr(nitakao.models, "embedder", embedder_giving(golden), raising=False)
    assert len(models.fetch("facenet-vggface2")) == 1


def test_verify_holds_the_files_and_the_network_to_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    golden = list(registry.card("dlib-resnet").golden)
    monkeypatch.setattr(nitakao.models, "embedder", embedder_giving(golden), raising=False)
    file, network = models.verify("dlib-resnet")
    assert (file.ok, network.ok) == (True, True)
    assert file.detail.endswith("sha256 as on the card")
    monkeypatch.setattr(nitakao.models, "embedder", embedder_giving([0.0] * 128), raising=False)
    assert not models.verify("dlib-resnet")[-1].ok


def test_verify_says_what_is_missing_and_loads_nothing_then() -> None:
    (check,) = models.verify("facenet-casia")
    assert not check.ok
    assert "is missing" in check.detail


def test_a_network_that_cannot_be_loaded_is_a_failed_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(card: object, device: object) -> None:
        raise ModelError("the network cannot be loaded")

    monkeypatch.setattr(nitakao.models, "embedder", SimpleNamespace(load=load), raising=False)
    assert models.verify("dlib-resnet")[-1].detail == "the network cannot be loaded"


def test_the_real_default_gives_the_numbers_that_dlib_gave() -> None:
    pytest.importorskip("nitakao.models.embedder")
    assert [c.ok for c in models.verify("dlib-resnet")] == [True, True]


def test_the_real_facenet_gives_the_numbers_that_pytorch_gave(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("nitakao.models.embedder")
    monkeypatch.setenv("NITAKAO_MODELS", str(shared / "models"))
    assert [c.ok for c in models.verify("facenet-vggface2")] == [True, True]
