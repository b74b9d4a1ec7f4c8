"""The Face API's confidence (0 to 1) from a distance: 0.5 at the threshold, lower for larger distances.

confidence = 1 / (1 + exp(slope * (distance - threshold)))

With a calibration the slope is that of its line, so the confidence is its probability, for the prior at which a
distance just at the threshold is as likely one person as two. Without one the slope is such that half the threshold
comes to 0.95: an order, and a side of the threshold, but no probability.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nitakao.errors import FaceApiError
from nitakao.tasks.scoring import Scorer

SAME_PERSON = 0.5  # 'isIdentical' from here on, as in the Face API
AT_HALF = 0.95  # confidence at half the threshold without a calibration


@dataclass(frozen=True)
class Scale:
    """Maps distances to confidences."""

    threshold: float
    slope: float

    def __call__(self, distances: ArrayLike) -> NDArray[np.float64]:
        """Confidences in the shape of `distances`."""
        odds = self.slope * (self.threshold - np.asarray(distances, np.float64))
        return np.asarray(np.exp(-np.logaddexp(0.0, -odds)), np.float64)


def scale_of(scorer: Scorer) -> Scale:
    """The model's scale; without a threshold, the distance at which the calibration's likelihood ratio is 1.

    Raises:
        FaceApiError: If the model has neither a threshold nor a calibration.
    """
    line, threshold = scorer.calibration, scorer.threshold
    if math.isnan(threshold) and line is not None:
        threshold = line.intercept / line.slope
    if math.isnan(threshold) or threshold <= 0:
        raise FaceApiError(
            403,
            "UnsupportedFeature",
            f"The model {scorer.card.name} has no threshold: faces cannot be compared.",
        )
    slope = line.slope if line is not None else math.log(AT_HALF / (1 - AT_HALF)) / (threshold / 2)
    return Scale(threshold, slope)
