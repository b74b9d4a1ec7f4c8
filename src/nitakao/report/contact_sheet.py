"""A contact sheet: faces in rows with what is said of them, as one picture."""

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
SIDE, GAP = 160, 14  # px: a face's picture; what is left between them
TITLE, HEADING, TEXT = 24, 18, 13  # px: height of letters
LEADING = 1.5  # a line's height, in letters
WIDTH = COLUMNS * (SIDE + GAP) + GAP
MAX_HEIGHT = 20_000  # px; beyond it a sheet is no longer looked at, and JPEG ends at 65,535
PAPER, INK, FAINT, EMPTY = (255, 255, 255), (20, 20, 20), (100, 100, 100), (225, 225, 225)
MAX_PIXELS = 1 << 22  # of a face's picture; chips have 256 x 256 at most


def draw_sheet(board: Report, rows: int = 100) -> Pixels:
    """(h, w, 3) the board as a picture; rows: of faces at most in a section, what is left out is counted.

    What would be taller than TALLEST is cut off with a line that says so.
    """
    notes = [band for note in board.notes for band in _lines(note, TEXT, FAINT)]
    room = MAX_HEIGHT - sum(band.height for band in notes) - 3 * GAP
    return _stacked([*_within(_bands(board, rows), room), _blank(GAP), *notes])


def _bands(board: Report, rows: int) -> Iterator[Image.Image]:
    """The picture from top to bottom, in pieces as wide as it."""
    yield from _lines(board.title, TITLE, INK)
    for section in board.sections:
        yield _blank(GAP)
        yield from _section(section, rows)


def _section(section: Section, rows: int) -> Iterator[Image.Image]:
    yield from _lines(section.heading, HEADING, INK)
    if section.note:
        yield from _lines(section.note, TEXT, FAINT)
    if section.probes:
        yield from _grid(section.probes, rows, asked=True)
        yield _ruler()
    yield from _grid(section.tiles, rows)
    if section.uncertain:
        yield _blank(GAP // 2)
        yield from _lines("Doubtful", TEXT, FAINT)
        yield from _grid(section.uncertain, rows)


def _grid(tiles: Sequence[Tile], rows: int, asked: bool = False) -> Iterator[Image.Image]:
    shown = tiles[: rows * COLUMNS]
    for start in range(0, len(shown), COLUMNS):
        yield _row(shown[start : start + COLUMNS], asked)
    if len(shown) < len(tiles):
        yield from _lines(f"and {len(tiles) - len(shown):,} more", TEXT, FAINT)


def _row(tiles: Sequence[Tile], asked: bool) -> Image.Image:
    captions = [_caption(tile) for tile in tiles]
    band = _blank(SIDE + GAP + round(max(map(len, captions)) * TEXT * LEADING))
    canvas = ImageDraw.Draw(band)
    for place, (tile, caption) in enumerate(zip(tiles, captions, strict=True)):
        x = GAP + place * (SIDE + GAP)
        band.paste(_face(tile), (x, 0))
        if asked:
            canvas.rectangle((x, 0, x + SIDE - 1, SIDE - 1), outline=BOX_COLOUR, width=3)
        y = SIDE + GAP // 2
        for line, colour in caption:
            fonts.draw_text(canvas, (x, y), line, TEXT, colour, SIDE)
            y += round(TEXT * LEADING)
    return band


def _caption(tile: Tile) -> list[tuple[str, tuple[int, int, int]]]:
    """The lines below a face: the numbers, who, and the photograph's own name."""
    lines = [(tile.facts, INK), (tile.name, INK), (os.path.basename(tile.place), FAINT)]
    return [(line, colour) for line, colour in lines if line]


def _face(tile: Tile) -> Image.Image:
    """The face's picture within a square, or an empty one where there is none that can be read."""
    square = Image.new("RGB", (SIDE, SIDE), EMPTY)
    picture = _decoded(tile.chip)
    if picture is not None:
        scale = SIDE / max(picture.size)
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        shown = picture.resize(size, Image.Resampling.LANCZOS)
        _box(shown, tile)
        square.paste(shown, ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
    return square


def _box(shown: Image.Image, tile: Tile) -> None:
    if tile.box is not None:
        x1, y1, x2, y2 = (round(v * by) for v, by in zip(tile.box, (*shown.size, *shown.size), strict=True))
        ImageDraw.Draw(shown).rectangle((x1, y1, max(x1, x2), max(y1, y2)), outline=BOX_COLOUR)


def _decoded(encoded: bytes) -> Image.Image | None:
    if not encoded:
        return None
    try:
        with Image.open(io.BytesIO(encoded), formats=("JPEG", "PNG")) as picture:
            return picture.convert("RGB") if picture.width * picture.height <= MAX_PIXELS else None
    except (OSError, ValueError, SyntaxError):  # what Pillow raises for damaged pictures
        return None


def _lines(text: str, size: int, colour: tuple[int, int, int]) -> list[Image.Image]:
    """A band for each line of the text, broken between words."""
    bands = []
    for line in _broken(fonts.drawable(text), size):
        band = _blank(round(size * LEADING))
        fonts.draw_text(ImageDraw.Draw(band), (GAP, (band.height - size) // 2), line, size, colour, WIDTH - 2 * GAP)
        bands.append(band)
    return bands


def _broken(text: str, size: int) -> Iterator[str]:
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and fonts.text_width(longer, size) > WIDTH - 2 * GAP:
            yield line
            longer = word
        line = longer
    yield line


def _ruler() -> Image.Image:
    band = _blank(GAP)
    ImageDraw.Draw(band).line((GAP, GAP // 2, WIDTH - GAP, GAP // 2), fill=EMPTY, width=1)
    return band


def _blank(height: int) -> Image.Image:
    return Image.new("RGB", (WIDTH, height), PAPER)


def _within(bands: Iterator[Image.Image], room: int) -> Iterator[Image.Image]:
    """The bands that `room` pixels hold; no band is made that comes after them."""
    (end,) = _lines("the sheet ends here: there is more than it can show", TEXT, FAINT)
    room -= end.height
    for band in bands:
        room -= band.height
        if room < 0:
            yield end
            return
        yield band


def _stacked(bands: Sequence[Image.Image]) -> Pixels:
    whole = _blank(sum(band.height for band in bands) + 2 * GAP)
    y = GAP
    for band in bands:
        whole.paste(band, (0, y))
        y += band.height
    return np.asarray(whole)
