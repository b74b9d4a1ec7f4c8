"""Faces to show, made of plain colours."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from nitakao.values import Chip, Face, FaceRecord, Hit, Quality


@pytest.fixture
def chip():
    """Makes a chip of one colour."""

    def make(colour=(200, 30, 30), size=(64, 48)):
        encoded = io.BytesIO()
        Image.new("RGB", size, colour).save(encoded, "JPEG", quality=95)
        return Chip(encoded.getvalue(), (0, 0, *size))

    return make


@pytest.fixture
def match():
    """Makes a search's find."""

    def make(rank=1, name="Ada", path="album/beach.jpg", distance=0.412, probability=0.981, time=None):
        face = Face((10.0, 10.0, 40.0, 40.0), 0.9)
        kept = FaceRecord(17, 3, path, (200, 100), 0, face, Quality(), time=time, person_id=5, name=name)
        return Hit(rank, kept, distance, probability)

    return make
