"""Are two faces the same person?"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nitakao import metrics
from nitakao.errors import MisuseError
from nitakao.pipeline import PipelineOptions
from nitakao.report import drawing
from nitakao.tasks.arguments import Given, card_of, looking, one, read_vectors
from nitakao.tasks.probes import with_face
from nitakao.tasks.scoring import BY_HAND, NO_THRESHOLD
from nitakao.values import Choice, DetectorSettings, Metric, ModelCard, Outcome, Pixels, Verdict

if TYPE_CHECKING:  # these load ONNX Runtime and OpenCV: not before there is work
    from nitakao.models.onnx.session import Device
    from nitakao.pipeline import Pipeline


@dataclass(frozen=True, eq=False)
class Comparison:
    """verdict, and the two faces that led to it.  crops: what the network saw, (S, S, 3) each."""

    verdict: Verdict
    crops: tuple[Pixels, Pixels]
    outcomes: tuple[Outcome, Outcome]

    @property
    def found(self) -> tuple[int, int]:
        """How many faces each photograph has; the verdict is about one of each."""
        return self.outcomes[0].found, self.outcomes[1].found


def verify(
    a: Given,
    b: Given,
    *,
    model: str | ModelCard | None = None,
    detector: DetectorSettings | None = None,
    choice: Choice = "largest",
    flip: bool = False,
    device: Device | None = None,
    threshold: float | None = None,
    allow_urls: bool = False,
) -> Verdict:
    """The distance between a face in each of two photographs, held against the model's threshold. See `compare`."""
    return compare(
        a,
        b,
        model=model,
        detector=detector,
        choice=choice,
        flip=flip,
        device=device,
        threshold=threshold,
        allow_urls=allow_urls,
    ).verdict


def compare(
    a: Given,
    b: Given,
    *,
    model: str | ModelCard | None = None,
    detector: DetectorSettings | None = None,
    choice: Choice = "largest",
    flip: bool = False,
    device: Device | None = None,
    threshold: float | None = None,
    allow_urls: bool = False,
    eyes: Pipeline | None = None,
) -> Comparison:
    """The verdict on two photographs, and the faces it is about: the largest in each unless `choice` says otherwise.

    threshold: in place of the model's own.  eyes: networks that are loaded.
    Raises NoFaceError where one has no face, UnreadablePhotoError where one cannot be read.
    """
    if choice == "all":
        raise MisuseError("two faces are compared, not all: choose the largest, central, best or first in each")
    card = card_of(model)
    named = [one(a, allow_urls=allow_urls), one(b, allow_urls=allow_urls)]
    outcomes = looking(eyes)(
        named,
        card=card,
        options=PipelineOptions(detector or DetectorSettings(), choice, device, flip, allow_urls=allow_urls),
        keep_crops=True,
    )
    first, second = (with_face(outcome) for outcome in outcomes)
    apart = metrics.distance(first.vectors[0], second.vectors[0], card.metric)
    assert first.crops is not None  # keep_crops asks for them
    assert second.crops is not None
    return Comparison(_verdict(apart, card, threshold), (first.crops[0], second.crops[0]), (first, second))


def among(
    vectors: str | os.PathLike[str],
    a: str,
    b: str,
    *,
    model: str | ModelCard | None = None,
    metric: Metric | None = None,
    threshold: float | None = None,
) -> Verdict:
    """The verdict on two names in a vectors file, as the article's distance script gives it.

    The model is the one that the file names, or `model`; a .pkl names none, and without one there is a distance (the
    Euclidean one) but no threshold.  metric, threshold: in place of the model's own.
    """
    found, card = read_vectors(vectors, model)
    first, second = (found.vectors[found.find(name)] for name in (a, b))
    metric = metric or (card.metric if card else "euclidean")
    return _verdict(metrics.distance(first, second, metric), card, threshold, metric, found.model)


def _verdict(
    apart: float, card: ModelCard | None, threshold: float | None, metric: Metric | None = None, model: str = ""
) -> Verdict:
    """threshold: by hand; else the card's, if the distance is in the card's own metric."""
    if threshold is not None and not math.isfinite(threshold):
        raise MisuseError(f"a threshold is a finite number, not {threshold}")
    known = math.nan
    source = NO_THRESHOLD
    if card is not None and (metric or card.metric) == card.metric and card.has_threshold:
        known, source = card.threshold, card.threshold_source
    if threshold is not None:
        known, source = threshold, BY_HAND
    return Verdict(apart, known, metric or (card.metric if card else "euclidean"), card.name if card else model, source)


check_picture = drawing.check


def draw(path: Path, found: Comparison) -> None:
    """Save the two faces side by side, with the distance and the verdict below them."""
    verdict = found.verdict
    word = (
        f", {'same' if verdict.same else 'different'} (threshold {verdict.threshold:.3f})"
        if verdict.has_threshold
        else ""
    )
    caption = f"{verdict.model}, {verdict.metric} distance {verdict.distance:.3f}{word}"
    drawing.save(path, drawing.draw_pair(*found.crops, caption))
