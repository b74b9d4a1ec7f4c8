"""Shared parts of the HTML reports: axes, curves, histograms, tables and pictures of errors."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nitakao.metrics import Interval, curve
from nitakao.report import evaluation, html_page
from nitakao.report.evaluation import EvaluationSection, Histogram, ImagePair, Table
from nitakao.report.plots import Axis, Line
from nitakao.tasks.evaluate import embeddings
from nitakao.tasks.evaluate.comparison import Difference
from nitakao.tasks.evaluate.embeddings import Embedded
from nitakao.values import Doubles, Flags

OVER_PEOPLE = "95% intervals: bootstrap over people, not pairs."


def check(path: str | os.PathLike[str]) -> None:
    """Raise MisuseError where a report with this file name cannot be written."""
    html_page.check(Path(path))


def percent(share: float, decimals: int = 2) -> str:
    return "-" if np.isnan(share) else f"{100 * share:.{decimals}f}%"


def interval_text(interval: Interval | None, decimals: int = 2) -> str:
    if interval is None or np.isnan(interval.low):
        return "-"
    return f"{percent(interval.low, decimals)} to {percent(interval.high, decimals)}"


def save(path: str | os.PathLike[str], title: str, parts: Sequence[EvaluationSection], notes: Sequence[str]) -> None:
    """Write the page atomically."""
    html_page.save(Path(path), evaluation.render_evaluation(title, parts, notes))


def couple(embedded: Embedded, rows: tuple[int, int], names: tuple[str, str], caption: str) -> ImagePair:
    """Two pictures side by side, cropped to their faces."""
    first, second = (
        embeddings.thumbnail(embedded.pictures[row], embedded.faces[row]) if embedded.pictures[row] else b""
        for row in rows
    )
    return ImagePair((first, second), names, caption)


def rate_axis(label: str, least: float) -> Axis:
    """A logarithmic axis of rates, from the power of ten at or below `least` to 1."""
    low = 10.0 ** np.floor(np.log10(max(least, 1e-9)) + 1e-9)
    return Axis(label, float(low), 1.0, logarithmic=True, format=lambda value: f"{value:.{_places(value)}f}")


def _places(value: float) -> int:
    return max(0, round(-math.log10(value)))


def share_axis(label: str, least: float) -> Axis:
    """An axis of shares, from a round number below `least` to 1."""
    low = next((low for low in (0.99, 0.98, 0.95, 0.9, 0.8, 0.5) if low <= least), 0.0)
    return Axis(label, low, 1.0, format=lambda value: f"{100 * value:g}%")


def roc(name: str, distances: Doubles, same: Flags, bars: tuple[tuple[float, float, float], ...]) -> Line:
    """The ROC curve of one model."""
    points = curve(distances, same)
    start = int(np.searchsorted(points.far, 0.0, side="right")) - 1  # before it, VAL rises and FAR stays 0
    return Line(name, points.far[start:], points.val[start:], bars, stepped=True)


def distance_histogram(distances: Doubles, same: Flags, threshold: float, label: str, caption: str) -> Histogram:
    """The distances of genuine and impostor pairs."""
    finite = distances[np.isfinite(distances)]
    low, high = float(finite.min(initial=0.0)), float(finite.max(initial=threshold))
    axis = Axis(label, low, high * 1.02 if high > low else low + 1)
    kinds = (("one person", distances[same]), ("two people", distances[~same]))
    return Histogram(kinds, axis, (threshold, f"threshold {threshold:.3f}"), caption)


def comparison(differences: Sequence[Difference]) -> EvaluationSection:
    """A table of the differences between models."""
    rows = tuple(
        (
            f"{each.one} minus {each.other}",
            each.figure,
            f"{each.difference:+.5f}",
            f"{each.interval.low:+.5f} to {each.interval.high:+.5f}",
            f"{each.chance:.3f}",
        )
        for each in differences
    )
    note = (
        "Both models use the same draws of people. p: how likely a difference as clear is where there is none; one of "
        "twenty comparisons falls below 0.05 by chance."
    )
    header = ("models", "figure", "difference", "95% over people", "p")
    return EvaluationSection("Differences", (Table(header, rows, words=(0, 1)),), note)
