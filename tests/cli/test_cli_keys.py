"""nitakao serve keys, and what nitakao serve says where it cannot."""

from __future__ import annotations

import json

import pytest
from tests.fakes import CARD

from nitakao.cli.commands import serve
from nitakao.gallery import GalleryStore


@pytest.fixture
def gallery(fake):
    with GalleryStore("family.db", card=CARD):
        return "family.db"


def test_a_key_is_shown_once_and_listed_without_its_secret(run, gallery):
    _, made, note = run("serve", "keys", "create", "the album", "--role", "write", "--gallery", gallery)
    assert made.startswith("nk_")
    assert "shown only once" in note
    _, listed, _ = run("serve", "keys", "list", "--gallery", gallery)
    assert "the album" in listed
    assert made.strip() not in listed
    _, lines, _ = run("serve", "keys", "list", "--json", "--gallery", gallery)
    told = json.loads(lines)
    assert (told["id"], told["role"], told["revoked"]) == (1, "write", None)


def test_a_revoked_key_stays_listed_as_such(run, gallery):
    run("serve", "keys", "create", "Ada", "--gallery", gallery)
    assert run("serve", "keys", "revoke", "1", "--gallery", gallery)[1] == "revoked key 1 ('Ada')\n"
    assert json.loads(run("serve", "keys", "list", "--json", "--gallery", gallery)[1])["revoked"] is not None
    code, _, said = run("serve", "keys", "revoke", "9", "--gallery", gallery)
    assert code == 2
    assert "there is no key 9" in said


def test_serving_without_its_extra_names_the_line_to_install_it(run, monkeypatch):
    monkeypatch.setattr(serve, "find_spec", lambda name: None)
    code, _, said = run("serve")
    assert code == 1
    assert 'pip install "nitakao[serve]"' in said
