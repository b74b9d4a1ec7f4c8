"""Runs what the READMEs and docs/python.md show, and writes down what it prints now: python -m docs.printed"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.shown import ROOT, examples, prepare, run

PAGES = [ROOT / "README.md", ROOT / "README.ja.md", ROOT / "docs" / "python.md"]


def renew(page: Path, folder: Path, printed: dict[str, str]) -> None:
    """The same page, with each printed part as it is printed now. Where a page shows no output, none is put in.

    printed: what each piece printed on the pages before, which this one then says too.
    """
    text = page.read_text(encoding="utf-8")
    for shown in examples(page):
        if shown.text not in printed:  # what is shown without output may be what the next one stands on
            printed[shown.text] = run(shown, folder)
        if shown.printed:
            begin = f"$ {shown.text}\n" if shown.kind == "command" else f"{shown.text}```\n\n```text\n"
            assert begin + shown.printed in text, f"{page.name}: {shown.title} is not found"
            text = text.replace(begin + shown.printed, begin + printed[shown.text])
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name))
        printed: dict[str, str] = {}
        for page in PAGES:
            renew(page, Path(name), printed)
