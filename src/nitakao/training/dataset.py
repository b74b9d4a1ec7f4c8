"""From a folder for each person to crops of their faces, as davidsandberg's and OpenFace's users lay out theirs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nitakao import photos, pipeline
from nitakao.errors import MisuseError, TrainingError
from nitakao.models.onnx.session import Device
from nitakao.photos.find import walk_folder
from nitakao.pipeline import PipelineOptions
from nitakao.training import crop_cache as kept
from nitakao.training.crop_cache import Crops, Cut
from nitakao.training.splits import Examples, gathered, listed
from nitakao.values import Choice, CropRule, DetectorSettings

Say = Callable[[str], None]


@dataclass(frozen=True)
class Portrait:
    """A picture and who is on it.  name: of the person.  path: of the file."""

    name: str
    path: str


def portraits(folder: Path, only: Sequence[str] = (), say: Say = lambda text: None) -> list[Portrait]:
    """The pictures in each folder within this one, which bears the person's name, in the order of names.

    only: these people and no others.  Raises TrainingError where there is nobody, MisuseError where `folder` is none.
    """
    if not folder.is_dir():
        raise MisuseError(f"'{folder}' is no folder: name one that holds a folder of pictures for each person")
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))
    if missing := sorted(set(only) - set(names)):
        raise TrainingError(f"'{folder}' has no folder for {listed(missing)}")
    found: list[Portrait] = []
    for name in names:
        if only and name not in only:
            continue
        pictures = sorted(path for path in walk_folder(str(folder / name)) if not photos.looks_like_video(path))
        if not pictures:
            say(f"'{name}' has no picture: left out")
        found += [Portrait(name, path) for path in pictures]
    if not found:
        raise TrainingError(f"'{folder}' holds no folders with pictures in them: a training needs one for each person")
    return found


def cut(
    portrayed: Sequence[Portrait],
    folder: Path,
    rule: CropRule,
    *,
    detector: DetectorSettings | None = None,
    choice: Choice = "central",
    device: Device | None = None,
    say: Say = lambda text: None,
    step: Callable[[], None] = lambda: None,
) -> Examples:
    """A crop of each person's face on each picture; those that lie in `folder` already are taken from there.

    Pictures that cannot be read or show no face are named to `say`, and so are people who have none left.
    choice: which face is theirs where there are several.  step: called once a picture.
    """
    settings = detector or DetectorSettings()
    with Crops(folder, rule, f"{settings} {choice}") as crops:
        marks = {one.path: kept.stamp(Path(one.path)) for one in portrayed}
        cuts = {path: known for path, mark in marks.items() if (known := crops.known(path, mark)) is not None}
        for known in cuts.values():
            _told(known, say)
            step()
        waiting = [path for path in marks if path not in cuts]
        options = PipelineOptions(settings, choice, device)
        # The pipeline loads its detector when it starts: not where there is nothing to find.
        outcomes = pipeline.run(waiting, rule=rule, options=options) if waiting else []
        for outcome in outcomes:
            one = outcome.crops[0] if outcome.crops is not None and len(outcome.crops) else None
            made = crops.add(outcome.source, marks[outcome.source], one, "" if one is not None else outcome.complaint)
            cuts[outcome.source] = made
            _told(made, say)
            step()
        crops.flush()
        pixels = crops.pixels()
    faces = [(one.name, one.path, cuts[one.path].row) for one in portrayed if cuts[one.path].row >= 0]
    shown = {name for name, _, _ in faces}
    for name in sorted({one.name for one in portrayed} - shown):
        say(f"'{name}' has no picture with a face that can be used: left out")
    if not faces:
        raise TrainingError("no picture shows a face that can be used: there is nothing to train on")
    return gathered(pixels, faces)


def _told(cut: Cut, say: Say) -> None:
    if cut.row < 0:
        say(cut.problem)
