"""Converts distances to probabilities and expected false matches.

The log likelihood ratio of same to different people is modelled as linear in the distance, and fitted on labelled
pairs (Platt 1999, 'Probabilistic outputs for support vector machines').
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nitakao.errors import CardError, MisuseError
from nitakao.values import Calibration, Doubles

RATES = (0.9, 0.5, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)  # false match rates, stored where enough pairs measure them
SEEN = 10  # minimum of pairs below a distance to measure its rate: a relative error of about a third
BINS = 10
STEPS, CLOSE = 100, 1e-12  # of Newton's method: maximum, and the step in standard deviations at which it stops


def fit(same: ArrayLike, different: ArrayLike, source: str = "") -> Calibration:
    """Fit a calibration; both kinds of pairs have the same total weight.

    Args:
        same: (n,) distances of pairs of one person.
        different: (m,) distances of pairs of two people.
        source: A description of the pairs.

    Raises:
        MisuseError: If same pairs are not nearer than different pairs.
    """
    near, far = _finite(same, "one person"), _finite(different, "two people")
    intercept, slope = logistic(np.concatenate([near, far]), *_targets(len(near), len(far)))
    if not slope < 0:
        raise MisuseError("pairs of one person lie no nearer than pairs of two here: are the names right?")
    # The pairs cannot support a ratio larger than their number.
    limit = max(1.0, math.log(min(len(near), len(far))))
    return Calibration(-slope, intercept, limit, false_matches(far), source)


def _finite(distances: ArrayLike, kind: str) -> Doubles:
    values = np.asarray(distances, np.float64).ravel()
    if not len(values) or not np.isfinite(values).all():
        raise MisuseError(f"a calibration needs distances of pairs of {kind}, all of them finite")
    return values


def _targets(same: int, different: int) -> tuple[Doubles, Doubles]:
    """Target and weight of each pair. Platt's targets keep the line finite if the kinds are separable."""
    targets = np.repeat([(same + 1) / (same + 2), 1 / (different + 2)], [same, different])
    return targets, np.repeat([0.5 / same, 0.5 / different], [same, different])


def logistic(distances: Doubles, targets: Doubles, weights: Doubles) -> tuple[float, float]:
    """Intercept and slope of the line in distance whose logistic comes nearest to `targets`, by Newton's method.

    All (n,); weights add up to 1.  Nearest by cross-entropy, which has one minimum if `targets` is not all 0 or 1.
    """
    centre, spread = float(weights @ distances), float(np.std(distances)) or 1.0
    x = (distances - centre) / spread
    line, step, loss = np.zeros(2), np.zeros(2), math.inf
    for _ in range(STEPS):
        z = (line + step) @ np.stack([np.ones_like(x), x])
        now = float(weights @ (np.logaddexp(0.0, z) - targets * z))
        if now > loss:  # Newton's step overshot: halve it
            step = step / 2
        else:
            line, loss = line + step, now
            step = _newton(x, z, targets, weights)
        if np.abs(step).max() < CLOSE:
            break
    return float(line[0] - line[1] * centre / spread), float(line[1] / spread)


def _newton(x: Doubles, z: Doubles, targets: Doubles, weights: Doubles) -> Doubles:
    """Newton's step on the cross-entropy."""
    p = 1 / (1 + np.exp(-z))
    bend = weights * p * (1 - p)
    slopes = weights * (targets - p)
    curve = np.array([[bend.sum(), bend @ x], [bend @ x, bend @ (x * x)]])
    # Least squares, since the Hessian is singular if all distances are equal.
    return np.asarray(np.linalg.lstsq(curve, np.array([slopes.sum(), slopes @ x]), rcond=None)[0])


def false_matches(far: Doubles) -> tuple[tuple[float, float], ...]:
    """(rate, distance) for each rate supported by SEEN pairs: this share of different pairs is nearer."""
    rates = [rate for rate in RATES if rate * len(far) >= SEEN]
    return tuple((rate, float(np.quantile(far, rate))) for rate in rates)


def log_ratio(distances: ArrayLike, calibration: Calibration) -> Doubles:
    """Natural log of the likelihood ratio of one person to two at each distance; NaN for NaN."""
    line = calibration.intercept - calibration.slope * np.asarray(distances, np.float64)
    return np.clip(line, -calibration.limit, calibration.limit)


def probability(distances: ArrayLike, calibration: Calibration, prior: float = 0.5) -> Doubles:
    """The probability of one person at each distance, in the shape of `distances`.

    Args:
        distances: Any shape.
        calibration: Of the model.
        prior: The prior probability, between 0 and 1.

    Raises:
        MisuseError: If the prior is not between 0 and 1.
    """
    if not 0 < prior < 1:
        raise MisuseError(f"a prior lies between 0 and 1, not at {prior:g}")
    odds = log_ratio(distances, calibration) + math.log(prior) - math.log1p(-prior)
    return np.asarray(1 / (1 + np.exp(-odds)))


def false_match_rate(distances: ArrayLike, calibration: Calibration) -> Doubles:
    """The share of different pairs nearer than each distance; NaN if the calibration has no rates.

    Interpolates the log rate between the calibration's points. Below them it is the lowest rate, above them 1, so it is
    never below the measured rate.
    """
    values = np.asarray(distances, np.float64)
    if not calibration.false_matches:
        return np.full(values.shape, math.nan)
    rates, apart = np.array(calibration.false_matches[::-1]).T  # distances rise, as np.interp wants them
    rate = np.exp(np.interp(values, apart, np.log(rates)))
    return np.asarray(np.where(values > apart[-1], 1.0, rate))


def expected_false_matches(distance: float, calibration: Calibration, faces: int) -> float:
    """The expected number of `faces` faces of other people that are nearer than this; NaN if unknown."""
    return faces * float(false_match_rate(distance, calibration))


def threshold_at(rate: float, calibration: Calibration) -> float:
    """The distance at this false match rate. Raises MisuseError if the rate was not measured."""
    points = calibration.false_matches
    if not points or not points[-1][0] <= rate <= points[0][0]:
        measured = f"from {points[-1][0]:g} to {points[0][0]:g}" if points else "for no rate"
        raise MisuseError(f"no threshold is known at a false match rate of {rate:g}: it was measured {measured}")
    rates, apart = np.array(points[::-1]).T
    return float(np.interp(math.log(rate), np.log(rates), apart))


@dataclass(frozen=True)
class Bin:
    """Pairs of similar probability: their mean, the share of same pairs, their weight and number. Weights sum to 1."""

    predicted: float
    observed: float
    weight: float
    pairs: int


def reliability(chances: ArrayLike, same: ArrayLike, bins: int = BINS) -> list[Bin]:
    """Predicted and observed probabilities, with pairs sorted by probability into bins of equal weight.

    chances, same: (n,), with both kinds of pairs.  Both kinds have the same total weight, for a prior of
    0.5.  Pairs of equal probability share a bin, so there may be fewer bins.
    """
    predicted, observed = np.asarray(chances, np.float64), np.asarray(same, bool)
    weights = np.where(observed, 0.5 / observed.sum(), 0.5 / (~observed).sum())
    order = np.argsort(predicted, kind="stable")
    ends = np.searchsorted(np.cumsum(weights[order]), np.arange(1, bins) / bins)
    place = np.searchsorted(predicted[order][ends], predicted, side="left")  # a bin's last probability belongs to it
    return [_bin(predicted[here], observed[here], weights[here]) for here in (place == n for n in np.unique(place))]


def _bin(predicted: Doubles, observed: NDArray[np.bool_], weights: Doubles) -> Bin:
    all_of_it = float(weights.sum())
    return Bin(float(weights @ predicted) / all_of_it, float(weights @ observed) / all_of_it, all_of_it, len(predicted))


def calibration_error(bins: Sequence[Bin]) -> float:
    """The expected calibration error: the weighted mean difference of probability and share of same pairs.

    Source: Naeini, Cooper, Hauskrecht 2015, 'Obtaining well calibrated probabilities using Bayesian binning'.
    """
    return sum(b.weight * abs(b.predicted - b.observed) for b in bins)


def dumps(calibration: Calibration) -> str:
    """The calibration as JSON, for `loads`."""
    return json.dumps(asdict(calibration))


def loads(text: str) -> Calibration:
    """The calibration from the JSON of `dumps`. Raises CardError for anything else."""
    try:
        fields = json.loads(text)
        points: Sequence[Sequence[float]] = fields.pop("false_matches")
        return Calibration(**fields, false_matches=tuple((float(rate), float(apart)) for rate, apart in points))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CardError(f"not a calibration: {str(error)[:200]}") from error
