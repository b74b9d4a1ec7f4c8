"""What was measured as pages: curves, histograms, tables, and the worst mistakes as pictures."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nitakao.metrics import Interval, curve
from nitakao.report import evaluation, html_page
from nitakao.report.evaluation import EvaluationSection, Histogram, ImagePair, Table
from nitakao.report.plots import Axis, Line
from nitakao.tasks.evaluate import embeddings
from nitakao.tasks.evaluate.comparison import Difference
from nitakao.tasks.evaluate.embeddings import Measured
from nitakao.values import Doubles

OVER_PEOPLE = "Intervals are the middle 95% of draws of people with replacement, not of pairs."


def check(path: str | os.PathLike[str]) -> None:
    """Whether a page of this name can be written, before the work for it."""
    html_page.check(Path(path))


def percent(share: float, decimals: int = 2) -> str:
    return "-" if np.isnan(share) else f"{100 * share:.{decimals}f}%"


def within(interval: Interval | None, decimals: int = 2) -> str:
    if interval is None or np.isnan(interval.low):
        return "-"
    return f"{percent(interval.low, decimals)} to {percent(interval.high, decimals)}"


def save(path: str | os.PathLike[str], title: str, parts: Sequence[EvaluationSection], notes: Sequence[str]) -> None:
    """Write the page whole or not at all."""
    html_page.save(Path(path), evaluation.render_evaluation(title, parts, notes))


def couple(measured: Measured, rows: tuple[int, int], names: tuple[str, str], said: str) -> ImagePair:
    """Two of the measured pictures beside each other, cut to the faces that counted."""
    first, second = (
        embeddings.thumbnail(measured.pictures[row], measured.faces[row]) if measured.pictures[row] else b""
        for row in rows
    )
    return ImagePair((first, second), names, said)


def rate_axis(label: str, least: float) -> Axis:
    """Shares of strangers in powers of ten, down to the power at or below `least`."""
    low = 10.0 ** np.floor(np.log10(max(least, 1e-9)) + 1e-9)
    return Axis(label, float(low), 1.0, logarithmic=True, shown=lambda value: f"{value:.{_places(value)}f}")


def _places(value: float) -> int:
    return max(0, round(-math.log10(value)))


def share_axis(label: str, least: float) -> Axis:
    """Shares from a round one below `least` up to 1."""
    low = next((low for low in (0.99, 0.98, 0.95, 0.9, 0.8, 0.5) if low <= least), 0.0)
    return Axis(label, low, 1.0, shown=lambda value: f"{100 * value:g}%")


def roc(name: str, apart: Doubles, same: NDArray[np.bool_], bars: tuple[tuple[float, float, float], ...]) -> Line:
    """The curve of one model."""
    found = curve(apart, same)
    start = int(np.searchsorted(found.far, 0.0, side="right")) - 1  # before it, VAL rises and FAR stays 0
    return Line(name, found.far[start:], found.val[start:], bars, stepped=True)


def distances_of(apart: Doubles, same: NDArray[np.bool_], threshold: float, label: str, caption: str) -> Histogram:
    """How far apart pairs of either kind lie."""
    there = apart[np.isfinite(apart)]
    low, high = float(there.min(initial=0.0)), float(there.max(initial=threshold))
    axis = Axis(label, low, high * 1.02 if high > low else low + 1)
    kinds = (("one person", apart[same]), ("two people", apart[~same]))
    return Histogram(kinds, axis, (threshold, f"threshold {threshold:.3f}"), caption)


def compared(differences: Sequence[Difference]) -> EvaluationSection:
    """How models differ from each other."""
    rows = tuple(
        (
            f"{each.one} less {each.other}",
            each.figure,
            f"{each.difference:+.5f}",
            f"{each.interval.low:+.5f} to {each.interval.high:+.5f}",
            f"{each.chance:.3f}",
        )
        for each in differences
    )
    note = (
        "The same people are drawn for both models. Chance: how likely so clear a difference is where there is none; "
        "of twenty comparisons one comes below 0.05 by itself."
    )
    header = ("models", "figure", "difference", "95% over people", "chance")
    return EvaluationSection("Differences", (Table(header, rows, words=(0, 1)),), note)
