"""The web page on a large gallery, in Chromium: time to the first view, frame times while scrolling, DOM nodes.

    python benchmarks/fill_gallery.py large.db lfw.npz --faces 100000
    python benchmarks/web_page.py large.db

Serves the gallery with the installed `nitakao serve` and opens it with Playwright. The first view is usable when its
tiles are visible and its name field accepts input. While scrolling, at first slowly, then by half a screen, by several
and by a hundred screens per frame, every frame is timed, and tasks of the page over 50 ms are listed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser.conftest import FLAGS, chromium  # noqa: E402
from tests.browser.test_browser_scrolling import SCROLL  # noqa: E402

ROUNDS = 7
SECONDS = 6.4  # of scrolling
VIEWS = {"people": "/#/people", "photos": "/#/photos"}


@contextmanager
def served(gallery: str) -> Iterator[str]:
    """The address of `nitakao serve` on the gallery."""
    command = [str(Path(sys.executable).with_name("nitakao")), "serve", "--gallery", gallery, "--port", "0"]
    with tempfile.NamedTemporaryFile("w+") as said:
        process = subprocess.Popen(command, stderr=said)
        try:
            while "nitakao is at" not in (told := Path(said.name).read_text(encoding="utf-8")):
                time.sleep(0.1)
            yield next(line.split()[-1].rstrip("/") for line in told.splitlines() if "nitakao is at" in line)
        finally:
            process.terminate()
            process.wait()


def first_view(browser: Browser, address: str) -> float:
    """Seconds from the request with an empty browser cache until People is usable."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    begun = time.perf_counter()
    page.goto(f"{address}/#/people", wait_until="commit")
    page.wait_for_selector(".person .chip[src]")
    page.locator("input.find").focus()
    took = time.perf_counter() - begun
    context.close()
    return took


def main(gallery: str) -> None:
    found: dict[str, Any] = {}
    with served(gallery) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        times = [first_view(browser, address) for _ in range(ROUNDS)]
        found["first view, s"] = {"median": statistics.median(times), "most": max(times)}
        for name, path in VIEWS.items():
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(address + path)
            page.wait_for_selector(".tile")
            found[name] = page.evaluate(SCROLL, SECONDS)
            page.close()
        browser.close()
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("gallery")
    main(parser.parse_args().gallery)
