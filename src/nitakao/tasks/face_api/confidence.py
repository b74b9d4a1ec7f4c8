"""Confidence, 0 to 1, as the Face API tells it, from distance: 0.5 at the threshold, falling as distance grows.

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

SAME = 0.5  # from here on 'isIdentical'; the Face API's
AT_HALF = 0.95  # confidence at half the threshold, of a model without a calibration


@dataclass(frozen=True)
class Scale:
    """From a distance to a confidence."""

    threshold: float
    slope: float

    def __call__(self, distances: ArrayLike) -> NDArray[np.float64]:
        """In the shape of `distances`."""
        odds = self.slope * (self.threshold - np.asarray(distances, np.float64))
        return np.asarray(np.exp(-np.logaddexp(0.0, -odds)), np.float64)


def scale_of(judge: Scorer) -> Scale:
    """The model's scale. Raises FaceApiError where neither a threshold nor a calibration is known.

    A model with a calibration but no threshold has it where the calibration finds one person as likely as two.
    """
    line, threshold = judge.calibration, judge.threshold
    if math.isnan(threshold) and line is not None:
        threshold = line.intercept / line.slope
    if math.isnan(threshold) or threshold <= 0:
        raise FaceApiError(
            403, "UnsupportedFeature", f"No threshold is known for the model {judge.card.name}: faces are not compared."
        )
    slope = line.slope if line is not None else math.log(AT_HALF / (1 - AT_HALF)) / (threshold / 2)
    return Scale(threshold, slope)
