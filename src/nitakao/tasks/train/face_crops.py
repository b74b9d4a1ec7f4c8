"""Faces of people who are known, cut out for training: from folders that bear their names, or from a gallery."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nitakao.errors import GeometryError, MisuseError, PhotoError, TrainingError
from nitakao.pipeline import PipelineOptions
from nitakao.tasks.arguments import Place, card_of, opened
from nitakao.values import Chip, CropRule, DetectorSettings, FaceFilter, FaceRecord, Floats, Pixels

if TYPE_CHECKING:  # these load ONNX Runtime, OpenCV and SQLAlchemy: not before there is work
    from nitakao.training.dataset import Portrait
    from nitakao.training.splits import Examples
    from nitakao.training.validation import Pairs

NOISE = "label-noise.csv"
READ = 256  # chips that are read together


@dataclass(frozen=True)
class Watching:
    """What is told while faces are cut out. say: a sentence that matters.  cut: one more was looked at, of so many."""

    say: Callable[[str], None] = lambda text: None
    cut: Callable[[int], None] = lambda total: None


def of_folder(
    folder: Path,
    people: Sequence[str],
    place: Path,
    rule: CropRule,
    detector: DetectorSettings | None,
    watch: Watching,
) -> tuple[Examples, Sequence[Portrait]]:
    """Faces of the people whose folders lie in this one, kept in `place`; and the pictures that were looked at."""
    from nitakao.training import dataset

    portrayed = dataset.portraits(folder, people, watch.say)

    def step() -> None:
        watch.cut(len(portrayed))

    return dataset.cut(portrayed, place, rule, detector=detector, say=watch.say, step=step), portrayed


def of_gallery(gallery: Place, place: Path, rule: CropRule, watch: Watching) -> Examples:
    """Faces of everybody with a name, cut out of the chips that the gallery keeps; hidden people are left out."""
    from nitakao.gallery import faces
    from nitakao.training.crop_cache import Crops
    from nitakao.training.splits import gathered

    found = []
    with opened(gallery) as opened_gallery, Crops(place, rule, "gallery") as crops:
        named = list(faces.stream(opened_gallery, FaceFilter(named=True)))
        names = _names(named)
        for start in range(0, len(named), READ):
            block = named[start : start + READ]
            chips = faces.chips(opened_gallery, [one.id for one in block])
            for one in block:
                chip = chips.get(one.id)
                mark = "" if chip is None else hashlib.sha256(chip.jpeg).hexdigest()
                picture = f"face {one.id}"
                cut = crops.known(picture, mark) or crops.add(picture, mark, *_from_chip(chip, one, rule))
                if cut.row < 0:
                    watch.say(cut.problem)
                else:
                    found.append((names[one.person_id], picture, cut.row))
                watch.cut(len(named))
        crops.flush()
        pixels = crops.pixels()
    if not found:
        raise TrainingError("the gallery has nobody with a name and a face: name people first ('nitakao people name')")
    return gathered(pixels, found)


def of_pairs(
    listed: Path, folder: Path, place: Path, rule: CropRule, detector: DetectorSettings | None, watch: Watching
) -> tuple[Examples, Pairs]:
    """Faces of the pictures that a list in LFW's layout names in `folder`, and its pairs of them.

    Pairs with a picture that is not there, or shows no face, are left out and counted.
    """
    from nitakao import protocols
    from nitakao.training import dataset, validation
    from nitakao.training.dataset import Portrait

    asked = protocols.read_pairs(listed)
    paths = protocols.find_pictures(folder, asked.pictures)
    known = [Portrait(who, path) for who, path in zip(asked.labels, paths, strict=True) if path is not None]
    if not known:
        raise MisuseError(
            f"'{folder}' has none of the pictures that '{listed}' names: is this the folder of these pairs?"
        )
    examples = dataset.cut(known, place, rule, detector=detector, say=watch.say)
    named = [(paths[a], paths[b]) for a, b in zip(asked.first.tolist(), asked.second.tolist(), strict=True)]
    pairs = validation.listed(examples, named)
    if lost := len(named) - len(pairs.same):
        watch.say(f"{lost} of {len(named)} listed pairs have a picture that is not there or shows no face: left out")
    return examples, pairs


def _names(named: Sequence[FaceRecord]) -> dict[int | None, str]:
    """What each person is called; two of one name are told apart by their numbers."""
    called = {one.person_id: one.name for one in named}
    often = Counter(called.values())
    return {person: name if often[name] == 1 else f"{name} ({person})" for person, name in called.items()}


def _from_chip(chip: Chip | None, one: FaceRecord, rule: CropRule) -> tuple[Pixels | None, str]:
    from nitakao import photos

    if chip is None:
        return None, f"face {one.id} of '{one.name}' has no chip in the gallery: left out"
    try:
        return photos.crop_face(*photos.photo_from_chip(chip, one.face), rule), ""
    except (PhotoError, GeometryError) as error:
        return None, f"face {one.id} of '{one.name}' cannot be cut out: {error}"


def doubted(
    portrayed: Sequence[Portrait], model: str, detector: DetectorSettings | None, folder: Path, watch: Watching
) -> int:
    """How many pictures seem to stand under the wrong name, by a model that knows faces already; listed in `folder`."""
    from nitakao import pipeline
    from nitakao.training import label_noise
    from nitakao.training.splits import gathered

    names = {one.path: one.name for one in portrayed}
    vectors: list[Floats] = []
    faces: list[tuple[str, str, int]] = []
    options = PipelineOptions(detector or DetectorSettings(), "central")
    for outcome in pipeline.run(list(names), card=card_of(model), options=options):
        if outcome.faces:
            faces.append((names[outcome.source], outcome.source, len(faces)))
            vectors.append(outcome.vectors[0])
    nothing = np.zeros((0, 1, 1, 3), np.uint8)
    found = label_noise.suspects(np.stack(vectors), gathered(nothing, faces)) if faces else []
    label_noise.write(folder / NOISE, found)
    if found:
        watch.say(f"{len(found)} of {len(faces)} pictures look more like somebody else: see '{folder / NOISE}'")
    return len(found)
