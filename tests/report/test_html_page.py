"""Pages: whole in themselves, and deaf to whatever names and paths hold."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from nitakao.errors import MisuseError, NitakaoError
from nitakao.report import html_page as pages
from nitakao.report.fonts import printable
from nitakao.report.html_page import render_page
from nitakao.report.tiles import Report, Section, Tile, tile_for_hit

HOSTILE = [
    "<script>alert(1)</script>",
    "</title></style><img src=x onerror=alert(1)>",
    "\"><a href='javascript:alert(1)'>x</a>",
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "&lt;b&gt; &amp; <!-- -->",
    "ab\u202edc\x00\x1b[31m\n",
    "\udce9.jpg",
    "data:text/html,<script>alert(1)</script>",
    "\\\\host\\share\\x.jpg",
    "//host/x.jpg",
    "http://example.org/a.jpg",
    "山田 太郎",
]


class Reader(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, and its text."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.text = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag, **having):
        found = [a for t, a in self.elements if t == tag]
        return [a for a in found if all(a.get(k.rstrip("_")) == v for k, v in having.items())]


@pytest.fixture
def board(match, chip):
    def make(text="Ada"):
        tile = tile_for_hit(match(name=text, path=text), chip(), chip().jpeg)
        sections = (Section(text, (tile,), probes=(Tile(name=text, path=text),), uncertain=(tile,), note=text),)
        return Report(text, sections, (text,))

    return make


def test_a_page_shows_the_question_the_answer_and_what_makes_it_readable(match, chip):
    found = tile_for_hit(match(), chip(), chip().jpeg)
    text = render_page(
        Report("Faces like who.jpg", (Section("who.jpg", (found,), probes=(Tile(chip=chip().jpeg),)),), ("fake",))
    )
    read = Reader(text)
    assert text.startswith('<!doctype html>\n<html lang="en">')
    assert "<title>Faces like who.jpg</title>" in text
    assert len(read.all("img", class_="chip")) == 2
    assert len(read.all("img", class_="scene")) == 1
    assert read.all("meter")[0]["value"] == "0.9810"
    for said in ("Ada", "rank 1 · distance 0.412 · face 17", " 98.1% same person", "album/beach.jpg", "fake"):
        assert said in read.text
    (link,) = read.all("a")
    assert re.fullmatch(r"file:///.*/album/beach\.jpg", link["href"])


@pytest.mark.parametrize("text", HOSTILE)
def test_names_and_paths_are_text_whatever_they_hold(board, text):
    calm, hostile = Reader(render_page(board())), Reader(render_page(board(text)))
    linked = [tag for tag, _ in calm.elements if tag != "a"]
    assert [tag for tag, _ in hostile.elements if tag != "a"] == linked
    assert {key for _, a in hostile.elements for key in a} <= {key for _, a in calm.elements for key in a}
    assert all(a["href"].startswith("file:///") for a in hostile.all("a"))
    assert all(a["src"].startswith("data:image/jpeg;base64,") for a in hostile.all("img"))
    assert any(printable(text) in said for said in hostile.text)
    render_page(board(text)).encode("utf-8")


def test_nothing_is_fetched_and_nothing_runs(board):
    text = render_page(board())
    read = Reader(text)
    assert not {tag for tag, _ in read.elements} & {"script", "link", "iframe", "object", "form", "base"}
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text
    (policy,) = (a["content"] for a in read.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    style = text[text.index("<style>") + len("<style>") : text.index("</style>")]
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.split("; ")[:3] == ["default-src 'none'", "img-src data:", f"style-src 'sha256-{hashed}'"]


def test_a_path_with_anything_in_it_is_linked_as_a_file(board):
    (first, *_) = Reader(render_page(board('/a b/"<&>%20?#\udce9 山.jpg'))).all("a")
    assert first["href"].endswith("/a%20b/%22%3C%26%3E%2520%3F%23%E9%20%E5%B1%B1.jpg")


@pytest.mark.parametrize("encoded", [b"", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", b"GIF89a"])
def test_only_what_begins_as_a_picture_is_shown_as_one(encoded):
    read = Reader(render_page(Report("", (Section("", (Tile(chip=encoded, scene=encoded),)),))))
    assert read.all("img") == []
    assert "no picture" in read.text


def test_a_list_of_nothing_says_so():
    assert "no faces" in Reader(render_page(Report("x", (Section("x"),)))).text


def test_a_list_of_ten_thousand_faces_is_cut_and_counted():
    read = Reader(render_page(Report("x", (Section("x", (Tile(name="a"),) * 10_000),))))
    assert len(read.all("li")) == pages.MAX_FACES
    assert "and 8,000 more" in read.text


def test_a_page_is_written_whole_or_not_at_all(tmp_path, board):
    pages.save(tmp_path / "found.html", render_page(board("山田")))
    assert "山田" in (tmp_path / "found.html").read_text(encoding="utf-8")
    with pytest.raises(MisuseError, match=r"pages are written as \.html"):
        pages.save(tmp_path / "found.txt", "")
    with pytest.raises(NitakaoError, match="there is no folder"):
        pages.save(tmp_path / "none" / "found.html", "")
    (tmp_path / "taken.html").mkdir()
    with pytest.raises(NitakaoError, match="cannot be written"):
        pages.save(tmp_path / "taken.html", "")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["found.html", "taken.html"]
