"""Verify whether two photos show the same person."""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from nitakao import metrics
from nitakao.errors import MisuseError
from nitakao.pipeline import PipelineOptions
from nitakao.report import drawing
from nitakao.tasks.arguments import EncodedLike, load_card, pipeline_runner, read_vectors, single_photo
from nitakao.tasks.probes import with_face
from nitakao.tasks.scoring import BY_HAND, NO_THRESHOLD
from nitakao.values import Metric, ModelCard, Outcome, Pixels, Verdict
from nitakao.values.tables import html_image

if TYPE_CHECKING:  # loads ONNX Runtime
    from nitakao.pipeline import Pipeline


@dataclass(frozen=True, eq=False)
class Comparison:
    """The verdict on two faces, with the crops that the network saw, (S, S, 3) uint8, and the photos' outcomes."""

    verdict: Verdict
    crops: tuple[Pixels, Pixels]
    outcomes: tuple[Outcome, Outcome]

    @property
    def found(self) -> tuple[int, int]:
        """Number of faces in each photo, of which one each was compared."""
        return self.outcomes[0].found, self.outcomes[1].found

    def _repr_html_(self) -> str:
        pictures = "".join(html_image(_jpeg(crop), height=128) for crop in self.crops)
        return pictures + self.verdict._repr_html_()


def compare(
    a: EncodedLike,
    b: EncodedLike,
    *,
    model: str | ModelCard | None = None,
    threshold: float | None = None,
    options: PipelineOptions = PipelineOptions(),
    pipeline: Pipeline | None = None,
) -> Comparison:
    """Compare a face in each of two photos.

    Args:
        a: A file, address or photo in memory.
        b: Likewise.
        model: Name, path or card of the embedding model. None uses dlib-resnet.
        threshold: Same person below this distance. None uses the model's threshold.
        options: How to read photos, and to detect and embed faces; the largest face of each photo by default.
        pipeline: A pipeline with loaded networks. None loads them for this call.

    Returns:
        The verdict and the faces.

    Raises:
        NoFaceError: If a photo has no face.
        UnreadablePhotoError: If a photo cannot be read.
        MisuseError: If all faces are asked for.
    """
    if options.faces == "all":
        raise MisuseError("two faces are compared, not all: choose the largest, central, best or first in each")
    card, options = load_card(model), replace(options, faces=options.faces or "largest")
    photos = [single_photo(photo, allow_urls=options.allow_urls) for photo in (a, b)]
    outcomes = pipeline_runner(pipeline)(photos, card=card, options=options, keep_crops=True)
    first, second = (with_face(outcome) for outcome in outcomes)
    distance = metrics.distance(first.vectors[0], second.vectors[0], card.metric)
    assert first.crops is not None  # keep_crops is set
    assert second.crops is not None
    return Comparison(_verdict(distance, card, threshold), (first.crops[0], second.crops[0]), (first, second))


def verify_vectors(
    vectors: str | os.PathLike[str],
    a: str,
    b: str,
    *,
    model: str | ModelCard | None = None,
    metric: Metric | None = None,
    threshold: float | None = None,
) -> Verdict:
    """Compare two vectors of a file by their keys, as the article's distance script does.

    Args:
        vectors: The vectors file.
        a: Key of a vector.
        b: Key of the other.
        model: Name, path or card of the model. None uses the model named in the file. A .pkl names none; without a
            model the distance is Euclidean and there is no threshold.
        metric: Metric to use instead of the model's.
        threshold: Threshold to use instead of the model's.
    """
    found, card = read_vectors(vectors, model)
    first, second = (found.vectors[found.find(name)] for name in (a, b))
    metric = metric or (card.metric if card else "euclidean")
    return _verdict(metrics.distance(first, second, metric), card, threshold, metric, found.model)


def _verdict(
    distance: float, card: ModelCard | None, threshold: float | None, metric: Metric | None = None, model: str = ""
) -> Verdict:
    """The given threshold, or the card's if the distance is in the card's metric, applies."""
    if threshold is not None and not math.isfinite(threshold):
        raise MisuseError(f"a threshold is a finite number, not {threshold}")
    limit = math.nan
    source = NO_THRESHOLD
    if card is not None and (metric or card.metric) == card.metric and card.has_threshold:
        limit, source = card.threshold, card.threshold_source
    if threshold is not None:
        limit, source = threshold, BY_HAND
    return Verdict(
        distance, limit, metric or (card.metric if card else "euclidean"), card.name if card else model, source
    )


check_picture_path = drawing.check


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


def _jpeg(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()
