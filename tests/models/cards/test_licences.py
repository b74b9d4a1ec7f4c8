"""What a model's licences leave open is said once."""

from __future__ import annotations

from pathlib import Path

import pytest

from nitakao.models.cards.licences import first_use_notice
from nitakao.models.cards.registry import card


def test_it_is_said_once_and_only_where_something_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NITAKAO_HOME", str(tmp_path))
    said = first_use_notice(card("facenet-vggface2"))
    assert said is not None
    assert said.startswith("facenet-vggface2: commercial use is unclear. Weights: not stated")
    assert first_use_notice(card("facenet-vggface2")) is None
    assert "forbidden" in str(first_use_notice(card("facenet-20170512-msceleb")))
    assert first_use_notice(card("dlib-resnet")) is None


def test_where_nothing_can_be_kept_it_is_said_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "a-file"
    blocked.touch()
    monkeypatch.setenv("NITAKAO_HOME", str(blocked))
    assert first_use_notice(card("sface"))
    assert first_use_notice(card("sface"))
