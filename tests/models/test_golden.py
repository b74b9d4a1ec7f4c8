"""The picture that golden vectors are made from, and holding a network to one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nitakao.models import golden
from nitakao.models.cards.registry import card
from nitakao.values import Floats, Pixels

CARD = replace(card("dlib-resnet"), dimension=3, golden=(0.1, 0.2, 0.3))


def gives(*numbers: float) -> Callable[[Pixels], Floats]:
    return lambda crops: np.full((len(crops), len(numbers)), numbers, np.float32)


def test_the_picture_is_the_same_on_every_machine() -> None:
    digests = [hashlib.sha256(golden.draw_picture(s).tobytes()).hexdigest()[:16] for s in (112, 150, 160)]
    assert digests == DIGESTS


DIGESTS = [
    "26fa2e92bba19731",
    "b1a9d339b72c3634",
    "8a92db556f5ae6a6",
]  # golden vectors were made from these: a change of the picture makes them all wrong


def test_the_picture_fills_a_crop() -> None:
    picture = golden.draw_picture(112)
    assert picture.shape == (112, 112, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 30


def test_a_network_that_gives_the_numbers_passes() -> None:
    assert golden.check(gives(0.1, 0.2, 0.3001), CARD).ok


def test_a_network_that_is_off_fails_with_how_far() -> None:
    check = golden.check(gives(0.1, 0.2, 0.35), CARD)
    assert not check.ok
    assert "5.0e-02 from the card's golden vector" in check.detail


def test_a_network_of_another_dimension_or_with_nan_fails() -> None:
    assert not golden.check(gives(0.1, 0.2), CARD).ok
    assert not golden.check(gives(0.1, 0.2, np.nan), replace(CARD, golden=())).ok
    assert golden.check(gives(0.1, 0.2, 9.0), replace(CARD, golden=())).ok
