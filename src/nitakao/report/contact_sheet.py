"""A contact sheet: faces in rows with captions, as one picture."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageDraw

from nitakao.report import fonts
from nitakao.report.drawing import BOX_COLOUR
from nitakao.report.tiles import Report, Section, Tile
from nitakao.values import Pixels

COLUMNS = 6
SIDE, GAP = 160, 14  # px: face picture, and space between them
TITLE, HEADING, TEXT = 24, 18, 13  # px: font sizes
LEADING = 1.5  # line height in font sizes
WIDTH = COLUMNS * (SIDE + GAP) + GAP
MAX_HEIGHT = 20_000  # px; JPEG's limit is 65,535
PAPER, INK, FAINT, EMPTY = (255, 255, 255), (20, 20, 20), (100, 100, 100), (225, 225, 225)
MAX_PIXELS = 1 << 22  # of a face picture; chips have at most 256 x 256


def draw_sheet(report: Report, rows: int = 100) -> Pixels:
    """Draw a report as one picture.

    Args:
        report: What to draw.
        rows: Most rows of faces per section; the number of omitted faces is shown.

    Returns:
        (h, w, 3) uint8 RGB, at most MAX_HEIGHT pixels high; a line at the end says if something is missing.
    """
    notes = [strip for note in report.notes for strip in _lines(note, TEXT, FAINT)]
    room = MAX_HEIGHT - sum(strip.height for strip in notes) - 3 * GAP
    return _stack([*_fit(_strips(report, rows), room), _blank(GAP), *notes])


def _strips(report: Report, rows: int) -> Iterator[Image.Image]:
    """Full-width strips from top to bottom."""
    yield from _lines(report.title, TITLE, INK)
    for section in report.sections:
        yield _blank(GAP)
        yield from _section(section, rows)


def _section(section: Section, rows: int) -> Iterator[Image.Image]:
    yield from _lines(section.heading, HEADING, INK)
    if section.note:
        yield from _lines(section.note, TEXT, FAINT)
    if section.probes:
        yield from _grid(section.probes, rows, highlight=True)
        yield _ruler()
    yield from _grid(section.tiles, rows)
    if section.uncertain:
        yield _blank(GAP // 2)
        yield from _lines("Uncertain", TEXT, FAINT)
        yield from _grid(section.uncertain, rows)


def _grid(tiles: Sequence[Tile], rows: int, highlight: bool = False) -> Iterator[Image.Image]:
    shown = tiles[: rows * COLUMNS]
    for start in range(0, len(shown), COLUMNS):
        yield _row(shown[start : start + COLUMNS], highlight)
    if len(shown) < len(tiles):
        yield from _lines(f"and {len(tiles) - len(shown):,} more", TEXT, FAINT)


def _row(tiles: Sequence[Tile], highlight: bool) -> Image.Image:
    captions = [_caption(tile) for tile in tiles]
    strip = _blank(SIDE + GAP + round(max(map(len, captions)) * TEXT * LEADING))
    canvas = ImageDraw.Draw(strip)
    for place, (tile, caption) in enumerate(zip(tiles, captions, strict=True)):
        x = GAP + place * (SIDE + GAP)
        strip.paste(_face(tile), (x, 0))
        if highlight:
            canvas.rectangle((x, 0, x + SIDE - 1, SIDE - 1), outline=BOX_COLOUR, width=3)
        y = SIDE + GAP // 2
        for line, colour in caption:
            fonts.draw_text(canvas, (x, y), line, TEXT, colour, SIDE)
            y += round(TEXT * LEADING)
    return strip


def _caption(tile: Tile) -> list[tuple[str, tuple[int, int, int]]]:
    """The lines below a face: numbers, name, and the photograph's file name."""
    lines = [(tile.facts, INK), (tile.name, INK), (os.path.basename(tile.place), FAINT)]
    return [(line, colour) for line, colour in lines if line]


def _face(tile: Tile) -> Image.Image:
    """The face's picture centred in a square; an empty square if there is no readable picture."""
    square = Image.new("RGB", (SIDE, SIDE), EMPTY)
    picture = _decoded(tile.chip)
    if picture is not None:
        scale = SIDE / max(picture.size)
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        resized = picture.resize(size, Image.Resampling.LANCZOS)
        _draw_box(resized, tile)
        square.paste(resized, ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
    return square


def _draw_box(picture: Image.Image, tile: Tile) -> None:
    if tile.box is not None:
        sides = (*picture.size, *picture.size)
        x1, y1, x2, y2 = (round(v * side) for v, side in zip(tile.box, sides, strict=True))
        ImageDraw.Draw(picture).rectangle((x1, y1, max(x1, x2), max(y1, y2)), outline=BOX_COLOUR)


def _decoded(encoded: bytes) -> Image.Image | None:
    if not encoded:
        return None
    try:
        with Image.open(io.BytesIO(encoded), formats=("JPEG", "PNG")) as picture:
            return picture.convert("RGB") if picture.width * picture.height <= MAX_PIXELS else None
    except (OSError, ValueError, SyntaxError):  # Pillow's errors for damaged pictures
        return None


def _lines(text: str, size: int, colour: tuple[int, int, int]) -> list[Image.Image]:
    """A strip for each line of the text, wrapped between words."""
    strips = []
    for line in _wrap(fonts.drawable(text), size):
        strip = _blank(round(size * LEADING))
        fonts.draw_text(ImageDraw.Draw(strip), (GAP, (strip.height - size) // 2), line, size, colour, WIDTH - 2 * GAP)
        strips.append(strip)
    return strips


def _wrap(text: str, size: int) -> Iterator[str]:
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and fonts.text_width(longer, size) > WIDTH - 2 * GAP:
            yield line
            longer = word
        line = longer
    yield line


def _ruler() -> Image.Image:
    strip = _blank(GAP)
    ImageDraw.Draw(strip).line((GAP, GAP // 2, WIDTH - GAP, GAP // 2), fill=EMPTY, width=1)
    return strip


def _blank(height: int) -> Image.Image:
    return Image.new("RGB", (WIDTH, height), PAPER)


def _fit(strips: Iterator[Image.Image], room: int) -> Iterator[Image.Image]:
    """The strips that fit into `room` pixels; later ones are not drawn."""
    (end,) = _lines("the sheet ends here: not everything fits", TEXT, FAINT)
    room -= end.height
    for strip in strips:
        room -= strip.height
        if room < 0:
            yield end
            return
        yield strip


def _stack(strips: Sequence[Image.Image]) -> Pixels:
    whole = _blank(sum(strip.height for strip in strips) + 2 * GAP)
    y = GAP
    for strip in strips:
        whole.paste(strip, (0, y))
        y += strip.height
    return np.asarray(whole)
