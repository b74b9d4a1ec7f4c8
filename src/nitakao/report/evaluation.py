"""Evaluation pages: tables, curves and the worst errors as pictures, in one HTML file without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias
from xml.etree.ElementTree import Element, SubElement

from nitakao.report import html_page, plots
from nitakao.report.plots import Axis, Interval, Line
from nitakao.values import Doubles

STYLE = (
    plots.STYLE
    + """
table { border-collapse: collapse; margin: .75rem 0; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { text-align: right; padding: .3rem .8rem; border-bottom: 1px solid var(--line); overflow-wrap: normal; }
th { color: var(--faint); font-weight: 600; } th.words, td.words { text-align: left; }
.scroll { overflow-x: auto; max-width: 100%; } th { white-space: normal; vertical-align: bottom; }
.tables { display: flex; flex-wrap: wrap; gap: 0 2.5rem; align-items: start; }
.wide { flex: 1 0 100%; min-width: 0; } h3 { margin: 1.25rem 0 .25rem; }
ul.pairs .pictures { height: 8.5rem; } ul.pairs .pictures img { flex: 1 1 0; object-fit: contain;
  object-position: center; }
"""
)


@dataclass(frozen=True)
class Table:
    """A table. words: indices of text columns; the others are numbers."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: tuple[int, ...] = (0,)


@dataclass(frozen=True, eq=False)
class Curves:
    """A plot of curves."""

    lines: tuple[Line, ...]
    x: Axis
    y: Axis
    caption: str


@dataclass(frozen=True, eq=False)
class Histogram:
    """A histogram. series: names and values (n,). marker: position and label of a vertical line."""

    series: tuple[tuple[str, Doubles], ...]
    x: Axis
    marker: tuple[float, str] | None
    caption: str


@dataclass(frozen=True, eq=False)
class Intervals:
    """Values with confidence intervals, one row each. marker: position and label of a vertical line."""

    rows: tuple[Interval, ...]
    x: Axis
    marker: tuple[float, str] | None
    caption: str


@dataclass(frozen=True, eq=False)
class ImagePair:
    """Two pictures (JPEG or PNG; empty if missing) with their names and a caption."""

    pictures: tuple[bytes, bytes]
    names: tuple[str, str]
    caption: str


@dataclass(frozen=True, eq=False)
class ImagePairs:
    """A grid of picture pairs. empty_text: shown if there are no pairs."""

    heading: str
    pairs: tuple[ImagePair, ...]
    empty_text: str


Figure: TypeAlias = "Curves | Histogram | Intervals"
Block: TypeAlias = "Table | Figure | ImagePairs"


@dataclass(frozen=True, eq=False)
class EvaluationSection:
    """A section of the page. note: a line below the heading."""

    heading: str
    blocks: tuple[Block, ...]
    note: str = ""


def render_evaluation(title: str, sections: Sequence[EvaluationSection], notes: Sequence[str]) -> str:
    """Render an evaluation page as HTML. All texts are escaped."""
    html, main = html_page.new_document(title, notes, STYLE)
    for part in sections:
        section = SubElement(main, "section")
        html_page.append_text(SubElement(section, "h2"), part.heading)
        if part.note:
            html_page.append_text(SubElement(section, "p", {"class": "note"}), part.note)
        _blocks(section, part.blocks)
    return html_page.to_html(html)


def _blocks(section: Element, blocks: Sequence[Block]) -> None:
    """Place consecutive figures or tables side by side if there is room."""
    for drawn, group in groupby(blocks, key=lambda block: isinstance(block, (Curves, Histogram, Intervals))):
        kind = "figures" if drawn else "tables"
        place = SubElement(section, "div", {"class": kind})
        for block in group:
            if isinstance(block, (Curves, Histogram, Intervals)):
                _figure(place, block)
            elif isinstance(block, Table):
                _table(place, block)
            else:
                _image_pairs(SubElement(place, "div", {"class": "wide"}), block)


def _figure(parent: Element, block: Figure) -> None:
    if isinstance(block, Curves):
        plots.draw_curves(parent, block.lines, block.x, block.y, block.caption)
    elif isinstance(block, Intervals):
        plots.draw_intervals(parent, block.rows, block.x, block.marker, block.caption)
    else:
        plots.draw_histogram(parent, block.series, block.x, block.marker, block.caption)


def _table(section: Element, block: Table) -> None:
    table = SubElement(SubElement(section, "div", {"class": "scroll"}), "table")
    head = SubElement(SubElement(table, "thead"), "tr")
    for column, name in enumerate(block.header):
        html_page.append_text(SubElement(head, "th", _kind(block, column)), name)
    body = SubElement(table, "tbody")
    for row in block.rows:
        line = SubElement(body, "tr")
        for column, cell in enumerate(row):
            html_page.append_text(SubElement(line, "td", _kind(block, column)), cell)


def _kind(block: Table, column: int) -> dict[str, str]:
    return {"class": "words"} if column in block.words else {}


def _image_pairs(section: Element, block: ImagePairs) -> None:
    html_page.append_text(SubElement(section, "h3"), block.heading)
    if not block.pairs:
        html_page.append_text(SubElement(section, "p", {"class": "note"}), block.empty_text)
        return
    grid = SubElement(section, "ul", {"class": "pairs", "aria-label": block.heading})
    for pair in block.pairs:
        card = SubElement(grid, "li")
        pictures = SubElement(card, "div", {"class": "pictures"})
        for picture, name in zip(pair.pictures, pair.names, strict=True):
            if not html_page.append_picture(pictures, picture, "chip", name):
                SubElement(pictures, "div", {"class": "none"}).text = "no picture"
        html_page.append_text(SubElement(card, "p", {"class": "who"}), pair.caption)
        html_page.append_text(SubElement(card, "p", {"class": "path"}), " · ".join(dict.fromkeys(pair.names)))
