"""One browser for all tests of the page, and servers with galleries of real photographs.

Screenshots are left in out/page/, to be looked at.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tests.browser.driving import Driver
from tests.browser.serving import Served, serving
from tests.shown import ROOT

HERE = Path(__file__).parent
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",  # which Chromium refuses to run as root without
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


def chromium() -> str | None:
    """The browser's path, where there is one."""
    named = os.environ.get("NITAKAO_CHROMIUM")
    return named or next((path for path in map(shutil.which, CHROMIUM) if path), None)


class _Held:
    """The browser, which runs from the first test here to the last one."""

    playwright: Any = None
    browser: Any = None

    def started(self, path: str) -> Any:
        if self.browser is None:
            from playwright.sync_api import sync_playwright

            self.playwright = sync_playwright().start()
            self.browser = self.playwright.chromium.launch(executable_path=path, args=FLAGS)
        return self.browser

    def stop(self) -> None:
        if self.browser is not None:
            self.browser.close()
            self.playwright.stop()
        self.browser = self.playwright = None


HELD = _Held()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item, nextitem):
    """Stop the browser after the last test here: while it runs, Playwright keeps asyncio from all other tests."""
    if nextitem is None or HERE not in nextitem.path.parents:
        HELD.stop()


@pytest.fixture(scope="session")
def chrome() -> str:
    """The browser's path; skips where there is none."""
    if find_spec("playwright") is None:
        pytest.skip("playwright is not installed: pip install playwright")
    path = chromium()
    if path is None:
        pytest.skip("no Chromium here: install it, or name it in NITAKAO_CHROMIUM")
    return path


@pytest.fixture
def browser(chrome):
    return HELD.started(chrome)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Path:
    """The sample pictures, and one that shows both people."""
    for package in ("matplotlib", "skimage", "fastapi", "uvicorn"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install -e '.[test]'")
    from examples.samples import make
    from PIL import Image

    folder = tmp_path_factory.mktemp("pictures")
    make(folder)
    astronaut, hopper = (Image.open(folder / f"{name}.jpg") for name in ("astronaut", "hopper"))
    both = Image.new("RGB", (1024, 512))
    both.paste(astronaut, (0, 0))
    both.paste(hopper.crop((0, 0, hopper.width, hopper.width)).resize((512, 512)), (512, 0))
    both.save(folder / "together.jpg", quality=92)
    return folder


@pytest.fixture(scope="session")
def indexed(pictures, tmp_path_factory) -> Path:
    """A gallery of the pictures: two groups, of whom one picture shows both, a few faces of nobody, and doubts."""
    import nitakao

    path = tmp_path_factory.mktemp("gallery") / "family.db"
    with nitakao.Gallery(path) as gallery:
        gallery.index(pictures)
        gallery.cluster(threshold=0.15)  # so strict that not all are grouped
        bring_together(gallery.store)
        doubt(gallery.store)
    return path


def bring_together(gallery) -> None:
    """On the picture of both, the one at the left is person 1, and the one at the right person 2."""
    from nitakao.gallery import faces
    from nitakao.tasks.gallery.people import move

    both = [kept for kept in faces.stream(gallery) if kept.path.endswith("together.jpg")]
    first, second = sorted(both, key=lambda kept: kept.face.box[0])
    move(gallery, [first.id], "#1")
    move(gallery, [second.id], "#2")


def doubt(gallery) -> None:
    """Faces that grouping left alone wait for an answer."""
    from sqlalchemy import select

    from nitakao.gallery import schema
    from nitakao.gallery.people import reviews

    faces = schema.faces
    with gallery.write("test") as connection:
        alone = connection.execute(select(faces.c.id).where(faces.c.person.is_(None)).order_by(faces.c.id)).scalars()
        reviews.replace_suggestions(connection, [(face, 1, 0.3 + face / 100) for face in list(alone)[:3]])


@pytest.fixture(scope="session")
def served(chrome, indexed, tmp_path_factory) -> Iterator[Served]:
    """A server for tests that change nothing."""
    yield from serving(indexed, tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def changed(chrome, indexed, tmp_path_factory) -> Iterator[Served]:
    """A server of a module's own, for tests that change the gallery."""
    yield from serving(indexed, tmp_path_factory.mktemp("changed"))


@pytest.fixture
def shots() -> Path:
    folder = ROOT / "out" / "page"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def drive(browser, shots):
    """Opens pages: drive(served, '/#/people', locale='ja-JP', ...). What went wrong in them fails the test."""
    opened: list[Driver] = []

    def begin(served, path: str = "/", **options) -> Driver:
        driver = Driver(browser, served.address if hasattr(served, "address") else served, shots, **options)
        opened.append(driver)
        driver.go(path)
        return driver

    yield begin
    problems = [problem for driver in opened for problem in driver.close()]
    assert problems == []
