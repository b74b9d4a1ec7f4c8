"""Makes docs/pictures of the screenshots that the browser tests leave in out/page.

pytest tests/browser/test_browser_searching.py tests/browser/test_browser_photographs.py
python docs/screenshots.py
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parent.parent
PICTURES = {"search": "searched", "compare": "compared-same"}  # of the sample pictures, which packages ship
SIZE = (960, 600)
COLOURS = 128

if __name__ == "__main__":
    for name, shot in PICTURES.items():
        with Image.open(ROOT / "out" / "page" / f"{shot}.png") as picture:
            small = picture.convert("RGB").resize(SIZE, Image.Resampling.LANCZOS)
        small.quantize(COLOURS).save(ROOT / "docs" / "pictures" / f"{name}.png", optimize=True)
