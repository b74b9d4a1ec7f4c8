"""Golden vectors: check that a network gives the same vector on this machine as in the original implementation.

The picture is drawn with integer arithmetic, so it is identical everywhere, and at the card's crop size, so the result
does not depend on cropping or resizing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nitakao.values import Check, Floats, ModelCard, Pixels

TOLERANCE = (
    1e-3  # largest difference of a component; our networks match the originals to 1e-4, wrong weights differ by 1e-2
)


def draw_picture(size: int) -> Pixels:
    """Draw a simple face from ellipses, (size, size, 3) uint8 RGB, that activates a face network's features."""
    at = (2 * np.arange(size, dtype=np.int64) + 1) * 500 // size  # 0 to 999, for every size
    x, y = at[None, :], at[:, None]
    red, green, blue = 60 + x // 12 + 0 * y, 80 + y // 10 + 0 * x, 110 + (x + y) // 25

    def paint(cx: int, cy: int, rx: int, ry: int, colour: tuple[int, int, int], shade: int = 0) -> None:
        inside = ((x - cx) * ry) ** 2 + ((y - cy) * rx) ** 2 <= (rx * ry) ** 2
        dark = shade * (abs(x - cx) + abs(y - cy)) // 100
        for channel, value in zip((red, green, blue), colour, strict=True):
            channel[inside] = np.broadcast_to(value - dark, inside.shape)[inside]

    paint(500, 420, 390, 420, (62, 44, 34), 3)  # hair
    paint(500, 520, 310, 420, (214, 168, 140), 9)  # face
    for eye in (370, 630):
        paint(eye, 360, 75, 14, (70, 50, 40))  # brow
        paint(eye, 430, 62, 30, (240, 236, 230), 20)  # white
        paint(eye, 430, 28, 28, (80, 56, 40), 60)  # iris
        paint(eye, 430, 12, 12, (12, 10, 10))  # pupil
    paint(500, 540, 48, 95, (190, 142, 116), 25)  # nose
    for nostril in (475, 525):
        paint(nostril, 612, 13, 9, (96, 60, 50))
    paint(500, 730, 130, 42, (170, 82, 80), 15)  # lips
    paint(500, 730, 118, 8, (88, 34, 36))  # where they meet
    return np.stack([red, green, blue], axis=2).clip(0, 255).astype(np.uint8)


def check(embed: Callable[[Pixels], Floats], card: ModelCard) -> Check:
    """Check that a card's loaded network returns its golden vector.

    Args:
        embed: The network: (N, S, S, 3) uint8 to (N, D).
        card: Its card.
    """
    vector = np.asarray(embed(draw_picture(card.crop.size)[None]), np.float64)
    if vector.shape != (1, card.dimension) or not np.isfinite(vector).all():
        return Check("network", False, f"returns {vector.shape[1:]} numbers, not {card.dimension} finite ones")
    if not card.golden:
        return Check("network", True, f"returns {card.dimension} finite numbers; the card has no golden vector")
    difference = float(np.abs(vector[0] - np.asarray(card.golden)).max())
    detail = f"at most {difference:.1e} from the card's golden vector, {TOLERANCE:.0e} allowed"
    return Check("network", difference <= TOLERANCE, detail)
