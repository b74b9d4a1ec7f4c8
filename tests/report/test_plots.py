from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree.ElementTree import Element

import numpy as np
import pytest

from nitakao.report import evaluation, plots
from nitakao.report.evaluation import Curves, EvaluationSection, Histogram, ImagePair, ImagePairs, Intervals, Table
from nitakao.report.plots import Axis, Interval, Line

LOG, SHARE = Axis("FAR", 1e-3, 1.0, logarithmic=True), Axis("VAL", 0.5, 1.0)


def drawn(call) -> Element:
    parent = Element("div")
    call(parent)
    return parent


def numbers(path: str) -> list[tuple[float, float]]:
    found = [float(n) for n in re.findall(r"-?\d+\.?\d*", path)]
    return list(zip(found[::2], found[1::2], strict=True))


def test_ticks_are_round_and_powers_of_ten():
    assert LOG.ticks == pytest.approx([1e-3, 1e-2, 1e-1, 1])
    assert SHARE.ticks == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    assert Axis("x", 0, 0.037).ticks == pytest.approx(np.arange(8) * 0.005)
    assert Axis("x", 1, 50).ticks == [10, 20, 30, 40, 50]


def test_a_curve_stays_within_its_frame_and_goes_across_before_it_goes_up():
    line = Line("a", np.array([0.0, 0.01, 0.1, 1.0]), np.array([0.2, 0.75, 0.9, 1.0]), stepped=True)
    figure = drawn(lambda parent: plots.draw_curves(parent, [line], LOG, SHARE, "caption"))
    points = numbers(figure.find(".//path").get("d"))  # type: ignore[union-attr, arg-type]
    right, bottom = plots.WIDTH - plots.RIGHT, plots.HEIGHT - plots.BOTTOM
    assert points[0] == (plots.LEFT, bottom)
    assert points[-1] == (right, plots.TOP)
    third = (right - plots.LEFT) / 3
    assert points[1] == pytest.approx((plots.LEFT + third, bottom), abs=0.1)  # across first
    assert points[2] == pytest.approx((plots.LEFT + third, (bottom + plots.TOP) / 2), abs=0.1)
    assert all(plots.LEFT <= x <= right and plots.TOP <= y <= bottom for x, y in points)


def test_a_curve_of_many_points_is_drawn_with_few():
    x = np.linspace(0, 1, 100_000)
    figure = drawn(lambda parent: plots.draw_curves(parent, [Line("a", x, x)], Axis("x", 0, 1), Axis("y", 0, 1), ""))
    assert len(figure.find(".//path").get("d")) < 60_000  # type: ignore[union-attr, arg-type]


def test_whiskers_stand_where_their_rates_are_and_not_outside():
    bars = ((0.01, 0.6, 0.8), (1e-5, 0.6, 0.8), (0.1, np.nan, np.nan))
    line = Line("a", np.array([0.001, 1.0]), np.array([0.6, 1.0]), bars)
    figure = drawn(lambda parent: plots.draw_curves(parent, [line], LOG, SHARE, ""))
    assert len(figure.findall(".//line[@class='whisker s0']")) == 3  # one whisker: its line and two ends


def test_a_histogram_shows_shares_of_each_kind_and_its_mark():
    kinds = [("one person", np.array([0.1, 0.1, 0.2, np.inf])), ("two", np.array([0.9]))]
    axis = Axis("distance", 0, 1)
    figure = drawn(lambda parent: plots.draw_histogram(parent, kinds, axis, (0.5, "threshold"), "caption"))
    tops = [min(y for _, y in numbers(path.get("d"))) for path in figure.findall(".//path[@class]")[:2]]  # type: ignore[arg-type]
    floor, high = plots.HEIGHT - plots.BOTTOM, plots.HEIGHT - plots.BOTTOM - plots.TOP
    assert (floor - tops[0]) / (floor - tops[1]) == pytest.approx(0.5, abs=0.01)  # two of four; one of one
    assert high > 0
    assert "threshold" in [text.text for text in figure.iter("text")]


def test_a_span_without_an_interval_is_a_point_and_one_without_a_value_is_nothing():
    rows = [Interval("a", 0.2, 0.1, 0.3), Interval("b", 0.2), Interval("c", np.nan)]
    figure = drawn(lambda parent: plots.draw_intervals(parent, rows, Axis("x", 0, 1), None, ""))
    assert len(figure.findall(".//circle")) == 2
    assert len(figure.findall(".//line[@class='line s0']")) == 1


def test_a_page_is_whole_and_shows_what_was_named_as_text():
    evil = "<script>alert(1)</script>"
    line = Line(evil, np.array([0.001, 1.0]), np.array([0.5, 1.0]))
    parts = [
        EvaluationSection(
            evil,
            (
                Table((evil, "b"), ((evil, "1"),)),
                Curves((line, line), LOG, SHARE, evil),
                Histogram(((evil, np.array([0.5])),), Axis(evil, 0, 1), (0.5, evil), evil),
                Intervals((Interval(evil, 0.5),), Axis(evil, 0, 1), (0.5, evil), evil),
                ImagePairs(evil, (ImagePair((b"", b"\xff\xd8\xff1"), (evil, "b"), evil),), evil),
                ImagePairs("none", (), evil),
            ),
            evil,
        )
    ]
    html = evaluation.render_evaluation(evil, parts, [evil])
    seen = _Seen()
    seen.feed(html)
    assert "script" not in seen.tags
    assert html.count("&lt;script&gt;") > 10
    assert "default-src 'none'" in html
    assert "http" not in html.replace("http-equiv", "")  # nothing is fetched
    assert seen.tags.count("svg") == 3 + 2 + 1  # and a swatch for each name of a key
    assert "style" not in seen.attributes  # the page's policy would drop it


class _Seen(HTMLParser):
    """The tags and attributes of a page, as a browser has them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
