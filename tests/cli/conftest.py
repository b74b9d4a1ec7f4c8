"""The commands over fakes: no weights, no network, and photographs whose names tell what is in them."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from tests import fakes

from nitakao import pipeline
from nitakao.cli.main import main
from nitakao.tasks import arguments
from nitakao.tasks.photos import embed
from nitakao.tasks.search import verify


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """The pipeline and the model are fakes, and the working folder is empty."""
    real = arguments.load_card

    def load_card(model):
        return fakes.CARD if model in (None, "fake", fakes.CARD) else real(model)

    monkeypatch.setattr(pipeline, "run", fakes.run)
    for module in (arguments, embed, verify):
        monkeypatch.setattr(module, "load_card", load_card)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def photos(fake, tmp_path):
    """A folder of three good photographs, a group, one without a face, and one that cannot be read."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("ada.jpg", "bob.jpg", "山田 太郎.jpg", "group.jpg", "none.jpg", "unreadable.jpg"):
        (folder / name).write_bytes(b"\xff\xd8\xff")
    return folder


@pytest.fixture
def run():
    """Runs a command line as a shell would: (exit code, standard output, standard error)."""

    def call(*arguments, stdin=None):
        done = CliRunner().invoke(main, [str(a) for a in arguments], input=stdin, prog_name="nitakao")
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout, done.stderr

    return call
