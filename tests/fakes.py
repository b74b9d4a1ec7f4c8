"""Stand-ins for what needs weights or real faces: a few lines each, 16 numbers a face."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from nitakao.pipeline import PipelineOptions
from nitakao.values import NO_FACE, CropRule, Face, ModelCard, Normalisation, Outcome

DIMENSION = 16
CARD = ModelCard(
    name="fake",
    title="Fake",
    network="fake",
    crop=CropRule("article", 32, margin=44),
    normalisation=Normalisation("fixed"),
    dimension=DIMENSION,
    files=(),
    threshold=1.0,
    threshold_source="made up for tests",
    commercial="allowed",
)


def face(number: int = 0, landmarks: bool = True) -> Face:
    left = 10.0 + 40 * number
    marks = np.array([[8, 8], [24, 8], [16, 16], [10, 24], [22, 24]], np.float32) + np.float32(left)
    return Face((left, left, left + 32, left + 32), 0.99 - 0.1 * number, marks if landmarks else None)


def vector(seed: str, dimension: int = DIMENSION) -> Any:
    """Unit length, always the same for the same seed."""
    start = int.from_bytes(hashlib.sha256(seed.encode("utf-8", "surrogatepass")).digest()[:4], "big")
    found = np.random.default_rng(start).normal(size=dimension).astype(np.float32)
    return found / np.linalg.norm(found)


def outcome(source: str, faces: int = 1, dimension: int = DIMENSION, landmarks: bool = True) -> Outcome:
    """One photograph of 200 x 100 with `faces` faces, or without any and with the reason."""
    return Outcome(
        source,
        size=(200, 100),
        sha256=hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest(),
        faces=tuple(face(n, landmarks) for n in range(faces)),
        vectors=np.array([vector(f"{source}{n}", dimension) for n in range(faces)], np.float32).reshape(
            faces, dimension
        ),
        status="ok" if faces else "no-face",
        problem="" if faces else NO_FACE,
    )


def run(
    sources: Iterable[str], *, options: PipelineOptions = PipelineOptions(), keep_crops: bool = False, **_: Any
) -> Iterator[Outcome]:
    """Stands for pipeline.run: a file's name tells what is in it (none..., unreadable..., group... or one face)."""
    for source in sources:
        name = source.rpartition("/")[2]
        if name.startswith("unreadable"):
            yield Outcome(source, status="unreadable", problem=f"'{source}' is not a picture")
            continue
        found = outcome(source, 0 if name.startswith("none") else 3 if name.startswith("group") else 1)
        kept = len(found.faces) if options.faces in (None, "all") else min(1, len(found.faces))
        crops = np.full((kept, 32, 32, 3), 128, np.uint8) if keep_crops else None
        yield replace(
            found, faces=found.faces[:kept], vectors=found.vectors[:kept], crops=crops, found=len(found.faces)
        )
