"""Where the server asks for a key, the page asks for it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from tests.browser.serving import serving

from nitakao.cli.main import main


@pytest.fixture(scope="module")
def locked(chrome, indexed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("locked")
    yield from serving(indexed, folder)


def key(gallery, role: str) -> str:
    done = CliRunner().invoke(main, ["serve", "keys", "create", role, "--role", role, "--gallery", str(gallery)])
    assert done.exit_code == 0, done.output
    return done.stdout.strip().splitlines()[-1].split()[-1]


def test_a_key_signs_in_and_its_role_decides_what_is_shown(drive, locked):
    reading = key(locked.gallery, "read")
    at = drive(locked, expected=("401", "403"))
    at.wait(".sign-in input")
    at.shot("sign-in")
    assert at.faults() == []
    at.find(".sign-in input").fill("wrong")
    at.press("Enter")
    at.says("This access key is unknown")
    at.find(".sign-in input").fill(reading)
    at.press("Enter")
    at.wait(".drop")
    at.view("people")
    at.wait(".person")
    assert at.find(".person .name, .pick").count() == 0  # who may only read is shown nothing to change
    at.view("settings")
    at.button("Sign out").click()
    at.wait(".sign-in input")
