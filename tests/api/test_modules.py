"""The modules beside the top level."""

from __future__ import annotations

import pytest

import nitakao


@pytest.mark.parametrize("module", ["errors", "evaluate", "models", "train"])
def test_every_name_of_a_module_loads_and_is_documented(module):
    found = getattr(nitakao, module)
    for name in getattr(found, "__all__", ()):
        assert getattr(found, name).__doc__
    with pytest.raises(AttributeError):
        found.nonesuch  # noqa: B018


def test_a_card_is_read_by_name():
    assert nitakao.models.card("dlib-resnet") in nitakao.models.list_cards()


def test_the_top_level_has_about_25_names():
    assert 20 <= len(nitakao.__all__) <= 30
    assert set(dir(nitakao)) == set(nitakao.__all__)


def test_an_outcome_converts_to_rows():
    (outcome,) = nitakao.detect(b"damaged")
    assert outcome.to_dicts() == [
        {"source": "<bytes>", "face": None, "box": None, "score": None, "problem": outcome.problem}
    ]
    assert "&lt;bytes&gt;" in outcome._repr_html_()
