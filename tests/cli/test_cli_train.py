"""nitakao train: its words, and what it says of what it cannot do."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from nitakao.cli.commands import train as words
from nitakao.cli.main import main
from nitakao.training import settings


def told(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["train", *arguments])
    return result.exit_code, result.output


def test_the_words_of_the_options_are_those_of_the_settings() -> None:
    for name in ("NETWORKS", "LOSSES", "OPTIMISERS", "PRECISIONS", "AUGMENTATIONS"):
        assert getattr(words, name) == getattr(settings, name)


def test_help_says_each_default_as_it_is() -> None:
    default = settings.TrainingSettings()
    _, text = told("--help")
    text = " ".join(text.split())
    for name in ("network", "loss", "steps", "rate", "optimiser", "schedule", "scale", "warm_up", "ema", "held_out"):
        assert f"({getattr(default, name)})" in text or f"({getattr(default, name):g})" in text, name


def test_resuming_takes_no_settings(tmp_path: Path) -> None:
    code, text = told("-o", str(tmp_path), "--resume", "--steps", "5")
    assert code == 2
    assert "--resume uses the run's own settings" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["people"], "people': give one with a subfolder"),
        (["."], "has no subfolders with pictures"),
        ([], "needs a folder of people or a gallery"),
        ([".", "--augment", "flop"], "no augmentation 'flop'"),
        ([".", "--schedule", "linear"], "the schedule 'linear' cannot be read"),
        ([".", "--loss", "triplet", "--pictures-per-person", "1"], "2 or more pictures each"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install nitakao[train]")
    monkeypatch.chdir(tmp_path)
    code, text = told(*arguments, "-o", "run", "-q")
    assert code in (1, 2)
    assert said in text
    assert len(text.strip().splitlines()) == 1
