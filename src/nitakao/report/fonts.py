"""Draw text in any script with the system's fonts.

Pillow's built-in font has only Latin letters. Each character is drawn with the first font that has it; a character that
no font has is drawn as an escape such as \\u5c71.
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

BUILT_IN = ""  # in place of a path: Pillow's built-in font
MISSING_GLYPH = "\U0010fffd"  # private use: fonts draw it as they draw missing characters
JOINERS = "\u200c\u200d"  # used by Persian and emoji; other format characters can be misleading
ELLIPSIS = "..."
# Lower-case file names without extension, in order of preference: fonts of Windows, macOS and Linux with wide coverage.
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
    """Normalise text (NFC) and escape control, invisible and bidirectional characters."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(c if c.isprintable() or c in JOINERS else c.encode("unicode_escape").decode() for c in composed)


def draw_text(
    canvas: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, fill: Colour, width: float
) -> None:
    """Draw one line with its upper left corner at `at`, shortened to `width` pixels."""
    x, y = float(at[0]), at[1]
    baseline = y + round(size * 0.8)  # common baseline for fonts of different heights
    for piece, font in _runs(shorten(text, size, width), size):
        canvas.text((x, baseline), piece, fill=fill, font=font, anchor="ls")
        x += font.getlength(piece)


def shorten(text: str, size: int, width: float) -> str:
    """The drawable text, shortened with an ellipsis if it is wider than `width` pixels."""
    whole = drawable(text)
    if text_width(whole, size) <= width:
        return whole
    low, high = 0, len(whole)
    while low < high:  # the longest prefix that fits
        middle = (low + high + 1) // 2
        low, high = (middle, high) if text_width(whole[:middle] + ELLIPSIS, size) <= width else (low, middle - 1)
    return whole[:low].rstrip() + ELLIPSIS


def drawable(text: str) -> str:
    """`printable` text with escapes for characters that no font has."""
    result = ""
    for c in printable(text):
        if c in JOINERS and (not result or result[-1].isascii()):
            continue  # nothing to join: the previous character was escaped
        result += c if _font_for(c) is not None else c.encode("unicode_escape").decode()
    return result


def text_width(text: str, size: int) -> float:
    """Width of drawable text in pixels."""
    return sum(font.getlength(piece) for piece, font in _runs(text, size))


def _runs(text: str, size: int) -> Iterator[tuple[str, Font]]:
    """Split drawable text into runs of one font."""
    piece, last = "", BUILT_IN
    for c in text:
        path = _font_for(c) or BUILT_IN
        if piece and path != last and not _uses_previous_font(c):
            yield piece, _font(last, size)
            piece = ""
        last = last if piece and _uses_previous_font(c) else path
        piece += c
    if piece:
        yield piece, _font(last, size)


def _uses_previous_font(c: str) -> bool:
    """Whether a character is drawn with the font of the previous one: accents, joiners, spaces."""
    return c in JOINERS or c == " " or unicodedata.category(c).startswith("M")


@lru_cache(maxsize=10_000)
def _font_for(c: str) -> str | None:
    """Path of the first font that has the character; None if no font has it."""
    if _uses_previous_font(c):
        return BUILT_IN
    return next((path for path in _paths() if _has(path, c)), None)


def _has(path: str, c: str) -> bool:
    try:
        font = _font(path, 16)
        missing = font.getmask(MISSING_GLYPH)
        mask = font.getmask(c)
    except (OSError, ValueError, UnicodeError):  # a font file that FreeType cannot read
        return False
    return (mask.size, bytes(mask)) != (missing.size, bytes(missing))


@lru_cache(maxsize=64)
def _font(path: str, size: int) -> Font:
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


@lru_cache(maxsize=1)
def _paths() -> tuple[str, ...]:
    """The built-in font, the installed preferred fonts, then Noto fonts of single scripts."""
    installed: dict[str, str] = {}
    for folder in _folders():
        for parent, _, files in os.walk(folder):
            for file in sorted(files):
                stem, end = os.path.splitext(unicodedata.normalize("NFC", file).lower())
                if end in (".ttf", ".otf", ".ttc"):
                    installed.setdefault(stem, os.path.join(parent, file))
    wanted = [installed[stem] for stem in PREFERRED_FONTS if stem in installed]
    noto = [
        installed[s]
        for s in sorted(installed)
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
