"""Crop labelled faces for training, from a folder per person or from a gallery."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nitakao.errors import GeometryError, MisuseError, PhotoError, TrainingError
from nitakao.tasks.arguments import GalleryLike, load_card, open_gallery
from nitakao.values import Chip, CropRule, DetectorSettings, FaceFilter, FaceRecord, Floats, Pixels

if TYPE_CHECKING:  # these load ONNX Runtime, OpenCV and SQLAlchemy: not before there is work
    from nitakao.training.dataset import LabelledPicture
    from nitakao.training.loop import Event
    from nitakao.training.splits import Examples
    from nitakao.training.validation import ValidationPairs

LABEL_NOISE = "label-noise.csv"
BATCH = 256  # chips read at a time


@dataclass(frozen=True)
class Progress:
    """Callbacks of a training.

    Args:
        on_message: Called with messages for the user.
        on_picture: Called after each picture is cropped, with the number of pictures.
        on_event: Called after each step and validation.
    """

    on_message: Callable[[str], None] = lambda text: None
    on_picture: Callable[[int], None] = lambda total: None
    on_event: Callable[[Event], None] = lambda event: None


def crop_folder(
    folder: Path,
    people: Sequence[str],
    cache: Path,
    rule: CropRule,
    detector: DetectorSettings | None,
    progress: Progress,
) -> tuple[Examples, Sequence[LabelledPicture]]:
    """Crop the faces of the people in a folder. Returns the crops, and the pictures."""
    from nitakao.training import dataset

    pictures = dataset.find_pictures(folder, people, progress.on_message)

    def on_picture() -> None:
        progress.on_picture(len(pictures))

    crops = dataset.crop_pictures(
        pictures, cache, rule, detector=detector, on_message=progress.on_message, on_picture=on_picture
    )
    return crops, pictures


def crop_gallery(place: GalleryLike, cache: Path, rule: CropRule, progress: Progress) -> Examples:
    """Crop the faces of all named people of a gallery from its chips. Hidden people are left out."""
    from nitakao.gallery import faces
    from nitakao.training.crop_cache import CropCache
    from nitakao.training.splits import make_examples

    rows = []
    with open_gallery(place) as gallery, CropCache(cache, rule, "gallery") as crops:
        named = list(faces.stream(gallery, FaceFilter(named=True)))
        names = _unique_names(named)
        for start in range(0, len(named), BATCH):
            batch = named[start : start + BATCH]
            chips = faces.chips(gallery, [face.id for face in batch])
            for face in batch:
                chip = chips.get(face.id)
                stamp = "" if chip is None else hashlib.sha256(chip.jpeg).hexdigest()
                picture = f"face {face.id}"
                entry = crops.get(picture, stamp) or crops.add(picture, stamp, *_crop_chip(chip, face, rule))
                if entry.row < 0:
                    progress.on_message(entry.problem)
                else:
                    rows.append((names[face.person_id], picture, entry.row))
                progress.on_picture(len(named))
        crops.flush()
        pixels = crops.pixels()
    if not rows:
        raise TrainingError("the gallery has no named people with faces: name people first ('nitakao people name')")
    return make_examples(pixels, rows)


def crop_pairs(
    pairs: Path, folder: Path, cache: Path, rule: CropRule, detector: DetectorSettings | None, progress: Progress
) -> tuple[Examples, ValidationPairs]:
    """Crop the faces of a list of pairs like LFW's pairs.txt.

    Pairs with a picture that is missing or has no face are left out and reported.
    """
    from nitakao import protocols
    from nitakao.training import dataset, validation
    from nitakao.training.dataset import LabelledPicture

    listed = protocols.read_pairs(pairs)
    paths = protocols.find_pictures(folder, listed.pictures)
    pictures = [LabelledPicture(p, path) for p, path in zip(listed.labels, paths, strict=True) if path is not None]
    if not pictures:
        raise MisuseError(
            f"'{folder}' has none of the pictures of '{pairs}': check that this is the folder of these pairs"
        )
    examples = dataset.crop_pictures(pictures, cache, rule, detector=detector, on_message=progress.on_message)
    sides = [(paths[a], paths[b]) for a, b in zip(listed.first.tolist(), listed.second.tolist(), strict=True)]
    usable = validation.listed_pairs(examples, sides)
    if missing := len(sides) - len(usable.same):
        progress.on_message(
            f"{missing} of {len(sides)} listed pairs have a picture that is missing or has no face: left out"
        )
    return examples, usable


def _unique_names(faces: Sequence[FaceRecord]) -> dict[int | None, str]:
    """The name of each person; people of the same name get their number appended."""
    names = {face.person_id: face.name for face in faces}
    counts = Counter(names.values())
    return {person: name if counts[name] == 1 else f"{name} ({person})" for person, name in names.items()}


def _crop_chip(chip: Chip | None, face: FaceRecord, rule: CropRule) -> tuple[Pixels | None, str]:
    """The crop, or None and why there is none."""
    from nitakao import photos

    if chip is None:
        return None, f"face {face.id} of '{face.name}' has no chip in the gallery: left out"
    try:
        return photos.crop_face(*photos.photo_from_chip(chip, face.face), rule), ""
    except (PhotoError, GeometryError) as error:
        return None, f"face {face.id} of '{face.name}' cannot be cropped: {error}"


def check_labels(
    pictures: Sequence[LabelledPicture],
    model: str,
    detector: DetectorSettings | None,
    folder: Path,
    progress: Progress,
) -> int:
    """List pictures with probably wrong labels in `folder`, by the vectors of a model. Returns their number."""
    from nitakao import pipeline
    from nitakao.pipeline import PipelineOptions
    from nitakao.training import label_noise
    from nitakao.training.splits import make_examples

    persons = {one.path: one.person for one in pictures}
    vectors: list[Floats] = []
    faces: list[tuple[str, str, int]] = []
    options = PipelineOptions(detector or DetectorSettings(), "central")
    for outcome in pipeline.run(list(persons), card=load_card(model), options=options):
        if outcome.faces:
            faces.append((persons[outcome.source], outcome.source, len(faces)))
            vectors.append(outcome.vectors[0])
    no_pixels = np.zeros((0, 1, 1, 3), np.uint8)
    noisy = label_noise.find_noisy_labels(np.stack(vectors), make_examples(no_pixels, faces)) if faces else []
    path = folder / LABEL_NOISE
    label_noise.write(path, noisy)
    if noisy:
        progress.on_message(f"{len(noisy)} of {len(faces)} pictures look more like somebody else: see '{path}'")
    return len(noisy)
