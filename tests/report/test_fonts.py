"""Text in any script on pictures."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nitakao.report import fonts


@pytest.fixture
def bare(monkeypatch):
    """A system without any font, and afterwards as it was."""
    monkeypatch.setattr(fonts, "_folders", list)
    for cached in (fonts._paths, fonts._font_for):
        cached.cache_clear()
    yield
    for cached in (fonts._paths, fonts._font_for):
        cached.cache_clear()


def drawn(text, size=20, width=400):
    picture = Image.new("RGB", (400, 40), (255, 255, 255))
    fonts.draw_text(ImageDraw.Draw(picture), (0, 5), text, size, (0, 0, 0), width)
    return np.asarray(picture)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Ada", "Ada"),
        ("山田 太郎", "山田 太郎"),
        ("e\u0301", "é"),
        ("a\nb\tc\x1b[31m", "a\\nb\\tc\\x1b[31m"),
        ("ab\u202edc", "ab\\u202edc"),
        ("\udce9.jpg", "\\udce9.jpg"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("", ""),
    ],
)
def test_what_cannot_be_seen_or_misleads_is_escaped(text, plain):
    assert fonts.printable(text) == plain


def test_without_fonts_latin_is_drawn_and_the_rest_is_escaped(bare):
    assert fonts.drawable("Ada 山") == "Ada \\u5c71"
    assert fonts.drawable("\U0001f469\u200d\U0001f467") == "\\U0001f469\\U0001f467"
    assert (drawn("Ada 山") == drawn("Ada \\u5c71")).all()


def test_a_file_that_is_no_font_is_passed_over(bare, monkeypatch, tmp_path):
    (tmp_path / "DejaVuSans.ttf").write_bytes(b"not a font")
    monkeypatch.setattr(fonts, "_folders", lambda: [tmp_path, tmp_path / "missing"])
    assert len(fonts._paths()) == 2
    assert fonts.drawable("Ada 山") == "Ada \\u5c71"


def test_japanese_is_drawn_with_a_font_of_the_system():
    if fonts.drawable("山田太郎") != "山田太郎":
        pytest.skip("no font with Japanese letters is installed")
    one, other = drawn("山"), drawn("田")
    assert (one != 255).any()
    assert (one != other).any()


def test_letters_of_several_fonts_stand_one_after_the_other():
    assert fonts.text_width("Ada", 20) * 2 == pytest.approx(fonts.text_width("AdaAda", 20), abs=2)
    whole = fonts.drawable("A山B")
    assert fonts.text_width(whole, 20) > fonts.text_width("A", 20) + fonts.text_width("B", 20) + 10


@pytest.mark.parametrize("text", ["x" * 500, "山田" * 100, "word " * 80])
def test_what_is_too_wide_is_cut_short(text):
    cut = fonts.shorten(text, 20, 150)
    assert cut.endswith("...")
    assert 100 < fonts.text_width(cut, 20) <= 150
    assert (drawn(text, width=150)[:, 152:] == 255).all()


def test_what_fits_is_left_as_it_is():
    assert fonts.shorten("Ada", 20, 150) == "Ada"
