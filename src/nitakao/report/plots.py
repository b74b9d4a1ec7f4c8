"""Curves, histograms and intervals as inline SVG without scripts, in the page's light or dark colours."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from nitakao.report.fonts import printable
from nitakao.values import Doubles

WIDTH, HEIGHT = 640, 400  # SVG units; the page scales the drawing
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 12, 48  # margins
COLOURS = 6  # more series repeat the colours with other dashes
DASHES = ("", "8 4", "2 3")

# Colours: Wong 2011, 'Points of view: Color blindness', Nature Methods 8; lighter variants in dark mode.
STYLE = """
:root { --s0: #0072b2; --s1: #d55e00; --s2: #009e73; --s3: #cc79a7; --s4: #8a6d00; --s5: #5c5c5c; }
@media (prefers-color-scheme: dark) { :root { --s0: #56b4e9; --s1: #e69f00; --s2: #2fc79b; --s3: #e5a5c8;
  --s4: #f0e442; --s5: #b5b5b5; } }
figure { margin: 1rem 0; } figcaption { color: var(--faint); font-size: .9rem; max-width: 44rem; }
svg { display: block; width: 100%; max-width: 44rem; height: auto; font: 13px system-ui, sans-serif; }
svg text { fill: var(--ink); font-variant-numeric: tabular-nums; } svg .tick { fill: var(--faint); }
svg .grid { stroke: var(--line); stroke-width: 1; } svg .frame { fill: none; stroke: var(--faint); stroke-width: 1; }
svg .mark { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 4 3; } svg .line { fill: none; stroke-width: 2.25;
  stroke-linejoin: round; } svg .bar { fill-opacity: .5; stroke-width: 1; }
.s0 { stroke: var(--s0); fill: var(--s0); } .s1 { stroke: var(--s1); fill: var(--s1); }
.s2 { stroke: var(--s2); fill: var(--s2); } .s3 { stroke: var(--s3); fill: var(--s3); }
.s4 { stroke: var(--s4); fill: var(--s4); } .s5 { stroke: var(--s5); fill: var(--s5); }
svg .whisker { stroke-width: 1.5; }
.key { display: flex; flex-wrap: wrap; gap: .3rem 1.25rem; margin: .25rem 0; padding: 0; }
.key li { background: none; border: 0; padding: 0; display: flex; align-items: center; gap: .4rem; }
svg.swatch { width: 1.75rem; height: .75rem; flex: none; }
.figures { display: grid; gap: 0 1.5rem; grid-template-columns: repeat(auto-fit, minmax(min(30rem, 100%), 1fr)); }
"""


@dataclass(frozen=True, eq=False)
class Line:
    """A curve.

    Attributes:
        name: Legend text.
        x, y: (n,).
        bars: (x, low, high) of error bars.
        stepped: Draw steps, first across, then up.
    """

    name: str
    x: Doubles
    y: Doubles
    bars: tuple[tuple[float, float, float], ...] = ()
    stepped: bool = False


@dataclass(frozen=True)
class Axis:
    """An axis.

    Attributes:
        label: Axis title.
        low, high: Range.
        logarithmic: Use a logarithmic scale, base ten.
        format: Formats tick labels.
    """

    label: str
    low: float
    high: float
    logarithmic: bool = False
    format: Callable[[float], str] = lambda value: f"{value:g}"

    def share(self, value: Doubles | float) -> Doubles:
        """Positions of values on the axis, 0 to 1."""
        if self.logarithmic:
            span = math.log10(self.high / self.low)
            return np.asarray(np.log10(np.maximum(value, self.low) / self.low) / span)
        return np.asarray((np.asarray(value) - self.low) / (self.high - self.low))

    @property
    def ticks(self) -> list[float]:
        """Values with a tick."""
        if self.logarithmic:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            return [10.0**power for power in range(first, last + 1)]
        step = _step(self.high - self.low)
        start = math.ceil(self.low / step - 1e-9)
        return [round(n * step, 12) for n in range(start, math.floor(self.high / step + 1e-9) + 1)]


def _step(span: float) -> float:
    """Tick distance: 1, 2 or 5 times a power of ten, for 4 to 9 ticks."""
    rough = span / 8
    power = 10.0 ** math.floor(math.log10(rough))
    return next(times * power for times in (1.0, 2.0, 5.0, 10.0) if times * power >= rough * (1 - 1e-9))


def draw_curves(parent: Element, lines: Sequence[Line], x: Axis, y: Axis, caption: str) -> Element:
    """Append a figure with curves, and a legend if there are several."""
    figure, svg = _figure(parent, caption, x, y)
    for number, line in enumerate(lines):
        path = SubElement(svg, "path", {"class": f"line s{number % COLOURS}", "d": _path(line, x, y)})
        if dash := DASHES[number // COLOURS % len(DASHES)]:
            path.set("stroke-dasharray", dash)
        for bar in line.bars:
            _whisker(svg, bar, x, y, number)
    if len(lines) > 1:
        draw_legend(figure, [line.name for line in lines])
    _caption(figure, caption)
    return figure


def draw_histogram(
    parent: Element, series: Sequence[tuple[str, Doubles]], x: Axis, marker: tuple[float, str] | None, caption: str
) -> Element:
    """Append a figure with a normalised histogram of each series.

    Args:
        parent: Element to append to.
        series: Names and values (n,).
        x: Horizontal axis.
        marker: Position and label of a vertical line.
        caption: Figure caption.
    """
    edges = np.linspace(x.low, x.high, 61)
    heights = [np.histogram(values[np.isfinite(values)], edges)[0] / max(1, len(values)) for _, values in series]
    top = max(float(height.max()) for height in heights) or 1.0
    y = Axis("share of pairs", 0.0, top * 1.15, format=lambda value: f"{100 * value:g}%")
    figure, svg = _figure(parent, caption, x, y)
    for number, height in enumerate(heights):
        SubElement(svg, "path", {"class": f"bar s{number % COLOURS}", "d": _bars(edges, height, x, y)})
    if marker is not None and x.low <= marker[0] <= x.high:
        at = _across(x, marker[0])
        _line(svg, "mark", at, TOP, at, HEIGHT - BOTTOM)
        _text(svg, marker[1], at + 6, TOP + 14, "start")
    draw_legend(figure, [name for name, _ in series])
    _caption(figure, caption)
    return figure


def draw_legend(parent: Element, names: Sequence[str]) -> None:
    """Append a legend."""
    items = SubElement(parent, "ul", {"class": "key"})
    for number, name in enumerate(names):
        item = SubElement(items, "li")
        svg = SubElement(item, "svg", {"class": "swatch", "viewBox": "0 0 28 12", "aria-hidden": "true"})
        path = SubElement(svg, "path", {"class": f"line s{number % COLOURS}", "d": "M0 6H28"})
        if dash := DASHES[number // COLOURS % len(DASHES)]:
            path.set("stroke-dasharray", dash)
        SubElement(item, "bdi").text = printable(name)


def _figure(parent: Element, caption: str, x: Axis, y: Axis) -> tuple[Element, Element]:
    figure = SubElement(parent, "figure")
    shape = {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "role": "img", "aria-label": printable(caption)}
    svg = SubElement(figure, "svg", shape)
    for value in x.ticks:
        at = _across(x, value)
        _line(svg, "grid", at, TOP, at, HEIGHT - BOTTOM)
        _text(svg, x.format(value), at, HEIGHT - BOTTOM + 18, "middle", "tick")
    for value in y.ticks:
        at = _down(y, value)
        _line(svg, "grid", LEFT, at, WIDTH - RIGHT, at)
        _text(svg, y.format(value), LEFT - 8, at + 4, "end", "tick")
    box = {"x": LEFT, "y": TOP, "width": WIDTH - LEFT - RIGHT, "height": HEIGHT - TOP - BOTTOM}
    SubElement(svg, "rect", {"class": "frame", **{name: f"{value:g}" for name, value in box.items()}})
    _text(svg, x.label, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "middle")
    middle = (TOP + HEIGHT - BOTTOM) / 2
    _text(svg, y.label, 14, middle, "middle").set("transform", f"rotate(-90 14 {middle:g})")
    return figure, svg


def _caption(figure: Element, caption: str) -> None:
    SubElement(SubElement(figure, "figcaption"), "bdi").text = printable(caption)


def _path(line: Line, x: Axis, y: Axis) -> str:
    """SVG path of a curve, clipped to the frame and without points closer than 0.4 units."""
    xs, ys = _across(x, np.clip(line.x, x.low, x.high)), _down(y, np.clip(line.y, y.low, y.high))
    points = [f"{xs[0]:.1f} {ys[0]:.1f}"]
    last = float(xs[0]), float(ys[0])
    for place in range(1, len(xs)):
        here = float(xs[place]), float(ys[place])
        if math.dist(here, last) < 0.4 and place < len(xs) - 1:
            continue
        if line.stepped and here[0] != last[0] and here[1] != last[1]:
            points.append(f"{here[0]:.1f} {last[1]:.1f}")
        points.append(f"{here[0]:.1f} {here[1]:.1f}")
        last = here
    return "M" + "L".join(points)


def _bars(edges: Doubles, heights: Any, x: Axis, y: Axis) -> str:
    floor = HEIGHT - BOTTOM
    path = f"M{float(_across(x, edges[0])):.1f} {floor}"
    for left, right, height in zip(edges[:-1], edges[1:], heights, strict=True):
        top = float(_down(y, height))
        path += f"L{float(_across(x, left)):.1f} {top:.1f}L{float(_across(x, right)):.1f} {top:.1f}"
    return f"{path}L{float(_across(x, edges[-1])):.1f} {floor}Z"


def _whisker(svg: Element, bar: tuple[float, float, float], x: Axis, y: Axis, number: int) -> None:
    if not x.low <= bar[0] <= x.high or math.isnan(bar[1]):
        return
    at = float(_across(x, bar[0])) + 3 * number  # side by side for several models
    low, high = (float(_down(y, min(max(value, y.low), y.high))) for value in bar[1:])
    kind = f"whisker s{number % COLOURS}"
    _line(svg, kind, at, low, at, high)
    for end in (low, high):
        _line(svg, kind, at - 4, end, at + 4, end)


def _line(svg: Element, kind: str, x1: Any, y1: Any, x2: Any, y2: Any) -> None:
    ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    SubElement(svg, "line", {"class": kind, **{name: f"{float(value):.1f}" for name, value in ends.items()}})


def _text(svg: Element, text: str, x: Any, y: Any, anchor: str, kind: str = "label") -> Element:
    place = {"x": f"{float(x):.1f}", "y": f"{float(y):.1f}", "text-anchor": anchor, "class": kind}
    element = SubElement(svg, "text", place)
    element.text = printable(text)
    return element


def _across(x: Axis, value: Any) -> Doubles:
    return np.asarray(LEFT + x.share(value) * (WIDTH - LEFT - RIGHT))


def _down(y: Axis, value: Any) -> Doubles:
    return np.asarray(HEIGHT - BOTTOM - y.share(value) * (HEIGHT - TOP - BOTTOM))


@dataclass(frozen=True)
class Interval:
    """A value with its confidence interval; NaN if unknown."""

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan


def draw_intervals(
    parent: Element, rows: Sequence[Interval], x: Axis, marker: tuple[float, str] | None, caption: str
) -> Element:
    """Append a figure with one row per value and its interval. marker: position and label of a vertical line."""
    height, left = TOP + 30 * len(rows) + BOTTOM + 14, 190
    figure = SubElement(parent, "figure")
    shape = {"viewBox": f"0 0 {WIDTH} {height}", "role": "img", "aria-label": printable(caption)}
    svg = SubElement(figure, "svg", shape)

    def across(value: float) -> float:
        return left + float(x.share(min(max(value, x.low), x.high))) * (WIDTH - left - RIGHT)

    floor = height - BOTTOM
    for value in x.ticks:
        _line(svg, "grid", across(value), TOP + 14, across(value), floor)
        _text(svg, x.format(value), across(value), floor + 18, "middle", "tick")
    if marker is not None and x.low <= marker[0] <= x.high:
        _line(svg, "mark", across(marker[0]), TOP + 14, across(marker[0]), floor)
        _text(svg, marker[1], across(marker[0]), TOP + 8, "middle")
    for place, row in enumerate(rows):
        at = TOP + 14 + 30 * place + 15
        _text(svg, row.name if len(row.name) <= 24 else f"{row.name[:23]}…", left - 10, at + 4, "end")
        if math.isnan(row.value):
            continue
        if not math.isnan(row.low) and not math.isnan(row.high):
            _line(svg, "line s0", across(row.low), at, across(row.high), at)
        dot = {"cx": across(row.value), "cy": at, "r": 4.5}
        SubElement(svg, "circle", {"class": "s0", **{name: f"{value:.1f}" for name, value in dot.items()}})
    _text(svg, x.label, (left + WIDTH - RIGHT) / 2, height - 8, "middle")
    _caption(figure, caption)
    return figure
