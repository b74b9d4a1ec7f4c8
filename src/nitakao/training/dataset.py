"""Crop the faces of a folder with one subfolder per person."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nitakao import photos, pipeline
from nitakao.errors import MisuseError, TrainingError
from nitakao.photos.find import walk_folder
from nitakao.pipeline import PipelineOptions
from nitakao.training.crop_cache import CropCache, file_stamp
from nitakao.training.splits import Examples, make_examples, quote_names
from nitakao.values import CropRule, DetectorSettings

OnMessage = Callable[[str], None]


@dataclass(frozen=True)
class LabelledPicture:
    """The path of a picture, and the name of its person."""

    person: str
    path: str


def find_pictures(
    folder: Path, only: Sequence[str] = (), on_message: OnMessage = lambda text: None
) -> list[LabelledPicture]:
    """Find the pictures in each person's subfolder, in order of names.

    Args:
        folder: Folder with one subfolder per person.
        only: Names of the people to include. Empty for all.
        on_message: Called for each person without pictures.

    Raises:
        MisuseError: If the folder does not exist.
        TrainingError: If there are no pictures, or a person of `only` is missing.
    """
    if not folder.is_dir():
        raise MisuseError(f"no such folder: '{folder}': give one with a subfolder of pictures per person")
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))
    if missing := sorted(set(only) - set(names)):
        raise TrainingError(f"'{folder}' has no folder for {quote_names(missing)}")
    pictures: list[LabelledPicture] = []
    for name in names:
        if only and name not in only:
            continue
        paths = sorted(path for path in walk_folder(str(folder / name)) if not photos.looks_like_video(path))
        if not paths:
            on_message(f"'{name}' has no pictures: left out")
        pictures += [LabelledPicture(name, path) for path in paths]
    if not pictures:
        raise TrainingError(f"'{folder}' has no subfolders with pictures: training needs one per person")
    return pictures


def crop_pictures(
    pictures: Sequence[LabelledPicture],
    cache: Path,
    rule: CropRule,
    *,
    detector: DetectorSettings | None = None,
    on_message: OnMessage = lambda text: None,
    on_picture: Callable[[], None] = lambda: None,
) -> Examples:
    """Crop the most central face of each picture. Crops in the cache are reused.

    Args:
        pictures: The pictures.
        cache: Folder of the crops.
        rule: How to crop faces.
        detector: The face detector. None: the default.
        on_message: Called for each picture and each person that is left out.
        on_picture: Called after each picture.

    Raises:
        TrainingError: If no picture has a usable face.
    """
    settings = detector or DetectorSettings()
    with CropCache(cache, rule, f"{settings} central") as crops:
        stamps = {one.path: file_stamp(Path(one.path)) for one in pictures}
        entries = {path: entry for path, stamp in stamps.items() if (entry := crops.get(path, stamp)) is not None}
        for entry in entries.values():
            if entry.row < 0:
                on_message(entry.problem)
            on_picture()
        missing = [path for path in stamps if path not in entries]
        options = PipelineOptions(settings, "central")
        # The pipeline loads its detector when it starts: only where pictures are left.
        for outcome in pipeline.run(missing, rule=rule, options=options) if missing else []:
            crop = outcome.crops[0] if outcome.crops is not None and len(outcome.crops) else None
            problem = outcome.complaint if crop is None else ""
            entries[outcome.source] = crops.add(outcome.source, stamps[outcome.source], crop, problem)
            if problem:
                on_message(problem)
            on_picture()
        crops.flush()
        pixels = crops.pixels()
    faces = [(one.person, one.path, entries[one.path].row) for one in pictures if entries[one.path].row >= 0]
    with_face = {person for person, _, _ in faces}
    for person in sorted({one.person for one in pictures} - with_face):
        on_message(f"'{person}' has no picture with a usable face: left out")
    if not faces:
        raise TrainingError("no picture has a usable face: there is nothing to train on")
    return make_examples(pixels, faces)
