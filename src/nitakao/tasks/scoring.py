"""Judge distances: same person or not, probability, and expected number of false matches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nitakao import calibration as calibrations
from nitakao.errors import MisuseError
from nitakao.values import Calibration, FaceRecord, Hit, ModelCard, Probe, ResultInfo

NO_THRESHOLD = "none is known for this model"
BY_HAND = "set by the caller"
PRIOR = 0.5


@dataclass(frozen=True)
class Scorer:
    """Judges distances by a model's threshold and calibration.

    Attributes:
        card: The model.
        calibration: The gallery's or the card's calibration, None if there is none.
        by_hand: Threshold to use instead of the card's.
        prior: Probability that two faces are the same person before their distance is known.

    Raises:
        MisuseError: For a threshold that is not finite, or a prior outside (0, 1).
    """

    card: ModelCard
    calibration: Calibration | None = None
    by_hand: float | None = None
    prior: float = PRIOR

    def __post_init__(self) -> None:
        if self.by_hand is not None and not math.isfinite(self.by_hand):
            raise MisuseError(f"a threshold is a finite number, not {self.by_hand}")
        if not 0 < self.prior < 1:
            raise MisuseError(f"a prior probability lies between 0 and 1, not {self.prior:g}")

    @property
    def threshold(self) -> float:
        """Same person below this distance; NaN if there is none."""
        return self.card.threshold if self.by_hand is None else self.by_hand

    @property
    def threshold_source(self) -> str:
        """Where the threshold comes from."""
        if self.by_hand is not None:
            return BY_HAND
        return self.card.threshold_source if self.card.has_threshold else NO_THRESHOLD

    def require_threshold(self, purpose: str) -> float:
        """The threshold. Raises MisuseError if there is none."""
        if math.isnan(self.threshold):
            raise MisuseError(
                f"{purpose} needs a threshold, and none is known for {self.card.name}: give --threshold",
                code="no-threshold",
                model=self.card.name,
            )
        return self.threshold

    def probabilities(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities that faces at these distances are the same person; NaN without a calibration."""
        if self.calibration is None:
            return np.full(len(distances), math.nan)
        return np.asarray(calibrations.probability(distances, self.calibration, self.prior), np.float64)

    def log_ratios(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log likelihood ratios (natural) of same person to different people at these distances.

        For identification among many people: the calibration's line without its limit, which reflects what single pairs
        can prove. Measured on LFW with 700 people enrolled, calibrated on 3,000 pairs: the calibration error (ECE) of
        the most likely person's probability was 1.2% (facenet-vggface2) and 11% (dlib-resnet); with the limit it was
        16% and 20%, all too low.
        """
        assert self.calibration is not None
        return np.asarray(self.calibration.intercept - self.calibration.slope * distances, np.float64)

    def rank_hits(self, neighbours: Sequence[tuple[FaceRecord, float]], probe: Probe) -> tuple[Hit, ...]:
        """Add ranks, and probabilities unless the probe was moved away from excluded faces."""
        distances = np.array([distance for _, distance in neighbours], np.float64)
        probabilities = np.full(len(neighbours), math.nan) if probe.moved else self.probabilities(distances)
        numbered = enumerate(zip(neighbours, probabilities.tolist(), strict=True), start=1)
        return tuple(Hit(rank, kept, distance, p) for rank, ((kept, distance), p) in numbered)

    def info(self, searched: int, faces: int) -> ResultInfo:
        """What is needed to read a result from `searched` of `faces` faces."""
        calibration = self.calibration
        false_matches = math.nan
        if calibration is not None and not math.isnan(self.threshold):
            false_matches = calibrations.expected_false_matches(self.threshold, calibration, searched)
        return ResultInfo(
            self.card.name,
            self.card.metric,
            self.threshold,
            self.threshold_source,
            searched,
            faces,
            prior=math.nan if calibration is None else self.prior,
            calibration="" if calibration is None else calibration.source,
            false_matches=false_matches,
        )
