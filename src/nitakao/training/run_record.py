"""The record of a run: its settings and data, kept in its folder so that the run can be resumed."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from nitakao.errors import MisuseError, TrainingError
from nitakao.system import atomic_write
from nitakao.training import checkpoints
from nitakao.training.settings import TrainingData, TrainingSettings, dumps, loads
from nitakao.training.splits import Split
from nitakao.values import DetectorSettings

SETTINGS, DATA = "settings.json", "data.json"


def exists(folder: Path) -> bool:
    """Whether this is the folder of a run."""
    return (folder / SETTINGS).is_file() and (folder / DATA).is_file()


def create_folder(folder: Path) -> None:
    """Create the folder of a new run. Raises MisuseError where it has a run already."""
    if checkpoints.exists(folder):
        raise MisuseError(f"'{folder}' has a run already: continue it with --resume, or give another folder with -o")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"cannot create '{folder}': {error.strerror or error}") from error


def absolute(data: TrainingData) -> TrainingData:
    """The data with absolute paths."""
    paths = {name: getattr(data, name) for name in ("folder", "pairs", "pairs_folder", "crops")}
    return replace(data, **{name: os.path.abspath(path) for name, path in paths.items() if path is not None})


def write(folder: Path, settings: TrainingSettings, data: TrainingData) -> None:
    """Write the record."""
    try:
        atomic_write.write_atomic(folder / SETTINGS, dumps(settings).encode("utf-8"), durable=True)
        content = (json.dumps(asdict(data), indent=1) + "\n").encode("utf-8")
        atomic_write.write_atomic(folder / DATA, content, durable=True)
    except OSError as error:
        raise TrainingError(f"cannot write to '{folder}': {error.strerror or error}") from error


def read(folder: Path) -> tuple[TrainingSettings, TrainingData]:
    """Read the record. Raises TrainingError where it is missing or malformed."""
    if not exists(folder):
        raise TrainingError(f"'{folder}' has no run to resume")
    try:
        settings = loads((folder / SETTINGS).read_text("utf-8"), str(folder / SETTINGS))
        values = json.loads((folder / DATA).read_text("utf-8"))
        values |= {"people": tuple(values["people"]), "detector": _detector(values["detector"])}
        return settings, TrainingData(**values)
    except (OSError, ValueError, KeyError, TypeError, MisuseError) as error:
        raise TrainingError(f"the {DATA} of the run in '{folder}' cannot be read: {str(error)[:200]}") from error


def _detector(values: dict[str, Any] | None) -> DetectorSettings | None:
    if values is None:
        return None
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return DetectorSettings(**fields)


def fingerprint(settings: TrainingSettings, split: Split) -> str:
    """Identifies a run's settings, people and pictures, wherever the pictures are stored."""
    digest = hashlib.sha256()
    for part in (split.training, split.held_out):
        for person, picture in zip(part.labels.tolist(), part.pictures, strict=True):
            line = f"{part.people[person]}\0{os.path.basename(picture)}\0"
            digest.update(line.encode("utf-8", "surrogateescape"))
    return dumps(settings) + digest.hexdigest()


def check(folder: Path, fingerprint: str) -> None:
    """Raise TrainingError where the run's checkpoint has another fingerprint."""
    if checkpoints.load(folder)["settings"] != fingerprint:
        raise TrainingError(
            f"the pictures are not those that the run in '{folder}' started with: restore them, or start a new run "
            f"from its weights with --from '{folder}'"
        )
