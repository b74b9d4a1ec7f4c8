"""Values as text, and tables of them on standard output."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import click


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print aligned columns, numbers to the right."""
    body = [[harmless(str(cell)) for cell in row] for row in rows]
    numeric = [all(_is_number(row[c]) for row in body) for c in range(len(header))]
    widths = [max(_width(row[c]) for row in [header, *body]) for c in range(len(header))]
    for row in [list(header), *body]:
        gaps = [" " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
        cells = [gap + cell if right else cell + gap for cell, gap, right in zip(row, gaps, numeric, strict=True)]
        click.echo("  ".join(cells).rstrip())


def pad(text: str, columns: int) -> str:
    """The text on one line, padded with blanks to this many terminal columns; longer text is not cut."""
    shown = harmless(text)
    return shown + " " * (columns - _width(shown))


def harmless(text: str) -> str:
    """The text on one line, with escapes for characters that break or reverse it."""
    return "".join(letter if _is_harmless(letter) else ascii(letter)[1:-1] for letter in text)


def _is_harmless(letter: str) -> bool:
    turning = "\u202a" <= letter <= "\u202e" or "\u2066" <= letter <= "\u2069"
    return not turning and unicodedata.category(letter) not in ("Cc", "Zl", "Zp", "Cs")


def _width(text: str) -> int:
    """The number of terminal columns; East Asian wide characters take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _is_number(cell: str) -> bool:
    return cell.replace(".", "", 1).replace("-", "", 1).isdecimal() or cell == "-"


def path_from_here(path: str) -> str:
    """The path relative to the current folder if it is below it, else unchanged."""
    here = os.path.join(os.getcwd(), "")
    return path[len(here) :] if path.startswith(here) and len(path) > len(here) else path


def plural(count: int, noun: str, several: str = "") -> str:
    """1 face, 2 faces, 0 faces. several: an irregular plural."""
    return f"{count} {noun}" if count == 1 else f"{count} {several or noun + 's'}"


def format_duration(seconds: float) -> str:
    """1:02:03, or 2:03 below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_number(value: float) -> str:
    """Three decimal places, or a dash if unknown."""
    return "-" if value != value else f"{value:.3f}"


def cell(value: Any) -> str:
    """A value as a table cell: yes or no, a dash if empty, and harmless text."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return harmless(str(value))
