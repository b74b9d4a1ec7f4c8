"""What a run is of, kept beside its checkpoints so that it can be gone on with by its folder alone."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nitakao.errors import MisuseError, TrainingError
from nitakao.system import atomic_write
from nitakao.training import checkpoints
from nitakao.training.settings import TrainingSettings, dumps, loads
from nitakao.training.splits import Split
from nitakao.values import DetectorSettings

SETTINGS, DATA = "settings.json", "data.json"


@dataclass(frozen=True)
class Data:
    """What a run is trained on, and begins with.

    folder: that holds a folder for each person, or None.  gallery: whose people are taken, or None.
    people: those of the folder who are taken; empty for all.
    pairs, pairs_folder: a list that the network is judged on too.
    crops: where faces are kept that were cut out.  begin: whose weights it begins with.  name: of the model.
    detector: fields of DetectorSettings, None for the default.
    """

    name: str
    folder: str | None = None
    gallery: str | None = None
    people: tuple[str, ...] = ()
    pairs: str | None = None
    pairs_folder: str | None = None
    crops: str | None = None
    begin: str | None = None
    detector: dict[str, Any] | None = None


def exists(folder: Path) -> bool:
    """Whether this is the folder of a run."""
    return (folder / SETTINGS).is_file() and (folder / DATA).is_file()


def prepare(folder: Path) -> None:
    """Make the folder of a new run. Raises MisuseError where it holds one already."""
    if checkpoints.exists(folder):
        raise MisuseError(f"'{folder}' holds a run already: go on with it by --resume, or name another folder with -o")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"'{folder}' cannot be made: {error.strerror or error}") from error


def write(folder: Path, settings: TrainingSettings, data: Data) -> None:
    try:
        atomic_write.write_atomic(folder / SETTINGS, dumps(settings).encode("utf-8"), durable=True)
        atomic_write.write_atomic(
            folder / DATA, (json.dumps(asdict(data), indent=1) + "\n").encode("utf-8"), durable=True
        )
    except OSError as error:
        raise TrainingError(f"'{folder}' cannot be written to: {error.strerror or error}") from error


def read(folder: Path) -> tuple[TrainingSettings, Data]:
    """What `write` wrote. Raises TrainingError where there is no run, or it cannot be read."""
    if not exists(folder):
        raise TrainingError(f"'{folder}' holds no run that could be gone on with")
    try:
        settings = loads((folder / SETTINGS).read_text("utf-8"), str(folder / SETTINGS))
        found = json.loads((folder / DATA).read_text("utf-8"))
        return settings, Data(**{**found, "people": tuple(found["people"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"'{folder}' holds a run whose {DATA} cannot be read: {str(error)[:200]}") from error


def detector(data: Data) -> DetectorSettings | None:
    """How faces are looked for in a run. Raises TrainingError where what is noted makes no sense."""
    if data.detector is None:
        return None
    try:
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.detector.items()}
        return DetectorSettings(**fields)
    except (TypeError, MisuseError) as error:
        raise TrainingError(f"the run's {DATA} names no detector: {str(error)[:200]}") from error


def told(settings: TrainingSettings, divided: Split) -> str:
    """What a checkpoint is of: its settings, and its people and pictures in their order, wherever they lie."""
    digest = hashlib.sha256()
    for part in (divided.trained, divided.judged):
        for person, picture in zip(part.labels.tolist(), part.pictures, strict=True):
            line = f"{part.people[person]}\0{os.path.basename(picture)}\0"
            digest.update(line.encode("utf-8", "surrogateescape"))
    return dumps(settings) + digest.hexdigest()


def check(folder: Path, said: str) -> None:
    """Raises TrainingError where the run's checkpoint is of other pictures than `told` says."""
    if checkpoints.load(folder)["settings"] != said:
        raise TrainingError(
            f"the pictures are not those that the run in '{folder}' began with: put them back, or start a new run from "
            f"its weights with --from '{folder}'"
        )
