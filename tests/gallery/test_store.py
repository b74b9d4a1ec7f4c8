"""The rows that other tests are built on."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from tests.gallery import made

from nitakao.gallery import faces, people


def test_faces_made_by_hand_are_read_back(gallery):
    first, second = made.photograph(gallery, "photos/beach.jpg", "ada", "bob", taken=1.0, quality=0.7)
    ada = made.person(gallery, "Ada", first)
    kept = faces.records(gallery, [first, second])
    assert (kept[first].path, kept[first].name, kept[first].person_id) == ("photos/beach.jpg", "Ada", ada)
    assert (kept[second].name, kept[second].person_id, kept[second].number) == ("", None, 1)
    assert (kept[first].taken, kept[first].quality.score) == (1.0, 0.7)
    assert Image.open(io.BytesIO(faces.chips(gallery, [first])[first].jpeg)).size == (made.CHIP_SIDE, made.CHIP_SIDE)
    assert [person.name for person in people.people(gallery)] == ["Ada"]


def test_faces_of_one_seed_are_near_and_others_far(gallery):
    (one,) = made.photograph(gallery, "a.jpg", "ada")
    two, other = made.photograph(gallery, "b.jpg", "ada", "bob")
    a, b, c = faces.vectors(gallery, [one, two, other])
    assert np.linalg.norm(a - b) < 0.3
    assert np.linalg.norm(a - c) > 1
