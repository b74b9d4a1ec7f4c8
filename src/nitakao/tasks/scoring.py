"""What a distance means: on which side of the threshold, how likely one person, how many strangers come as near."""

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
BY_HAND = "given by hand"
PRIOR = 0.5  # as likely one person as two, before anything is compared


@dataclass(frozen=True)
class Judge:
    """A model's card and calibration, and what the user put in place of what they say.

    threshold: by hand; None: the card's.  prior: probability that two faces are one person before they are compared.
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
        """Same person below this distance; NaN where none is known."""
        return self.card.threshold if self.by_hand is None else self.by_hand

    @property
    def threshold_source(self) -> str:
        if self.by_hand is not None:
            return BY_HAND
        return self.card.threshold_source if self.card.has_threshold else NO_THRESHOLD

    def needed(self, what_for: str) -> float:
        """The threshold. Raises MisuseError where none is known."""
        if math.isnan(self.threshold):
            raise MisuseError(
                f"{what_for} needs a threshold, and none is known for {self.card.name}: give --threshold",
                code="no-threshold",
                model=self.card.name,
            )
        return self.threshold

    def probabilities(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """That faces so far apart are one person; NaN where the model has no calibration."""
        if self.calibration is None:
            return np.full(len(distances), math.nan)
        return np.asarray(calibrations.probability(distances, self.calibration, self.prior), np.float64)

    def log_ratios(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """How much likelier such distances are between pictures of one person than of two, as natural logarithms.

        For choosing among many: the calibration's line without its limit, which is what single pairs can prove.
        Measured on LFW with 700 people enrolled, calibrated on 3,000 pairs: probabilities of the likeliest person were
        off by 1.2% (ECE; facenet-vggface2) and 11% (dlib-resnet), and with the limit by 16% and 20%, all too low.
        """
        assert self.calibration is not None
        return np.asarray(self.calibration.intercept - self.calibration.slope * distances, np.float64)

    def ranked(self, found: Sequence[tuple[FaceRecord, float]], probe: Probe) -> tuple[Hit, ...]:
        """Matches with ranks, and with probabilities unless the probe was moved from where it was seen."""
        distances = np.array([distance for _, distance in found], np.float64)
        sure = np.full(len(found), math.nan) if probe.moved else self.probabilities(distances)
        numbered = enumerate(zip(found, sure.tolist(), strict=True), start=1)
        return tuple(Hit(rank, kept, distance, p) for rank, ((kept, distance), p) in numbered)

    def basis(self, searched: int, faces: int) -> ResultInfo:
        """What goes below an answer from `searched` of `faces` faces."""
        known = self.calibration
        wrong = math.nan
        if known is not None and not math.isnan(self.threshold):
            wrong = calibrations.expected_false_matches(self.threshold, known, searched)
        return ResultInfo(
            self.card.name,
            self.card.metric,
            self.threshold,
            self.threshold_source,
            searched,
            faces,
            prior=math.nan if known is None else self.prior,
            calibration="" if known is None else known.source,
            false_matches=wrong,
        )
