"""Reports as a single HTML file with embedded pictures and no scripts or external resources."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from nitakao.report import files
from nitakao.report.fonts import printable
from nitakao.report.tiles import Report, Section, Tile, format_distance, format_probability

SUFFIXES = (".html", ".htm")
MAX_FACES = 2_000  # in one list; a page with 2,000 faces has about 50 MB
KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png"}  # by file signature

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1a1a1a; --faint: #5c5c5c; --line: #d8d8d8; --card: #f6f6f6;
  --link: #0b57b0; --bar: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181b; --ink: #ececec; --faint: #a6a6a6; --line: #3a3d42;
  --card: #202327; --link: #8ab8ff; --bar: #56c271; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 90rem; padding: 1rem 1.25rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.45 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin: 0; } h3 { font-size: 1rem; color: var(--faint); }
section { border-top: 1px solid var(--line); padding: 1rem 0; }
.note, footer { color: var(--faint); } .note { margin: .15rem 0 0; }
footer { border-top: 1px solid var(--line); font-size: .875rem; } footer p { margin: .4rem 0; }
ul { list-style: none; margin: .75rem 0; padding: 0; display: grid; gap: .75rem;
  grid-template-columns: repeat(auto-fill, minmax(min(21rem, 100%), 1fr)); }
ul.faces { grid-template-columns: repeat(auto-fill, minmax(min(9.5rem, 100%), 1fr)); }
li { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem; }
ul.probes li { border-color: var(--bar); border-width: 2px; }
.pictures { display: flex; gap: .5rem; height: 9rem; }
.pictures img { height: 100%; max-width: 100%; min-width: 0; object-fit: contain; object-position: left top; }
.pictures .chip { flex: 0 1 auto; } .pictures .scene { flex: 0 2 auto; }
.none { width: 8.25rem; border: 1px dashed var(--line); color: var(--faint); display: grid; place-items: center; }
.who { font-weight: 600; margin: .4rem 0 0; } .facts, .path { margin: .15rem 0 0; font-variant-numeric: tabular-nums; }
.path { font-size: .875rem; } a { color: var(--link); } a:focus-visible { outline: 3px solid var(--link); }
meter { width: 6rem; vertical-align: middle; }
meter::-webkit-meter-optimum-value { background: var(--bar); } meter::-moz-meter-bar { background: var(--bar); }
@media print { li { break-inside: avoid; } }
"""


def render_page(report: Report) -> str:
    """Render a report as HTML. All texts are escaped."""
    html, main = new_document(report.title, report.notes)
    for section in report.sections:
        _section(SubElement(main, "section"), section)
    return to_html(html)


def new_document(title: str, notes: Sequence[str], more_style: str = "") -> tuple[Element, Element]:
    """Create a page with heading and footer. Returns (html, main); the main element is empty."""
    html = Element("html", lang="en")
    _head(SubElement(html, "head"), title, STYLE + more_style)
    body = SubElement(html, "body")
    append_text(SubElement(SubElement(body, "header"), "h1"), title)
    main = SubElement(body, "main")
    footer = SubElement(body, "footer")
    for note in notes:
        append_text(SubElement(footer, "p"), note)
    return html, main


def to_html(html: Element) -> str:
    """Serialise a page."""
    return "<!doctype html>\n" + ElementTree.tostring(html, encoding="unicode", method="html") + "\n"


def check(path: Path) -> None:
    """Check, before any work, that this page can be written. Raises MisuseError or NitakaoError."""
    files.check(path, SUFFIXES, "page")


def save(path: Path, html: str) -> None:
    """Save a page atomically. Raises MisuseError or NitakaoError."""
    check(path)
    with files.open_atomic_file(path, "page") as file:
        file.write(html.encode("utf-8"))


def _head(head: Element, title: str, style: str) -> None:
    """Add the head. Its policy forbids scripts and external resources, should escaping ever fail."""
    styled = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{styled}'; base-uri 'none'; form-action 'none'"
    SubElement(head, "meta", charset="utf-8")
    SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": policy})
    SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    SubElement(head, "meta", name="referrer", content="no-referrer")
    SubElement(head, "title").text = printable(title)
    SubElement(head, "style").text = style


def _section(parent: Element, section: Section) -> None:
    append_text(SubElement(parent, "h2"), section.heading)
    if section.note:
        append_text(SubElement(parent, "p", {"class": "note"}), section.note)
    if section.probes:
        _list(parent, section.probes, "probes", "probe")
    _list(parent, section.tiles, "hits", "faces")
    if section.uncertain:
        SubElement(parent, "h3").text = "Uncertain"
        _list(parent, section.uncertain, "uncertain", "uncertain")


def _list(parent: Element, tiles: Sequence[Tile], kind: str, label: str) -> None:
    """A grid of cards, narrower if no photographs are shown."""
    if not tiles:
        SubElement(parent, "p", {"class": "note"}).text = "no faces"
        return
    narrow = "" if any(tile.scene for tile in tiles) else " faces"
    grid = SubElement(parent, "ul", {"class": kind + narrow, "aria-label": label})
    for tile in tiles[:MAX_FACES]:
        _card(SubElement(grid, "li"), tile)
    if len(tiles) > MAX_FACES:
        SubElement(parent, "p", {"class": "note"}).text = f"and {len(tiles) - MAX_FACES:,} more"


def _card(card: Element, tile: Tile) -> None:
    pictures = SubElement(card, "div", {"class": "pictures"})
    if not append_picture(pictures, tile.chip, "chip", f"face of {tile.name}" if tile.name else "face"):
        SubElement(pictures, "div", {"class": "none"}).text = "no picture"
    append_picture(pictures, tile.scene, "scene", "the whole photograph, the face boxed")
    if tile.name:
        append_text(SubElement(card, "p", {"class": "who"}), tile.name)
    _facts(card, tile)
    if tile.path:
        _path(SubElement(card, "p", {"class": "path"}), tile)


def append_picture(parent: Element, encoded: bytes, kind: str, alt: str) -> bool:
    """Embed a JPEG or PNG. Returns whether there was a picture."""
    mime = next((mime for start, mime in KINDS.items() if encoded.startswith(start)), None)
    if mime is None:
        return False
    source = f"data:{mime};base64,{base64.b64encode(encoded).decode()}"
    SubElement(parent, "img", {"class": kind, "alt": printable(alt), "loading": "lazy", "src": source})
    return True


def _facts(card: Element, tile: Tile) -> None:
    facts = [f"rank {tile.rank}"] if tile.rank else []
    facts += [] if math.isnan(tile.distance) else [f"distance {format_distance(tile.distance)}"]
    facts += [] if tile.number is None else [f"face {tile.number}"]
    if facts:
        SubElement(card, "p", {"class": "facts"}).text = " · ".join(facts)
    if not math.isnan(tile.probability):
        line = SubElement(card, "p", {"class": "facts"})
        limits = {"min": "0", "max": "1", "value": f"{tile.probability:.4f}", "aria-label": "probability"}
        SubElement(line, "meter", limits).tail = f" {format_probability(tile.probability)} same person"


def _path(line: Element, tile: Tile) -> None:
    """A link to a local photograph; a URL is shown without a link."""
    if "://" in tile.path:
        append_text(line, tile.place)
        return
    append_text(SubElement(line, "a", href=Path(tile.path).absolute().as_uri()), tile.place)


def append_text(parent: Element, text: str) -> None:
    """Append escaped text with isolated writing direction."""
    SubElement(parent, "bdi").text = printable(text)
