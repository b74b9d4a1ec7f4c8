"""A page in the browser, as a person uses it."""

from __future__ import annotations

import base64
import os
from importlib.resources import files
from pathlib import Path
from typing import Any

AXE = ("axe_playwright_python", "axe.min.js")  # a package that ships Deque's axe-core
SERIOUS = ("serious", "critical")
PATIENCE = float(os.environ.get("NITAKAO_PATIENCE", "15"))  # seconds for anything to appear
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}

DROP = """({name, type, data}) => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const held = new DataTransfer();
    held.items.add(new File([bytes], name, {type}));
    return held;
}"""


class Driver:
    """A browser's page on a server.  expected: parts of console messages that a test provokes."""

    def __init__(self, browser: Any, address: str, shots: Path, *, expected: tuple[str, ...] = (), **options: Any):
        self.address = address
        self.shots = shots
        self.expected = expected
        self.problems: list[str] = []
        self.asked: list[str] = []
        options = {"viewport": DESKTOP, "locale": "en-GB", "reduced_motion": "reduce", **options}
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(1000 * PATIENCE)
        self.page = self.context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("request", self._sent)

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning") and not any(part in message.text for part in self.expected):
            self.problems.append(f"{message.type}: {message.text}")

    def _sent(self, request: Any) -> None:
        self.asked.append(f"{request.method} {request.url.removeprefix(self.address)}")
        if not request.url.startswith((self.address, "blob:", "data:")):
            self.problems.append(f"a foreign address was asked: {request.url}")

    def go(self, path: str) -> None:
        self.page.goto(self.address + path)

    def close(self) -> list[str]:
        self.context.close()
        return self.problems

    # ---- finding -----------------------------------------------------------------------------------------------------

    def button(self, name: str, exact: bool = True) -> Any:
        return self.page.get_by_role("button", name=name, exact=exact)

    def link(self, name: str, exact: bool = True) -> Any:
        return self.page.get_by_role("link", name=name, exact=exact)

    def find(self, selector: str) -> Any:
        return self.page.locator(selector)

    def wait(self, selector: str) -> Any:
        found = self.page.locator(selector).first
        found.wait_for()
        return found

    def says(self, text: str) -> None:
        """Waits until the page says so."""
        self.page.get_by_text(text).first.wait_for()

    def counts(self, selector: str, number: int) -> None:
        """Waits until there are so many of these."""
        self.page.wait_for_function(f"() => document.querySelectorAll('{selector}').length === {number}")

    def settled(self) -> None:
        """Waits until nothing is fetched any more."""
        self.page.wait_for_load_state("networkidle")

    # ---- doing -------------------------------------------------------------------------------------------------------

    def choose(self, *files: Path) -> None:
        self.page.locator("input[type=file]").first.set_input_files([str(file) for file in files])

    def drop(self, file: Path) -> None:
        """Drop a file onto the page, as from the desktop."""
        held = self._held(file)
        for event in ("dragenter", "dragover", "drop"):
            self.page.dispatch_event("main", event, {"dataTransfer": held})

    def paste(self, file: Path) -> None:
        self.page.evaluate(
            "(held) => dispatchEvent(new ClipboardEvent('paste', {clipboardData: held, bubbles: true}))",
            self._held(file),
        )

    def _held(self, file: Path) -> Any:
        data = base64.b64encode(file.read_bytes()).decode()
        return self.page.evaluate_handle(DROP, {"name": file.name, "type": "image/jpeg", "data": data})

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def view(self, path: str) -> None:
        """Press the link to a view in the frame."""
        self.page.locator(f'nav a[href="#/{path}"]').click()

    def focused(self) -> str:
        """The accessible name, or the text, of what has the focus."""
        return self.page.evaluate(
            "() => { const at = document.activeElement;"
            " return at.getAttribute('aria-label') ?? (at.textContent.trim() || at.querySelector('img')?.alt || ''); }"
        )

    def focuses(self, name: str) -> None:
        """Waits until what has the focus is called so."""
        self.page.wait_for_function("(name) => document.activeElement.getAttribute('aria-label') === name", arg=name)

    def tab_to(self, name: str, most: int = 40) -> None:
        """Press Tab until something of this name has the focus."""
        for _ in range(most):
            self.press("Tab")
            if self.focused() == name:
                return
        raise AssertionError(f"Tab never came to '{name}'")

    # ---- judging -----------------------------------------------------------------------------------------------------

    def shot(self, name: str) -> None:
        self.page.screenshot(path=self.shots / f"{name}.png")

    def faults(self) -> list[str]:
        """axe-core's serious and critical findings, a line each."""
        self.page.evaluate(files(AXE[0]).joinpath(AXE[1]).read_text(encoding="utf-8"))
        found = self.page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found
            if one["impact"] in SERIOUS
            for node in one["nodes"]
        ]

    def sticks_out(self) -> bool:
        """Whether the page is wider than the screen."""
        return self.page.evaluate(
            "() => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"
        )
