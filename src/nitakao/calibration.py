"""Probability from distance, and how many strangers lie that near.

Fitted on pairs whose truth is known: the log of the likelihood ratio, same person against two, is a straight line in
the distance (Platt 1999, 'Probabilistic outputs for support vector machines').
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

RATES = (0.9, 0.5, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)  # of false matches, kept where they can be measured
SEEN = 10  # pairs below a distance for its rate to be a measurement: its relative error is then about a third
BINS = 10
STEPS, CLOSE = 100, 1e-12  # Newton's: at most, and the step in standard deviations at which it ends


def fit(same: ArrayLike, different: ArrayLike, source: str = "") -> Calibration:
    """The calibration that these distances lead to.

    same, different: (n,), (m,) distances of pairs of one person and of two.  source: what they are, in words.
    Both kinds weigh the same, however many there are of each.  Raises MisuseError where distance tells nothing.
    """
    near, far = _finite(same, "one person"), _finite(different, "two people")
    intercept, slope = logistic(np.concatenate([near, far]), *_targets(len(near), len(far)))
    if not slope < 0:
        raise MisuseError("pairs of one person lie no nearer than pairs of two here: are the names right?")
    # A ratio larger than the number of pairs could not have shown in them.
    limit = max(1.0, math.log(min(len(near), len(far))))
    return Calibration(-slope, intercept, limit, false_matches(far), source)


def _finite(distances: ArrayLike, kind: str) -> Doubles:
    found = np.asarray(distances, np.float64).ravel()
    if not len(found) or not np.isfinite(found).all():
        raise MisuseError(f"a calibration needs distances of pairs of {kind}, all of them finite")
    return found


def _targets(same: int, different: int) -> tuple[Doubles, Doubles]:
    """What each pair should come to, and its weight. Platt's targets keep the line finite where the kinds part."""
    wanted = np.repeat([(same + 1) / (same + 2), 1 / (different + 2)], [same, different])
    return wanted, np.repeat([0.5 / same, 0.5 / different], [same, different])


def logistic(distances: Doubles, wanted: Doubles, weights: Doubles) -> tuple[float, float]:
    """Intercept and slope of the line in distance whose logistic comes nearest to `wanted`, by Newton's method.

    All (n,); weights add up to 1.  Nearest by cross-entropy, which has one minimum if `wanted` is not all 0 or 1.
    """
    centre, spread = float(weights @ distances), float(np.std(distances)) or 1.0
    x = (distances - centre) / spread
    line, step, loss = np.zeros(2), np.zeros(2), math.inf
    for _ in range(STEPS):
        z = (line + step) @ np.stack([np.ones_like(x), x])
        now = float(weights @ (np.logaddexp(0.0, z) - wanted * z))
        if now > loss:  # too far, as Newton's step may be: half of it
            step = step / 2
        else:
            line, loss = line + step, now
            step = _newton(x, z, wanted, weights)
        if np.abs(step).max() < CLOSE:
            break
    return float(line[0] - line[1] * centre / spread), float(line[1] / spread)


def _newton(x: Doubles, z: Doubles, wanted: Doubles, weights: Doubles) -> Doubles:
    """Where the cross-entropy's slope would vanish, from here, if it bent no further."""
    p = 1 / (1 + np.exp(-z))
    bend = weights * p * (1 - p)
    slopes = weights * (wanted - p)
    curve = np.array([[bend.sum(), bend @ x], [bend @ x, bend @ (x * x)]])
    # Least squares, since the curve has one direction only where all distances are the same.
    return np.asarray(np.linalg.lstsq(curve, np.array([slopes.sum(), slopes @ x]), rcond=None)[0])


def false_matches(far: Doubles) -> tuple[tuple[float, float], ...]:
    """For each rate that SEEN pairs stand behind, the distance below which this share of pairs of two lies."""
    rates = [rate for rate in RATES if rate * len(far) >= SEEN]
    return tuple((rate, float(np.quantile(far, rate))) for rate in rates)


def log_ratio(distances: ArrayLike, calibration: Calibration) -> Doubles:
    """Natural log of how much likelier each distance is for one person than for two; NaN for NaN."""
    line = calibration.intercept - calibration.slope * np.asarray(distances, np.float64)
    return np.clip(line, -calibration.limit, calibration.limit)


def probability(distances: ArrayLike, calibration: Calibration, prior: float = 0.5) -> Doubles:
    """How likely each is one person, in the shape of `distances`.

    prior: how likely that was before the distance was known, above 0 and below 1.
    """
    if not 0 < prior < 1:
        raise MisuseError(f"a prior lies between 0 and 1, not at {prior:g}")
    odds = log_ratio(distances, calibration) + math.log(prior) - math.log1p(-prior)
    return np.asarray(1 / (1 + np.exp(-odds)))


def false_match_rate(distances: ArrayLike, calibration: Calibration) -> Doubles:
    """The share of pairs of two people that lie nearer than each distance; NaN where the calibration does not know.

    Between the points of the calibration the log of the rate is taken as straight.  Nearer than all of them it is held
    at the lowest rate, and farther than all it is 1: never less than the truth as measured.
    """
    asked = np.asarray(distances, np.float64)
    if not calibration.false_matches:
        return np.full(asked.shape, math.nan)
    rates, apart = np.array(calibration.false_matches[::-1]).T  # distances rise, as np.interp wants them
    found = np.exp(np.interp(asked, apart, np.log(rates)))
    return np.asarray(np.where(asked > apart[-1], 1.0, found))


def expected_false_matches(distance: float, calibration: Calibration, faces: int) -> float:
    """How many of `faces` faces of other people lie nearer than this by chance, on average; NaN where not known."""
    return faces * float(false_match_rate(distance, calibration))


def threshold_at(rate: float, calibration: Calibration) -> float:
    """The distance below which this share of pairs of two people lies. Raises MisuseError where none was measured."""
    points = calibration.false_matches
    if not points or not points[-1][0] <= rate <= points[0][0]:
        told = f"from {points[-1][0]:g} to {points[0][0]:g}" if points else "for no rate"
        raise MisuseError(f"no threshold is known at a false match rate of {rate:g}: it was measured {told}")
    rates, apart = np.array(points[::-1]).T
    return float(np.interp(math.log(rate), np.log(rates), apart))


@dataclass(frozen=True)
class Bin:
    """Pairs of about one probability: its mean, the share of them that is one person, their weight and number.

    weights of all bins add up to 1.
    """

    told: float
    true: float
    weight: float
    pairs: int


def reliability(chances: ArrayLike, same: ArrayLike, bins: int = BINS) -> list[Bin]:
    """What probabilities were worth: pairs in order of their probability, in bins of equal weight.

    chances, same: (n,), both kinds among them.  Pairs of one person weigh as much in all as pairs of two, as a prior of
    one half has it.  Pairs of equal probability share a bin, so that there may be fewer bins.
    """
    told, true = np.asarray(chances, np.float64), np.asarray(same, bool)
    weights = np.where(true, 0.5 / true.sum(), 0.5 / (~true).sum())
    order = np.argsort(told, kind="stable")
    ends = np.searchsorted(np.cumsum(weights[order]), np.arange(1, bins) / bins)
    place = np.searchsorted(told[order][ends], told, side="left")  # a bin's last probability belongs to it
    return [_bin(told[here], true[here], weights[here]) for here in (place == n for n in np.unique(place))]


def _bin(told: Doubles, true: NDArray[np.bool_], weights: Doubles) -> Bin:
    all_of_it = float(weights.sum())
    return Bin(float(weights @ told) / all_of_it, float(weights @ true) / all_of_it, all_of_it, len(told))


def calibration_error(bins: Sequence[Bin]) -> float:
    """ECE: how far a bin's mean probability is from its share of one person, on average over the weight of pairs.

    Source: Naeini, Cooper, Hauskrecht 2015, 'Obtaining well calibrated probabilities using Bayesian binning'.
    """
    return sum(b.weight * abs(b.told - b.true) for b in bins)


def dumps(calibration: Calibration) -> str:
    """As JSON, for `loads`."""
    return json.dumps(asdict(calibration))


def loads(text: str) -> Calibration:
    """The calibration that `dumps` wrote. Raises CardError for anything else."""
    try:
        fields = json.loads(text)
        points: Sequence[Sequence[float]] = fields.pop("false_matches")
        return Calibration(**fields, false_matches=tuple((float(rate), float(apart)) for rate, apart in points))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CardError(f"not a calibration: {str(error)[:200]}") from error
