"""web/openapi.json, from which the page's types are generated, is what the app says."""

from __future__ import annotations

import json

import pytest
from tests.shown import ROOT

pytest.importorskip("fastapi", reason="fastapi is not installed: pip install 'nitakao[serve]'")

from docs.openapi import DOCUMENT, text


def test_the_committed_document_is_the_apps():
    assert DOCUMENT.read_text(encoding="utf-8") == text(), "run 'make docs', then 'npm run types' in web/, and commit"


def test_the_pages_types_are_generated_from_the_committed_document():
    generated = (ROOT / "web" / "src" / "api.generated.ts").read_text(encoding="utf-8")
    for name in json.loads(DOCUMENT.read_text(encoding="utf-8"))["components"]["schemas"]:
        assert f"        {name}: " in generated, "run 'npm run types' in web/ and commit"
