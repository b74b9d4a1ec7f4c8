"""Text in any script on pictures, with the fonts that the system has.

Pillow's own font has Latin letters only. Each letter is drawn with the first font that has it; one that no font here
has is written as an escape, \\u5c71.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from PIL import ImageDraw, ImageFont

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont
Colour = tuple[int, int, int]

BUILT_IN = ""  # stands for the path of Pillow's own
MISSING_GLYPH = "\U0010fffd"  # for private use: what a font shows for it, it shows for all that it lacks
JOINERS = "\u200c\u200d"  # that shape Persian and emoji; all other format characters can mislead
ELLIPSIS = "..."
# File names without their endings, lower case, in the order of trying: wide fonts of Windows, macOS and Linux.
PREFERRED_FONTS = (
    *("dejavusans", "notosans-regular", "segoeui", "arial", "arial unicode", "liberationsans-regular"),
    *(
        "notosanscjk-regular",
        "notosanscjkjp-regular",
        "notosansjp-regular",
        "ヒラギノ角ゴシック w3",
        "hiragino sans gb",
    ),
    *("yugothr", "yugothm", "meiryo", "msgothic", "ipaexg", "ipag", "takaogothic", "vl-gothic-regular"),
    *("malgun", "applesdgothicneo", "msyh", "pingfang", "wqy-microhei", "wqy-zenhei", "unifont", "nirmala", "seguisym"),
)


def printable(text: str) -> str:
    """The text composed, on one line, with escapes for what cannot be seen or would turn the writing around."""
    shown = unicodedata.normalize("NFC", text)
    return "".join(c if c.isprintable() or c in JOINERS else c.encode("unicode_escape").decode() for c in shown)


def draw_text(
    canvas: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, fill: Colour, width: float
) -> None:
    """Write one line at its upper left corner, cut short where it is wider than `width` pixels."""
    x, y = float(at[0]), at[1]
    baseline = y + round(size * 0.8)  # fonts differ in their height; their letters stand on one line
    for piece, font in _runs(shorten(text, size, width), size):
        canvas.text((x, baseline), piece, fill=fill, font=font, anchor="ls")
        x += font.getlength(piece)


def shorten(text: str, size: int, width: float) -> str:
    """The text as it is written, its end left out where it is wider than `width` pixels."""
    whole = drawable(text)
    if text_width(whole, size) <= width:
        return whole
    low, high = 0, len(whole)
    while low < high:  # the longest beginning that fits
        middle = (low + high + 1) // 2
        low, high = (middle, high) if text_width(whole[:middle] + ELLIPSIS, size) <= width else (low, middle - 1)
    return whole[:low].rstrip() + ELLIPSIS


def drawable(text: str) -> str:
    """`printable` text, with escapes for letters that no font here has."""
    found = ""
    for c in printable(text):
        if c in JOINERS and (not found or found[-1].isascii()):
            continue  # it joins nothing: what stood before it became an escape
        found += c if _font_for(c) is not None else c.encode("unicode_escape").decode()
    return found


def text_width(text: str, size: int) -> float:
    """The width in pixels of written text."""
    return sum(font.getlength(piece) for piece, font in _runs(text, size))


def _runs(text: str, size: int) -> Iterator[tuple[str, Font]]:
    """Pieces of written text that one font has."""
    piece, last = "", BUILT_IN
    for c in text:
        path = _font_for(c) or BUILT_IN
        if piece and path != last and not _leans(c):
            yield piece, _font(last, size)
            piece = ""
        last = last if piece and _leans(c) else path
        piece += c
    if piece:
        yield piece, _font(last, size)


def _leans(c: str) -> bool:
    """Whether a character belongs to the one before it: an accent, a joiner, a blank."""
    return c in JOINERS or c == " " or unicodedata.category(c).startswith("M")


@lru_cache(maxsize=10_000)
def _font_for(c: str) -> str | None:
    """The path of the first font that has the character; None where none has."""
    if _leans(c):
        return BUILT_IN
    return next((path for path in _paths() if _has(path, c)), None)


def _has(path: str, c: str) -> bool:
    try:
        font = _font(path, 16)
        lacks = font.getmask(MISSING_GLYPH)
        mask = font.getmask(c)
    except (OSError, ValueError, UnicodeError):  # a font file that FreeType cannot read
        return False
    return (mask.size, bytes(mask)) != (lacks.size, bytes(lacks))


@lru_cache(maxsize=64)
def _font(path: str, size: int) -> Font:
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


@lru_cache(maxsize=1)
def _paths() -> tuple[str, ...]:
    """Pillow's own font, the wanted ones that are here, then Noto's of single scripts."""
    here: dict[str, str] = {}
    for folder in _folders():
        for parent, _, files in os.walk(folder):
            for file in sorted(files):
                stem, end = os.path.splitext(unicodedata.normalize("NFC", file).lower())
                if end in (".ttf", ".otf", ".ttc"):
                    here.setdefault(stem, os.path.join(parent, file))
    wanted = [here[stem] for stem in PREFERRED_FONTS if stem in here]
    noto = [
        here[s]
        for s in sorted(here)
        if s.startswith("notosans") and s.endswith("-regular") and s not in PREFERRED_FONTS
    ]
    return (BUILT_IN, *wanted, *noto)


def _folders() -> list[Path]:
    home = Path.home()
    if sys.platform == "win32":
        own = os.environ.get("LOCALAPPDATA", str(home / "AppData" / "Local"))
        return [Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts", Path(own) / "Microsoft" / "Windows" / "Fonts"]
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library" / "Fonts"]
    return [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".local" / "share" / "fonts"]
