"""Photographs of a few people for the Face API's tests, from LFW or from installed packages."""

from __future__ import annotations

import importlib.util
import io
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance, ImageOps
from tests.shown import ROOT

PEOPLE = ("Alejandro_Toledo", "Amelie_Mauresmo", "Bill_Clinton", "Carlos_Moya")


@dataclass(frozen=True)
class Album:
    """enrolled: pictures of each person, by name.  new: one more of each.  stranger: of another person.

    together: one picture with two faces.  nobody: one with none.
    """

    enrolled: dict[str, list[bytes]]
    new: dict[str, bytes]
    stranger: bytes
    together: bytes
    nobody: bytes


def encoded(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=92)
    return out.getvalue()


def beside(one: Image.Image, other: Image.Image) -> bytes:
    both = Image.new("RGB", (one.width + other.width, max(one.height, other.height)))
    both.paste(one, (0, 0))
    both.paste(other, (one.width, 0))
    return encoded(both)


def samples() -> Album:
    """Two people whose portraits are in the public domain; Grace Hopper is the stranger."""
    shipped = _samples()
    eileen, grace = (shipped.shipped(*shipped.PORTRAITS[name]) for name in ("astronaut", "hopper"))
    eileen = eileen.crop((100, 0, 356, 256))
    variants = [eileen, ImageEnhance.Brightness(eileen).enhance(0.8), ImageOps.grayscale(eileen)]
    return Album(
        {"Eileen Collins": [encoded(picture) for picture in variants]},
        {"Eileen Collins": encoded(ImageOps.mirror(eileen))},
        encoded(grace.reduce(2)),
        beside(eileen, grace.reduce(2)),
        encoded(shipped.shipped(*shipped.FACELESS).reduce(2)),
    )


def lfw(shared: Path) -> Album:
    """Three people, and a fourth as the stranger."""
    pictures = {name: sorted((shared / "data/lfw/images" / name).glob("*.jpg")) for name in PEOPLE}
    *record, stranger = PEOPLE
    one, other = (Image.open(pictures[name][0]).crop((50, 50, 200, 200)) for name in PEOPLE[:2])
    return Album(
        {name: [path.read_bytes() for path in pictures[name][:3]] for name in record},
        {name: pictures[name][4].read_bytes() for name in record},
        pictures[stranger][0].read_bytes(),
        beside(one, other),
        samples().nobody,
    )


def _samples():
    for package in ("matplotlib", "skimage"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package}, which ships one of the sample pictures, is not installed")
    found = importlib.util.spec_from_file_location("samples", ROOT / "examples" / "samples.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module
