"""Save aligned crops of faces as a data set, as align_dataset_mtcnn and align-dlib do."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from nitakao import geometry
from nitakao.errors import GeometryError, MisuseError, NitakaoError, PhotoError
from nitakao.pipeline import PipelineOptions
from nitakao.report import drawing, files
from nitakao.values import CropRule, Face, Outcome

SIZE, MARGIN = 182, 44.0  # px; align_dataset_mtcnn.py's defaults
JOURNAL, BOXES = "alignment.jsonl", "bounding_boxes.txt"
ENDINGS = (".png", ".jpg")
SETTINGS = "alignment"  # the key that identifies the journal's first line


@dataclass(frozen=True)
class CropFormat:
    """How faces are cropped and saved.

    Attributes:
        rule: The crop rule, as on a model's card. The default is the article's: 182 pixels with a margin of 44.
        ending: '.png' or '.jpg'.

    Raises:
        MisuseError: For any other ending.
    """

    rule: CropRule = field(default_factory=lambda: CropRule("article", SIZE, MARGIN))
    ending: str = ".png"

    def __post_init__(self) -> None:
        if self.ending not in ENDINGS:
            raise MisuseError(f"crops are written as {' or '.join(ENDINGS)}, not {self.ending}")


@dataclass
class AlignCounts:
    """What `align` did so far.

    Attributes:
        pictures: Pictures processed.
        crops: Crops written.
        before: Pictures that an earlier run finished.
        without_faces: Pictures without a face.
        unreadable: Pictures that could not be read.
        problems: A sentence for each of these.
    """

    pictures: int = 0
    crops: int = 0
    before: int = 0
    without_faces: int = 0
    unreadable: int = 0
    problems: list[str] = field(default_factory=list)


def align(
    folder: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    crop_format: CropFormat = CropFormat(),
    options: PipelineOptions = PipelineOptions(),
    overwrite: bool = False,
    started: Callable[[int], None] = lambda pictures: None,
    watch: Callable[[Outcome], None] = lambda outcome: None,
    counts: AlignCounts | None = None,
) -> AlignCounts:
    """Save the face in each picture below `folder` as a crop below `output`, in the same folders: PERSON/NAME.png.

    A run that was stopped continues where it was: pictures in the journal, `alignment.jsonl`, are skipped.
    `bounding_boxes.txt` has one line per crop, as align_dataset_mtcnn writes it: path, and box in pixels.

    Args:
        folder: The pictures.
        output: Folder for the crops, outside `folder`.
        crop_format: How to crop and save faces.
        options: How to detect faces; the largest face by default. With 'all', each face is saved as NAME_0.png,
            NAME_1.png and so on.
        overwrite: Align pictures again that are already in the journal.
        started: Called with the number of pictures to process.
        watch: Called with the outcome of each picture.
        counts: Updated in place, to be read after an interruption.

    Returns:
        The counts.

    Raises:
        MisuseError: If `output` is inside `folder`, or was written with other settings.
        PhotoError: If no picture could be read.
    """
    counts = AlignCounts() if counts is None else counts
    options = replace(options, faces=options.faces or "largest")
    source, target = Path(folder), Path(output)
    pictures = list(_find_pictures(source, target))
    journal = _Journal(target, _settings(crop_format, options))
    names = [name for name in pictures if overwrite or not journal.has(name)]
    counts.before = len(pictures) - len(names)
    started(len(names))
    with journal:
        _align_pictures(source, names, journal, crop_format, options, watch, counts)
    if counts.unreadable and counts.unreadable == len(pictures):
        raise PhotoError(f"none of the {len(pictures)} pictures could be read")
    return counts


def _find_pictures(source: Path, target: Path) -> Iterator[str]:
    """Yield the paths of the pictures relative to `source`, with '/' between their parts."""
    from nitakao import photos

    if not source.is_dir():
        raise MisuseError(f"no such folder: '{source}'")
    if target.resolve().is_relative_to(source.resolve()):
        raise MisuseError(f"'{target}' lies within '{source}', where crops would be taken for pictures")
    for path in photos.find([str(source)]):
        yield os.path.relpath(path, source).replace(os.sep, "/")


def _settings(crop_format: CropFormat, options: PipelineOptions) -> dict[str, Any]:
    """The first line of the journal."""
    rules = {"crop": asdict(crop_format.rule), "detector": asdict(options.detector)}
    as_json: dict[str, Any] = json.loads(json.dumps(rules))
    return {SETTINGS: 1, **as_json, "faces": options.faces, "ending": crop_format.ending}


def _align_pictures(
    source: Path,
    names: list[str],
    journal: _Journal,
    crop_format: CropFormat,
    options: PipelineOptions,
    watch: Callable[[Outcome], None],
    counts: AlignCounts,
) -> None:
    from nitakao import pipeline

    paths = [str(source / name) for name in names]
    outcomes = pipeline.run(paths, rule=crop_format.rule, options=options, keep_crops=True)
    with closing(outcomes):  # ends the pipeline's threads first on Ctrl-C
        for name, outcome in zip(names, outcomes, strict=True):
            counts.pictures += 1
            if outcome.faces:
                crops = _save_crops(journal, name, outcome, crop_format, numbered=options.faces == "all")
                counts.crops += len(crops)
                journal.add(name, crops)
            elif outcome.status == "no-face":
                counts.without_faces += 1
                journal.add(name, [])
            else:  # not in the journal: the next run tries again
                counts.unreadable += 1
                counts.problems.append(outcome.complaint)
            watch(outcome)


def _save_crops(
    journal: _Journal, name: str, outcome: Outcome, crop_format: CropFormat, *, numbered: bool
) -> list[dict[str, Any]]:
    """Save the crops of a picture, and return the journal's records of them."""
    assert outcome.crops is not None  # the pipeline ran with a crop rule
    base = journal.crop_path(name)
    records = []
    for number, (face, crop) in enumerate(zip(outcome.faces, outcome.crops, strict=True)):
        file = f"{base}_{number}{crop_format.ending}" if numbered else f"{base}{crop_format.ending}"
        path = journal.folder / file
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NitakaoError(f"'{path.parent}' cannot be made: {error.strerror or error}") from error
        drawing.save(path, crop)
        box = crop_box(face, crop_format.rule, outcome.size)
        records.append({"file": file, "box": box, "score": round(face.score, 6)})
    return records


def crop_box(face: Face, rule: CropRule, size: tuple[int, int]) -> list[int]:
    """The part of a picture of this (width, height) that a crop shows: x1, y1, x2, y2 in whole pixels.

    For a crop by landmarks ('template'), the face's own box.
    """
    try:
        if rule.kind == "article":
            return list(geometry.article_box(face.box, rule.margin, size))
        if rule.kind == "margin":
            return list(geometry.margin_box(face.box, rule.margin, rule.size, size))
    except GeometryError:
        pass
    return [round(v) for v in face.box]


class _Journal:
    """The finished pictures: one line of JSON with the settings, then one per picture.

    A picture's crops are written before its line, so a killed run loses nothing.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder = folder
        self._settings = settings
        self._done: dict[str, list[dict[str, Any]]] = {}
        self._owner: dict[str, str] = {}  # the picture of each crop path without ending
        self._file: TextIO | None = None
        if (folder / JOURNAL).exists():
            self._read()

    def has(self, name: str) -> bool:
        """Whether a picture is finished and its crops still exist."""
        records = self._done.get(name)
        return records is not None and all((self.folder / each["file"]).is_file() for each in records)

    def crop_path(self, name: str) -> str:
        """The path of a picture's crop without its ending, which is unique among the pictures."""
        stem, own_ending = os.path.splitext(name)
        for base in (stem, f"{stem}-{own_ending[1:]}"):
            if self._owner.setdefault(base, name) == name:
                return base
        raise MisuseError(f"'{name}' and '{self._owner[stem]}' would be written to one place: rename one of them")

    def add(self, name: str, records: list[dict[str, Any]]) -> None:
        """Record a finished picture."""
        self._done[name] = records
        self._write_line({"picture": name, "crops": records})

    def __enter__(self) -> _Journal:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = open(self.folder / JOURNAL, "a", encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            raise NitakaoError(f"'{self.folder}' cannot be written to: {error.strerror or error}") from error
        if self._file.tell() == 0:
            self._write_line(self._settings)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._file is not None  # __enter__ opened it
        self._file.close()
        with files.open_atomic_file(self.folder / BOXES, "list of boxes") as file:
            for name in sorted(self._done):
                file.write(_format_boxes(name, self._done[name]).encode("utf-8", "surrogateescape"))

    def _write_line(self, record: dict[str, Any]) -> None:
        assert self._file is not None  # __enter__ opened it
        try:
            self._file.write(json.dumps(record, ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise NitakaoError(f"'{self.folder / JOURNAL}' cannot be written: {error.strerror or error}") from error

    def _read(self) -> None:
        path = self.folder / JOURNAL
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        whole = text[: text.rfind("\n") + 1]  # a killed run may have cut the last line short
        try:
            first, *rest = [json.loads(line) for line in whole.splitlines()] or [self._settings]
            records = {line["picture"]: line["crops"] for line in rest}
        except (ValueError, TypeError, KeyError) as error:
            raise MisuseError(f"'{path}' is damaged, or not nitakao's: choose another folder") from error
        if first != self._settings:
            changed = ", ".join(key for key in self._settings if first.get(key) != self._settings[key])
            raise MisuseError(f"'{self.folder}' was aligned with other settings ({changed}): choose another folder")
        if len(whole) < len(text):
            path.write_text(whole, encoding="utf-8", errors="surrogateescape")
        self._done = records
        for name, crops in records.items():
            stem, own_ending = os.path.splitext(name)
            doubled = f"{stem}-{own_ending[1:]}"
            taken = any(each["file"].startswith(doubled) for each in crops)
            self._owner[doubled if taken else stem] = name


def _format_boxes(name: str, records: list[dict[str, Any]]) -> str:
    """The lines of a picture in align_dataset_mtcnn's format; only its name if it has no face."""
    if not records:
        return f"{name}\n"
    return "".join(f"{each['file']} {' '.join(map(str, each['box']))}\n" for each in records)
