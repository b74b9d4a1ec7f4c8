"""The page's files: built from current sources, small, complete, and served with a strict policy."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
from pathlib import Path

import pytest
from tests.shown import ROOT

pytest.importorskip("fastapi", reason="fastapi is not installed: pip install 'nitakao[serve]'")

import httpx
from fastapi import FastAPI

from nitakao.server.static_page import FOLDER, mount_page

WEB = ROOT / "web"
EXCLUDED = {"node_modules", "dist", ".vite", "tests", "openapi.json", "api.generated.ts", "eslint.config.js"}
EXCLUDED |= {".prettierrc.json", ".prettierignore"}  # as in web/vite.config.ts
LARGEST = 150_000  # compressed bytes of the first view


def sources() -> str:
    """A line for each file in web/, as web/vite.config.ts writes them into the bundle."""
    found: list[Path] = []
    for path in WEB.rglob("*"):
        if path.is_file() and not EXCLUDED & set(path.relative_to(WEB).parts):
            found.append(path)
    lines = {path.relative_to(WEB).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
    return "".join(f"{lines[name]}  {name}\n" for name in sorted(lines))


@pytest.fixture
def get():
    """Client of the page's server: get(path, **headers)."""
    app = FastAPI()
    mount_page(app)

    async def get(path, headers):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.get(path, headers=headers)

    return lambda path, headers=None: asyncio.run(get(path, headers))


def test_the_bundle_was_built_from_the_sources_that_are_here():
    assert (FOLDER / "SOURCES").read_text(encoding="utf-8") == sources(), "run 'make web' and commit what it builds"


def test_the_bundle_is_small():
    needed = [FOLDER / name for name in ("index.html", "page.js", "index.css", "icon.svg")]
    assert sum(len(gzip.compress(path.read_bytes())) for path in needed) < LARGEST


def test_the_bundle_holds_the_licences_of_what_is_in_it():
    text = (FOLDER / "LICENSES").read_text(encoding="utf-8")
    assert "preact 1" in text
    assert text.count("Permission is hereby granted") == 3


def test_the_page_is_served_with_a_policy_that_allows_nothing_from_elsewhere(get):
    answer = get("/")
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "http" not in policy
    for name in re.findall(r'(?:src|href)="([^"]+)"', answer.text):
        assert name.startswith("/")
        found = get(name)
        assert found.status_code == 200
        assert found.headers["content-security-policy"] == policy


def test_the_page_has_no_code_or_style_in_its_markup():
    text = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", text) is None


def test_no_text_becomes_markup_in_the_sources():
    code = "\n".join(path.read_text(encoding="utf-8") for path in (WEB / "src").rglob("*.ts*"))
    assert re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", code) is None


def test_a_file_that_has_not_changed_is_not_sent_again(get):
    first = get("/page.js")
    again = get("/page.js", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


def test_an_unknown_address_is_the_page_but_below_the_interfaces_it_is_nothing(get):
    assert get("/people/12").text == get("/").text
    assert get("/api/v1/nothing").status_code == 404
    assert get("/face/v1.0/nothing").status_code == 404


@pytest.mark.parametrize("path", ["/..%2f..%2fpages.py", "/%2e%2e/pages.py", "/page.js/../../pages.py"])
def test_nothing_outside_the_bundle_is_served(get, path):
    assert "StaticFiles" not in get(path).text
