"""Writes web/openapi.json, the REST API's description, from the app; with --check, says whether it is current.

`npm run types` in web/ generates the page's types from it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from nitakao.server import Settings, create_app

DOCUMENT = Path(__file__).parent.parent / "web" / "openapi.json"
MODEL = "dlib-resnet"  # of the empty gallery that the app needs; any would do


def document() -> dict[str, Any]:
    """The OpenAPI document, without the version, which changes with every release."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(gallery=Path(folder) / "empty.db", model=MODEL))
        found: dict[str, Any] = app.openapi()
        app.state.service.close()
    found["info"]["version"] = ""
    return found


def text() -> str:
    return json.dumps(document(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        if not DOCUMENT.is_file() or DOCUMENT.read_text(encoding="utf-8") != text():
            raise SystemExit("web/openapi.json is not what the app says: run 'make docs', then 'npm run types' in web/")
    else:
        DOCUMENT.write_text(text(), encoding="utf-8")
