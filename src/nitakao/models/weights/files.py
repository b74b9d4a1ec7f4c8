"""Locate weights files, download missing ones, and verify them before use."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from nitakao.errors import WeightsError
from nitakao.models.weights import download
from nitakao.models.weights.download import Progress
from nitakao.system import dirs
from nitakao.values import ModelCard, WeightsFile

NO_DOWNLOAD = "--model dlib-resnet and --detector mtcnn need no download"


@dataclass(frozen=True)
class WeightsStatus:
    """The state of a weights file. path: None if it is missing. problem: empty if the file is valid."""

    file: WeightsFile
    path: Path | None
    problem: str = ""


def locate(
    file: WeightsFile,
    *,
    given: Path | None = None,
    progress: Progress | None = None,
    opener: urllib.request.OpenerDirector | None = None,
) -> Path:
    """Find a weights file with `find`, or download it into the cache, and verify it.

    Args:
        file: From a card.
        given: A file to use instead, or a folder to search first.
        progress: Called with (bytes so far, total bytes) during a download.
        opener: Opens URLs; replaced by tests.

    Raises:
        WeightsError: If the file is damaged, has changed, or cannot be downloaded.
    """
    path = find(file, given)
    if path is None:
        path = _fetch(file, progress, opener)
    check(file, path)
    return path


def find(file: WeightsFile, given: Path | None = None) -> Path | None:
    """Search a file: as given, next to its card, in NITAKAO_MODELS, the user's models, the cache, and a package."""
    if given is not None and not given.is_dir():
        if not given.is_file():
            raise WeightsError(f"{given}: no such file or folder")
        return given
    beside = Path(file.folder) if file.folder else None
    for folder in (given, beside, *dirs.extra_models(), dirs.models(), _cache()):
        if folder is not None and (path := folder / file.name).is_file():
            return path
    return _in_package(file)


def check(file: WeightsFile, path: Path) -> None:
    """Verify a file against the card's size and hash, or, if the card has no hash, against its hash at first use.

    Raises:
        WeightsError: If it does not match.
    """
    try:
        size = path.stat().st_size
        if file.size and size != file.size:
            what = "truncated" if size < file.size else "too long"
            raise WeightsError(f"{path} is {what}: {size:,} of {file.size:,} bytes; {_remedy(file, path)}")
        digest = download.sha256(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
    if file.sha256 and digest != file.sha256:
        raise WeightsError(
            f"{path} is damaged or the wrong file: its sha256 is {digest[:16]}..., the card says "
            f"{file.sha256[:16]}...; {_remedy(file, path)}"
        )
    if not file.sha256 and digest not in file.known:
        _check_first_use(path, digest)


def verify(card: ModelCard) -> list[WeightsStatus]:
    """Inspect all files of a card. Downloads nothing."""
    return [inspect(file) for file in card.files]


def record_hash(path: Path) -> None:
    """Record the file's current hash as that of its first use, after an intended change."""
    _write_record(path, download.sha256(path))


def inspect(file: WeightsFile) -> WeightsStatus:
    """Find and verify a file. Downloads nothing."""
    path = find(file)
    if path is None:
        return WeightsStatus(file, None, _missing(file))
    try:
        check(file, path)
    except WeightsError as error:
        return WeightsStatus(file, path, str(error))
    return WeightsStatus(file, path)


def _cache() -> Path:
    return dirs.cache() / "models"


def _in_package(file: WeightsFile) -> Path | None:
    """The file in an installed package, without importing it: face_recognition_models can no longer be imported."""
    if not file.package:
        return None
    try:
        spec = importlib.util.find_spec(file.package)
    except ValueError:  # a module without a spec, such as __main__
        return None
    for root in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(root, *file.inside.split("/"))).is_file():
            return path
    return None


def _fetch(file: WeightsFile, progress: Progress | None, opener: urllib.request.OpenerDirector | None) -> Path:
    if offline() or not download.download_urls(file):
        raise WeightsError(_missing(file))
    try:
        return download.fetch(file, _cache(), progress=progress, opener=opener)
    except WeightsError as error:
        raise WeightsError(f"{error}; or put it in {dirs.models()} yourself; {NO_DOWNLOAD}") from error


def offline() -> bool:
    """Whether NITAKAO_OFFLINE forbids downloads."""
    return os.environ.get("NITAKAO_OFFLINE", "") not in ("", "0")


def _missing(file: WeightsFile) -> str:
    if file.package:
        return f"{file.name} is missing: pip install {file.package}, which includes it, or put it in {dirs.models()}"
    if not file.urls:
        return (
            f"{file.name} is missing and cannot be downloaded: create it with 'nitakao models import', or put it in "
            f"{dirs.models()}; {NO_DOWNLOAD}"
        )
    forbidden = " and NITAKAO_OFFLINE forbids downloads" if offline() else ""
    unpack = " (unpack it)" if file.urls[0].endswith(".bz2") and not file.name.endswith(".bz2") else ""
    return f"{file.name} is missing{forbidden}: put it in {dirs.models()}, from {file.urls[0]}{unpack}; {NO_DOWNLOAD}"


def _remedy(file: WeightsFile, path: Path) -> str:
    if path == _cache() / file.name:
        return "delete it to download it again"
    if file.package and path == _in_package(file):
        return f"pip install --force-reinstall --no-deps {file.package}"
    return "replace it with the right file, or delete it"


# --- trust on first use: hashes of files whose card has none ----------------------------------------------------------


def _check_first_use(path: Path, digest: str) -> None:
    for record_path in _records(path):
        try:
            first = record_path.read_text("ascii").split()[0]
        except (OSError, ValueError, IndexError):
            continue
        if first == digest:
            return
        raise WeightsError(
            f"{path} has changed since its first use: sha256 {first[:16]}... then, {digest[:16]}... now; restore the "
            f"old file, or delete {record_path} if the change is intended"
        )
    _write_record(path, digest)


def _write_record(path: Path, digest: str) -> None:
    """Write the hash next to the file, or to the cache; if neither is writable, it is not recorded."""
    for record_path in _records(path):
        try:
            record_path.parent.mkdir(parents=True, exist_ok=True)
            record_path.write_text(f"{digest}  {path.name}\n", "ascii", "replace")
            return
        except OSError:
            continue


def _records(path: Path) -> tuple[Path, Path]:
    place = hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return path.with_name(f"{path.name}.sha256"), dirs.cache() / "first-use" / f"{place}.sha256"
