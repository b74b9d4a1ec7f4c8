"""A data set of aligned crops, for training and for other programs, as align_dataset_mtcnn and align-dlib write it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from nitakao import geometry
from nitakao.errors import GeometryError, MisuseError, NitakaoError, PhotoError
from nitakao.pipeline import PipelineOptions
from nitakao.report import drawing, files
from nitakao.values import Choice, CropRule, DetectorSettings, Face, Outcome

if TYPE_CHECKING:  # these load ONNX Runtime and OpenCV: not before there is work
    from nitakao.models.onnx.session import Device

SIZE, MARGIN = 182, 44.0  # px; align_dataset_mtcnn.py's defaults
JOURNAL, BOXES = "alignment.jsonl", "bounding_boxes.txt"
ENDINGS = (".png", ".jpg")
SETTINGS = "alignment"  # what the journal's first line is known by


@dataclass
class Aligned:
    """What became of the pictures.  crops: that were written; before: pictures that were done already."""

    pictures: int = 0
    crops: int = 0
    before: int = 0
    without_faces: int = 0
    unreadable: int = 0
    problems: list[str] = field(default_factory=list)


def align(
    folder: str | os.PathLike[str],
    into: str | os.PathLike[str],
    *,
    rule: CropRule | None = None,
    detector: DetectorSettings | None = None,
    choice: Choice = "largest",
    ending: str = ".png",
    again: bool = False,
    device: Device | None = None,
    started: Callable[[int], None] = lambda pictures: None,
    watch: Callable[[Outcome], None] = lambda outcome: None,
    tally: Aligned | None = None,
) -> Aligned:
    """Write the face in each picture below `folder` as a crop below `into`, folders kept: PERSON/NAME.png.

    rule: how faces are cut, as on a model's card; None: the article's, 182 pixels with a margin of 44.
    choice: with 'all', each face is written, as NAME_0.png, NAME_1.png.  ending: .png or .jpg.
    Runs on where it was stopped: what `alignment.jsonl` tells of is left alone, unless `again`.  bounding_boxes.txt has
    a line for each crop, as align_dataset_mtcnn writes it: its path, and what it shows of the picture in pixels.
    watch: is shown every picture's outcome.  tally: counted in place, so that it can be looked at after Ctrl-C.
    Raises MisuseError where `into` lies within `folder`, or was made with other settings.
    """
    tally = Aligned() if tally is None else tally
    source, target = Path(folder), Path(into)
    rule = rule or CropRule("article", SIZE, MARGIN)
    detector = detector or DetectorSettings()
    if ending not in ENDINGS:
        raise MisuseError(f"crops are written as {' or '.join(ENDINGS)}, not {ending}")
    pictures = list(_pictures(source, target))
    journal = _Journal(target, _settings(rule, detector, choice, ending))
    left = [name for name in pictures if again or not journal.has(name)]
    tally.before = len(pictures) - len(left)
    started(len(left))
    with journal:
        _write(source, left, journal, (rule, detector, choice, ending, device), watch, tally)
    if tally.unreadable and tally.unreadable == len(pictures):
        raise PhotoError(f"none of the {len(pictures)} pictures could be read")
    return tally


def _pictures(source: Path, target: Path) -> Iterator[str]:
    """The pictures' paths below `source`, with '/' between their parts."""
    from nitakao import photos

    if not source.is_dir():
        raise MisuseError(f"no such folder: '{source}'")
    if target.resolve().is_relative_to(source.resolve()):
        raise MisuseError(f"'{target}' lies within '{source}': crops would be taken for pictures there")
    for path in photos.find([str(source)]):
        yield os.path.relpath(path, source).replace(os.sep, "/")


def _settings(rule: CropRule, detector: DetectorSettings, choice: Choice, ending: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(json.dumps({"crop": asdict(rule), "detector": asdict(detector)}))
    return {SETTINGS: 1, **told, "faces": choice, "ending": ending}


def _write(
    source: Path,
    names: list[str],
    journal: _Journal,
    how: tuple[CropRule, DetectorSettings, Choice, str, Device | None],
    watch: Callable[[Outcome], None],
    tally: Aligned,
) -> None:
    from nitakao import pipeline

    rule, detector, choice, ending, device = how
    paths = [str(source / name) for name in names]
    outcomes = pipeline.run(paths, rule=rule, options=PipelineOptions(detector, choice, device), keep_crops=True)
    with closing(outcomes):  # on Ctrl-C, its threads end before we do
        for name, outcome in zip(names, outcomes, strict=True):
            tally.pictures += 1
            if outcome.faces:
                crops = _saved(journal, name, outcome, rule, ending, numbered=choice == "all")
                tally.crops += len(crops)
                journal.add(name, crops)
            elif outcome.status == "no-face":
                tally.without_faces += 1
                journal.add(name, [])
            else:  # not in the journal: it may be mended until the next time
                tally.unreadable += 1
                tally.problems.append(outcome.complaint)
            watch(outcome)


def _saved(
    journal: _Journal, name: str, outcome: Outcome, rule: CropRule, ending: str, *, numbered: bool
) -> list[dict[str, Any]]:
    """Write the crops of a picture. What the journal tells of each."""
    assert outcome.crops is not None  # a rule asks for them
    base = journal.free(name, ending)
    made = []
    for number, (face, crop) in enumerate(zip(outcome.faces, outcome.crops, strict=True)):
        file = f"{base}_{number}{ending}" if numbered else f"{base}{ending}"
        path = journal.folder / file
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NitakaoError(f"'{path.parent}' cannot be made: {error.strerror or error}") from error
        drawing.save(path, crop)
        made.append({"file": file, "box": shown(face, rule, outcome.size), "score": round(face.score, 6)})
    return made


def shown(face: Face, rule: CropRule, size: tuple[int, int]) -> list[int]:
    """What a crop shows of a picture, x1, y1, x2, y2 in whole pixels; of a template, the face's own box."""
    try:
        if rule.kind == "article":
            return list(geometry.article_box(face.box, rule.margin, size))
        if rule.kind == "margin":
            return list(geometry.margin_box(face.box, rule.margin, rule.size, size))
    except GeometryError:
        pass
    return [round(v) for v in face.box]


class _Journal:
    """What is done, a line of JSON for each picture, below a line with the settings.

    A picture's crops are on the disk before its line is, so that a run that is killed loses nothing and doubts nothing.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder = folder
        self._settings = settings
        self._done: dict[str, list[dict[str, Any]]] = {}
        self._owner: dict[str, str] = {}  # of each crop's path without its ending, the picture
        self._file: TextIO | None = None
        if (folder / JOURNAL).exists():
            self._read()

    def has(self, name: str) -> bool:
        """Whether a picture is done, and its crops are still there."""
        made = self._done.get(name)
        return made is not None and all((self.folder / each["file"]).is_file() for each in made)

    def free(self, name: str, ending: str) -> str:
        """The path of a picture's crop, without ending: the picture's own, unless another picture has that."""
        stem, own_ending = os.path.splitext(name)
        for base in (stem, f"{stem}-{own_ending[1:]}"):
            if self._owner.setdefault(base, name) == name:
                return base
        raise MisuseError(f"'{name}' and '{self._owner[stem]}' would be written to one place: rename one of them")

    def add(self, name: str, made: list[dict[str, Any]]) -> None:
        """Note a picture as done."""
        self._done[name] = made
        self._line({"picture": name, "crops": made})

    def __enter__(self) -> _Journal:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = open(self.folder / JOURNAL, "a", encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            raise NitakaoError(f"'{self.folder}' cannot be written to: {error.strerror or error}") from error
        if self._file.tell() == 0:
            self._line(self._settings)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._file is not None  # __enter__ opened it
        self._file.close()
        with files.open_atomic_file(self.folder / BOXES, "list of boxes") as file:
            for name in sorted(self._done):
                file.write(_boxes(name, self._done[name]).encode("utf-8", "surrogateescape"))

    def _line(self, record: dict[str, Any]) -> None:
        assert self._file is not None  # __enter__ opened it
        try:
            self._file.write(json.dumps(record, ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise NitakaoError(f"'{self.folder / JOURNAL}' cannot be written: {error.strerror or error}") from error

    def _read(self) -> None:
        path = self.folder / JOURNAL
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        whole = text[: text.rfind("\n") + 1]  # a kill may have cut the last line short
        try:
            first, *rest = [json.loads(line) for line in whole.splitlines()] or [self._settings]
            made = {line["picture"]: line["crops"] for line in rest}
        except (ValueError, TypeError, KeyError) as error:
            raise MisuseError(f"'{path}' is damaged, or not of nitakao: choose another folder") from error
        if first != self._settings:
            told = ", ".join(key for key in self._settings if first.get(key) != self._settings[key])
            raise MisuseError(f"'{self.folder}' was aligned with other settings ({told}): choose another folder")
        if len(whole) < len(text):
            path.write_text(whole, encoding="utf-8", errors="surrogateescape")
        self._done = made
        for name, crops in made.items():
            stem, own_ending = os.path.splitext(name)
            doubled = f"{stem}-{own_ending[1:]}"
            taken = any(each["file"].startswith(doubled) for each in crops)
            self._owner[doubled if taken else stem] = name


def _boxes(name: str, made: list[dict[str, Any]]) -> str:
    """The lines of a picture, as align_dataset_mtcnn has them; one without numbers where there is no face."""
    if not made:
        return f"{name}\n"
    return "".join(f"{each['file']} {' '.join(map(str, each['box']))}\n" for each in made)
